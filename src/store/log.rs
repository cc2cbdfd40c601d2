//! What sled holds of the log: sealed blocks, upper tree nodes, and the state that entries changed.
//!
//! Plain inserts only: a transaction would make every reader wait. Each is idempotent, so the journal can be applied
//! again from any earlier point. sled panics on bytes that changed under it; a panic becomes an error here.
use super::fence::{self, calm};
use crate::{
    limits::{STORE_CACHE_BYTES, STORED_VALUE_BYTES_MAX},
    state::{Effect, Row, State, StateError, Table},
};
use arc_swap::ArcSwapOption;
use std::{
    fs::File,
    ops::Bound,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Why the store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// Somebody else has it open: it is sound, and must not be put aside.
    #[error("the store is in use: close the log that has it open")]
    InUse,
    /// It failed or is damaged. It can be built again from the journal.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// sled, for log and state.
pub(crate) struct LogStore {
    path: PathBuf,
    /// Nothing once it is closed, although handles to it remain.
    open: ArcSwapOption<Trees>,
    /// Set once: after a failure nothing is read or written, or a caller could see a state that is not the log's.
    failed: AtomicBool,
}

struct Trees {
    db: sled::Db,
    blocks: sled::Tree,
    nodes: sled::Tree,
    single: sled::Tree,
    index: sled::Tree,
    counts: sled::Tree,
    tables: Vec<(Table, sled::Tree)>,
}

#[derive(Clone, Copy)]
pub(super) enum Name {
    Blocks,
    Nodes,
    Single,
    Index,
    Counts,
    Table(Table),
}

/// A file whose presence says that the store must be built again. It survives a restart.
const DAMAGED: &str = "DAMAGED";
const ORIGIN: &[u8] = b"origin";
const SIZE: &[u8] = b"size";
const FORMAT: &[u8] = b"format";
/// What trees there are and what is in them. A store of another format is built again from the journal.
const FORMAT_NUMBER: &[u8] = &[3];

impl LogStore {
    /// Opens or makes the store of the log `origin`. `Ok` says little: compare [`LogStore::size`] with the mark.
    pub(crate) fn open(path: &Path, origin: &str) -> Result<Self, StoreError> {
        if path.join(DAMAGED).exists() {
            return Err(StoreError::Failed("it was found damaged".into()));
        }
        let trees = fence::open(path, Trees::open)?;
        let store = Self {
            path: path.to_owned(),
            open: ArcSwapOption::from_pointee(trees),
            failed: AtomicBool::new(false),
        };
        let format = store.get(Name::Single, FORMAT)?;
        match store.get(Name::Single, ORIGIN)? {
            Some(found) if found != origin.as_bytes() => Err(StoreError::Failed("it belongs to another log".into())),
            Some(_) if format.as_deref() == Some(FORMAT_NUMBER) => Ok(store),
            Some(_) => Err(StoreError::Failed("another version of the gateway made it".into())),
            None => {
                store.put(Name::Single, FORMAT, FORMAT_NUMBER)?;
                store.put(Name::Single, ORIGIN, origin.as_bytes())?;
                Ok(store)
            }
        }
    }

    /// Number of entries that were applied.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        let bytes = self.get(Name::Single, SIZE)?;
        Ok(bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Says that entries up to `size` were applied.
    pub(crate) fn put_size(&self, size: u64) -> Result<(), StoreError> {
        self.put(Name::Single, SIZE, &size.to_be_bytes())
    }

    /// Puts a sealed block.
    pub(crate) fn put_block(&self, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.put(Name::Blocks, &number.to_be_bytes(), bytes)
    }

    /// A sealed block; empty if it is not there.
    pub(crate) fn block(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let bytes = self.get(Name::Blocks, &number.to_be_bytes())?;
        Ok(bytes.unwrap_or_default())
    }

    /// Puts a tree node at its stored index.
    pub(crate) fn put_node(&self, index: u64, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.put(Name::Nodes, &index.to_be_bytes(), hash)
    }

    /// A tree node.
    pub(crate) fn node(&self, index: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes = self.get(Name::Nodes, &index.to_be_bytes())?;
        Ok(bytes.and_then(|b| b.try_into().ok()))
    }

    /// Applies what an entry changes.
    pub(crate) fn apply(&self, effect: &Effect) -> Result<(), StoreError> {
        let name = Name::Table(effect.table);
        match &effect.value {
            Some(value) => self.put(name, &effect.key, value),
            None => self.guarded(|trees| trees.tree(name)?.remove(&effect.key).map(drop)),
        }
    }

    /// Everything applied so far is on disk when this returns. sled's own `flush` writes without an fsync on Linux.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.guarded(|trees| trees.db.flush().map(drop))?;
        fence::sync_files(&self.path).map_err(|why| self.fail(why))
    }

    /// Lets go of the files. Handles that remain read nothing any more.
    pub(crate) fn close(&self) {
        self.stop();
        self.open.store(None);
    }

    /// Whether an operation failed. Nothing works after that until a restart.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// From now on nothing is read or written: the state is behind the log.
    pub(crate) fn stop(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// What was read is not what was written: closed, and built again at the next start.
    pub(crate) fn damaged(&self) -> StoreError {
        self.fail("its bytes are damaged".into())
    }

    pub(super) fn put(&self, name: Name, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if value.len() > STORED_VALUE_BYTES_MAX {
            return Err(StoreError::Failed("a value is too large".into()));
        }
        self.guarded(|trees| trees.tree(name)?.insert(key, value).map(drop))
    }

    pub(super) fn get(&self, name: Name, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.guarded(|trees| Ok(trees.tree(name)?.get(key)?.map(|v| v.to_vec())))
    }

    /// The row with the greatest key that is not behind `key`.
    pub(super) fn at_most(&self, name: Name, key: &[u8]) -> Result<Option<Row>, StoreError> {
        // The least key behind it.
        let behind = [key, &[0]].concat();
        let found = self.guarded(|trees| trees.tree(name)?.get_lt(behind));
        Ok(found?.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    /// As a store of another format has it.
    #[cfg(test)]
    pub(crate) fn put_format_for_tests(&self, number: u8) {
        self.put(Name::Single, FORMAT, &[number]).unwrap();
        self.sync().unwrap();
    }

    #[cfg(test)]
    pub(super) fn all(&self, name: Name) -> Result<Vec<Row>, StoreError> {
        self.guarded(|trees| {
            let rows = trees.tree(name)?.iter();
            rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())))
                .collect()
        })
    }

    #[cfg(test)]
    pub(super) fn set_for_tests(&self, name: Name, key: &[u8], value: Option<Vec<u8>>) {
        let set = self.guarded(|trees| match value {
            Some(value) => trees.tree(name)?.insert(key, value),
            None => trees.tree(name)?.remove(key),
        });
        set.unwrap();
    }

    fn guarded<T>(&self, f: impl FnOnce(&Trees) -> sled::Result<T>) -> Result<T, StoreError> {
        if self.has_failed() {
            return Err(StoreError::Failed(
                "it failed before or is closed: restart the gateway".into(),
            ));
        }
        let open = self.open.load();
        let trees = open.as_ref().ok_or_else(|| StoreError::Failed("it is closed".into()))?;
        calm(|| f(trees)).map_err(|error| self.fail(error.to_string()))
    }

    /// Closed for good, and built again at the next start.
    fn fail(&self, why: String) -> StoreError {
        self.stop();
        // If even this cannot be written, the next start finds the damage by itself or not at all before it is read.
        let _ = File::create(self.path.join(DAMAGED)).and_then(|f| f.sync_all());
        StoreError::Failed(why)
    }
}

impl State for LogStore {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.get(Name::Table(table), key).map_err(|e| StateError(e.to_string()))
    }

    fn rows(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
        let start = match after {
            Some(key) if key >= prefix => Bound::Excluded(key.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        let read = self.guarded(|trees| {
            let mut out = Vec::new();
            for row in trees
                .tree(Name::Table(table))?
                .range((start, Bound::Unbounded))
                .take(limit)
            {
                let (key, value) = row?;
                if !key.starts_with(prefix) {
                    break;
                }
                out.push((key.to_vec(), value.to_vec()));
            }
            Ok(out)
        });
        read.map_err(|e| StateError(e.to_string()))
    }
}

impl Trees {
    fn open(path: &Path) -> sled::Result<Self> {
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(STORE_CACHE_BYTES)
            // The syncer flushes; sled's own interval would only add writes.
            .flush_every_ms(None)
            .open()?;
        let mut tables = Vec::new();
        for table in Table::ALL {
            tables.push((table, db.open_tree([b't', table as u8])?));
        }
        Ok(Self {
            blocks: db.open_tree("blocks")?,
            nodes: db.open_tree("nodes")?,
            single: db.open_tree("single")?,
            index: db.open_tree("index")?,
            counts: db.open_tree("counts")?,
            tables,
            db,
        })
    }

    fn tree(&self, name: Name) -> sled::Result<&sled::Tree> {
        match name {
            Name::Blocks => Ok(&self.blocks),
            Name::Nodes => Ok(&self.nodes),
            Name::Single => Ok(&self.single),
            Name::Index => Ok(&self.index),
            Name::Counts => Ok(&self.counts),
            Name::Table(table) => {
                let found = self.tables.iter().find(|(t, _)| *t == table);
                let missing = || sled::Error::Unsupported("no such table".into());
                found.map(|(_, tree)| tree).ok_or_else(missing)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn rows_are_read_in_pages_and_by_prefix() {
        let temp = tempfile::tempdir().unwrap();
        let store = LogStore::open(temp.path(), "o").unwrap();
        for key in ["a1", "a2", "a3", "b1"] {
            store.apply(&Effect::put(Table::Consent, key, key)).unwrap();
        }
        let keys = |after: Option<&[u8]>, limit| -> Vec<Vec<u8>> {
            let rows = store.rows(Table::Consent, b"a", after, limit).unwrap();
            rows.into_iter().map(|r| r.0).collect()
        };
        assert_eq!(keys(None, 2), [b"a1", b"a2"]);
        assert_eq!(keys(Some(b"a2"), 9), [b"a3"]);
        assert_eq!(keys(Some(b"A"), 9).len(), 3);
        assert!(store.rows(Table::Denied, b"", None, 9).unwrap().is_empty());
        let mut gone = Effect::put(Table::Consent, "a1", "");
        gone.value = None;
        store.apply(&gone).unwrap();
        assert_eq!(store.row(Table::Consent, b"a1"), Ok(None));
    }

    #[test]
    fn large_blocks_stay_out_of_sleds_blob_files() {
        let temp = tempfile::tempdir().unwrap();
        let store = LogStore::open(temp.path(), "o").unwrap();
        let block = vec![7; STORED_VALUE_BYTES_MAX];
        for number in 0..400 {
            store.put_block(number, &block).unwrap();
        }
        store.sync().unwrap();
        assert_eq!(store.block(399).unwrap(), block);
        assert!(store.block(400).unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_snapshot_does_not_block_opening() {
        let temp = tempfile::tempdir().unwrap();
        let store = LogStore::open(temp.path(), "o").unwrap();
        store.put_size(5).unwrap();
        store.sync().unwrap();
        drop(store);
        fs::write(temp.path().join("snap.FFFFFFFFFFFFFFFF.generating"), b"x").unwrap();
        let store = LogStore::open(temp.path(), "o").unwrap();
        assert_eq!(store.size(), Ok(5));
        assert_eq!(LogStore::open(temp.path(), "o").err(), Some(StoreError::InUse));
        store.close();
        assert!(store.size().is_err());
        assert!(LogStore::open(temp.path(), "p").is_err());
    }
}
