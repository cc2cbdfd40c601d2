//! `tollgate init`: an empty data directory with its keys. Separate from `serve`, so that a mistyped path never begins a
//! second, empty log.
use super::{Failure, Outcome, ask, print};
use crate::{
    app,
    clock::{Clock, SystemClock},
};
use std::{fs::File, io::Write, path::PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The gateway's configuration file; it names the data directory.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
    /// Also write the log's verifier key to this file, which must not exist.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// Mark the keyring as one for development.
    #[arg(long)]
    dev: bool,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let config = ask::configuration_of_new(&args.config)?;
    let vkey = app::create_data(&config, SystemClock.now(), args.dev).map_err(Failure::app)?;
    if let Some(path) = &args.key_file {
        File::create_new(path)
            .and_then(|mut file| writeln!(file, "{vkey}"))
            .map_err(|e| Failure::file(format!("cannot write `{}`: {e}; the key is {vkey}", path.display())))?;
    }
    if json {
        print::json(&serde_json::json!({ "data_dir": config.gateway.data_dir, "log_verifier_key": vkey }));
    } else {
        print::line(format!("made `{}`", config.gateway.data_dir.display()));
        print::line(format!("log verifier key (give it to partners and auditors): {vkey}"));
    }
    Ok(())
}
