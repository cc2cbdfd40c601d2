//! `tollgate erasure` as compliance officers use it: the page's commands, what is shown, and what is refused.
use super::{Ran, Site, by_hand, program, site::person};
use std::{io::Write, process::Stdio};

const PAGE: &str = include_str!("../../docs/operating/erasure.md");

/// Runs `tollgate --json erasure WORDS` as the officer, with the person on standard input if one is given.
fn officer(site: &Site, words: &[&str], row: Option<u64>) -> Ran {
    let mut command = program();
    let (act, rest) = words.split_first().unwrap();
    command.args(["--json", "erasure", act, "-c", "compliance.toml"]);
    command.args(rest).current_dir(site.path());
    if row.is_some() {
        command.args(["--subject-file", "-"]);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    if let Some(row) = row {
        writeln!(input, "resident-id {}", person(row)).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    if let Some(row) = row {
        assert!(
            !ran.out.contains(&person(row)) && !ran.err.contains(&person(row)),
            "{}{}",
            ran.out,
            ran.err
        );
    }
    ran
}

#[test]
fn the_page_goes_as_it_says() {
    let site = Site::loaded(20);
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["risk_band@1"]).ends(0);
    let temporary = tempfile::tempdir().unwrap();
    let blocks = by_hand::blocks(PAGE);
    assert_eq!(blocks.len(), 1);
    let said: String = blocks
        .into_iter()
        .map(|block| by_hand::run(block, &site.path(), temporary.path()))
        .collect();
    for word in [
        "no erasure is requested",
        "dispute",
        "D-2026-7",
        "blocked: the record is stored and not used",
        "after 2099-01-01 00:00:00 (dispute)",
        "the record is removed within half a minute",
        "1 erasures or holds that are not complete, 0 of them ready",
        "1 erased: each has an entry",
        "the record is erased; the log's link to the person stands",
        "1 entries of a log of",
    ] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    assert!(!said.contains(&person(1)), "the person is in what was printed:\n{said}");
    gateway.stop();
    site.verify();
}

#[test]
fn programs_read_how_it_stands() {
    let site = Site::loaded(20);
    let gateway = site.serve();
    let none = officer(&site, &["show"], Some(2)).ends(0).json();
    assert_eq!(
        (&none["status"], &none["holds"]),
        (&"none".into(), &serde_json::json!([]))
    );
    let hold = ["hold", "--reason", "legal", "--case", "K-7"];
    let held = officer(&site, &hold, Some(2)).ends(0).json();
    assert_eq!(held["holds"][0]["reason"], "legal hold");
    assert_eq!(held["holds"][0]["until"], serde_json::Value::Null);
    assert!(held["holds"][0]["placed_by"].as_str().unwrap().contains("compliance"));
    let asked = officer(&site, &["request"], Some(2)).ends(0).json();
    assert_eq!(
        (&asked["status"], &asked["erasure_id"]),
        (&"blocked".into(), &held["erasure_id"])
    );
    assert_eq!(
        asked["next"],
        "the record is removed when hold 1 is released (legal hold)"
    );
    // Nothing is ready: nothing is waited for.
    let nothing = officer(&site, &["run-now", "--wait"], None).ends(0).json();
    assert_eq!(nothing["erased"], 0);
    // What was told of the other stays provable: the record goes with the turn, the link does not.
    let consent = site.consent(&person(3));
    site.ask(&person(3), &consent, &["risk_band@1"]).ends(0);
    officer(&site, &["request"], Some(3)).ends(0);
    let list = officer(&site, &["list"], None).ends(0);
    assert_eq!(
        (&list.json()["erasures"], &list.json()["ready"]),
        (&2.into(), &1.into())
    );
    assert_eq!(officer(&site, &["run-now", "--wait"], None).ends(0).json()["erased"], 1);
    let erased = officer(&site, &["show"], Some(3)).ends(0).json();
    assert_eq!(erased["status"], "record_erased");
    assert!(erased["record_erased_at"].is_string());
    let released = officer(&site, &["release", "1"], Some(2)).ends(0).json();
    assert_eq!(released["holds"], serde_json::json!([]));
    assert_eq!(officer(&site, &["run-now"], None).ends(0).json()["asked"], true);
    gateway.stop();
    site.verify();
}

#[test]
fn what_goes_wrong_says_why() {
    let site = Site::new();
    let gateway = site.serve();
    // Nobody is named; an end that is none; a reason that is none.
    officer(&site, &["request"], None).ends(2).says(&["--subject-file"]);
    officer(&site, &["hold"], Some(1)).ends(2).says(&["--reason"]);
    officer(&site, &["hold", "--reason", "anger"], Some(1))
        .ends(2)
        .says(&["`legal`, `dispute` or `retention`"]);
    officer(&site, &["hold", "--reason", "legal", "--until", "soon"], Some(1))
        .ends(2)
        .says(&["write a day such as"]);
    officer(&site, &["hold", "--reason", "legal", "--until", "2020-01-01"], Some(1))
        .ends(1)
        .says(&["`FIELD_INVALID`", "(reference TG-"]);
    officer(&site, &["release", "7"], Some(1))
        .ends(1)
        .says(&["`FIELD_INVALID`"]);
    site.write("odd.txt", "110105194912310021\n");
    let odd = officer(&site, &["show", "--subject-file", "odd.txt"], None).ends(3);
    assert!(!odd.err.contains("110105"), "{}", odd.err);
    // Who is no compliance officer, and who is no member of staff.
    site.run(&["erasure", "list", "-c", "auditor.toml"])
        .ends(1)
        .says(&["`METHOD_NOT_ALLOWED`"]);
    site.run(&["erasure", "list", "-c", "bank-a.toml"])
        .ends(3)
        .says(&["bank-a.toml"]);
    gateway.stop();
    site.run(&["erasure", "list", "-c", "compliance.toml"]).ends(5);
    site.verify();
}
