//! The program as a user meets it, the console in a browser, and crashes: kill -9, power cuts, damaged files, a full disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
mod browser;
mod cli;
mod crash;
mod rotation;
#[allow(dead_code, unused_imports, reason = "the other test binary uses more of it")]
mod support;
