//! `tollgate keys move`: another root for the gateway's keys.
use crate::{
    app,
    cli::{Failure, Outcome, ask, print},
    config::Config,
    keyring::Moved,
};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The gateway's configuration file: `[keys]` in it says the new root.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
    /// A configuration file as it was before: `[keys]` in it says the old root. Without it the old root is `root.key`.
    #[arg(long)]
    from: Option<PathBuf>,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let mut from = match &args.from {
        Some(path) => Config::load(path).map_err(Failure::file)?.keys,
        None => Default::default(),
    };
    ask::passphrase(&mut from, "old passphrase of the keyring: ")?;
    let config = ask::configuration_of_new(&args.config)?;
    let moved = app::move_keys(&config, &from).map_err(Failure::app)?;
    let root = config.keys.root.name();
    if json {
        print::json(&serde_json::json!({ "root": root, "moved": moved == Moved::Now }));
        return Ok(());
    }
    print::line(match moved {
        Moved::Now => format!("the keyring is under the root `{root}` now"),
        Moved::Before => format!("the keyring was under the root `{root}` already; what the old one left is removed"),
    });
    print::line("a copy of the old keyring, as in a backup, still opens with the old root: destroy both");
    Ok(())
}
