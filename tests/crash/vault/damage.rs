//! A flipped byte or a truncation of the vault's files is refused, or says so when it is read, or is harmless: a person
//! is never missing and never older.
use super::{
    super::{
        Dice,
        damage::{copy, files},
        figures::{Figures, progress, tell},
        is_long, seed,
    },
    PEOPLE, Site,
};
use std::{fs, path::Path};

/// Two loads, the first replaced and swept, and a correction.
fn closed(dir: &Path) {
    let site = Site::open(dir).unwrap();
    site.load("file/one", 1).unwrap();
    site.load("file/two", 2).unwrap();
    site.correct("p/1", 7, 3).unwrap();
    site.sweep(1_000);
    site.vault.sync().unwrap();
    site.close();
}

fn expected(person: u64) -> i64 {
    if person == 7 { 3 } else { 2 }
}

fn judge(dir: &Path, what: &str, tally: &mut Figures) {
    tally.made += 1;
    let Ok(site) = Site::open(dir) else {
        tally.refused += 1;
        return;
    };
    let before = tally.lost;
    let values: Vec<_> = (0..PEOPLE).map(|person| site.value(person)).collect();
    for (person, value) in (0..).zip(&values) {
        if let Ok(value) = value
            && *value != Some(expected(person))
        {
            tally.lose(&format!("{what}: person {person}: {value:?}"));
        }
    }
    if tally.lost > before {
        return;
    }
    let failed = values.iter().any(Result::is_err);
    tally.unreadable += u64::from(failed);
    tally.harmless += u64::from(!failed);
    drop(site.vault);
    let _ = site.opened.worker.close();
}

#[test]
fn damage_to_records_is_detected_or_harmless() {
    let temp = tempfile::tempdir().unwrap();
    let (good, bad) = (temp.path().join("good"), temp.path().join("bad"));
    closed(&good);
    let mut dice = Dice(seed());
    let (mut flipped, mut cut) = (Figures::default(), Figures::default());
    for tally in [&mut flipped, &mut cut] {
        tally.acknowledged = PEOPLE;
    }
    for file in files(&good.join("vault")) {
        let name = file.strip_prefix(&good).unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        // Most of sled's segments are zeros: flips go where something is written.
        let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        if written.is_empty() {
            continue;
        }
        let spoil = |what: String, changed: &[u8], tally: &mut Figures| {
            copy(&good, &bad);
            fs::write(bad.join(&name), changed).unwrap();
            judge(&bad, &format!("{} {what}", name.display()), tally);
            fs::remove_dir_all(&bad).unwrap();
        };
        let flips = if is_long() { 2_000 } else { 40 };
        for n in 0..flips {
            let at = written[dice.below(written.len() as u64) as usize];
            let bit = 1 << dice.below(8);
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            spoil(format!("byte {at} xor {bit}"), &changed, &mut flipped);
            progress(&format!("flips in {}", name.display()), n, flips);
        }
        let end = written.last().unwrap() + 1;
        for _ in 0..if is_long() { 300 } else { 10 } {
            let len = dice.below(end as u64) as usize;
            spoil(format!("cut to {len}"), &bytes[..len], &mut cut);
        }
    }
    tell("records: flipped bit", &flipped);
    tell("records: cut file", &cut);
    let sum = |of: fn(&Figures) -> u64| of(&flipped) + of(&cut);
    assert!(sum(|f| f.refused) > 0 && sum(|f| f.harmless + f.unreadable) > 0);
}
