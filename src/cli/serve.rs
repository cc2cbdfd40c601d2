//! `tollgate serve`: runs until SIGTERM or SIGINT, then drains.
use super::{Failure, Outcome, ask, print, runtime};
use crate::app;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The gateway's configuration file.
    #[arg(default_value = "gateway.toml")]
    config: PathBuf,
    /// Structured logs as JSON lines instead of text.
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(args: Args) -> Outcome {
    let config = ask::configuration(&args.config)?;
    crate::telemetry::start(args.log_json, "warn,tollgate=info");
    runtime()?.block_on(async move {
        let mut running = app::start(&config).await.map_err(Failure::app)?;
        let mut signals = app::StopSignals::listen().map_err(Failure::app)?;
        // A passphrase that was typed is of no more use.
        drop(config);
        print::remark(format!("the log: {}", running.recovery()));
        print::remark(format!(
            "tollgate serves partners on {} and staff on {}; stop with Ctrl-C",
            running.partners(),
            running.staff()
        ));
        if let Some(witness) = running.witness() {
            print::remark(format!("tollgate witnesses other logs on {witness}"));
        }
        if let Some(console) = running.console() {
            print::remark(format!(
                "its console is https://{console}/, for browsers with a staff certificate"
            ));
        }
        let told = running.until_told_to_stop(&mut signals).await;
        print::remark("draining");
        // Why it ends comes first; the stop after a failure may fail for the same reason.
        told.and(running.stop().await).map_err(Failure::app)
    })
}
