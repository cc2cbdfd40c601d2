//! The rows of a file, a chunk at a time, with an account of those that were rejected.
//!
//! The same for a load into an idle data directory and one into a running gateway: what is rejected cannot differ.
use super::{
    LeftOut, LoadError, LoadReport, Progress,
    ingest::{MappedRow, Reject, Rows},
};
use crate::limits::REJECTS_MAX;
use std::io::Write;

const DUPLICATE: &str = "the person occurs before in this file";
const BLOCKED: &str = "the record of this person is blocked or erased";

/// Reads a file. `rows_read = rows_loaded + rows_rejected`, always.
pub struct Sieve<'a> {
    rows: &'a mut Rows,
    rejects: &'a mut dyn Write,
    fitting: u64,
    report: LoadReport,
}

/// Rows that fit.
pub struct Chunk {
    /// Index of the first row within the batch.
    pub first_row: u64,
    /// The rows.
    pub rows: Vec<MappedRow>,
    /// Nothing follows.
    pub last: bool,
}

impl Chunk {
    /// Index of the row that would follow.
    pub fn end(&self) -> u64 {
        self.first_row.saturating_add(self.rows.len() as u64)
    }

    /// The line of each row.
    pub fn lines(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.line).collect()
    }
}

impl<'a> Sieve<'a> {
    /// Rejects go to `rejects` as JSON Lines.
    pub fn new(rows: &'a mut Rows, rejects: &'a mut dyn Write) -> Self {
        Self {
            rows,
            rejects,
            fitting: 0,
            report: LoadReport::default(),
        }
    }

    /// The next rows that fit, at most `rows_max`.
    ///
    /// # Errors
    /// If the file ends in damage, the list cannot be written, or the mapping does not fit the file: too many rows are
    /// rejected, or all. Then nothing may be committed.
    pub fn chunk(&mut self, rows_max: usize) -> Result<Chunk, LoadError> {
        let mut chunk = Chunk {
            first_row: self.fitting,
            rows: Vec::with_capacity(rows_max),
            last: false,
        };
        while chunk.rows.len() < rows_max {
            match self.rows.next_row()? {
                None => {
                    chunk.last = true;
                    break;
                }
                Some(row) => {
                    self.report.rows_read += 1;
                    match row {
                        Ok(mapped) => chunk.rows.push(mapped),
                        Err(reject) => self.reject(&reject)?,
                    }
                }
            }
        }
        self.fitting = chunk.end();
        if chunk.last && self.fitting == 0 {
            self.rejects.flush().map_err(LoadError::Rejects)?;
            return Err(LoadError::NothingFits);
        }
        Ok(chunk)
    }

    /// Rows that the vault left out, by their index within the batch; `lines` are those of the chunk from `first_row`.
    pub fn left_out(&mut self, first_row: u64, lines: &[u64], left_out: &LeftOut) -> Result<(), LoadError> {
        let duplicates = left_out.duplicates.iter().map(|index| (index, DUPLICATE));
        let blocked = left_out.blocked.iter().map(|index| (index, BLOCKED));
        for (index, reason) in duplicates.chain(blocked) {
            let line = usize::try_from(index.saturating_sub(first_row))
                .ok()
                .and_then(|i| lines.get(i));
            self.reject(&Reject {
                line: line.copied().unwrap_or(0),
                column: None,
                reason: reason.to_owned(),
            })?;
        }
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let (done, total) = self.rows.done_of();
        Progress {
            done,
            total,
            rows_read: self.report.rows_read,
        }
    }

    /// The account.
    ///
    /// # Errors
    /// If the list cannot be written.
    pub fn finish(self) -> Result<LoadReport, LoadError> {
        self.rejects.flush().map_err(LoadError::Rejects)?;
        Ok(LoadReport {
            rows_loaded: self.report.rows_read - self.report.rows_rejected,
            ..self.report
        })
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), LoadError> {
        self.report.rows_rejected += 1;
        if self.report.rows_rejected > REJECTS_MAX {
            self.rejects.flush().map_err(LoadError::Rejects)?;
            return Err(LoadError::TooManyRejects);
        }
        serde_json::to_writer(&mut *self.rejects, reject).map_err(|error| LoadError::Rejects(error.into()))?;
        self.rejects.write_all(b"\n").map_err(LoadError::Rejects)
    }
}
