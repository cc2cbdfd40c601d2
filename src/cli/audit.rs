//! `tollgate audit`: searches and follows the log as an officer or auditor, fetches what a partner keeps to hold the gateway
//! to one history, and verifies and exports it offline, with nothing but the log's verifier key.
mod document;
mod entry;
mod explain;
pub(super) mod moment;
mod overview;
mod pack;
mod report;
pub(super) mod search;
mod shown;
mod stream;
mod which;
mod witnesses;

use super::{Failure, Outcome, client_file, period, print, runtime};
use crate::{
    audit::{self, ExportForm, note::VerifierKey, proof, verify},
    client::Head,
    config::read_text,
    limits::CONFIG_BYTES_MAX,
};
use clap::Subcommand;
use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Find entries, as an officer or auditor. Reading the log is an entry in it.
    Search(Box<search::Args>),
    /// Show one entry with all that can be opened of it, its proof checked.
    Entry(entry::Args),
    /// Say in sentences why an entry is what it is: which guard, agreement, consent, which bands and reasons.
    Explain(explain::Args),
    /// Report everything that was asked about a person, and what left, with proof (PIPL articles 44 and 45).
    Report(Box<report::Args>),
    /// Pack the evidence about a partner and a period for a regulator.
    Pack(pack::Args),
    /// Count entries by time and by what they are.
    Overview(overview::Args),
    /// Print entries from a number on, and with `--follow` as they are committed.
    Stream(stream::Args),
    /// Check a whole log, one receipt, or two checkpoints; names the first bad entry. Needs no gateway.
    Verify {
        /// A data directory, a file that `audit export` wrote, a receipt that `query --receipt` wrote, a report or a pack,
        /// or, with `--older`, a file that `audit continuation` wrote.
        log: PathBuf,
        /// The log's verifier key: the text, or a file that holds it.
        #[arg(long)]
        key: String,
        /// The checkpoint that the log must continue.
        #[arg(long)]
        older: Option<PathBuf>,
        /// The proof of a report in JSON, which `audit report` wrote beside it.
        #[arg(long)]
        proof: Option<PathBuf>,
        #[command(flatten)]
        witnesses: witnesses::Demanded,
    },
    /// Fetch the log's newest signed checkpoint. Keep it: nobody can go back behind it.
    Checkpoint {
        /// The client's file: address, certificates, keys. A partner's, an officer's or an auditor's.
        #[arg(long, short = 'c')]
        client: PathBuf,
        /// The smallest checkpoint that covers this many entries, instead of the newest. As an officer or auditor.
        #[arg(long)]
        size: Option<u64>,
        /// The period of the log, from 1 on: its final checkpoint if it is over. As an officer or auditor.
        #[arg(long, value_parser = which::one)]
        period: Option<u32>,
        /// The newest one that witnesses have cosigned, with their cosignatures, proven to be continued by the newest of
        /// all. As a partner.
        #[arg(long, conflicts_with_all = ["size", "period"])]
        cosigned: bool,
        /// The file to write.
        #[arg(long, short = 'o')]
        output: PathBuf,
    },
    /// Fetch the proof that the log continues a checkpoint that was kept.
    Continuation {
        /// The client's file: address, certificates, keys. A partner's, an officer's or an auditor's.
        #[arg(long, short = 'c')]
        client: PathBuf,
        /// The checkpoint that was kept.
        #[arg(long)]
        older: PathBuf,
        /// The later checkpoint, instead of the newest. As an officer or auditor.
        #[arg(long)]
        newer: Option<PathBuf>,
        /// The file to write.
        #[arg(long, short = 'o')]
        output: PathBuf,
    },
    /// End the period of the log: seal it, archive it, and begin the next. Offline.
    ClosePeriod(period::CloseArgs),
    /// Periods that are over: list, verify, delete.
    #[command(subcommand)]
    Archive(period::Archive),
    /// Legal holds: what may not be deleted, whatever its age.
    Hold(period::HoldArgs),
    /// Write the log as JSON Lines: one header, one line per entry, the checkpoint. Or as a table for a spreadsheet.
    Export {
        /// A data directory.
        dir: PathBuf,
        /// As CSV, for reading; it cannot be verified.
        #[arg(long)]
        csv: bool,
        /// As OCSF API Activity, one event a line, for a SIEM.
        #[arg(long, conflicts_with = "csv")]
        ocsf: bool,
        /// The file to write.
        #[arg(long, short = 'o')]
        output: PathBuf,
    },
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    match args.act {
        Act::Search(args) => search::run(*args, json),
        Act::Entry(args) => entry::run(&args, json),
        Act::Explain(args) => explain::run(&args, json),
        Act::Report(args) => report::run(*args, json),
        Act::Pack(args) => pack::run(&args, json),
        Act::Overview(args) => overview::run(&args, json),
        Act::Stream(args) => stream::run(&args, json),
        Act::Verify {
            log,
            key,
            older,
            proof,
            witnesses,
        } => {
            if document::checked(&log, proof.as_deref(), &key, json)? {
                return Ok(());
            }
            if witnesses.any() {
                return witnesses.verify(&log, &verifier_key(&key)?, json);
            }
            if let Some(alone) = standing_alone(&log)? {
                return proven(&alone, older.as_deref(), &key, json);
            }
            let verified = check(&log, &key)?;
            if json {
                print::json(&as_json(&verified));
            } else {
                show(&verified);
            }
            all_signed(&verified)
        }
        Act::Checkpoint {
            client,
            size,
            period,
            cosigned,
            output,
        } => {
            let head = runtime()?.block_on(async {
                match cosigned {
                    true => cosigned_checkpoint(&client).await,
                    false => checkpoint(&client, period, size).await,
                }
            })?;
            write(&output, &head.note)?;
            said(json, head.size, &head.root, &output);
            Ok(())
        }
        Act::Continuation {
            client,
            older,
            newer,
            output,
        } => {
            let older = read_text(&older).map_err(Failure::file)?;
            let newer = newer.map(|path| read_text(&path).map_err(Failure::file)).transpose()?;
            let continued = continuation(&client, &older, newer.as_deref());
            let (continuation, newest) = runtime()?.block_on(continued)?;
            write(&output, &continuation.encode())?;
            said(json, newest.size, &newest.root, &output);
            Ok(())
        }
        Act::ClosePeriod(args) => period::close(&args, json),
        Act::Archive(act) => period::archive(&act, json),
        Act::Hold(args) => period::hold(args, json),
        Act::Export { dir, csv, ocsf, output } => {
            let form = match (csv, ocsf) {
                (true, _) => ExportForm::Csv,
                (_, true) => ExportForm::Ocsf,
                _ => ExportForm::JsonLines,
            };
            export(&dir, form, &output, json)
        }
    }
}

