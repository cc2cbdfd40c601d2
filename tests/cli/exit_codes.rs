//! Exit codes, each by a real cause, and the tables that people see.
use super::{
    Site,
    site::{grant, person},
};
use std::fs;

#[test]
fn an_answer_a_refusal_and_what_is_printed_of_them() {
    let site = Site::loaded(20);
    let gateway = site.serve();
    let (known, other) = (person(1), person(2));
    let consent = site.consent(&known);

    // 0: an answer, as JSON and as a table, in a session and in one-shot mode.
    let answer = site
        .ask(&known, &consent, &["worst_overdue_6m@1", "risk_band@1"])
        .ends(0)
        .json();
    assert_eq!(answer["signals"][0]["band"], "31-60 days");
    assert_eq!(answer["signals"][1]["band"], "1 (highest risk)");
    assert_eq!(answer["receipt"]["verified"], true);
    let words = "query -c bank-a.toml --purpose credit.origination --agreement bank-a-2026 worst_overdue_6m@1 \
                 --consent";
    let mut table: Vec<&str> = words.split_whitespace().collect();
    table.extend([consent.as_str(), "--resident-id", &known]);
    for mode in [&[][..], &["--one-shot"]] {
        let ran = site.run(&[&table[..], mode].concat()).ends(0);
        for word in [
            "signal",
            "worst_overdue_6m@1",
            "31-60 days",
            "reference   TG-",
            "receipt     verified: entry",
        ] {
            assert!(ran.out.contains(word), "`{word}`:\n{}", ran.out);
        }
        assert!(!ran.out.contains(&known), "{}", ran.out);
    }
    // 0 as well: what depends on the person is no refusal.
    let nothing = site.ask(&other, &consent, &["risk_band@1"]).ends(0).json();
    assert_eq!(nothing["signals"][0]["outcome"], "no valid consent");
    assert_eq!(nothing["fields_read"].as_array().unwrap().len(), 0);

    // 1: refused, with the stable code and a reference for people.
    let refused = site.ask(&known, &consent, &["utilisation@1"]).ends(1);
    refused.says(&["refused with `GRANULARITY_TOO_FINE`", "(reference TG-"]);
    site.ask(&known, &consent, &["nonsense@1"])
        .ends(1)
        .says(&["`SIGNAL_UNKNOWN`", "see ListSignals"]);
    site.ask("110105194912310021", &consent, &["risk_band@1"])
        .ends(1)
        .says(&["`SUBJECT_MALFORMED`", "check character"]);
    // bank-b has no agreement.
    let mut foreign = table.clone();
    foreign[2] = "bank-b.toml";
    site.run(&foreign).ends(1).says(&["`AGREEMENT_UNKNOWN`"]);

    // 2: the command line.
    site.run(&["query", "--consent", &consent]).ends(2).says(&["--client"]);
    site.run(&["serf"]).ends(2).says(&["serve"]);

    // 3: a file.
    let mut absent = table.clone();
    absent[2] = "bank-c.toml";
    site.run(&absent).ends(3).says(&["cannot read `bank-c.toml`"]);
    site.ask(&known, "12", &["risk_band@1"])
        .ends(3)
        .says(&["32 hexadecimal digits"]);

    // 4: a gateway that another identity key stands behind is not believed.
    let pinned = site.at("pki/gateway/identity.pub");
    let right = fs::read(&pinned).unwrap();
    fs::copy(site.at("pki/partners/bank-b/signing.pub"), &pinned).unwrap();
    site.ask(&known, &consent, &["risk_band@1"])
        .ends(4)
        .says(&["not delegated by the pinned gateway-identity key"]);
    fs::write(&pinned, right).unwrap();

    // 5: nobody is there; and a gateway of another institution is not the gateway.
    gateway.stop();
    site.ask(&known, &consent, &["risk_band@1"])
        .ends(5)
        .says(&["the gateway cannot be reached", "check address"]);
    let stranger = Site::new();
    let gateway = stranger.serve();
    site.point("bank-a", gateway.partners);
    site.ask(&known, &consent, &["risk_band@1"])
        .ends(5)
        .says(&["certificate"]);
    gateway.stop();
    site.verify();
}

