//! Writes that fail for another reason than a full disk: nothing is answered that is not on disk, and a start afterwards
//! needs nobody's hand.
//!
//! The system refuses to let any file of the process grow beyond a limit (`ulimit -f`), which a write sees as an error
//! like that of a broken disk; which file it hits first is a matter of the limit.
use super::{
    Dice, check_token, child,
    figures::{Figures, progress, tell},
    is_long, open, seed, vkey,
};
use std::{fs, process::Command, process::Stdio};
use tollgate::audit::verify;

#[test]
fn a_write_that_fails_closes_the_log_and_loses_nothing() {
    let mut dice = Dice(seed());
    let rounds = if is_long() { 200 } else { 4 };
    let mut figures = Figures::default();
    for round in 0..rounds {
        let temp = tempfile::tempdir().unwrap();
        let (dir, acks) = (temp.path().join("data"), temp.path().join("acks"));
        // Made whole first: what is tried here is a log at work.
        open(&dir).unwrap().worker.close().unwrap();
        let life = child::living(&dir, &acks, &format!("r{round}"), u64::MAX);
        // In blocks of 512 bytes: the reserve of 8 MiB is there already, journal and store begin far below.
        let blocks = 1_100 + dice.below(4_000);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
        limited.arg(life.get_program()).args(life.get_args());
        for (key, value) in life.get_envs() {
            limited.env(key, value.unwrap());
        }
        let ended = limited.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(
            !ended.success(),
            "round {round}: the limit of {blocks} blocks was not met"
        );
        let opened = open(&dir).unwrap_or_else(|e| panic!("round {round}, {blocks} blocks: {e}"));
        let known = fs::read_to_string(&acks).unwrap_or_default();
        let whole = known.rfind('\n').map_or("", |end| &known[..end]);
        let before = figures.lost;
        for line in whole.lines() {
            let token = line.split_once(' ').unwrap().1;
            if let Err(e) = check_token(&opened, token) {
                figures.lose(&format!("round {round}, {blocks} blocks: {e}"));
            }
        }
        figures.made += 1;
        figures.recovered += u64::from(figures.lost == before);
        figures.acknowledged += whole.lines().count() as u64;
        opened.worker.close().unwrap();
        verify::dir(&dir, &vkey(), &mut |_| ()).unwrap();
        progress("failed writes", figures.made, rounds);
    }
    tell("log: failed write", &figures);
    assert!(figures.acknowledged > 10 * rounds, "{}", figures.acknowledged);
}
