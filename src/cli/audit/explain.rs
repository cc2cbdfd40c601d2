//! `tollgate audit explain`: an entry in sentences.
use super::which;
use crate::cli::{Outcome, client_file, print, runtime};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer or auditor.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Number of the entry.
    entry: u64,
    /// The period of the log, from 1 on, instead of the one that takes entries.
    #[arg(long, value_parser = which::one)]
    period: Option<u32>,
    /// `en` or `zh`.
    #[arg(long, default_value = "en")]
    language: String,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let entry = runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        let entry = staff.entry(args.period.unwrap_or(0), args.entry, &args.language).await;
        entry.map_err(client_file::failure)
    })?;
    let words = &entry.response.explanation;
    if json {
        print::json(&serde_json::json!({
            "entry": entry.leaf.seq, "period": entry.response.period, "language": args.language, "explanation": words, "verified": true,
        }));
        return Ok(());
    }
    words.iter().for_each(print::line);
    Ok(())
}
