//! Drives the rows of a file into the vault: in chunks, resumable, with every rejected row reported.
//!
//! It makes nothing visible: the caller records the batch's effect in the log and then tells the vault.
use super::{
    Sieve, TokenRow, Vault, VaultError,
    ingest::{Mapping, OpenError, Rows},
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
    #[error("no row of the file fits: nothing is loaded, see the reject file")]
    NothingFits,
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
    // Learns whether the batch is visible already, before a row is read.
    if vault.stage(batch_id, 0, Vec::new())?.visible {
        return Ok(LoadReport {
            already_visible: true,
            ..LoadReport::default()
        });
    }
    let mut sieve = Sieve::new(rows, rejects);
    let mut synced = 0u64;
    loop {
        let chunk = sieve.chunk(LOAD_CHUNK_ROWS)?;
        let (first_row, next_row, lines, last) = (chunk.first_row, chunk.end(), chunk.lines(), chunk.last);
        let sealable = chunk.rows.into_iter().map(|mapped| TokenRow {
            token: mapped.subject.token(pseudonym),
            row: mapped.row,
        });
        let staged = vault.stage(batch_id, first_row, sealable.collect())?;
        sieve.left_out(first_row, &lines, &staged.left_out)?;
        on_progress(sieve.progress());
        if last || next_row - synced >= LOAD_SYNC_ROWS {
            vault.sync()?;
            synced = next_row;
        }
        if last {
            return sieve.finish();
        }
    }
}
