//! `kill -9` while rows are staged, batches made visible, people corrected, and replaced rows removed.
use super::{
    super::{Dice, is_long, seed},
    Site, check, living,
};
use std::{fs, process::Stdio, thread, time::Duration};

#[test]
fn acknowledged_records_survive_kill_9() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, acks) = (temp.path().join("data"), temp.path().join("acks"));
    let mut dice = Dice(seed());
    let rounds = if is_long() { 300 } else { 15 };
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
        check(&site, &tokens).unwrap_or_else(|e| panic!("round {round}: {e}"));
        acknowledged = tokens.len();
        site.close();
    }
    eprintln!("{rounds} kills, {acknowledged} acknowledged");
    assert!(acknowledged > 2 * rounds, "{acknowledged}");
}
