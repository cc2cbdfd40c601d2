//! `kill -9` at random moments, again and again, on one data directory.
use super::{Dice, check_token, child, is_long, open, seed, vkey};
use std::{collections::HashSet, fs, process::Stdio, thread, time::Duration};
use tollgate::audit::verify;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, acks) = (temp.path().join("data"), temp.path().join("acks"));
    let mut dice = Dice(seed());
    let rounds = if is_long() { 300 } else { 15 };
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
        for line in whole.lines() {
            let token = line.split_once(' ').unwrap().1;
            check_token(&opened, token).unwrap_or_else(|e| panic!("round {round}: {e}"));
        }
        let size = opened.log.head().size;
        assert!(size >= entries);
        entries = size;
        opened.worker.close().unwrap();
        let verified = verify::dir(&dir, &vkey(), &mut |_| ()).unwrap();
        assert_eq!((verified.entries, verified.signed), (size, size));
    }
    let known = fs::read_to_string(&acks).unwrap();
    let indexes: HashSet<_> = known.lines().filter_map(|l| l.split([' ', ':']).nth(1)).collect();
    eprintln!("{rounds} kills, {} acknowledged, {entries} in the log", indexes.len());
    assert!(indexes.len() as u64 <= entries && indexes.len() > 100 * rounds / 15);
}
