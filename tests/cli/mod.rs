//! The program as a user meets it: the binary itself, real files, real processes that are ended by their ids.
mod bank;
mod program;
mod site;

mod configuration;
mod demo;
mod exit_codes;
mod loading;
mod loading_killed;
mod outside;
mod secrets;
mod start;
mod stop;

pub(crate) use program::{Gateway, Ran, Spawned, program, tollgate};
pub(crate) use site::Site;

/// A test that cannot run on this machine: said, and a failure where everything must run.
fn skip(why: &str) {
    assert!(std::env::var_os("TOLLGATE_REQUIRE_ALL").is_none(), "cannot run: {why}");
    eprintln!("skipped: {why}");
}
