//! The vault's sled database: ordered bytes under keys, made durable on request.
//!
//! It knows nothing of records or keys. sled panics on damaged files, so every call is fenced. Inserts only, never
//! transactions: they would stall every reader.
use super::{
    StoreError,
    fence::{self, calm},
};
use crate::{
    limits::VAULT_CACHE_BYTES,
    source::{RecordStore, SourceError, Visit},
    state::Row as Pair,
};
use std::{
    ops::ControlFlow,
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
        let opened = fence::open(dir, |dir| {
            let db = sled::Config::new().path(dir).cache_capacity(VAULT_CACHE_BYTES).open()?;
            let (rows, notes) = (db.open_tree("rows")?, db.open_tree("notes")?);
            let dir = dir.to_owned();
            Ok(Self { db, rows, notes, dir })
        });
        let store = opened.map_err(|error| {
            SourceError(match error {
                StoreError::InUse => "the record vault is in use: stop the other process".to_owned(),
                StoreError::Failed(why) => {
                    format!("the record vault does not open ({why}): restore it, or move it away and load again")
                }
            })
        })?;
        // The name of the database file is durable only once its folder is.
        fence::sync_files(&store.dir).map_err(SourceError)?;
        Ok(store)
    }
}

/// sled, fenced.
fn fenced<T>(f: impl FnOnce() -> sled::Result<T>) -> Result<T, SourceError> {
    calm(f).map_err(|error| SourceError(error.to_string()))
}

impl RecordStore for SledRecords {
    fn insert_new(&self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, SourceError> {
        let swapped = fenced(|| self.rows.compare_and_swap(key, None::<&[u8]>, Some(value)))?;
        Ok(swapped.err().and_then(|held| held.current).map(|bytes| bytes.to_vec()))
    }

    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(fenced(|| self.rows.get(key))?.map(|bytes| bytes.to_vec()))
    }

    fn newest_first(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), SourceError> {
        fenced(|| {
            for row in self.rows.scan_prefix(prefix).rev() {
                let (key, value) = row?;
                if visit(&key, &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn keys_from(&self, first: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), SourceError> {
        fenced(|| {
            for key in self.rows.range(first..).keys() {
                if visit(&key?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn remove(&self, key: &[u8]) -> Result<(), SourceError> {
        fenced(|| self.rows.remove(key).map(drop))
    }

    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(fenced(|| self.notes.get(key))?.map(|bytes| bytes.to_vec()))
    }

    fn notes(&self, prefix: &[u8]) -> Result<Vec<Pair>, SourceError> {
        let pair =
            |note: sled::Result<_>| note.map(|(key, value): (sled::IVec, sled::IVec)| (key.to_vec(), value.to_vec()));
        fenced(|| self.notes.scan_prefix(prefix).map(pair).collect())
    }

    fn set_note(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), SourceError> {
        fenced(|| match value {
            Some(value) => self.notes.insert(key, value).map(drop),
            None => self.notes.remove(key).map(drop),
        })
    }

    fn room(&self) -> Result<u64, SourceError> {
        fs4::available_space(&self.dir).map_err(|error| SourceError(error.to_string()))
    }

    fn sync(&self) -> Result<(), SourceError> {
        fenced(|| self.db.flush())?;
        fence::sync_files(&self.dir).map_err(SourceError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_snapshot_that_a_crash_left_unfinished_does_not_block_opening() {
        let temp = tempfile::tempdir().unwrap();
        let store = SledRecords::open(temp.path()).unwrap();
        store.set_note(b"a", Some(vec![1])).unwrap();
        store.sync().unwrap();
        drop(store);
        fs::write(temp.path().join("snap.FFFFFFFFFFFFFFFF.generating"), b"x").unwrap();
        let store = SledRecords::open(temp.path()).unwrap();
        assert_eq!(store.note(b"a"), Ok(Some(vec![1])));
        assert!(store.room().unwrap() > 0);
    }

    #[test]
    fn a_value_that_sled_would_not_sync_is_told() {
        let temp = tempfile::tempdir().unwrap();
        let store = SledRecords::open(temp.path()).unwrap();
        store.insert_new(b"a", vec![7; 1 << 20]).unwrap();
        assert_eq!(store.sync(), Err(SourceError("a value was too large".to_owned())));
    }
}
