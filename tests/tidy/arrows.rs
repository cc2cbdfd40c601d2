//! One crate behind one door; arrows point down; the pure modules stay pure.
use crate::{
    assert_none, code,
    tree::{self, File},
};

/// Which modules may import a crate. Every other module uses what these offer.
const DOORS: [(&[&str], &[&str]); 24] = [
    (&["ring", "hpke", "getrandom", "argon2", "region"], &["crypto"]),
    (&["cryptoki"], &["keyring"]),
    // The process itself, and its terminal.
    (&["rustix"], &["crypto", "cli"]),
    (&["sled"], &["store"]),
    (&["fs4"], &["store", "audit"]),
    (&["crc32fast"], &["store", "audit"]),
    (&["tlog_tiles"], &["audit"]),
    (&["prost", "prost_types"], &["wire"]),
    (&["tonic_prost", "tonic_types"], &["rpc", "client"]),
    // `app` starts the server, `channel` hands it connections that know their peer.
    (&["tonic"], &["rpc", "client", "channel", "app"]),
    (&["tonic_health", "tonic_reflection"], &["rpc", "app"]),
    (&["rustls", "tokio_rustls"], &["channel"]),
    (&["webpki", "x509_parser"], &["channel", "identity"]),
    (&["rcgen"], &["pki"]),
    (&["cedar_policy"], &["policy"]),
    (&["cel"], &["signal"]),
    (&["csv", "parquet", "flate2"], &["source"]),
    (&["governor"], &["edge"]),
    (&["axum", "hyper", "http_body_util", "maud"], &["web"]),
    (&["mimalloc"], &["main"]),
    (&["clap", "clap_complete", "indicatif"], &["cli"]),
    (&["tracing_subscriber"], &["telemetry"]),
    (&["hyper_util", "tower_service"], &["channel", "rpc", "client", "web"]),
    (&["rustls_pki_types"], &["channel", "identity", "pki", "client"]),
];

/// What a low module may name of the crate, and nothing else.
const ONLY: [(&str, &[&str]); 5] = [
    ("limits", &[]),
    ("clock", &[]),
    ("crypto", &["crypto", "limits"]),
    ("wire", &["wire", "limits"]),
    ("domain", &["domain", "crypto", "limits", "clock"]),
];

/// Who may name a high module.
const NAMED_BY: [(&str, &[&str]); 8] = [
    ("evidence", &["evidence", "inspect", "rpc", "web", "cli", "app"]),
    ("notice", &["notice", "pipeline", "app"]),
    ("cli", &["cli", "main"]),
    ("app", &["app", "cli", "main"]),
    ("rpc", &["rpc", "app"]),
    ("web", &["web", "witness", "app"]),
    ("inspect", &["inspect", "rpc", "web", "app"]),
    ("pipeline", &["pipeline", "inspect", "rpc", "web", "witness", "app"]),
];

/// What the request path never names: it speaks of proofs, not of bytes, sockets or trees.
const PIPELINE_NEVER: [&str; 9] = [
    "wire", "store", "inspect", "rpc", "channel", "web", "cli", "app", "client",
];

/// Modules without clock and without I/O: time, randomness and bytes come in as arguments.
const PURE: [&str; 4] = ["signal", "minimise", "policy", "seal"];

/// `src/policy/guards.rs` → `policy`.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    inside
        .split('/')
        .next()?
        .strip_suffix(".rs")
        .or(inside.split('/').next())
}

fn doors(path: &str, text: &str) -> Vec<String> {
    let Some(from) = module(path) else { return Vec::new() };
    let code = code::without_tests(&code::bare(text));
    let paths = code::paths(&code);
    // After `use rustls::crypto::ring`, `ring` is not the crate.
    let is_local = |name: &str| {
        paths
            .iter()
            .any(|f| f.segments.len() > 1 && f.segments.last().is_some_and(|l| l == name))
    };
    let mut findings = Vec::new();
    for found in paths.iter().filter(|f| !is_local(&f.segments[0])) {
        let door = DOORS
            .iter()
            .find(|(crates, _)| crates.contains(&found.segments[0].as_str()));
        if let Some((_, allowed)) = door.filter(|(_, allowed)| !allowed.contains(&from)) {
            findings.push(format!(
                "{path}:{}: `{}` is imported outside its door: use what src/{} offers, or add it there",
                found.line,
                found.text(),
                allowed.join(", src/"),
            ));
        }
    }
    findings
}

