//! `demo --once`: everything in one go, for people and for programs.
use super::{Site, tollgate};
use std::fs;

#[test]
fn the_demo_holds_and_says_so_to_a_program() {
    let temp = tempfile::tempdir().unwrap();
    let ran = tollgate(temp.path(), &["demo", "--once", "--json", "--dir", "demo"]).ends(0);
    assert_eq!(ran.out.lines().count(), 1, "only the object: {}", ran.out);
    let told = ran.json();
    assert_eq!(told["ok"], true);
    assert_eq!(told["rows_loaded"], 30_000);
    let checks = told["checks"].as_array().unwrap();
    assert!(
        checks.len() >= 12 && checks.iter().all(|c| c["held"] == true),
        "{checks:?}"
    );
    let mut names: Vec<_> = checks.iter().map(|c| c["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks.len(), "each check says what it is about");
    assert_eq!(told["answers"].as_array().unwrap().len(), 5);
    let codes: Vec<_> = told["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["code"])
        .collect();
    assert_eq!(codes, ["PURPOSE_NOT_AGREED", "GRANULARITY_TOO_FINE"]);
    // Nobody's log lines stand in between.
    assert!(!ran.err.contains(" INFO "), "{}", ran.err);
    // What the demo left is a site: its log verifies by the command that the demo names.
    let key = fs::read_to_string(temp.path().join("demo/log.vkey")).unwrap();
    let verified = tollgate(
        temp.path(),
        &["--json", "audit", "verify", "demo/data", "--key", key.trim()],
    )
    .ends(0);
    assert!(verified.json()["entries"].as_u64() > told["log"]["entries"].as_u64());
}

#[test]
fn the_demo_fails_when_its_folder_is_somebodys() {
    let site = Site::new();
    let before = site.text("register.toml");
    let ran = tollgate(&site.path(), &["demo", "--once", "--json", "--dir", "."]);
    assert_ne!(ran.code, 0);
    ran.says(&["already exists", "new folder"]);
    assert_eq!(site.text("register.toml"), before);
}
