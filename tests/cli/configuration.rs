//! `pki init`, `init` and `check-config`: what is made, and what is said of a file that is wrong.
use super::{Site, tollgate};
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path};

/// Every file under a folder, by its path in it, with its mode.
fn files(folder: &Path) -> Vec<(String, u32, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.push((
                name,
                mode,
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
            ));
        }
    }
    found
}

#[test]
fn a_pki_keeps_its_private_keys_to_itself() {
    let temp = tempfile::tempdir().unwrap();
    let made = tollgate(temp.path(), &["--json", "pki", "init", "pki"]).ends(0).json();
    assert_eq!(made["gateway"], "spiffe://tollgate.example/gateway");
    let marker = concat!("PRIVATE", " KEY-----");
    let files = files(&temp.path().join("pki"));
    let mut keys = BTreeSet::new();
    for (name, mode, text) in &files {
        assert_eq!(text.contains(marker), name.ends_with(".key"), "{name}");
        if name.ends_with(".key") {
            assert_eq!(*mode, 0o600, "{name}");
            keys.insert(name.as_str());
        }
    }
    for key in [
        "gateway/tls.key",
        "gateway/identity.key",
        "gateway/keylist-online.key",
        "gateway/ca/root.key",
        "gateway/ca/issuing.key",
        "staff/ca/root.key",
        "staff/compliance/tls.key",
        "provider/lender/signing.key",
        "partners/bank-a/signing.key",
        "partners/bank-a/ca/root.key",
        "partners/bank-b/tls.key",
    ] {
        assert!(keys.contains(key), "{key} is missing: {keys:?}");
    }
    // Nothing was written beside the folder, and a second run changes nothing in it.
    let beside: Vec<_> = fs::read_dir(temp.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["pki"]);
    tollgate(temp.path(), &["pki", "init", "pki"])
        .ends(1)
        .says(&["`pki` already exists", "never overwritten"]);
    assert_eq!(self::files(&temp.path().join("pki")).len(), files.len());
}

#[test]
fn init_makes_one_data_directory_and_never_a_second_over_it() {
    let site = Site::new();
    fs::remove_dir_all(site.at("data")).unwrap();
    let made = site.run(&["--json", "init", "--dev"]).ends(0).json();
    assert!(
        made["log_verifier_key"]
            .as_str()
            .unwrap()
            .starts_with("tollgate.example/log+")
    );
    for (name, mode, _) in files(&site.at("data/keyring")) {
        assert_eq!(mode, 0o600, "{name}");
    }
    site.run(&["init"])
        .ends(3)
        .says(&["is not empty", "give an empty or a new directory"]);
    site.run(&["check-config"]).ends(0);
    let text = site.run(&["init", "absent.toml"]).ends(3);
    text.says(&["cannot read `absent.toml`"]);
}

/// One thing is wrong, in `LINE`: `check-config` and `serve` say it in the same words, and `serve` binds nothing.
#[track_caller]
fn wrong(file: &str, from: &str, to: &str, words: &[&str]) {
    let site = Site::new();
    site.run(&["check-config"]).ends(0);
    let at = |line: &str| line.contains(from);
    let line = site.text(file).lines().position(at).map_or(0, |before| before + 1);
    site.edit(file, from, to);
    for word in words {
        let word = word.replace("LINE", &format!("line {line}"));
        site.run(&["check-config"]).ends(3).says(&[&word]);
        site.run(&["serve"]).ends(3).says(&[&word]);
    }
}

#[test]
fn an_unknown_field_is_named_with_what_was_meant() {
    wrong(
        "gateway.toml",
        "reply_quantum_ms",
        "reply_quantum",
        &[
            "`gateway.toml`: LINE, column 1",
            "`reply_quantum`: did you mean `reply_quantum_ms`?",
        ],
    );
    wrong(
        "agreement-bank-a.toml",
        "retention_days",
        "retention_dais",
        &["agreement-bank-a.toml", "did you mean `retention_days`?"],
    );
    wrong(
        "signals.toml",
        "fresh_days",
        "fresh_day",
        &["signals.toml", "did you mean `fresh_days`?"],
    );
    wrong(
        "register.toml",
        "role = \"partner\"",
        "rolle = \"partner\"",
        &["register.toml", "did you mean `role`?"],
    );
    wrong("pki/trust.toml", "crls", "crl", &["trust.toml", "did you mean `crls`?"]);
}

#[test]
fn a_wrong_value_is_told_with_its_unit_and_its_bounds() {
    wrong(
        "gateway.toml",
        "reply_quantum_ms = 2",
        "reply_quantum_ms = 60000",
        &["reply_quantum_ms", "at most 100 ms"],
    );
    wrong(
        "gateway.toml",
        "reply_quantum_ms = 2",
        "reply_quantum_ms = \"2 ms\"",
        &["LINE, column", "invalid type"],
    );
    wrong(
        "gateway.toml",
        "jurisdiction = \"cn\"",
        "jurisdiction = \"china\"",
        &["LINE, column", "gateway.toml"],
    );
    wrong(
        "agreement-bank-a.toml",
        "funding_share_bp = 3_000",
        "funding_share_bp = 2_000",
        &["funding_share_bp", "3000"],
    );
}

#[test]
fn a_missing_file_is_named() {
    for name in [
        "signals.toml",
        "fields.toml",
        "register.toml",
        "agreement-bank-a.toml",
        "pki/trust.toml",
    ] {
        let site = Site::new();
        fs::remove_file(site.at(name)).unwrap();
        site.run(&["check-config"]).ends(3).says(&[name, "cannot"]);
        site.run(&["serve"]).ends(3).says(&[name]);
    }
    let site = Site::new();
    fs::remove_file(site.at("pki/gateway/tls.key")).unwrap();
    site.run(&["check-config"]).ends(3).says(&["pki/gateway/tls.key"]);
}

#[test]
fn a_trust_domain_needs_a_revocation_list_and_a_name_of_its_own() {
    let crl = "crls = [\"trust/bank-a.example/crl.pem\"]";
    wrong(
        "pki/trust.toml",
        crl,
        "crls = []",
        &["`bank-a.example` has no list of revoked certificates", "`crls`"],
    );
    wrong(
        "pki/trust.toml",
        "name = \"bank-b.example\"",
        "name = \"cluster.local\"",
        &["`cluster.local`"],
    );
    let temp = tempfile::tempdir().unwrap();
    tollgate(temp.path(), &["pki", "init", "pki", "--domain", "cluster.local"])
        .ends(1)
        .says(&["`cluster.local` is not accepted"]);
}

#[test]
fn completions_are_printed_for_each_shell() {
    let temp = tempfile::tempdir().unwrap();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef tollgate"),
        ("fish", "complete -c tollgate"),
    ] {
        let ran = tollgate(temp.path(), &["completions", shell]).ends(0);
        assert!(
            ran.out.contains(word) && ran.out.contains("check-config"),
            "{shell}:\n{}",
            ran.out
        );
    }
    tollgate(temp.path(), &["completions", "cmd"]).ends(2).says(&["bash"]);
}
