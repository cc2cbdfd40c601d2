//! `tollgate audit overview`: how much of what there is.
use super::{moment, shown::word, which};
use crate::{
    cli::{Outcome, client_file, print, runtime},
    clock::{Clock, SystemClock},
    wire::{Timestamp, timestamp, v1},
};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The client's file of an officer or auditor.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// From here on: a day (midnight UTC), or a time with its zone. A day ago, if not given.
    #[arg(long, value_parser = moment::moment)]
    from: Option<Timestamp>,
    /// Before this. Now, if not given.
    #[arg(long, value_parser = moment::moment)]
    until: Option<Timestamp>,
    /// Width of a row's period in seconds, at least 60; at most 1,000 periods.
    #[arg(long, default_value_t = 3_600)]
    bucket_s: u32,
    /// The period of the log, from 1 on, instead of the one that takes entries.
    #[arg(long, value_parser = which::one)]
    period: Option<u32>,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let now = SystemClock.now();
    let request = v1::GetOverviewRequest {
        from: args.from.or_else(|| Some(timestamp(now.plus_ms(-86_400_000).0))),
        // What is being recorded just now is older than this.
        until: args.until.or_else(|| Some(timestamp(now.plus_ms(1).0))),
        bucket_s: args.bucket_s,
        period: args.period.unwrap_or(0),
    };
    let overview = runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        staff.overview(request).await.map_err(client_file::failure)
    })?;
    let kind = |count: &v1::OverviewCount| word(count.kind().as_str_name(), "ENTRY_KIND_");
    let class = |count: &v1::OverviewCount| word(count.class().as_str_name(), "ENTRY_CLASS_");
    if json {
        let counts: Vec<_> = overview
            .counts
            .iter()
            .map(|c| {
                serde_json::json!({
                    "from": moment::shown(c.bucket.as_ref()).replacen(' ', "T", 1) + "Z", "kind": kind(c), "class": class(c),
                    "refusal": c.refusal, "partner": c.partner, "signal": c.signal, "count": c.count,
                })
            })
            .collect();
        print::json(
            &serde_json::json!({ "counts": counts, "log_size": overview.log_size, "period_due": overview.period_due }),
        );
        return Ok(());
    }
    let rows: Vec<Vec<String>> = overview
        .counts
        .iter()
        .map(|c| {
            let what = if c.signal.is_empty() { kind(c) } else { c.signal.clone() };
            let how = if c.refusal.is_empty() {
                class(c)
            } else {
                c.refusal.clone()
            };
            let from = moment::shown(c.bucket.as_ref());
            vec![from, c.partner.clone(), what, how, c.count.to_string()]
        })
        .collect();
    print::table(&["from (UTC)", "member", "what", "how", "count"], &rows);
    print::line(format!("  of a log of {} entries", overview.log_size));
    if !overview.period_due.is_empty() {
        print::line(print::wrapped("  !", &overview.period_due));
    }
    Ok(())
}
