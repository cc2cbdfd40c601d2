//! The commands of `docs/operating/cases.md`, as they stand there, by an officer against a gateway that serves.
use super::{Site, site::person};
use std::{fs, path::Path, process::Command};

const PAGE: &str = include_str!("../../docs/operating/cases.md");

#[test]
fn a_dispute_is_taken_in_marked_answered_and_closed() {
    let site = Site::loaded(3);
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    let disputed = || site.ask(&person(1), &consent, &["limit_band@1"]).ends(0).json()["disputed"].clone();
    assert_eq!(disputed(), false);

    let block = PAGE.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let (before, after) = block.split_at(block.find("tollgate cases -c compliance.toml close").unwrap());
    let binary = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let run = |block: &str| {
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let script = format!("id=$(cat id 2>/dev/null || true)\n{block}\necho $id > id\n");
        let done = Command::new("sh")
            .args(["-euc", &script])
            .env("PATH", path)
            .current_dir(site.path())
            .output();
        let done = done.unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        said
    };
    let said = run(before);
    for word in [
        "异议",
        "加注异议标注",
        "dispute",
        "waiting",
        "16 left",
        "1 open, 0 overdue",
        "1 Example Road",
        "not my debt",
    ] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    assert_eq!(disputed(), true);
    let said = run(after);
    assert!(said.contains("refused") && said.contains("proven by entry"), "{said}");
    let letter = fs::read_to_string(site.at("letter.html")).unwrap();
    assert!(
        letter.contains("the record is right") && letter.contains("article 26"),
        "{letter}"
    );
    assert_eq!(disputed(), false);

    let nobody = "0".repeat(32);
    site.run(&["cases", "-c", "compliance.toml", "show", &nobody])
        .ends(1)
        .says(&["SUBJECT_REQUEST_UNKNOWN", "reference TG-"]);
    site.run(&["cases", "-c", "compliance.toml", "show", "abc"])
        .ends(3)
        .says(&["32 hexadecimal digits"]);
    site.run(&[
        "cases",
        "-c",
        "compliance.toml",
        "open",
        "--opaque",
        "x",
        "--kind",
        "wish",
    ])
    .ends(2)
    .says(&["one of access, correction"]);
    gateway.stop();
    site.verify();
}

/// A period is closed, verified and held; everything is documented in `docs/operating/retention.md`.
#[test]
fn a_period_is_closed_archived_held_and_too_young_to_be_deleted() {
    let site = Site::loaded(3);
    let said = site.run(&["audit", "close-period"]).ends(0).out;
    assert!(
        said.contains("With `--yes` it") && !site.at("data/archive").exists(),
        "{said}"
    );
    let gateway = site.serve();
    site.run(&["audit", "close-period", "--yes"])
        .ends(3)
        .says(&["in use by another process"]);
    gateway.stop();
    let closed = site.run(&["--json", "audit", "close-period", "--yes"]).ends(0).json();
    assert_eq!(
        (&closed["period"], &closed["origin"]),
        (&1.into(), &"tollgate.example/log/2".into())
    );
    site.write("log2.vkey", closed["verifier_key"].as_str().unwrap());
    site.run(&["audit", "verify", "data", "--key", "log2.vkey"]).ends(0);
    site.run(&["audit", "verify", "data/archive/1", "--key", "log.vkey"])
        .ends(0);
    site.run(&["audit", "verify", "data", "--key", "log.vkey"]).ends(4);
    let listed = site.run(&["--json", "audit", "archive", "list"]).ends(0).json();
    assert_eq!(listed["archives"][0]["entries"], closed["entries"]);
    site.run(&["audit", "archive", "verify", "1"]).ends(0);
    site.run(&["audit", "archive", "verify", "2"])
        .ends(1)
        .says(&["no archive of period 2"]);

    // The records are there, and a partner that comes for the first time is answered under the new log.
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    let hold = ["audit", "hold", "-c", "compliance.toml"];
    let held = site
        .run(&[&hold[..], &["place", "--period", "1", "--case", "court 12"]].concat())
        .ends(0)
        .out;
    assert!(held.contains("period 1") && held.contains("court 12"), "{held}");
    gateway.stop();
    site.run(&["audit", "archive", "delete", "1", "--yes"])
        .ends(1)
        .says(&["a legal hold keeps it (period 1, court 12)"]);
    let gateway = site.serve();
    site.run(&[&hold[..], &["release", "--period", "1"]].concat()).ends(0);
    gateway.stop();
    site.run(&["audit", "archive", "delete", "1", "--yes"])
        .ends(1)
        .says(&["it must be kept until", "`keep_years`"]);
    site.edit("gateway.toml", "[retention]\n", "[retention]\nkeep_years = 4\n");
    site.run(&["audit", "archive", "list"])
        .ends(3)
        .says(&["`keep_years` is 5 to 100"]);
}

