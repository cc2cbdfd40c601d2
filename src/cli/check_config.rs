//! `tollgate check-config`: everything that `serve` checks before it binds a port.
use super::{Failure, Outcome, ask, print};
use crate::app;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The gateway's configuration file.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let config = ask::configuration(&args.config)?;
    let view = app::judge_by(&config).map_err(Failure::app)?;
    app::check_channel(&config).map_err(Failure::app)?;
    app::check_witnesses(&config).map_err(Failure::app)?;
    let unlocked = app::check_keys(&config).map_err(Failure::app)?;
    let hash = print::hex(&view.snapshot.hash());
    if json {
        print::json(
            &serde_json::json!({ "ok": true, "snapshot": hash, "root": config.keys.root.name(), "warning": unlocked }),
        );
    } else {
        print::line(format!("`{}` is sound: the gateway would start", args.config.display()));
        print::line(format!("snapshot {hash}"));
        print::line(format!("root of the keys: {}", config.keys.root.name()));
        if let Some(warning) = unlocked {
            print::line(format!("warning: {warning}"));
        }
    }
    Ok(())
}
