//! `tollgate audit pack`: the evidence about a partner and a period, as one archive.
use super::{document, moment, which};
use crate::{
    cli::{Failure, Outcome, client_file, print, runtime},
    evidence::pack,
    wire::{Timestamp, v1},
};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer or auditor.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// About whom: a member of the register.
    #[arg(long)]
    partner: String,
    /// From here on: a day (midnight UTC), or a time with its zone.
    #[arg(long, value_parser = moment::moment)]
    from: Timestamp,
    /// Before this.
    #[arg(long, value_parser = moment::moment)]
    until: Timestamp,
    /// The period of the log that it is taken from, from 1 on, instead of the one that takes entries.
    #[arg(long, value_parser = which::one)]
    period: Option<u32>,
    /// Entries to draw and open, at most 1,000.
    #[arg(long, default_value_t = 50)]
    sample: u32,
    /// What the sample is drawn by: a text that the regulator names once the period is over, 1 to 64 bytes.
    #[arg(long)]
    seed: String,
    /// The archive to write.
    #[arg(long, short = 'o')]
    output: PathBuf,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let request = v1::PackRequest {
        period: args.period.unwrap_or(0),
        partner: args.partner.clone(),
        from: Some(args.from),
        until: Some(args.until),
        sample: args.sample,
        seed: args.seed.clone().into_bytes(),
    };
    let bar = print::counter("bytes of the pack");
    let (archive, key) = runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        let archive = staff.pack(request, &mut |done, _| bar.set_position(done)).await;
        Ok::<_, Failure>((archive.map_err(client_file::failure)?, staff.key().clone()))
    })?;
    bar.finish_and_clear();
    // Nothing is written that the log does not stand behind.
    let checked = pack::verify(&archive, &key).map_err(Failure::proof)?;
    std::fs::write(&args.output, &archive)
        .map_err(|e| Failure::file(format!("cannot write `{}`: {e}", args.output.display())))?;
    document::pack_shown(&checked, json);
    Ok(())
}
