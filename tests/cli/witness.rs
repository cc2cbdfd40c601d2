//! Witnesses from the command line: a partner's timer, and an auditor who has public keys only.
use super::{Ran, Site};

const NAME: &str = "bank-a.example/witness";

fn cosign(site: &Site) -> Ran {
    site.run(&[
        "--json",
        "witness",
        "cosign",
        "-c",
        "bank-a.toml",
        "--name",
        NAME,
        "--key",
        "witness.key",
        "--note",
        "cosigned.note",
    ])
}

fn verify(site: &Site, words: &[&str]) -> Ran {
    let mut all = vec!["--json", "audit", "verify"];
    all.extend(words);
    all.extend(["--key", "log.vkey"]);
    site.run(&all)
}

#[test]
fn a_partner_cosigns_by_timer_and_an_auditor_demands_it() {
    let site = Site::new();
    let made = site.run(&["witness", "key", NAME, "-o", "witness.key"]).ends(0);
    site.write("witness.vkey", &made.out);
    // A key is never overwritten.
    site.run(&["witness", "key", NAME, "-o", "witness.key"]).ends(1);
    let gateway = site.serve();
    let first = cosign(&site).ends(0).json()["entries"].as_u64().unwrap();
    let old = site.text("cosigned.note");
    let second = cosign(&site).ends(0).json()["entries"].as_u64().unwrap();
    assert!(second > first, "reading the log is an entry in it");
    // No other gateway's witness: nothing is served as cosigned here.
    site.run(&["audit", "checkpoint", "-c", "bank-a.toml", "--cosigned", "-o", "x.note"])
        .ends(1)
        .says(&["no witness has cosigned"]);
    gateway.stop();

    let alone = verify(&site, &["cosigned.note", "--witness", "witness.vkey"])
        .ends(0)
        .json();
    assert_eq!(
        (&alone["cosigned_entries"], &alone["witnesses"][0]["witness"]),
        (&second.into(), &NAME.into())
    );
    let through = ["data", "--witness", "witness.vkey", "--cosigned", "cosigned.note"];
    assert_eq!(verify(&site, &through).ends(0).json()["whole_log"]["verified"], true);
    site.run(&["audit", "export", "data", "-o", "log.jsonl"]).ends(0);
    verify(
        &site,
        &["log.jsonl", "--witness", "witness.vkey", "--cosigned", "cosigned.note"],
    )
    .ends(0);
    // More witnesses are demanded than there are, and one who has not signed.
    verify(
        &site,
        &["cosigned.note", "--witness", "witness.vkey", "--witnesses-min", "2"],
    )
    .ends(4)
    .says(&["1 of the named witnesses", "2 must"]);
    let other = site
        .run(&["witness", "key", "bank-b.example/witness", "-o", "b.key"])
        .ends(0)
        .out;
    verify(&site, &["cosigned.note", "--witness", other.trim()]).ends(4);
    // A data directory without a cosigned checkpoint of its own.
    verify(&site, &["data", "--witness", "witness.vkey"]).ends(3);

    // What is known is what this witness signed, or nothing.
    let gateway = site.serve();
    site.write(
        "cosigned.note",
        &old.replace("\u{2014} bank-a.example", "\u{2014} bank-b.example"),
    );
    cosign(&site).ends(4).says(&["not cosigned by this witness"]);
    gateway.stop();
}
