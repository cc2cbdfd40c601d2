//! `tollgate audit`: verifies and exports the log, offline. Needs nothing but the log's verifier key.
use super::{Failure, Outcome, print};
use crate::audit::{self, note::VerifierKey, verify};
use clap::Subcommand;
use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Check every entry, the tree and the newest checkpoint; names the first bad entry.
    Verify {
        /// A data directory, or a file that `audit export` wrote.
        log: PathBuf,
        /// The log's verifier key: the text, or a file that holds it.
        #[arg(long)]
        key: String,
    },
    /// Write the log as JSON Lines: one header, one line per entry, the checkpoint.
    Export {
        /// A data directory.
        dir: PathBuf,
        /// The file to write.
        #[arg(long, short = 'o')]
        output: PathBuf,
    },
}

pub(super) fn run(args: Args, json: bool) -> Outcome {
    match args.act {
        Act::Verify { log, key } => {
            let verified = check(&log, &key)?;
            if json {
                print::json(&as_json(&verified));
            } else {
                show(&verified);
            }
            all_signed(&verified)
        }
        Act::Export { dir, output } => export(&dir, &output, json),
    }
}

/// Verifies a directory or an export.
pub(super) fn check(log: &Path, key: &str) -> Result<verify::Verified, Failure> {
    let text = match std::fs::read_to_string(key) {
        Ok(text) => text,
        Err(_) => key.to_owned(),
    };
    let key = VerifierKey::parse(text.trim()).map_err(|e| Failure::file(format!("the verifier key: {e}")))?;
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

fn export(dir: &Path, output: &Path, json: bool) -> Outcome {
    let unwritable = |e: std::io::Error| Failure::file(format!("cannot write `{}`: {e}", output.display()));
    let mut file = BufWriter::new(File::create_new(output).map_err(unwritable)?);
    let count = print::counter("entries exported");
    let entries = audit::export(dir, &mut file, &mut |done| count.set_position(done)).map_err(Failure::work)?;
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
