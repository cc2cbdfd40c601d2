//! Damage between two runs: detected and named, or repaired from the journal; never a shorter log.
use super::*;
use std::fs;

/// A closed log of `n` entries, and what was acknowledged.
fn closed(path: &Path, n: usize) -> Vec<(usize, Receipt)> {
    let opened = open(path).unwrap();
    let acknowledged = append(&opened.log, 0..n, 5);
    opened.worker.close().unwrap();
    acknowledged
}

fn journal(path: &Path) -> std::path::PathBuf {
    path.join("journal/00000001.journal")
}

fn change(path: &Path, f: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    f(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn refused(path: &Path) -> OpenError {
    open(path).err().expect("the damage must be found")
}

#[test]
fn a_journal_that_lost_its_end_is_refused() {
    let temp = temp();
    closed(temp.path(), 40);
    change(&journal(temp.path()), |b| b.truncate(b.len() - 1));
    assert!(matches!(refused(temp.path()), OpenError::Shorter { known: 40, .. }));
    // And it is refused the second time too: the first did not repair it to a shorter log.
    assert!(matches!(refused(temp.path()), OpenError::Shorter { known: 40, .. }));
    fs::remove_file(journal(temp.path())).unwrap();
    assert!(matches!(
        refused(temp.path()),
        OpenError::Shorter {
            journal: 0,
            known: 40,
            ..
        }
    ));
}

#[test]
fn a_batch_that_was_torn_before_anyone_was_told_is_dropped_and_reported() {
    let temp = temp();
    let acknowledged = closed(temp.path(), 40);
    let torn = [&b"TGF1"[..], &[0, 0, 9, 9, 1, 2, 3, 4, 5]].concat();
    for rest in [torn, vec![0; 700], vec![1]] {
        change(&journal(temp.path()), |b| b.extend_from_slice(&rest));
        let opened = open(temp.path()).unwrap();
        assert_eq!(opened.recovery.torn_bytes, rest.len() as u64);
        assert_kept(&opened, &acknowledged);
        opened.worker.close().unwrap();
    }
    assert_eq!(open(temp.path()).unwrap().recovery.torn_bytes, 0);
}

#[test]
fn damage_in_the_middle_is_not_taken_for_a_torn_end() {
    let temp = temp();
    closed(temp.path(), 40);
    fs::remove_file(temp.path().join("mark")).unwrap();
    // A length that reaches behind the end of the file.
    change(&journal(temp.path()), |b| b[4_096 + 5] = 7);
    assert!(matches!(refused(temp.path()), OpenError::Journal(_)));
}

#[test]
fn a_lost_or_damaged_store_is_put_aside_and_built_again() {
    let temp = temp();
    let acknowledged = closed(temp.path(), 200);
    let store = temp.path().join("store");
    type Damage = fn(&Path);
    let cases: [(&str, Damage); 5] = [
        ("removed", |s| fs::remove_dir_all(s).unwrap()),
        ("truncated", |s| change(&s.join("db"), |b| b.truncate(b.len() / 3))),
        ("emptied", |s| fs::write(s.join("db"), b"").unwrap()),
        ("garbled", |s| {
            change(&s.join("db"), |b| b.iter_mut().step_by(97).for_each(|x| *x ^= 4))
        }),
        ("found damaged before", |s| fs::write(s.join("DAMAGED"), b"").unwrap()),
    ];
    for (name, damage) in cases {
        damage(&store);
        let opened = open(temp.path()).unwrap();
        assert!(opened.recovery.rebuilt.is_some(), "{name}: {}", opened.recovery);
        assert!(opened.recovery.quarantined.as_ref().is_some_and(|p| p.is_dir()));
        assert_eq!(opened.recovery.replayed, 200);
        assert_kept(&opened, &acknowledged);
        opened.worker.close().unwrap();
    }
}

#[test]
fn an_older_store_is_noticed() {
    let temp = temp();
    let (path, old) = (temp.path().join("data"), temp.path().join("old"));
    let mut acknowledged = closed(&path, 40);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(path.join("store"))
        .arg(&old)
        .status();
    assert!(copied.unwrap().success());
    let opened = open(&path).unwrap();
    acknowledged.extend(append(&opened.log, 40..90, 3));
    opened.worker.close().unwrap();
    fs::remove_dir_all(path.join("store")).unwrap();
    fs::rename(&old, path.join("store")).unwrap();
    let opened = open(&path).unwrap();
    assert!(opened.recovery.rebuilt.is_some());
    assert_kept(&opened, &acknowledged);
    opened.worker.close().unwrap();
}

#[test]
fn a_head_that_is_missing_or_of_another_key_is_refused() {
    let temp = temp();
    closed(temp.path(), 40);
    let head = temp.path().join("head");
    let good = fs::read(&head).unwrap();
    fs::remove_file(&head).unwrap();
    assert!(matches!(refused(temp.path()), OpenError::Head));
    fs::write(&head, vec![0; 8_192]).unwrap();
    assert!(matches!(refused(temp.path()), OpenError::Head));
    fs::write(&head, &good).unwrap();
    let dir = data_dir(temp.path());
    let other_key = Setup {
        signers: LogSigners::single(Arc::new(Ed25519Signer::from_seed(Secret::from([8; 32])).unwrap())),
        ..setup(&dir)
    };
    assert!(matches!(Log::open(other_key).err(), Some(OpenError::Key)));
    let other_name = Setup {
        origin: "elsewhere.test".into(),
        ..setup(&dir)
    };
    assert!(matches!(Log::open(other_name).err(), Some(OpenError::Journal(_))));
    let no_name = Setup {
        origin: "two words".into(),
        ..setup(&dir)
    };
    assert!(matches!(Log::open(no_name).err(), Some(OpenError::Origin(_))));
}

#[test]
fn entries_that_do_not_lead_to_the_signed_root_are_refused() {
    let temp = temp();
    closed(temp.path(), 40);
    // What a forger does who can write the disk and cannot sign: he changes an entry and mends the checksum.
    change(&journal(temp.path()), |b| {
        let at = b.windows(6).position(|w| w == b"bank-0").unwrap();
        b[at + 5] = b'2';
        let len = u32::from_be_bytes(b[4_100..4_104].try_into().unwrap()) as usize;
        let crc = crc32fast::hash(&b[4_108..4_108 + len]);
        b[4_104..4_108].copy_from_slice(&crc.to_be_bytes());
    });
    fs::remove_file(temp.path().join("mark")).unwrap();
    assert!(matches!(
        refused(temp.path()),
        OpenError::Entry { .. } | OpenError::Root(_)
    ));
}

#[test]
fn what_is_damaged_in_the_middle_of_the_journal_is_not_shown_and_the_rest_is() {
    let temp = temp();
    let acknowledged = closed(temp.path(), 200);
    let good = fs::read(journal(temp.path())).unwrap();
    let opened = open(temp.path()).unwrap();
    assert!(opened.recovery.replayed < 16, "only the end is read at a start");
    // A bit in the details of an entry in a sealed block, which nothing but a reader looks at any more.
    let leaf = opened.log.entry(40).unwrap().unwrap().leaf;
    change(&journal(temp.path()), |b| {
        let at = b.windows(leaf.len()).position(|w| w == leaf).unwrap();
        b[at + leaf.len() + 20] ^= 1;
    });
    assert_eq!(opened.log.damage(), None, "nobody has met it");
    for (index, receipt) in &acknowledged {
        let read = opened.log.entry(receipt.index);
        match receipt.index {
            40 => assert!(
                read.err()
                    .unwrap()
                    .0
                    .contains("segment 1 of the journal is damaged at byte")
            ),
            _ => assert_eq!(read.unwrap().unwrap().leaf, receipt.leaf, "{index}"),
        }
    }
    assert!(
        opened
            .log
            .damage()
            .is_some_and(|text| text.contains("restore that file"))
    );
    assert_eq!(opened.log.prove_inclusion(40), Err(ProofError::Journal));
    opened.log.prove_inclusion(41).unwrap();
    assert_eq!(opened.log.prove_consistency(41, 0).unwrap().1.size, 200);
    append(&opened.log, 200..210, 1);
    opened.worker.close().unwrap();
    let bad = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap_err();
    assert!(bad.index <= 40, "{bad}");
    // The file is put back, with what was written since.
    change(&journal(temp.path()), |b| b[..good.len()].copy_from_slice(&good));
    let opened = open(temp.path()).unwrap();
    assert_kept(&opened, &acknowledged);
    assert_eq!(opened.log.damage(), None);
    opened.worker.close().unwrap();
}

#[test]
fn a_missing_cut_or_exchanged_segment_is_named() {
    let temp = temp();
    let opened = open_on(temp.path(), Arc::new(crate::audit::disk::RealDisk)).unwrap();
    let acknowledged = append(&opened.log, 0..80, 4);
    opened.worker.close().unwrap();
    let segment = |n: u32| temp.path().join(format!("journal/{n:08}.journal"));
    assert!(segment(5).exists());
    let good: Vec<_> = (1..=5).map(|n| fs::read(segment(n)).unwrap()).collect();
    let in_segment_3 = crate::audit::frame::SegmentHeader::decode(&good[2][..4_096])
        .unwrap()
        .first;
    let cases: [(&str, &dyn Fn()); 5] = [
        ("missing", &|| fs::remove_file(segment(3)).unwrap()),
        ("cut", &|| fs::write(segment(2), &good[1][..good[1].len() - 1]).unwrap()),
        ("longer", &|| {
            fs::write(segment(2), [&good[1][..], &[0]].concat()).unwrap()
        }),
        ("exchanged", &|| fs::write(segment(3), &good[3]).unwrap()),
        ("header", &|| change(&segment(3), |b| b[30] ^= 1)),
    ];
    for (name, damage) in cases {
        damage();
        assert!(matches!(refused(temp.path()), OpenError::Journal(_)), "{name}");
        let bad = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap_err();
        assert!(
            bad.index <= in_segment_3 && bad.index + 4 >= in_segment_3,
            "{name}: {bad}"
        );
        fs::write(segment(2), &good[1]).unwrap();
        fs::write(segment(3), &good[2]).unwrap();
    }
    let verified = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap();
    assert_eq!(verified.entries, 80);
    // Rebuilt over all segments, and after the newest mark.
    fs::remove_file(temp.path().join("mark")).unwrap();
    for replayed in [80, 0] {
        let opened = open(temp.path()).unwrap();
        assert_eq!(opened.recovery.replayed, replayed, "{}", opened.recovery);
        assert_kept(&opened, &acknowledged);
        opened.worker.close().unwrap();
    }
}
