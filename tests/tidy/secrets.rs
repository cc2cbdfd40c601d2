//! What must never be in the tree: private keys, and paths of the machine it was written on.
use crate::{assert_none, tree};

/// Base64 characters of a key's body; the shortest, Ed25519 in PKCS#8, has 64. A bare marker in code is no key.
const KEY_CHARACTERS_MIN: usize = 40;

/// Keys that everyone has already: RFC 8410, section 10.3.
const PUBLISHED: [&str; 1] = ["MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"];

fn private_keys(path: &str, text: &str) -> Vec<String> {
    let ends = [".key", ".p12", ".pfx", ".jks"];
    if ends.iter().any(|e| path.ends_with(e)) {
        return vec![format!(
            "{path}: a key file: generate it when it is needed (`tollgate pki init DIR`)"
        )];
    }
    let marker = concat!("PRIVATE", " KEY-----");
    let mut findings = Vec::new();
    for (at, _) in text.match_indices(marker) {
        let begins = text[..at]
            .rfind("-----BEGIN")
            .is_some_and(|b| !text[b..at].contains('\n'));
        let after = &text[at + marker.len()..];
        if PUBLISHED
            .iter()
            .any(|k| after.trim_start_matches("\\n").trim_start().starts_with(k))
        {
            continue;
        }
        let body = after.chars();
        let in_body = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        // Skips what source code puts between lines: quotes, `\n`, commas.
        let count = body.take_while(|c| *c != '-').take(400).filter(in_body).count();
        if begins && count >= KEY_CHARACTERS_MIN && !looks_like_code(after) {
            let line = text[..at].lines().count();
            findings.push(format!(
                "{path}:{line}: a private key: remove it, revoke it, and generate one per run"
            ));
        }
    }
    findings
}

/// Up to the next dash there is more than base64 and line ends: prose or code that only speaks of a key.
fn looks_like_code(after: &str) -> bool {
    let body: String = after.chars().take_while(|c| *c != '-').take(400).collect();
    body.replace("\\n", "").chars().any(|c| "(){};.".contains(c))
}

/// A path that exists on one machine only.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let homes = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
    ];
    let mut findings = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for home in homes {
            let begins = |at: usize| {
                !line[..at]
                    .chars()
                    .next_back()
                    .is_some_and(|c| c.is_alphanumeric() || "._-~/}*".contains(c))
            };
            if line.match_indices(home).any(|(at, _)| begins(at)) {
                findings.push(format!(
                    "{path}:{}: `{home}…` is a path of one machine: make it relative",
                    i + 1
                ));
            }
        }
    }
    findings
}

fn over_tree(rule: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    tree::files().iter().flat_map(|f| rule(&f.path, &f.text)).collect()
}

#[test]
fn no_private_key_is_in_the_tree() {
    assert_none(&over_tree(private_keys));
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    assert_none(&over_tree(machine_paths));
}

#[test]
fn a_private_key_is_found() {
    let dashes = "-".repeat(5);
    for kind in ["", "EC ", "ENCRYPTED "] {
        let begin = format!("{dashes}BEGIN {kind}{}", concat!("PRIVATE", " KEY-----"));
        let body = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for newline in ["\n", "\\n"] {
            let pem = format!("let k = \"{begin}{newline}{body}{newline}{dashes}END");
            assert_eq!(private_keys("src/a.rs", &pem).len(), 1, "{pem}");
            assert!(private_keys("src/a.rs", &pem.replace(body, PUBLISHED[0])).is_empty());
        }
        assert!(
            private_keys(
                "src/a.rs",
                &format!("if !text.starts_with(\"{begin}\") {{ return None; }}")
            )
            .is_empty()
        );
        let speaks =
            format!("const BEGIN: &str = \"{begin}\";\n/// Reads one key, refuses more than one, says why not;");
        assert!(private_keys("src/a.rs", &speaks).is_empty());
    }
    assert_eq!(private_keys("keys/tls.key", "").len(), 1);
}

#[test]
fn a_path_of_one_machine_is_found() {
    for bad in [
        concat!("open(\"/ho", "me/li/x\")"),
        concat!("cd /wo", "rk/main"),
        concat!("/ro", "ot/.cargo"),
    ] {
        assert_eq!(machine_paths("a.md", bad).len(), 1, "{bad}");
    }
    for fine in [
        concat!("https://example.org/wo", "rk/x"),
        "relative/path",
        concat!("frame", "/wo", "rk/"),
    ] {
        assert!(machine_paths("a.md", fine).is_empty(), "{fine}");
    }
}
