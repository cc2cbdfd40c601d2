//! `kill -9` while rows are staged, batches made visible, people corrected, and replaced rows removed.
use super::{
    super::{
        Dice,
        figures::{Figures, progress, tell},
        is_long, seed,
    },
    Site, check, living,
};
use std::{fs, process::Stdio, thread, time::Duration};

/// As for the log: see `tests/crash/kill.rs`.
const LIVES: usize = 20;

#[test]
fn acknowledged_records_survive_kill_9() {
    let mut dice = Dice(seed());
    let rounds = if is_long() { 200 } else { 15 };
    let mut figures = Figures::default();
    while figures.made < rounds as u64 {
        let left = rounds - figures.made as usize;
        lives(left.min(LIVES), rounds as u64, &mut dice, &mut figures);
    }
    tell("records: kill -9", &figures);
    assert!(figures.acknowledged > 2 * rounds as u64, "{}", figures.acknowledged);
}

fn lives(rounds: usize, of: u64, dice: &mut Dice, figures: &mut Figures) {
    let temp = tempfile::tempdir().unwrap();
    let (dir, acks) = (temp.path().join("data"), temp.path().join("acks"));
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut child = living(&dir, &acks, &format!("r{round}"), u64::MAX);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(50 + dice.below(500)));
        child.kill().unwrap();
        assert!(
            !child.wait().unwrap().success(),
            "the child must not have ended by itself"
        );
        let site = Site::open(&dir).unwrap_or_else(|e| panic!("round {round}: {e}"));
        let known = fs::read_to_string(&acks).unwrap_or_default();
        // The last line may be torn: the kill can hit the test's own writing.
        let whole = known.rfind('\n').map_or("", |end| &known[..end]);
        let tokens: Vec<_> = whole.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        let sound = check(&site, &tokens);
        if let Err(e) = &sound {
            figures.lose(&format!("round {round}: {e}"));
        }
        acknowledged = tokens.len() as u64;
        site.close();
        figures.made += 1;
        figures.recovered += u64::from(sound.is_ok());
        progress("kills of a gateway that loads", figures.made, of);
    }
    figures.acknowledged += acknowledged;
}
