//! Simulated power cuts: what was written is replayed as a cut at any moment would have left it.
//!
//! `TOLLGATE_POWERCUT` names the simulator's script (`powercut.py`); its README says what a cut may take.
use super::{child, is_long, seed, skip};
use std::process::Command;

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let Some(script) = std::env::var_os("TOLLGATE_POWERCUT") else {
        return skip("TOLLGATE_POWERCUT does not name the power-cut simulator");
    };
    let temp = tempfile::tempdir().unwrap();
    let (dir, trace, acks) = (
        temp.path().join("traced"),
        temp.path().join("trace"),
        temp.path().join("acks"),
    );
    std::fs::create_dir(&dir).unwrap();
    let seed = seed();
    // Two lives, so that a cut also hits a start; each long enough for the store to be synced in between.
    let life = child::living(&dir.join("data"), &acks, "life", if is_long() { 20_000 } else { 8_000 });
    let mut record = Command::new(&script);
    record
        .arg("record")
        .arg("--dir")
        .arg(&dir)
        .arg("--trace")
        .arg(&trace)
        .arg("--");
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
    let cuts = if is_long() { 200 } else { 12 };
    for policy in ["none", "subset", "all"] {
        let mut sweep = Command::new(&script);
        sweep.arg("sweep").arg("--trace").arg(&trace).arg("--acks").arg(&acks);
        sweep.args([
            "--cuts",
            &cuts.to_string(),
            "--policy",
            policy,
            "--seed",
            &seed.to_string(),
        ]);
        sweep.arg("--check").arg(child::checking());
        let done = sweep.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        eprintln!("{policy}: {}", said.lines().last().unwrap_or_default());
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{policy}: {said}\n{errors}");
    }
}