fn arrows(path: &str, text: &str) -> Vec<String> {
    let Some(from) = module(path) else { return Vec::new() };
    let code = code::without_tests(&code::bare(text));
    let mut findings = Vec::new();
    for found in code::paths(&code) {
        let [first, to, ..] = found.segments.as_slice() else {
            continue;
        };
        if !matches!(first.as_str(), "crate" | "tollgate") {
            continue;
        }
        let at = format!("{path}:{}: `{}`", found.line, found.text());
        if let Some((_, allowed)) = ONLY
            .iter()
            .find(|(m, allowed)| *m == from && !allowed.contains(&to.as_str()))
        {
            findings.push(format!(
                "{at} points up: `{from}` is low and may name {allowed:?} only; take a trait or a plain value instead"
            ));
        }
        if let Some((_, by)) = NAMED_BY.iter().find(|(m, by)| m == to && !by.contains(&from)) {
            findings.push(format!(
                "{at} points up: `{to}` is named by {by:?} only; hand the value down instead"
            ));
        }
        if from == "pipeline" && PIPELINE_NEVER.contains(&to.as_str()) {
            findings.push(format!(
                "{at}: the pipeline sees proofs only; convert in src/rpc or behind a trait"
            ));
        }
    }
    findings
}

fn purity(path: &str, text: &str) -> Vec<String> {
    if !module(path).is_some_and(|m| PURE.contains(&m)) {
        return Vec::new();
    }
    let code = code::without_tests(&code::bare(text));
    let clock = ["SystemTime", "Instant", "SystemClock"];
    let world = ["fs", "net", "env", "process"];
    let mut findings = Vec::new();
    for found in code::paths(&code) {
        let names = |list: &[&str]| found.segments.iter().any(|s| list.contains(&s.as_str()));
        let at = format!("{path}:{}: `{}`", found.line, found.text());
        if names(&clock) {
            findings.push(format!(
                "{at}: this module reads no clock: take `now: Time` as an argument"
            ));
        }
        if names(&["SystemRng"]) {
            findings.push(format!(
                "{at}: this module makes no randomness: take `&dyn Rng` as an argument"
            ));
        }
        if found.segments[0] == "tokio" || (found.segments[0] == "std" && names(&world)) {
            findings.push(format!("{at}: this module does no I/O: take the bytes as an argument"));
        }
    }
    findings
}

fn over_tree(rule: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let files = tree::files();
    let source = files
        .iter()
        .filter(|f| File::is_code(f) && !f.test && f.path.starts_with("src/"));
    source.flat_map(|f| rule(&f.path, &f.text)).collect()
}

#[test]
fn one_crate_behind_one_door() {
    assert_none(&over_tree(doors));
}

#[test]
fn arrows_point_down() {
    assert_none(&over_tree(arrows));
}

#[test]
fn pure_modules_are_pure() {
    assert_none(&over_tree(purity));
}

#[test]
fn a_crate_outside_its_door_is_found() {
    assert!(doors("src/store/tree.rs", "use sled::Db;").is_empty());
    assert!(
        doors(
            "src/consent/mod.rs",
            "// sled::Db\n#[cfg(test)]\nmod tests { use sled::Db; }"
        )
        .is_empty()
    );
    for hidden in [
        "use sled;",
        "use sled::Db;",
        "fn f() { sled::open(p); }",
        "#[derive(prost::Message)] struct A;",
    ] {
        assert_eq!(doors("src/consent/mod.rs", hidden).len(), 1, "{hidden}");
    }
    let shadowed = "use rustls::crypto::{ring, CryptoProvider}; fn f() { ring::default_provider(); }";
    assert!(doors("src/channel/server.rs", shadowed).is_empty());
    let said = doors("src/pipeline.rs", "use {tonic::Status, std::fs};").join("");
    assert!(
        said.contains("src/pipeline.rs:1: `tonic::Status`") && said.contains("src/rpc"),
        "{said}"
    );
}

#[test]
fn an_arrow_that_points_up_is_found() {
    assert!(arrows("src/domain/ids.rs", "use crate::limits::ID_BYTES_MAX;").is_empty());
    assert_eq!(
        arrows("src/domain/ids.rs", "use crate::{limits::A, facts::Facts};").len(),
        1
    );
    assert_eq!(arrows("src/limits.rs", "use crate::clock::Time;").len(), 1);
    assert_eq!(arrows("src/audit/log.rs", "fn f() { crate::rpc::status() }").len(), 1);
    assert_eq!(arrows("src/pipeline.rs", "use crate::{wire::v1, case::Case};").len(), 1);
    assert!(arrows("src/main.rs", "fn main() { tollgate::cli::run() }").is_empty());
}

#[test]
fn an_impure_module_is_found() {
    assert!(purity("src/source/vault.rs", "use std::fs;").is_empty());
    assert!(
        purity(
            "src/seal/mod.rs",
            "#[cfg(test)]\nmod tests { use crate::crypto::SystemRng; }"
        )
        .is_empty()
    );
    for hidden in [
        "use std::{fs, sync::Arc};",
        "use std::time::Instant;",
        "let t = std::time::SystemTime::now();",
        "use crate::{clock::{SystemClock, Time}};",
        "use crate::crypto::SystemRng;",
        "tokio::spawn(f)",
        "std::net::lookup(h)",
    ] {
        assert_eq!(purity("src/policy/mod.rs", hidden).len(), 1, "{hidden}");
    }
}
