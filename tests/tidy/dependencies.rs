//! Every direct dependency has its line in `docs/dependencies.md`, and every line there is a dependency.
use crate::{assert_none, tree};
use std::fs;

const PAGE: &str = "docs/dependencies.md";

/// Names in the dependency tables of the manifest; where a crate is renamed, its own name.
fn direct(manifest: &str) -> Vec<String> {
    let (mut out, mut inside) = (Vec::new(), false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let (true, Some((name, value))) = (inside, line.split_once('=').filter(|_| !line.starts_with('#'))) {
            let renamed = value.split("package = \"").nth(1).and_then(|v| v.split('"').next());
            out.push(renamed.unwrap_or(name.trim()).to_owned());
        }
    }
    out
}

/// Crates that begin a row of a table: `| `name` | …`.
fn explained(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|l| l.strip_prefix("| `"));
    rows.filter_map(|l| l.split('`').next()).map(str::to_owned).collect()
}

fn unexplained(manifest: &str, page: &str) -> Vec<String> {
    let (direct, explained) = (direct(manifest), explained(page));
    let missing = direct.iter().filter(|d| !explained.contains(d));
    let stale = explained.iter().filter(|e| !direct.contains(e));
    missing
        .map(|d| format!("`{d}` has no row in {PAGE}: say what it is for, its licence, and what was rejected"))
        .chain(stale.map(|e| format!("`{e}` in {PAGE} is no direct dependency: take its row out")))
        .collect()
}

#[test]
fn every_dependency_is_explained() {
    let manifest = fs::read_to_string(tree::root().join("Cargo.toml")).unwrap();
    assert!(direct(&manifest).len() > 20, "Cargo.toml was not read");
    let page = fs::read_to_string(tree::root().join(PAGE)).unwrap_or_default();
    assert_none(&unexplained(&manifest, &page));
}

#[test]
fn an_unexplained_dependency_is_found() {
    let manifest = "[features]\nx = []\n[dependencies]\n# tls\nwebpki = { package = \"rustls-webpki\", version = \"1\" }\n[dev-dependencies]\nring = \"1\"\n";
    assert!(unexplained(manifest, "| `rustls-webpki` | x |\n| `ring` | y |\n").is_empty());
    assert_eq!(unexplained(manifest, "| `ring` | y |\n").len(), 1);
    assert_eq!(
        unexplained(manifest, "| `rustls-webpki` |\n| `ring` |\n| `gone` |\n").len(),
        1
    );
}
