//! Drives the rows of a file into the vault: in chunks, resumable, with every rejected row reported.
//!
//! It makes nothing visible: the caller records the batch's effect in the log and then tells the vault.
use super::{
    TokenRow, Vault, VaultError,
    ingest::{Mapping, OpenError, Reject, Rows},
};
use crate::{
    crypto::{Secret, sha256_parts},
    limits::{LOAD_CHUNK_ROWS, LOAD_SYNC_ROWS, REJECTS_MAX},
};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are read (rows of a Parquet file).
    pub done: u64,
    /// Its length, in the same unit.
    pub total: u64,
    /// Rows that are read.
    pub rows_read: u64,
}

/// What a load did. `rows_read = rows_loaded + rows_rejected`, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoadReport {
    /// Rows of the file.
    pub rows_read: u64,
    /// Rows that are in the vault.
    pub rows_loaded: u64,
    /// Rows that are in the reject file.
    pub rows_rejected: u64,
    /// The batch was visible before: nothing was read.
    pub already_visible: bool,
}

/// Why a load stopped. What is staged stays; the same load continues it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read any further.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The vault does not take the rows.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The reject file cannot be written.
    #[error("the reject file cannot be written: {0}")]
    Rejects(io::Error),
    /// The mapping does not fit the file.
    #[error("more than {REJECTS_MAX} rows are rejected: the mapping does not fit the file, see the reject file")]
    TooManyRejects,
}

/// Loads beside service: of each second, only a share is spent on the load.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    share_percent: u32,
}

impl Throttle {
    /// `share_percent` of one thread's time, 1 to 100.
    pub fn new(share_percent: u32) -> Self {
        Self {
            share_percent: share_percent.clamp(1, 100),
        }
    }

    /// How long to rest after `busy` time of work.
    pub fn pause(&self, busy: Duration) -> Duration {
        busy.saturating_mul(100 - self.share_percent) / self.share_percent
    }
}

/// The id under which an offline load of this file by this mapping is known: the same file again is the same batch, so
/// a repeated load does nothing and an interrupted one continues.
pub fn batch_id(path: &Path, mapping: &Mapping) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = sha256_parts(&[&mapping.sha256(), &mapping.catalogue().sha256()]);
    let mut chunk = Vec::new();
    while Read::by_ref(&mut file).take(1 << 20).read_to_end(&mut chunk)? > 0 {
        digest = sha256_parts(&[&digest, &chunk]);
        chunk.clear();
    }
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("file/{hex}"))
}

/// Stages all rows and syncs. Rejects go to `rejects` as JSON Lines. `on_progress` is called after each chunk and may
/// sleep to throttle. Blocks.
///
/// # Errors
/// If the file ends in damage, the vault refuses, or too many rows are rejected. Then nothing may be committed.
pub fn load(
    vault: &Vault,
    rows: &mut Rows,
    pseudonym: &Secret<32>,
    batch_id: &str,
    rejects: &mut dyn Write,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<LoadReport, LoadError> {
    let mut report = LoadReport::default();
    let (mut next_row, mut synced) = (0u64, 0u64);
    // Learns whether the batch is visible already, before a row is read.
    if vault.stage(batch_id, 0, Vec::new())?.visible {
        report.already_visible = true;
        return Ok(report);
    }
    loop {
        let (chunk, lines, ended) = read_chunk(rows, pseudonym, &mut report, rejects)?;
        let loaded = chunk.len() as u64;
        if loaded > 0 {
            let staged = vault.stage(batch_id, next_row, chunk)?;
            for index in &staged.duplicates {
                let line = usize::try_from(index.saturating_sub(next_row))
                    .ok()
                    .and_then(|i| lines.get(i));
                let reject = Reject {
                    line: line.copied().unwrap_or(0),
                    column: None,
                    reason: "the person occurs before in this file".to_owned(),
                };
                write_reject(&reject, &mut report, rejects)?;
            }
            report.rows_loaded += loaded - staged.duplicates.len() as u64;
            next_row += loaded;
        }
        let (done, total) = rows.done_of();
        on_progress(Progress {
            done,
            total,
            rows_read: report.rows_read,
        });
        if ended || next_row - synced >= LOAD_SYNC_ROWS {
            vault.sync()?;
            synced = next_row;
        }
        if ended {
            rejects.flush().map_err(LoadError::Rejects)?;
            return Ok(report);
        }
    }
}

type Chunk = (Vec<TokenRow>, Vec<u64>, bool);

fn read_chunk(
    rows: &mut Rows,
    pseudonym: &Secret<32>,
    report: &mut LoadReport,
    rejects: &mut dyn Write,
) -> Result<Chunk, LoadError> {
    let (mut chunk, mut lines) = (Vec::with_capacity(LOAD_CHUNK_ROWS), Vec::with_capacity(LOAD_CHUNK_ROWS));
    while chunk.len() < LOAD_CHUNK_ROWS {
        match rows.next_row()? {
            None => return Ok((chunk, lines, true)),
            Some(Err(reject)) => {
                report.rows_read += 1;
                write_reject(&reject, report, rejects)?;
            }
            Some(Ok(mapped)) => {
                report.rows_read += 1;
                lines.push(mapped.line);
                chunk.push(TokenRow {
                    token: mapped.subject.token(pseudonym),
                    row: mapped.row,
                });
            }
        }
    }
    Ok((chunk, lines, false))
}

fn write_reject(reject: &Reject, report: &mut LoadReport, rejects: &mut dyn Write) -> Result<(), LoadError> {
    report.rows_rejected += 1;
    if report.rows_rejected > REJECTS_MAX {
        return Err(LoadError::TooManyRejects);
    }
    serde_json::to_writer(&mut *rejects, reject).map_err(|error| LoadError::Rejects(error.into()))?;
    rejects.write_all(b"\n").map_err(LoadError::Rejects)
}