/// A period that is over is searched, shown, explained, counted, streamed and reported from the command line.
#[test]
fn an_archived_period_is_read_like_the_one_that_takes_entries() {
    let site = Site::loaded(3);
    let gateway = site.serve();
    let officer = |words: &[&str]| {
        let (act, rest) = words.split_first().unwrap();
        site.run(&[&["--json", "audit", act, "-c", "compliance.toml"], rest].concat())
    };
    // The past is read from the journal: two a second.
    let past = |words: &[&str]| {
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        officer(words)
    };
    officer(&["search", "--kind", "records"]).ends(0);
    gateway.stop();
    let first = site.text("log.vkey");
    let closed = site.run(&["--json", "audit", "close-period", "--yes"]).ends(0).json();
    assert!(closed["needs_verifier_key"][0].as_str().unwrap().contains("log_key"));
    let archived = closed["entries"].as_u64().unwrap();
    site.write("log.vkey", closed["verifier_key"].as_str().unwrap());
    site.write("first.vkey", &first);

    let gateway = site.serve();
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    let lines = |out: &str| -> Vec<serde_json::Value> {
        let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    };
    // All periods by one search, each page with proofs under its own period's checkpoint.
    let found = lines(&officer(&["search", "--period", "all", "--all", "--prove"]).ends(0).out);
    let of = |period: u64| found.iter().filter(|hit| hit["period"] == period).count() as u64;
    assert_eq!(of(1), archived);
    assert!(of(2) > 0 && found[0]["period"] == 2);
    let records = lines(&officer(&["search", "--period", "1", "--kind", "records"]).ends(0).out);
    let entry = records[0]["entry"].to_string();
    // An entry, its proof with that period's key, and in sentences.
    let shown = officer(&["entry", &entry, "--period", "1", "-o", "old.tlog"])
        .ends(0)
        .json();
    assert_eq!(
        (&shown["period"], &shown["proof"]["key"]),
        (&1.into(), &first.trim().into())
    );
    site.run(&["audit", "verify", "old.tlog", "--key", "first.vkey"])
        .ends(0);
    site.run(&["audit", "verify", "old.tlog", "--key", "log.vkey"]).ends(4);
    let explained = officer(&["explain", &entry, "--period", "1"]).ends(0).json();
    assert_eq!(
        (&explained["period"], &explained["verified"]),
        (&1.into(), &true.into())
    );
    let counted = officer(&["overview", "--period", "1"]).ends(0).json();
    assert_eq!(
        (&counted["log_size"], &counted["period_due"]),
        (&archived.into(), &"".into())
    );
    let end = past(&["checkpoint", "--period", "1", "-o", "end.note"]).ends(0).json();
    assert_eq!(end["entries"], archived);
    assert_eq!(site.text("end.note"), closed["checkpoint"].as_str().unwrap());
    let streamed = lines(&past(&["stream", "--period", "1"]).ends(0).out);
    assert_eq!(streamed.len() as u64, archived + 1);
    site.write("person.txt", &format!("resident-id {}\n", person(1)));
    let report = past(&["report", "--subject-file", "person.txt", "-o", "report.html"])
        .ends(0)
        .json();
    let through = report["report"]["periods"].as_array().unwrap();
    assert_eq!(through.len(), 2);
    site.run(&["audit", "verify", "report.html", "--key", "log.vkey"])
        .ends(0);
    for (words, code) in [
        (["entry", "0", "--period", "7"], 1),
        (["entry", "0", "--period", "0"], 2),
    ] {
        officer(&words).ends(code);
    }
    gateway.stop();
    // A period is due once it is as long as is configured.
    site.edit("gateway.toml", "[retention]\n", "[retention]\nperiod_entries = 5\n");
    let gateway = site.serve();
    let due = officer(&["overview"]).ends(0).json();
    assert!(due["period_due"].as_str().unwrap().contains("close-period"), "{due}");
    gateway.stop();
}
