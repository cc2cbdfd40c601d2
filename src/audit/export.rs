//! The log as JSON Lines: a header, a line an entry, checkpoints in between, the newest checkpoint at the end. Or as a
//! table for a spreadsheet.
//!
//! It reads the journal of a data directory, also beside a running gateway, and writes nothing there. Details stay
//! sealed.
use super::{
    disk::ReadOnly,
    frame::Frame,
    journal::{self, JournalError, Place},
    note,
    slots::Slots,
    spreadsheet,
    stored::{read_entry, read_leaf},
};
use crate::wire::v1;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    path::Path,
};

const FORMAT: &str = "tollgate-audit-export 1";
/// A checkpoint is written after at least this many entries: an export that was changed is then known to be wrong
/// between two of them.
const CHECKPOINT_EVERY: u64 = 128;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It could not be written or read.
    #[error("the export failed: {0}")]
    Io(#[from] io::Error),
    /// The head or the journal is damaged.
    #[error("the log is damaged: {0}; run `tollgate audit verify`")]
    Damaged(String),
}

impl From<JournalError> for ExportError {
    fn from(error: JournalError) -> Self {
        ExportError::Damaged(error.to_string())
    }
}

/// In which form a log is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// Whole, and can be verified.
    JsonLines,
    /// A table for a spreadsheet: what leaves say, without what proves it.
    Csv,
    /// Events of OCSF, one a line, for a SIEM: each holds its leaf, the last checkpoint covers all.
    Ocsf,
}

/// Writes the signed part of the log at `path`, a data directory, and returns the number of entries.
pub fn export(
    path: &Path,
    form: ExportForm,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, ExportError> {
    let damaged = |why: &str| ExportError::Damaged(why.to_owned());
    let (_, copies) = Slots::open(&ReadOnly, &path.join("head"))?;
    let newest = copies.into_iter().next().and_then(|c| String::from_utf8(c).ok());
    let head = newest.ok_or_else(|| damaged("the file `head` cannot be read"))?;
    let checkpoint = note::read_unverified(&head).map_err(|_| damaged("the file `head` holds no checkpoint"))?;
    let journal = path.join("journal");
    let origin = journal::origin(&ReadOnly, &journal)?;
    let segments = journal::segments(&ReadOnly, &journal, &origin)?;
    let mut exporter = Exporter {
        origin: &origin,
        out,
        form,
        size: checkpoint.size,
        done: 0,
        checkpointed: 0,
    };
    exporter.line(&Line::Header(HeaderLine {
        format: FORMAT.into(),
        origin: origin.clone(),
        size: checkpoint.size,
    }))?;
    journal::scan(&ReadOnly, &segments, Place::start_of(1), |_, _, frame| {
        exporter.frame(frame)?;
        progress(exporter.done);
        Ok::<_, ExportError>(())
    })?;
    if exporter.done != checkpoint.size {
        return Err(damaged("the journal is shorter than the head says"));
    }
    exporter.checkpoint(&head)?;
    Ok(exporter.done)
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Entry(EntryLine),
    Checkpoint(CheckpointLine),
    Header(HeaderLine),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    pub(super) format: String,
    pub(super) origin: String,
    pub(super) size: u64,
}

impl HeaderLine {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.format == FORMAT {
            Ok(())
        } else {
            Err("the export has another format")
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointLine {
    pub(super) checkpoint: String,
}

/// What a leaf says, for who reads it without tools; the leaf itself is what counts.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine {
    pub(super) seq: u64,
    pub(super) time: String,
    pub(super) kind: String,
    pub(super) class: String,
    pub(super) refusal: String,
    pub(super) peer: String,
    pub(super) partner: String,
    pub(super) agreement: String,
    pub(super) method: String,
    pub(super) leaf: String,
    pub(super) details: String,
}

impl EntryLine {
    pub(super) fn new(bytes: &[u8], leaf: &v1::Leaf, time_ms: i64, details: &[u8]) -> Self {
        let time = jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default();
        Self {
            seq: leaf.seq,
            time: format!("{time:.3}"),
            kind: short(leaf.kind().as_str_name(), "ENTRY_KIND_"),
            class: short(leaf.class().as_str_name(), "ENTRY_CLASS_"),
            refusal: leaf.refusal.clone(),
            peer: leaf.peer.clone(),
            partner: leaf.partner.clone(),
            agreement: leaf.agreement.clone(),
            method: leaf.method.clone(),
            leaf: STANDARD.encode(bytes),
            details: STANDARD.encode(details),
        }
    }
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

struct Exporter<'a> {
    origin: &'a str,
    out: &'a mut dyn Write,
    form: ExportForm,
    size: u64,
    done: u64,
    checkpointed: u64,
}

impl Exporter<'_> {
    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), ExportError> {
        if self.done >= self.checkpointed + CHECKPOINT_EVERY && self.done < self.size {
            self.checkpoint(frame.note)?;
        }
        for bytes in &frame.entries {
            // A gateway that runs meanwhile goes on writing.
            if self.done == self.size {
                return Ok(());
            }
            let damaged = |why: &str| ExportError::Damaged(format!("entry {}: {why}", self.done));
            let entry = read_entry(bytes, self.done).map_err(damaged)?;
            let (leaf, time_ms) = read_leaf(&entry.leaf, self.done).map_err(damaged)?;
            if self.form == ExportForm::Ocsf {
                self.event(&entry.leaf, &leaf)?;
            } else {
                let line = EntryLine::new(&entry.leaf, &leaf, time_ms, &entry.sealed);
                self.line(&Line::Entry(line))?;
            }
            self.done += 1;
        }
        Ok(())
    }

    fn event(&mut self, bytes: &[u8], leaf: &v1::Leaf) -> Result<(), ExportError> {
        let event = super::ocsf(bytes, leaf, self.origin, None);
        serde_json::to_writer(&mut *self.out, &event).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), ExportError> {
        self.checkpointed = self.done;
        self.line(&Line::Checkpoint(CheckpointLine {
            checkpoint: note.to_owned(),
        }))
    }

    fn line(&mut self, line: &Line) -> Result<(), ExportError> {
        let table = match (self.form, line) {
            (ExportForm::JsonLines, _) => {
                serde_json::to_writer(&mut *self.out, line).map_err(io::Error::from)?;
                return Ok(self.out.write_all(b"\n")?);
            }
            (ExportForm::Csv, Line::Header(_)) => spreadsheet::head(),
            (ExportForm::Csv, Line::Entry(entry)) => spreadsheet::line(entry),
            (ExportForm::Csv, Line::Checkpoint(_)) | (ExportForm::Ocsf, _) => return Ok(()),
        };
        Ok(self.out.write_all(table.as_bytes())?)
    }
}
