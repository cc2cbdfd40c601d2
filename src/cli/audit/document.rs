//! `tollgate audit verify` of reports and packs: offline, with nothing but the log's key.
use super::verifier_key;
use crate::{
    cli::{Failure, print},
    config::read_text,
    evidence::{self, DocumentProof, Proven, SubjectReport, pack},
    limits::{PACK_BYTES_MAX, PAGE_BYTES_MAX},
};
use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
};

/// The first block of an archive, or the first tag of a page.
const START_BYTES: u64 = 512;

/// Checks a report or pack; `false` if the file is neither.
pub(super) fn checked(path: &Path, proof: Option<&Path>, key: &str, json: bool) -> Result<bool, Failure> {
    if path.is_dir() {
        return Ok(false);
    }
    let unreadable = |e: std::io::Error| Failure::file(format!("cannot read `{}`: {e}", path.display()));
    let mut file = File::open(path).map_err(unreadable)?;
    let mut start = Vec::new();
    (&mut file)
        .take(START_BYTES)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    let (is_pack, is_page) = (pack::is_pack(&start), start.starts_with(b"<!DOCTYPE html>"));
    if !is_pack && !is_page && proof.is_none() {
        return Ok(false);
    }
    let key = verifier_key(key)?;
    let mut bytes = Vec::new();
    file.rewind().map_err(unreadable)?;
    // One byte more than any of ours: what is longer is refused, not cut.
    let bound = PACK_BYTES_MAX.max(PAGE_BYTES_MAX) as u64 + 1;
    file.take(bound).read_to_end(&mut bytes).map_err(unreadable)?;
    if is_pack {
        let checked = pack::verify(&bytes, &key).map_err(Failure::proof)?;
        pack_shown(&checked, json);
        return Ok(true);
    }
    let (report, proven) = match proof {
        Some(proof) => {
            let proof = DocumentProof::decode(&read_text(proof).map_err(Failure::file)?).map_err(Failure::proof)?;
            evidence::verify_report(&bytes, &proof, &key).map_err(Failure::proof)?
        }
        None => {
            let text = String::from_utf8(bytes).map_err(|_| Failure::proof("the page is not text"))?;
            let page = evidence::verify_page(&text, &key).map_err(Failure::proof)?;
            (page.report, page.proven)
        }
    };
    if json {
        print::json(&report_json(&report, &proven));
    } else {
        show_report(&report, &proven);
    }
    Ok(true)
}

/// A line a fact, however narrow the terminal.
fn said(heading: &str, rows: &[Vec<String>]) {
    print::line(format!("  {heading}"));
    for cells in rows {
        if let [name, value] = cells.as_slice() {
            print::line(format!("    {name:<16} {value}"));
        }
    }
}

pub(super) fn report_json(report: &SubjectReport, proven: &Proven) -> serde_json::Value {
    serde_json::json!({
        "verified": true, "log": proven.origin, "entry": proven.leaf.seq, "log_size": proven.log_size,
        "sha256": print::hex(&proven.sha256), "made_by": proven.leaf.peer, "made_at": report.made_at,
        "subject": report.subject, "known": report.known, "entries": report.entries.len(),
        "earlier_until": report.earlier_until, "report": report,
    })
}

pub(super) fn show_report(report: &SubjectReport, proven: &Proven) {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("log", proven.origin.clone()),
        row("entry", format!("{} of {}", proven.leaf.seq, proven.log_size)),
        row("made", format!("{} by {}", report.made_at, proven.leaf.peer)),
        row("person", report.subject.clone()),
        row("entries", report.entries.len().to_string()),
    ];
    if let Some(until) = &report.earlier_until {
        rows.push(row("earlier entries", format!("in a report until {until}")));
    }
    if !report.known {
        rows.push(row("known", "no: nothing was asked about this person".to_owned()));
    }
    said("the report holds", &rows);
}

pub(super) fn pack_shown(checked: &pack::Checked, json: bool) {
    let (manifest, proven) = (&checked.manifest, &checked.proven);
    if json {
        print::json(&serde_json::json!({
            "verified": true, "log": proven.origin, "entry": proven.leaf.seq, "log_size": proven.log_size,
            "sha256": print::hex(&proven.sha256), "made_by": proven.leaf.peer, "made_at": manifest.made_at,
            "partner": manifest.partner, "from": manifest.from, "until": manifest.until, "seed": manifest.seed,
            "population": manifest.population, "sample": manifest.sample, "opened": checked.opened,
            "drawn_from": manifest.drawn_from, "files": manifest.files.len(),
        }));
        return;
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("log", proven.origin.clone()),
        row("entry", format!("{} of {}", proven.leaf.seq, proven.log_size)),
        row("made", format!("{} by {}", manifest.made_at, proven.leaf.peer)),
        row("partner", manifest.partner.clone()),
        row("period", format!("{} to {}", manifest.from, manifest.until)),
        row(
            "sample",
            format!(
                "{} of {} entries, {} opened: each is in the log and has the rank that the seed gives it",
                manifest.sample, manifest.population, checked.opened
            ),
        ),
        row("files", manifest.files.len().to_string()),
    ];
    if let Some(from) = &manifest.drawn_from {
        rows.push(row(
            "drawn from",
            format!("{from}: the period holds more than a pack takes"),
        ));
    }
    said("the pack holds", &rows);
}