const STAFF_ONLY: &str = "the past is looked up by officers and auditors: give the file of one";

/// The newest checkpoint with cosignatures, as a partner.
async fn cosigned_checkpoint(path: &Path) -> Result<Head, Failure> {
    let client = client_file::connect(path, None).await?;
    let head = client.cosigned_checkpoint().await.map_err(client_file::failure)?;
    head.ok_or_else(|| Failure::work("no witness has cosigned this gateway's log: ask its operator"))
}

async fn checkpoint(client: &Path, period: Option<u32>, size: Option<u64>) -> Result<Head, Failure> {
    if client_file::is_of_staff(client)? {
        let staff = client_file::connect_staff(client).await?;
        return staff
            .checkpoint(period.unwrap_or(0), size)
            .await
            .map_err(client_file::failure);
    }
    if size.is_some() || period.is_some() {
        return Err(Failure::file(STAFF_ONLY));
    }
    let client = client_file::connect(client, None).await?;
    client.check_log().await.map_err(client_file::failure)
}

async fn continuation(client: &Path, older: &str, newer: Option<&str>) -> Result<(proof::Continuation, Head), Failure> {
    if client_file::is_of_staff(client)? {
        let staff = client_file::connect_staff(client).await?;
        return staff.continuation(older, newer).await.map_err(client_file::failure);
    }
    if newer.is_some() {
        return Err(Failure::file(STAFF_ONLY));
    }
    let client = client_file::connect(client, None).await?;
    client.continuation(older).await.map_err(client_file::failure)
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|e| Failure::file(format!("cannot write `{}`: {e}", path.display())))
}

fn said(json: bool, size: u64, root: &[u8; 32], output: &Path) {
    if json {
        print::json(&serde_json::json!({ "entries": size, "root": print::hex(root), "file": output }));
    } else {
        print::line(format!(
            "a log of {size} entries, root {}, in `{}`",
            print::hex(root),
            output.display()
        ));
    }
}

/// A receipt or a continuation: small files that prove by themselves. `None` for directories and exports.
fn standing_alone(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable = |e: std::io::Error| Failure::file(format!("cannot read `{}`: {e}", path.display()));
    if path.is_dir() {
        return Ok(None);
    }
    let mut start = Vec::new();
    let mut file = File::open(path).map_err(unreadable)?.take(CONFIG_BYTES_MAX);
    file.read_to_end(&mut start).map_err(unreadable)?;
    let text = String::from_utf8(start).ok();
    Ok(text.filter(|text| proof::is_receipt(text) || proof::is_continuation(text)))
}