#[test]
fn the_life_of_a_consent() {
    let site = Site::loaded(5);
    let gateway = site.serve();
    let someone = person(4);
    let consent = site.consent(&someone);
    let by = |who: &'static str, act: &'static str, id: &str| {
        let id: Vec<&str> = if id.is_empty() { vec![] } else { vec![id] };
        site.run(&[&["consent", "-c", who, act, "--resident-id", &someone], &id[..]].concat())
    };
    let listed = by("bank-a.toml", "list", "").ends(0).out;
    for word in [
        "consent",
        "status",
        "until",
        &consent,
        "active",
        "credit.origination",
        "overdue:1",
    ] {
        assert!(listed.contains(word), "`{word}`:\n{listed}");
    }
    assert!(!listed.contains(&someone), "{listed}");
    // Another partner sees nothing of it, and the bank cannot confirm its own.
    assert!(!by("bank-b.toml", "list", "").ends(0).out.contains(&consent));
    assert!(
        by("bank-b.toml", "get", &consent)
            .ends(0)
            .out
            .contains("none that you may see")
    );
    by("bank-a.toml", "confirm", &consent)
        .ends(1)
        .says(&["`METHOD_NOT_ALLOWED`"]);
    assert!(by("bank-a.toml", "get", &consent).ends(0).out.contains("active"));
    assert!(
        by("lender.toml", "withdraw", &consent)
            .ends(0)
            .out
            .contains("withdrawn")
    );
    let answer = site.ask(&someone, &consent, &["limit_band@1"]).ends(0).json();
    assert_eq!(answer["signals"][0]["outcome"], "no valid consent");
    assert!(by("bank-a.toml", "list", "").ends(0).out.contains("withdrawn"));
    // Terms that no consent may have.
    let mut forever = grant(&someone);
    forever.extend(["--days", "4000"]);
    site.run(&forever)
        .ends(1)
        .says(&["`CONSENT_TERMS_INVALID`", "within two years"]);
    gateway.stop();
    site.verify();
}

#[test]
fn an_export_is_verified_and_its_first_bad_entry_is_named() {
    let site = Site::loaded(5);
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    gateway.stop();
    let entries = site.verify();
    // An older head covers less than the journal holds: what is behind it is not vouched for.
    let head = std::fs::read(site.at("data/head")).unwrap();
    let gateway = site.serve();
    gateway.stop();
    let newer = std::fs::read(site.at("data/head")).unwrap();
    std::fs::write(site.at("data/head"), head).unwrap();
    site.run(&["audit", "verify", "data", "--key", "log.vkey"])
        .ends(4)
        .says(&["are not under a signed checkpoint"]);
    std::fs::write(site.at("data/head"), newer).unwrap();
    let entries = entries.max(site.verify());
    let exported = site
        .run(&["--json", "audit", "export", "data", "-o", "log.jsonl"])
        .ends(0)
        .json();
    assert_eq!(exported["entries"], entries);
    let verify = |name: &str, key: &str| site.run(&["--json", "audit", "verify", name, "--key", key]);
    assert_eq!(verify("log.jsonl", site.vkey()).ends(0).json()["entries"], entries);
    site.run(&["audit", "export", "data", "--csv", "-o", "log.csv"]).ends(0);
    let table = site.text("log.csv");
    assert!(table.starts_with("\u{feff}序号 entry,时间 time (UTC),"), "{table}");
    assert_eq!(table.lines().count() as u64, entries + 1, "a row an entry");
    assert!(
        table.lines().any(|row| row.contains(",QUERY,SEALED,,spiffe://")),
        "{table}"
    );
    // An export is never overwritten.
    site.run(&["audit", "export", "data", "-o", "log.jsonl"])
        .ends(3)
        .says(&["cannot write `log.jsonl`"]);

    let text = site.text("log.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    // Entry n is on line n + 1, after the header: one character of its leaf becomes another.
    let bad = 3;
    let line = lines[bad + 1];
    let at = line.find("\"leaf\":\"").unwrap() + "\"leaf\":\"".len() + 40;
    let swapped = if &line[at..=at] == "A" { "B" } else { "A" };
    let line = format!("{}{swapped}{}", &line[..at], &line[at + 1..]);
    let mut tampered = lines.clone();
    tampered[bad + 1] = &line;
    site.write("tampered.jsonl", &format!("{}\n", tampered.join("\n")));
    verify("tampered.jsonl", "log.vkey")
        .ends(4)
        .says(&[&format!("entry {bad}")]);
    // An entry that was taken out.
    let mut shorter = lines.clone();
    shorter.remove(bad + 1);
    site.write("shorter.jsonl", &format!("{}\n", shorter.join("\n")));
    verify("shorter.jsonl", "log.vkey")
        .ends(4)
        .says(&[&format!("entry {bad}")]);
    // The end that was cut off.
    site.write("cut.jsonl", &format!("{}\n", lines[..lines.len() - 1].join("\n")));
    verify("cut.jsonl", "log.vkey").ends(4);
    // The key of another log, and no key at all.
    let other = Site::new();
    verify("log.jsonl", other.vkey()).ends(4);
    verify("log.jsonl", "nonsense").ends(3).says(&["the verifier key"]);
    verify("absent.jsonl", "log.vkey")
        .ends(3)
        .says(&["cannot read `absent.jsonl`"]);
}
