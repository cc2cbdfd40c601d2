//! Every part of a backup, flipped and cut; by somebody without the key, and by somebody who can encrypt anew.
use super::{Kept, Taken, site, take};
use crate::support::{Gateway, Place, agreed, load_sample, runtime};
use std::{fs, io::Read};
use tollgate::{
    app::{AppError, check_backup},
    clock::Time,
    crypto::{
        SystemRng,
        age::{Decryptor, Encryptor, Identity},
    },
    store::{DataDir, DataDirError},
};

const BLOCK: usize = 512;

async fn made() -> (Place, Kept, Taken, Time) {
    let (place, kept) = site();
    let gateway = Gateway::start(place).await;
    load_sample(&gateway).await;
    agreed(&gateway, 3).await;
    let taken = take(&gateway, "one").await;
    let now = gateway.now();
    (gateway.stop().await, kept, taken, now)
}

fn bad(outcome: Result<tollgate::app::Checked, AppError>, what: &str) -> String {
    let error = outcome.map(drop).unwrap_err();
    let refused = matches!(
        error,
        AppError::BackupBad(_) | AppError::Backup(_) | AppError::Vault(_) | AppError::Log(_) | AppError::Keyring(_)
    );
    assert!(refused, "{what}: {error}");
    error.to_string()
}

#[test]
fn what_is_flipped_or_cut_is_no_backup() {
    runtime().block_on(async {
        let (place, kept, taken, now) = made().await;
        let good = [&taken.backup, &taken.keys].map(|path| fs::read(path).unwrap());
        for (path, good) in [&taken.backup, &taken.keys].into_iter().zip(&good) {
            let head = (0..200).step_by(23);
            let body = (200..good.len()).step_by(good.len() / 12);
            for at in head.chain(body).chain([good.len() - 1]) {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << (at % 8);
                fs::write(path, flipped).unwrap();
                bad(kept.check(&place, &taken, now), &format!("byte {at}"));
                fs::write(path, &good[..at]).unwrap();
                bad(kept.check(&place, &taken, now), &format!("cut {at}"));
            }
            fs::write(path, [&good[..], b"more"].concat()).unwrap();
            bad(kept.check(&place, &taken, now), "something behind it");
            fs::write(path, good).unwrap();
        }
        let other = Kept {
            identity: Identity::random(&SystemRng::default()).unwrap(),
        };
        let said = bad(other.check(&place, &taken, now), "the key of somebody else");
        assert!(said.contains("another recipient"), "{said}");
        let swapped = Taken {
            backup: taken.keys.clone(),
            keys: taken.backup.clone(),
        };
        bad(kept.check(&place, &swapped, now), "the files in each other's place");
        assert!(kept.check(&place, &taken, now).is_ok());
    });
}

fn opened(kept: &Kept, taken: &Taken) -> Vec<u8> {
    let mut plain = Vec::new();
    let file = fs::File::open(&taken.backup).unwrap();
    Decryptor::new(file, &kept.identity)
        .unwrap()
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

/// Names, and where each file begins and how long it is.
fn listed(archive: &[u8]) -> Vec<(String, usize, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while archive[at] != 0 {
        let text = |from: usize, to: usize| String::from_utf8_lossy(&archive[at + from..at + to]).into_owned();
        let name = text(0, 100).trim_end_matches('\0').to_owned();
        let length = usize::from_str_radix(&text(124, 135), 8).unwrap();
        found.push((name, at + BLOCK, length));
        at += BLOCK + length.next_multiple_of(BLOCK);
    }
    found
}

/// Whoever knows the recipient can encrypt to it: the format does not say who wrote a file. The log's signature and the
/// records' seals do.
#[test]
fn what_was_changed_and_encrypted_anew_does_not_hold() {
    runtime().block_on(async {
        let (place, kept, taken, now) = made().await;
        let plain = opened(&kept, &taken);
        let forge = |archive: &[u8]| {
            let mut encryptor = Encryptor::new(&SystemRng::default(), &[kept.identity.recipient()]).unwrap();
            let mut file = encryptor.push(archive).unwrap();
            file.extend(encryptor.finish().unwrap());
            fs::write(&taken.backup, file).unwrap();
        };
        let files = listed(&plain);
        let names: Vec<&str> = files.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "manifest.json",
                "journal/00000001.journal",
                "vault/rows-00000001",
                "vault/notes"
            ]
        );
        for (name, begin, length) in &files {
            for part in 1..8 {
                let at = begin + length * part / 8;
                let mut changed = plain.clone();
                changed[at] ^= 4;
                forge(&changed);
                let checked = kept.check(&place, &taken, now);
                // Notes of loads, the time in the manifest: nothing rests on them. Nothing else may pass.
                match (name.as_str(), &checked) {
                    ("vault/notes" | "manifest.json", Ok(_)) => {}
                    _ => drop(bad(checked, &format!("{name} at {at}"))),
                }
            }
            // Left out.
            let end = begin + length.next_multiple_of(BLOCK);
            forge(&[&plain[..begin - BLOCK], &plain[end..]].concat());
            bad(kept.check(&place, &taken, now), name);
        }
        // One record left out: the people are counted.
        let (_, begin, length) = &files[2];
        let page = &plain[*begin..begin + length];
        let part = |at: usize| at + 4 + u32::from_be_bytes(page[at..at + 4].try_into().unwrap()) as usize;
        let rest = &page[part(part(0))..];
        let mut header = plain[begin - BLOCK..*begin].to_vec();
        header[124..135].copy_from_slice(format!("{:011o}", rest.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let padding = vec![0; rest.len().next_multiple_of(BLOCK) - rest.len()];
        let end = begin + length.next_multiple_of(BLOCK);
        forge(&[&plain[..begin - BLOCK], &header, rest, &padding, &plain[end..]].concat());
        let said = bad(kept.check(&place, &taken, now), "a record");
        assert!(said.contains("shorter than the log says"), "{said}");
        // Names that climb, out of order, twice.
        for name in ["../../escape", "vault/rows-00000002", "manifest.json"] {
            let mut renamed = plain.clone();
            let at = files[2].1 - BLOCK;
            renamed[at..at + 100].fill(0);
            renamed[at..at + name.len()].copy_from_slice(name.as_bytes());
            renamed[at + 148..at + 156].copy_from_slice(b"        ");
            let sum: u32 = renamed[at..at + BLOCK].iter().map(|b| u32::from(*b)).sum();
            renamed[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            forge(&renamed);
            bad(kept.check(&place, &taken, now), name);
        }
        forge(&plain);
        assert!(kept.check(&place, &taken, now).is_ok());
    });
}

#[test]
fn a_try_that_is_under_way_is_not_cleared_away_by_another() {
    runtime().block_on(async {
        let (place, kept, taken, now) = made().await;
        let under_way = DataDir::create(&place.path("data.checking")).unwrap();
        let (clock, rng) = super::sources(now);
        let files = kept.files(&taken.backup, &taken.keys);
        let check = || check_backup(&place.config(), &files, (&clock, &rng), &mut |_| ());
        assert!(matches!(check(), Err(AppError::DataDir(DataDirError::InUse))));
        assert!(place.path("data.checking/FORMAT").exists());
        // What nobody works on any more is.
        drop(under_way);
        assert!(check().is_ok());
    });
}
