//! x
use super::Outcome;
#[derive(clap::Args)]
pub(super) struct Args {}
pub(super) fn run(_: Args, _: bool) -> Outcome { Ok(()) }
