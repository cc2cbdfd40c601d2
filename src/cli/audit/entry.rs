//! `tollgate audit entry`: one entry, opened and proven.
use super::{moment, shown, which, write};
use crate::{
    cli::{Outcome, client_file, print, query::word, runtime},
    client::ShownEntry,
    wire::{Message, v1},
};
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
    /// Language of the explanation: `en` or `zh`.
    #[arg(long, default_value = "en")]
    language: String,
    /// Keep the proof in this file: `tollgate audit verify FILE --key KEY` checks it, today and in years.
    #[arg(long, short = 'o')]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    let entry = runtime()?.block_on(async {
        let staff = client_file::connect_staff(&args.client).await?;
        let entry = staff.entry(args.period.unwrap_or(0), args.entry, &args.language).await;
        entry.map_err(client_file::failure)
    })?;
    if let Some(path) = &args.output {
        write(path, &entry.response.proof)?;
    }
    if json {
        print::json(&as_json(&entry));
    } else {
        show(&entry);
    }
    Ok(())
}

/// What was answered, of a question that was.
fn answer(entry: &ShownEntry) -> Option<v1::Answer> {
    let bytes = &entry.response.institution.as_ref()?.answer;
    let is_answer = entry.leaf.kind() == v1::EntryKind::Query && !bytes.is_empty();
    is_answer.then(|| v1::Answer::decode(bytes.as_slice()).ok()).flatten()
}

fn as_json(entry: &ShownEntry) -> serde_json::Value {
    let mut object = shown::leaf_json(entry.response.period, &entry.leaf);
    let (x, i) = (&entry.response.partner_detail, &entry.response.institution);
    let x = x.clone().unwrap_or_default();
    let signals = answer(entry).map(|answer| {
        let signals = answer.signals.iter().map(|s| {
            serde_json::json!({ "signal": s.signal, "outcome": word(s.outcome), "band": s.band, "reason_codes": s.reason_codes })
        });
        signals.collect::<Vec<_>>()
    });
    let more = serde_json::json!({
        "opened": entry.response.opened,
        "request_id": print::hex(&x.request_id), "purpose": x.purpose, "consent_id": print::hex(&x.consent_id),
        "signals": x.signals, "signing_key_id": x.signing_key_id, "reference": x.reference,
        "outcomes": i.as_ref().map(|i| &i.outcomes), "fields_read": i.as_ref().map(|i| &i.fields_read),
        "fields_withheld": i.as_ref().map(|i| &i.fields_withheld), "count": i.as_ref().map(|i| i.count),
        "note": i.as_ref().map(|i| &i.note), "answer": signals, "explanation": entry.response.explanation,
        "proof": { "verified": true, "log_size": entry.head.size, "root": print::hex(&entry.head.root), "key": entry.key.text(), "text": entry.response.proof },
    });
    if let serde_json::Value::Object(more) = more {
        object.extend(more);
    }
    object.into()
}

fn show(entry: &ShownEntry) {
    let leaf = &entry.leaf;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![name.to_owned(), value]);
        }
    };
    row("entry", leaf.seq.to_string());
    row("period", entry.response.period.to_string());
    row("time (UTC)", moment::shown(leaf.time.as_ref()));
    row("kind", shown::kind(leaf));
    row("class", shown::class(leaf));
    row("refusal", leaf.refusal.clone());
    row("certificate", leaf.peer.clone());
    row("member", leaf.partner.clone());
    row("agreement", leaf.agreement.clone());
    row("method", leaf.method.clone());
    row("keys", leaf.key_ids.join(", "));
    if let Some(x) = &entry.response.partner_detail {
        row("reference", x.reference.clone());
        row("request", print::hex(&x.request_id));
        row("purpose", x.purpose.clone());
        row("consent", print::hex(&x.consent_id));
        row("signals", x.signals.join(", "));
        row("signed with", x.signing_key_id.clone());
    }
    if let Some(i) = &entry.response.institution {
        row("outcomes", i.outcomes.join(", "));
        row("read", i.fields_read.join(", "));
        row("withheld", i.fields_withheld.join(", "));
        row("note", i.note.clone());
        if i.count > 0 {
            row("count", i.count.to_string());
        }
    }
    for signal in answer(entry).into_iter().flat_map(|answer| answer.signals) {
        let said = if signal.band.is_empty() {
            word(signal.outcome).to_owned()
        } else {
            signal.band
        };
        row(
            "answered",
            format!("{}: {said} {}", signal.signal, signal.reason_codes.join(" ")),
        );
    }
    if !entry.response.opened {
        row("details", "sealed under a key that is destroyed".to_owned());
    }
    let width = rows
        .iter()
        .filter_map(|r| r.first())
        .map(String::len)
        .max()
        .unwrap_or(0);
    for cells in &rows {
        if let [name, value] = cells.as_slice() {
            print::line(format!("  {name:<width$}  {value}").trim_end());
        }
    }
    entry
        .response
        .explanation
        .iter()
        .for_each(|text| print::line(print::wrapped("  -", text)));
    print::line(format!(
        "  the entry is in the log: proven under a checkpoint of {} entries that the log's key signed",
        entry.head.size
    ));
    print::line(format!("  the key of that checkpoint: {}", entry.key.text()));
}
