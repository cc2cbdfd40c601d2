//! The house rules, held by reading the tree: one crate behind one door, arrows that point down, pure modules, file
//! sizes, names, no secrets, no dead links, and a page that explains every refusal.
//!
//! Only the standard library is used here, so this is the first test to run and the last to break. Each rule is a
//! function from text to findings, and each has a test that shows it can fail. A finding says what to do instead.
//! `TOLLGATE_REGENERATE=1 cargo test --test tidy` writes `docs/errors.md` anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/refusals.rs"]
mod refusals;
#[path = "tidy/secrets.rs"]
mod secrets;
#[path = "tidy/tree.rs"]
mod tree;

/// Fails with one line per finding.
fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
