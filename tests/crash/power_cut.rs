//! Simulated power cuts: what was written is replayed as a cut at any moment would have left it.
//!
//! The simulator is in `tests/support/powercut`; its README says what a cut may take.
use super::{
    child,
    figures::{Figures, progress, tell},
    is_long, seed, skip, vault,
};
use std::{path::Path, process::Command};

const SIMULATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/powercut/powercut.py");

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let entries = if is_long() { 10_000 } else { 8_000 };
    let life = |data: &Path, acks: &Path| child::living(data, acks, "life", entries);
    cut("log", life, &child::checking());
}

#[test]
fn records_that_were_acknowledged_survive_power_cuts() {
    let rounds = if is_long() { 30 } else { 12 };
    let life = |data: &Path, acks: &Path| vault::living(data, acks, "life", rounds);
    cut("records", life, &vault::checking());
}

/// The simulator's last line: `cuts=N passed=M failed=K`.
fn counts(said: &str) -> Option<[u64; 3]> {
    let mut words = said.lines().last()?.split(' ');
    let mut next = |name: &str| words.next()?.strip_prefix(name)?.parse().ok();
    Some([next("cuts=")?, next("passed=")?, next("failed=")?])
}

/// Lives twice, so that a cut also hits a start, and checks what the cuts leave under each policy. Half of them are right
/// after an acknowledgement.
fn cut(what: &str, living: impl Fn(&Path, &Path) -> Command, checking: &str) {
    let cuts = if is_long() { 70 } else { 12 };
    let there = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if !there("python3") || !there("cc") {
        return skip("the power-cut simulator needs Python 3 and a C compiler");
    }
    let temp = tempfile::tempdir().unwrap();
    let (dir, trace, acks) = (
        temp.path().join("traced"),
        temp.path().join("trace"),
        temp.path().join("acks"),
    );
    std::fs::create_dir(&dir).unwrap();
    let seed = seed();
    let life = living(&dir.join("data"), &acks);
    let mut record = Command::new("python3");
    record.arg(SIMULATOR).arg("record").arg("--dir").arg(&dir);
    record.arg("--trace").arg(&trace).arg("--");
    record
        .arg("sh")
        .arg("-c")
        .arg("TOLLGATE_CHILD_NAME=one \"$@\" && TOLLGATE_CHILD_NAME=two \"$@\"")
        .arg("sh");
    record.arg(life.get_program()).args(life.get_args());
    for (key, value) in life.get_envs() {
        record.env(key, value.unwrap());
    }
    assert!(record.status().unwrap().success());
    let known = std::fs::read_to_string(&acks).unwrap();
    let mut figures = Figures {
        acknowledged: known.lines().count() as u64,
        ..Figures::default()
    };
    for policy in ["none", "subset", "all"] {
        let mut sweep = Command::new("python3");
        sweep.arg(SIMULATOR).arg("sweep");
        sweep.arg("--trace").arg(&trace).arg("--acks").arg(&acks);
        sweep.args([
            "--cuts",
            &cuts.to_string(),
            "--policy",
            policy,
            "--seed",
            &seed.to_string(),
        ]);
        sweep.arg("--check").arg(checking);
        let done = sweep.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        eprintln!("{policy}: {}", said.lines().last().unwrap_or_default());
        let errors = String::from_utf8_lossy(&done.stderr);
        // 1 is a cut after which something was not there; anything else is no result.
        let [made, passed, failed] = counts(&said).unwrap_or_else(|| panic!("{policy}: {said}\n{errors}"));
        assert_eq!(
            done.status.code(),
            Some(i32::from(failed > 0)),
            "{policy}: {said}\n{errors}"
        );
        assert_eq!((made, passed + failed), (cuts, cuts), "{policy}");
        (0..failed).for_each(|_| figures.lose(&format!("{policy}: {errors}")));
        figures.made += made;
        figures.recovered += passed;
        progress(&format!("{what}: power cuts"), figures.made, 3 * cuts);
    }
    tell(&format!("{what}: power cut"), &figures);
}
