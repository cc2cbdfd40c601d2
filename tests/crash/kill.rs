//! `kill -9` at random moments, again and again, on one data directory.
use super::{
    Dice, check_token, child,
    figures::{Figures, progress, tell},
    is_long, open, seed, vkey,
};
use std::{collections::HashSet, fs, process::Stdio, thread, time::Duration};
use tollgate::audit::verify;

/// Lives of one directory: every acknowledgement is looked for after each, so a longer row costs its square.
const LIVES: usize = 20;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut dice = Dice(seed());
    let rounds = if is_long() { 200 } else { 15 };
    let mut figures = Figures::default();
    while figures.made < rounds as u64 {
        let left = rounds - figures.made as usize;
        lives(left.min(LIVES), rounds as u64, &mut dice, &mut figures);
    }
    tell("log: kill -9", &figures);
    assert!(figures.acknowledged > 100 * rounds as u64 / 15);
}

fn lives(rounds: usize, of: u64, dice: &mut Dice, figures: &mut Figures) {
    let temp = tempfile::tempdir().unwrap();
    let (dir, acks) = (temp.path().join("data"), temp.path().join("acks"));
    let mut entries = 0;
    for round in 0..rounds {
        let mut child = child::living(&dir, &acks, &format!("r{round}"), u64::MAX);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(20 + dice.below(500)));
        child.kill().unwrap();
        assert!(
            !child.wait().unwrap().success(),
            "the child must not have ended by itself"
        );
        let opened = open(&dir).unwrap_or_else(|e| panic!("round {round}: {e}"));
        assert_eq!(opened.recovery.rebuilt, None, "round {round}: {}", opened.recovery);
        let known = fs::read_to_string(&acks).unwrap_or_default();
        // The last line may be torn: the kill can hit the test's own writing.
        let whole = known.rfind('\n').map_or("", |end| &known[..end]);
        let before = figures.lost;
        for line in whole.lines() {
            let token = line.split_once(' ').unwrap().1;
            if let Err(e) = check_token(&opened, token) {
                figures.lose(&format!("round {round}: {e}"));
            }
        }
        let size = opened.log.head().size;
        assert!(size >= entries);
        entries = size;
        opened.worker.close().unwrap();
        let verified = verify::dir(&dir, &vkey(), &mut |_| ()).unwrap();
        assert_eq!((verified.entries, verified.signed), (size, size));
        figures.made += 1;
        figures.recovered += u64::from(figures.lost == before);
        progress("kills", figures.made, of);
    }
    let known = fs::read_to_string(&acks).unwrap();
    let indexes: HashSet<_> = known.lines().filter_map(|l| l.split([' ', ':']).nth(1)).collect();
    assert!(indexes.len() as u64 <= entries);
    figures.acknowledged += indexes.len() as u64;
}
