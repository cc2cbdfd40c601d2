//! `tollgate audit` as officers and auditors use it: the page's commands, proofs that are checked, streams that go on.
use super::{Site, Spawned, by_hand, program, site::person};
use std::{io::Write, process::Stdio};

const PAGE: &str = include_str!("../../docs/operating/audit.md");

/// A gateway that has answered bank A about the first client, and refused it something.
fn asked(site: &Site) -> String {
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["worst_overdue_6m@1", "risk_band@1"])
        .ends(0);
    site.ask(&person(1), &consent, &["utilisation@1"]).ends(1);
    consent
}

#[test]
fn the_page_goes_as_it_says() {
    let site = Site::loaded(20);
    let gateway = site.serve();
    asked(&site);
    let temporary = tempfile::tempdir().unwrap();
    let said: String = by_hand::blocks(PAGE)
        .into_iter()
        .map(|block| by_hand::run(block, &site.path(), temporary.path()))
        .collect();
    for word in [
        "risk_band@1",
        "GRANULARITY_TOO_FINE",
        "each is in the log: proven under a checkpoint of",
        "the receipt holds",
        "nothing was changed, nothing was removed",
        "card.overdue_days",
        "the log holds",
    ] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    assert!(!said.contains(&person(1)), "the person is in what was printed:\n{said}");
    // What the SIEM got: every entry once, in order, and nothing twice over two runs.
    let lines: Vec<serde_json::Value> = site
        .text("siem.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let entries: Vec<u64> = lines.iter().filter_map(|l| l["entry"].as_u64()).collect();
    assert!(entries.iter().copied().eq(0..entries.len() as u64), "{entries:?}");
    assert_eq!(lines.iter().filter(|l| l["next"].is_u64()).count(), 2);
    assert_eq!(site.text("siem.next").trim(), entries.len().to_string());
    gateway.stop();
    site.verify();
}

#[test]
fn what_is_found_is_what_was_asked() {
    let site = Site::loaded(20);
    let gateway = site.serve();
    let consent = asked(&site);
    let search = |who: &str, words: &[&str]| {
        let all = [&["--json", "audit", "search", "-c", who, "--prove"], words].concat();
        site.run(&all)
    };
    let entries = |out: &str| -> Vec<serde_json::Value> {
        let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|v: &serde_json::Value| v["entry"].is_u64()).collect()
    };
    // By consent: the answered question; by refusal: the other.
    let ran = search("compliance.toml", &["--consent", &consent, "--outcome", "band"]).ends(0);
    let found = entries(&ran.out);
    assert_eq!(found.len(), 1, "{}", ran.out);
    assert_eq!(
        found[0]["signals"],
        serde_json::json!(["worst_overdue_6m@1", "risk_band@1"])
    );
    assert_eq!((&ran.json()["found"], &ran.json()["proven"]), (&1.into(), &true.into()));
    let refused = search("compliance.toml", &["--refusal", "GRANULARITY_TOO_FINE"]).ends(0);
    assert_eq!(entries(&refused.out).len(), 1);

    // The same entry, opened: the band that went out.
    let number = found[0]["entry"].to_string();
    let entry = site
        .run(&["--json", "audit", "entry", "-c", "compliance.toml", &number])
        .ends(0)
        .json();
    assert_eq!(entry["answer"][0]["band"], "31-60 days");
    assert_eq!(entry["consent_id"], consent.as_str());
    assert_eq!(entry["proof"]["verified"], true);

    // By pages, and all of them at once.
    let first = search("compliance.toml", &["--page-size", "3"]).ends(0);
    let token = first.json()["next_page_token"].as_str().unwrap().to_owned();
    let second = search("compliance.toml", &["--page-size", "3", "--page-token", &token]).ends(0);
    let last = |ran: &super::Ran, at: usize| entries(&ran.out)[at]["entry"].as_u64().unwrap();
    assert_eq!(last(&second, 0) + 1, last(&first, 2));
    let all = search("compliance.toml", &["--all"]).ends(0);
    assert_eq!(last(&all, entries(&all.out).len() - 1), 0);

    // A person, from standard input; and never on the command line of the page.
    let mut command = program();
    command.args([
        "--json",
        "audit",
        "search",
        "-c",
        "compliance.toml",
        "--subject-file",
        "-",
    ]);
    command
        .current_dir(site.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let line = format!("resident-id {}\n", person(1));
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let about = entries(std::str::from_utf8(&output.stdout).unwrap());
    assert!(about.iter().any(|e| e["entry"] == found[0]["entry"]));

    // The auditor: bank A's, and no person.
    let scoped = search("auditor.toml", &["--all"]).ends(0);
    assert!(entries(&scoped.out).iter().all(|e| e["partner"] == "bank-a"));
    search("auditor.toml", &["--resident-id", &person(1)])
        .ends(1)
        .says(&["`OUT_OF_SCOPE`", "(reference TG-"]);
    search("auditor.toml", &["--partner", "bank-b"])
        .ends(1)
        .says(&["`OUT_OF_SCOPE`"]);
    gateway.stop();
    site.verify();
}

#[test]
fn what_goes_wrong_says_why() {
    let site = Site::new();
    let gateway = site.serve();
    let of_officer = |words: &[&str]| site.run(&[&["audit", words[0], "-c", "compliance.toml"], &words[1..]].concat());
    of_officer(&["search", "--kind", "nonsense"])
        .ends(2)
        .says(&["no such kind"]);
    of_officer(&["search", "--from", "yesterday"])
        .ends(2)
        .says(&["write a day such as"]);
    of_officer(&["search", "--consent", "12"])
        .ends(3)
        .says(&["32 hexadecimal digits"]);
    of_officer(&["search", "--resident-id", "1", "--mobile", "2"]).ends(2);
    of_officer(&["search", "--refusal", "quota_spent"])
        .ends(1)
        .says(&["`FIELD_INVALID`"]);
    of_officer(&["search", "--resident-id", "110105194912310021"])
        .ends(1)
        .says(&["`SUBJECT_MALFORMED`"]);
    of_officer(&["search", "--page-token", "AAAA"])
        .ends(1)
        .says(&["`PAGE_TOKEN_INVALID`"]);
    of_officer(&["entry", "99999"]).ends(1).says(&["`LOG_RANGE`"]);
    of_officer(&["overview", "--bucket-s", "1"])
        .ends(1)
        .says(&["`FIELD_INVALID`"]);
    of_officer(&["stream", "--from", "99999"])
        .ends(1)
        .says(&["`LOG_RANGE`"]);
    // What may be a person is not said again.
    site.write("odd.txt", "110105194912310021\n");
    let odd = of_officer(&["search", "--subject-file", "odd.txt"]).ends(3);
    assert!(!odd.err.contains("110105"), "{}", odd.err);
    odd.says(&["`resident-id`, `mobile` or `opaque`"]);
    site.write("stood", "here\n");
    of_officer(&["stream", "--state", "stood"])
        .ends(3)
        .says(&["does not hold the number of an entry"]);
    // A partner's file, and the past.
    let past = [
        "audit",
        "checkpoint",
        "-c",
        "bank-a.toml",
        "--size",
        "1",
        "-o",
        "x.note",
    ];
    site.run(&past).ends(3).says(&["officers and auditors"]);
    site.run(&["audit", "search", "-c", "bank-a.toml"])
        .ends(3)
        .says(&["bank-a.toml"]);
    // Staff who do not read the log.
    for role in ["security", "operator"] {
        site.write(
            &format!("{role}.toml"),
            &site
                .text("compliance.toml")
                .replace("staff/compliance", &format!("staff/{role}")),
        );
        let file = format!("{role}.toml");
        site.run(&["audit", "search", "-c", &file])
            .ends(1)
            .says(&["`METHOD_NOT_ALLOWED`"]);
        // The newest checkpoint is everybody's.
        site.run(&["audit", "checkpoint", "-c", &file, "-o", &format!("{role}.note")])
            .ends(0);
    }
    // The partners' listener has no such service.
    site.edit(
        "compliance.toml",
        &gateway.staff.to_string(),
        &gateway.partners.to_string(),
    );
    of_officer(&["search"]).ends(5);
    site.point("compliance", gateway.staff);

    // Another log's key: nothing that it did not sign is believed.
    let other = Site::new();
    site.write("log.vkey", other.vkey());
    for words in [
        &["search", "--prove"][..],
        &["entry", "0"],
        &["checkpoint", "-o", "y.note"],
    ] {
        of_officer(words).ends(4);
    }
    gateway.stop();
    let nobody = of_officer(&["search"]).ends(5);
    nobody.says(&["cannot be reached"]);
}

/// It follows the log, waits for a gateway that starts again, and goes on where it stood.
#[test]
fn a_stream_outlives_the_gateway() {
    let site = Site::new();
    let gateway = site.serve();
    let staff = gateway.staff;
    // The same address again after the restart.
    site.edit(
        "gateway.toml",
        "staff = \"127.0.0.1:0\"",
        &format!("staff = \"{staff}\""),
    );
    let mut command = program();
    command.args([
        "--json",
        "audit",
        "stream",
        "-c",
        "compliance.toml",
        "--follow",
        "--state",
        "siem.next",
    ]);
    command.current_dir(site.path());
    let siem = Spawned::start(command);
    siem.wait_for("{\"entry\"");
    gateway.stop();
    siem.wait_for("the stream was cut off");
    let gateway = site.serve();
    site.run(&["audit", "checkpoint", "-c", "bank-a.toml", "-o", "a.note"])
        .ends(0);
    // The start again, and the bank's call, come through.
    let seen = || -> Vec<u64> {
        let all = siem.all();
        let lines = all
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter_map(|v| v["entry"].as_u64()).collect()
    };
    let has = |method: &str| {
        siem.all()
            .lines()
            .any(|l| l.contains(method) && l.contains("\"partner\":\"bank-a\""))
    };
    let began = std::time::Instant::now();
    while !has("LogService/GetCheckpoint") {
        assert!(began.elapsed().as_secs() < 60, "{}", siem.all());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let numbers = seen();
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "each once, in order: {numbers:?}"
    );
    siem.terminate();
    siem.end();
    gateway.stop();
    site.verify();
}
