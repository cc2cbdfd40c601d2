//! The vault's sled database: ordered bytes under keys, made durable on request.
//!
//! It knows nothing of records or keys. sled's `flush` does not fsync on Linux, so `sync` adds an fdatasync of its one
//! file; it panics on damaged files, so opening is fenced. Inserts only, never transactions: they would stall every reader.
use crate::{
    limits::VAULT_CACHE_BYTES,
    source::{RecordStore, SourceError, Visit},
    state::Row as Pair,
};
use std::{
    fs::File,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// A [`RecordStore`] in sled.
pub struct SledRecords {
    db: sled::Db,
    rows: sled::Tree,
    notes: sled::Tree,
    dir: PathBuf,
}

impl SledRecords {
    /// Opens or creates the database in `dir`.
    ///
    /// # Errors
    /// If the files are damaged or another process has them open. Says what to do next.
    pub fn open(dir: &Path) -> Result<Self, SourceError> {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = sled::Config::new().path(dir).cache_capacity(VAULT_CACHE_BYTES).open()?;
            let (rows, notes) = (db.open_tree("rows")?, db.open_tree("notes")?);
            Ok::<_, sled::Error>((db, rows, notes))
        }));
        match opened {
            Ok(Ok((db, rows, notes))) => {
                let dir = dir.to_owned();
                // The name of the database file is durable only once its folder is.
                File::open(&dir).and_then(|folder| folder.sync_all()).map_err(failed)?;
                Ok(Self { db, rows, notes, dir })
            }
            Ok(Err(error)) => Err(SourceError(format!(
                "the record vault does not open ({error}): stop the other process, or restore the vault or load again"
            ))),
            Err(_) => Err(SourceError(
                "the record vault is damaged: restore it, or move it away and load again".to_owned(),
            )),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> SourceError {
    SourceError(error.to_string())
}

impl RecordStore for SledRecords {
    fn insert_new(&self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, SourceError> {
        let swapped = self
            .rows
            .compare_and_swap(key, None::<&[u8]>, Some(value))
            .map_err(failed)?;
        Ok(swapped.err().and_then(|held| held.current).map(|bytes| bytes.to_vec()))
    }

    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.rows.get(key).map_err(failed)?.map(|bytes| bytes.to_vec()))
    }

    fn newest_first(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), SourceError> {
        for row in self.rows.scan_prefix(prefix).rev() {
            let (key, value) = row.map_err(failed)?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn keys_from(&self, first: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), SourceError> {
        for key in self.rows.range(first..).keys() {
            if visit(&key.map_err(failed)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<(), SourceError> {
        self.rows.remove(key).map(drop).map_err(failed)
    }

    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.notes.get(key).map_err(failed)?.map(|bytes| bytes.to_vec()))
    }

    fn notes(&self, prefix: &[u8]) -> Result<Vec<Pair>, SourceError> {
        let notes = self.notes.scan_prefix(prefix);
        notes
            .map(|note| note.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(failed))
            .collect()
    }

    fn set_note(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), SourceError> {
        match value {
            Some(value) => self.notes.insert(key, value).map(drop).map_err(failed),
            None => self.notes.remove(key).map(drop).map_err(failed),
        }
    }

    fn sync(&self) -> Result<(), SourceError> {
        self.db.flush().map_err(failed)?;
        let file = File::open(self.dir.join("db")).map_err(failed)?;
        file.sync_data().map_err(failed)
    }
}
