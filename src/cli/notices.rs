//! `tollgate notices`: what a partner is told of corrections, and that it dealt with them.
use super::{Outcome, client_file, print, runtime};
use crate::wire::{millis, v1};
use std::{net::SocketAddr, path::PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The client's file: address, certificates, keys.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Ask there instead of the address in the file.
    #[arg(long)]
    address: Option<SocketAddr>,
    /// Say that all that are shown are dealt with: they are not shown again.
    #[arg(long)]
    acknowledge: bool,
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    let (notices, acknowledged) = runtime()?.block_on(async {
        let client = client_file::connect(&args.client, args.address).await?;
        let notices = client.notices().await.map_err(client_file::failure)?;
        let acknowledged = match args.acknowledge {
            true => Some(client.acknowledge(&notices).await.map_err(client_file::failure)?),
            false => None,
        };
        Ok::<_, super::Failure>((notices, acknowledged))
    })?;
    if json {
        let notices: Vec<_> = notices.iter().map(as_json).collect();
        print::json(&serde_json::json!({ "notices": notices, "acknowledged": acknowledged }));
        return Ok(());
    }
    show(&notices);
    if let Some(count) = acknowledged {
        print::line(format!("{count} notices acknowledged"));
    }
    Ok(())
}

fn time(ms: Option<i64>) -> String {
    let time = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map(|t| t.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

fn show(notices: &[v1::Notice]) {
    if notices.is_empty() {
        print::line("no notices: nothing that you rely on was corrected");
        return;
    }
    let rows = notices.iter().flat_map(|notice| {
        notice.answers.iter().map(|answer| {
            vec![
                time(millis(notice.corrected_at.as_ref())),
                print::hex(&answer.request_id),
                answer.reference.clone(),
                answer.signals.join(" "),
                time(millis(answer.valid_until.as_ref())),
            ]
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    print::table(
        &[
            "corrected (UTC)",
            "your request",
            "reference",
            "ask again for",
            "relied on until",
        ],
        &rows,
    );
}

fn as_json(notice: &v1::Notice) -> serde_json::Value {
    let answers: Vec<_> = notice
        .answers
        .iter()
        .map(|answer| {
            serde_json::json!({
                "request_id": print::hex(&answer.request_id),
                "reference": answer.reference,
                "answered_at_ms": millis(answer.answered_at.as_ref()),
                "signals": answer.signals,
                "valid_until_ms": millis(answer.valid_until.as_ref()),
            })
        })
        .collect();
    serde_json::json!({
        "notice_id": print::hex(&notice.notice_id),
        "corrected_at_ms": millis(notice.corrected_at.as_ref()),
        "reference": notice.reference,
        "answers": answers,
    })
}
