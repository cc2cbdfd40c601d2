//! The commands of `docs/operating/admin.md`, as they stand there, against a gateway that serves; and a kill -9 after one.
use super::{
    Site,
    by_hand::{blocks, run},
};

const PAGE: &str = include_str!("../../docs/operating/admin.md");

#[test]
fn a_partner_is_thrown_out_and_two_people_let_it_in() {
    let site = Site::new();
    let gateway = site.serve();
    let [suspend, undo, keys] = blocks(PAGE)[..] else {
        panic!("three blocks were expected");
    };
    let temp = tempfile::tempdir().unwrap();
    let fetch = |code| {
        let words = ["audit", "checkpoint", "-c", "bank-b.toml", "-o", "b.note"];
        site.run(&words).ends(code)
    };
    fetch(0);
    let said = run(suspend, &site.path(), temp.path());
    for word in ["member bank-b is shut out", "shut out: 1", "INC-2026-11", "what ends"] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    fetch(5);
    // Whoever suspended cannot undo it alone, nor can an operator.
    let words = "admin -c security.toml propose lift --member bank-b --reason alone";
    let words: Vec<_> = ["--json"].into_iter().chain(words.split(' ')).collect();
    let proposed = site.run(&words).ends(0).json();
    let id = proposed["id"].as_str().unwrap();
    assert_eq!(proposed["state"], "open");
    site.run(&["admin", "-c", "security.toml", "approve", id])
        .ends(1)
        .says(&["`SAME_PERSON`"]);
    site.run(&["admin", "-c", "operator.toml", "approve", id])
        .ends(1)
        .says(&["`METHOD_NOT_ALLOWED`"]);
    let other = ["admin", "-c", "security-deputy.toml", "approve", id, "--digest", "00"];
    site.run(&other).ends(1).says(&["another digest"]);
    site.run(&["admin", "-c", "security.toml", "reject", id]).ends(0);
    // kill -9: it holds from the reply on.
    gateway.process.kill();
    let gateway = site.serve();
    fetch(5);
    let said = run(undo, &site.path(), temp.path());
    for word in ["let in again: member bank-b", "done", "security-deputy"] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    fetch(0);
    let said = run(keys, &site.path(), temp.path());
    for word in [
        "exchange x-wing",
        "pseudonym",
        "active",
        "new exchange keys",
        "is revoked by the job",
    ] {
        assert!(said.contains(word), "`{word}`:\n{said}");
    }
    let deny = [
        "suspend",
        "-c",
        "security.toml",
        "--certificate",
        "pki/partners/bank-a/tls.pem",
    ];
    site.run(&[&deny[..], &["--reason", "INC-1"]].concat()).ends(0);
    site.run(&["audit", "checkpoint", "-c", "bank-a.toml", "-o", "a.note"])
        .ends(5);
    let deny = ["suspend", "-c", "security.toml", "--key", "00", "--reason", "r"];
    site.run(&deny).ends(3).says(&["64 hex digits"]);
    gateway.process.terminate();
    gateway.process.end().ends(0);
    site.verify();
}
