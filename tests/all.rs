//! The request path, the channel and the whole gateway, by real certificates, processes and files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
mod backup;
mod erasure;
mod mtls;
mod path;
mod sim;
mod support;
mod witness;