fn proven(text: &str, older: Option<&Path>, key: &str, json: bool) -> Outcome {
    let key = verifier_key(key)?;
    if proof::is_receipt(text) {
        let proven = verify::receipt(text, &key).map_err(Failure::proof)?;
        receipt_shown(&proven, json);
        return Ok(());
    }
    let older = older.ok_or_else(|| Failure::file("give the older checkpoint with `--older FILE`"))?;
    let older = read_text(older).map_err(Failure::file)?;
    let (older, newer) = verify::continuation(&older, text, &key).map_err(Failure::proof)?;
    if json {
        print::json(&serde_json::json!({ "verified": true, "from": older.size, "to": newer.size }));
    } else {
        print::line(format!(
            "  the log of {} entries begins with the {} of the older checkpoint: nothing was changed, nothing was removed",
            newer.size, older.size
        ));
    }
    Ok(())
}

fn receipt_shown(proven: &verify::Proven, json: bool) {
    let (leaf, checkpoint) = (&proven.leaf, &proven.checkpoint);
    let time = crate::wire::millis(leaf.time.as_ref()).unwrap_or(0);
    let time = jiff::Timestamp::from_millisecond(time)
        .map(|t| t.to_string())
        .unwrap_or_default();
    if json {
        print::json(&serde_json::json!({
            "verified": true, "log": checkpoint.origin, "entry": leaf.seq, "log_size": checkpoint.size, "time": time,
            "partner": leaf.partner, "agreement": leaf.agreement, "method": leaf.method,
        }));
        return;
    }
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    print::table(
        &["the receipt holds", ""],
        &[
            row("log", &checkpoint.origin),
            row("entry", &format!("{} of {}", leaf.seq, checkpoint.size)),
            row("time", &time),
            row("partner", &leaf.partner),
            row("agreement", &leaf.agreement),
            row("method", &leaf.method),
        ],
    );
}

fn verifier_key(key: &str) -> Result<VerifierKey, Failure> {
    let text = match std::fs::read_to_string(key) {
        Ok(text) => text,
        Err(_) => key.to_owned(),
    };
    VerifierKey::parse(text.trim()).map_err(|e| Failure::file(format!("the verifier key: {e}")))
}

/// Verifies a directory or an export.
pub(super) fn check(log: &Path, key: &str) -> Result<verify::Verified, Failure> {
    let key = verifier_key(key)?;
    let count = print::counter("entries verified");
    let mut progress = |done: u64| count.set_position(done);
    let verified = if log.is_dir() {
        verify::dir(log, &key, &mut progress)
    } else {
        let file = File::open(log).map_err(|e| Failure::file(format!("cannot read `{}`: {e}", log.display())))?;
        verify::export(BufReader::new(file), &key, &mut progress)
    };
    count.finish_and_clear();
    verified.map_err(Failure::proof)
}

/// Entries that no checkpoint covers are not vouched for.
fn all_signed(verified: &verify::Verified) -> Outcome {
    match verified.entries - verified.signed {
        0 => Ok(()),
        n => Err(Failure::proof(format!(
            "the last {n} entries are not under a signed checkpoint: the gateway was cut off while it wrote them, or \
             somebody added them. Start the gateway, it checks and signs them, and verify again"
        ))),
    }
}

fn export(dir: &Path, form: ExportForm, output: &Path, json: bool) -> Outcome {
    let unwritable = |e: std::io::Error| Failure::file(format!("cannot write `{}`: {e}", output.display()));
    let mut file = BufWriter::new(File::create_new(output).map_err(unwritable)?);
    let count = print::counter("entries exported");
    let entries = audit::export(dir, form, &mut file, &mut |done| count.set_position(done)).map_err(Failure::work)?;
    count.finish_and_clear();
    file.flush().map_err(unwritable)?;
    if json {
        print::json(&serde_json::json!({ "entries": entries, "file": output }));
    } else {
        print::line(format!("{entries} entries in `{}`", output.display()));
    }
    Ok(())
}

pub(super) fn as_json(verified: &verify::Verified) -> serde_json::Value {
    serde_json::json!({
        "verified": verified.signed == verified.entries,
        "entries": verified.signed,
        "unsigned_entries": verified.entries - verified.signed,
        "torn_bytes": verified.torn_bytes,
        "root": print::hex(&verified.root),
    })
}

pub(super) fn show(verified: &verify::Verified) {
    print::line(format!(
        "  the log holds: {} entries, each hashed, in the tree of the signed checkpoint",
        verified.signed
    ));
    if verified.torn_bytes > 0 {
        print::line(format!(
            "  {} bytes behind the last batch are none: the gateway was cut off while it wrote, and drops them when it starts",
            verified.torn_bytes
        ));
    }
    print::line(format!("  root {}", print::hex(&verified.root)));
}
