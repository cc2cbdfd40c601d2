//! `tollgate audit verify --witness`: that a log is the one that witnesses have cosigned.
use super::{Failure, Outcome, print, show};
use crate::{
    audit::{
        cosignature::{Cosigned, WitnessKey, cosignatures},
        note::{self, Checkpoint, VerifierKey},
        verify,
    },
    config::read_text,
    store::DataDir,
};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

/// What witnesses must have said.
#[derive(clap::Args)]
pub(super) struct Demanded {
    /// A witness whose cosignature counts: its verifier key, or a file that holds it; may be repeated.
    #[arg(long = "witness")]
    witnesses: Vec<String>,
    /// How many of them must have cosigned; all of them unless said.
    #[arg(long, requires = "witnesses")]
    witnesses_min: Option<usize>,
    /// The cosigned checkpoint that the log must go through: a file that `audit checkpoint --cosigned` wrote. A data
    /// directory has its own.
    #[arg(long, requires = "witnesses")]
    cosigned: Option<PathBuf>,
}

impl Demanded {
    pub(super) fn any(&self) -> bool {
        !self.witnesses.is_empty()
    }

    /// Verifies a data directory, an export, or a cosigned checkpoint alone.
    pub(super) fn verify(&self, log: &Path, key: &VerifierKey, json: bool) -> Outcome {
        if !log.is_dir() && self.cosigned.is_none() {
            let (checkpoint, cosigned) = self.checkpoint(log, key)?;
            said(json, &checkpoint, &cosigned, None);
            return Ok(());
        }
        let file = self.cosigned.clone().unwrap_or_else(|| DataDir::cosigned_note_of(log));
        let (checkpoint, cosigned) = self.checkpoint(&file, key)?;
        let count = print::counter("entries verified");
        let mut progress = |done: u64| count.set_position(done);
        let verified = if log.is_dir() {
            verify::dir_through(log, key, &checkpoint, &mut progress)
        } else {
            let file = File::open(log).map_err(|e| Failure::file(format!("cannot read `{}`: {e}", log.display())))?;
            verify::export_through(BufReader::new(file), key, &checkpoint, &mut progress)
        };
        count.finish_and_clear();
        let verified = verified.map_err(Failure::proof)?;
        said(json, &checkpoint, &cosigned, Some(&verified));
        super::all_signed(&verified)
    }

    fn checkpoint(&self, path: &Path, key: &VerifierKey) -> Result<(Checkpoint, Vec<Cosigned>), Failure> {
        let keys = self.witnesses.iter().map(|text| witness_key(text));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let note = read_text(path).map_err(Failure::file)?;
        let why = |e| Failure::proof(format!("`{}`: {e}", path.display()));
        let checkpoint = note::verify(&note, key).map_err(why)?;
        let cosigned = cosignatures(&note, &keys).map_err(why)?;
        let min = self.witnesses_min.unwrap_or(keys.len());
        if cosigned.len() < min {
            return Err(Failure::proof(format!(
                "{} of the named witnesses have cosigned the checkpoint in `{}`, and {min} must",
                cosigned.len(),
                path.display()
            )));
        }
        Ok((checkpoint, cosigned))
    }
}

fn witness_key(text: &str) -> Result<WitnessKey, Failure> {
    let text = std::fs::read_to_string(text).unwrap_or_else(|_| text.to_owned());
    WitnessKey::parse(text.trim()).map_err(Failure::file)
}

fn said(json: bool, checkpoint: &Checkpoint, cosigned: &[Cosigned], verified: Option<&verify::Verified>) {
    if json {
        let witnesses: Vec<_> = cosigned
            .iter()
            .map(|c| serde_json::json!({ "witness": c.witness, "time_s": c.time_s }))
            .collect();
        let log = verified.map(super::as_json);
        print::json(&serde_json::json!({
            "verified": true, "log": checkpoint.origin, "cosigned_entries": checkpoint.size,
            "root": print::hex(&checkpoint.root), "witnesses": witnesses, "whole_log": log,
        }));
        return;
    }
    if let Some(verified) = verified {
        show(verified);
    }
    print::line(format!(
        "  the first {} entries of `{}` are cosigned by {}",
        checkpoint.size,
        checkpoint.origin,
        cosigned
            .iter()
            .map(|c| format!("`{}`", c.witness))
            .collect::<Vec<_>>()
            .join(", ")
    ));
}
