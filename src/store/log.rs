//! What sled holds of the log: sealed blocks, upper tree nodes, and the state that entries changed.
//!
//! Plain inserts only: a transaction would make every reader wait. Each is idempotent, so the journal can be applied
//! again from any earlier point. sled panics on bytes that changed under it; a panic becomes an error here.
use super::dir::sync_dir;
use crate::{
    limits::{STORE_CACHE_BYTES, STORED_VALUE_BYTES_MAX},
    state::{Effect, Row, State, StateError, Table},
};
use std::{
    fs::{self, File},
    io,
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// The store failed or is damaged. It can be built again from the journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {0}")]
pub(crate) struct StoreError(pub(crate) String);

/// sled, for log and state.
pub(crate) struct LogStore {
    path: PathBuf,
    db: sled::Db,
    blocks: sled::Tree,
    nodes: sled::Tree,
    single: sled::Tree,
    tables: Vec<(Table, sled::Tree)>,
    /// Set once: after a failure nothing is read or written, or a caller could see a state that is not the log's.
    failed: AtomicBool,
}

/// A file whose presence says that the store must be built again. It survives a restart.
const DAMAGED: &str = "DAMAGED";
const ORIGIN: &[u8] = b"origin";
const SIZE: &[u8] = b"size";

impl LogStore {
    /// Opens or makes the store of the log `origin`. `Ok` says little: compare [`LogStore::size`] with the mark.
    pub(crate) fn open(path: &Path, origin: &str) -> Result<Self, StoreError> {
        if path.join(DAMAGED).exists() {
            return Err(StoreError("it was found damaged".into()));
        }
        drop_unfinished_snapshots(path).map_err(|e| StoreError(e.to_string()))?;
        let store = calm(|| {
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
                path: path.to_owned(),
                blocks: db.open_tree("blocks")?,
                nodes: db.open_tree("nodes")?,
                single: db.open_tree("single")?,
                tables,
                db,
                failed: AtomicBool::new(false),
            })
        })?;
        match store.get(&store.single, ORIGIN)? {
            Some(found) if found != origin.as_bytes() => return Err(StoreError("it belongs to another log".into())),
            Some(_) => {}
            None => store.put(&store.single, ORIGIN, origin.as_bytes())?,
        }
        Ok(store)
    }

    /// Number of entries that were applied.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        let bytes = self.get(&self.single, SIZE)?;
        Ok(bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Says that entries up to `size` were applied.
    pub(crate) fn put_size(&self, size: u64) -> Result<(), StoreError> {
        self.put(&self.single, SIZE, &size.to_be_bytes())
    }

    /// Puts a sealed block, in parts of at most [`STORED_VALUE_BYTES_MAX`].
    pub(crate) fn put_block(&self, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        for (part, chunk) in (0u8..).zip(bytes.chunks(STORED_VALUE_BYTES_MAX)) {
            let mut key = [0; 9];
            let from = number.to_be_bytes().into_iter().chain([part]);
            key.iter_mut().zip(from).for_each(|(to, from)| *to = from);
            self.put(&self.blocks, &key, chunk)?;
        }
        Ok(())
    }

    /// A sealed block; empty if it is not there.
    pub(crate) fn block(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        self.guarded(|| {
            let mut out = Vec::new();
            for part in self.blocks.scan_prefix(number.to_be_bytes()) {
                out.extend_from_slice(&part?.1);
            }
            Ok(out)
        })
    }

    /// Puts a tree node at its stored index.
    pub(crate) fn put_node(&self, index: u64, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.put(&self.nodes, &index.to_be_bytes(), hash)
    }

    /// A tree node.
    pub(crate) fn node(&self, index: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes = self.get(&self.nodes, &index.to_be_bytes())?;
        Ok(bytes.and_then(|b| b.try_into().ok()))
    }

    /// Applies what an entry changes.
    pub(crate) fn apply(&self, effect: &Effect) -> Result<(), StoreError> {
        let tree = self.table(effect.table)?;
        match &effect.value {
            Some(value) => self.put(tree, &effect.key, value),
            None => self.guarded(|| tree.remove(&effect.key).map(drop)),
        }
    }

    /// Everything applied so far is on disk when this returns. sled's own `flush` writes without an fsync on Linux.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.guarded(|| self.db.flush().map(drop))?;
        let synced = File::open(self.path.join("db"))
            .and_then(|db| db.sync_data())
            .and_then(|()| sync_dir(&self.path));
        synced.map_err(|e| self.fail(e.to_string()))?;
        // Values over sled's limit go to files that are never synced. Ours are far below it.
        match fs::read_dir(self.path.join("blobs")).map(|mut d| d.next().is_some()) {
            Ok(true) => Err(self.fail("a value was too large".into())),
            _ => Ok(()),
        }
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

    fn table(&self, table: Table) -> Result<&sled::Tree, StoreError> {
        let found = self.tables.iter().find(|(t, _)| *t == table);
        found
            .map(|(_, tree)| tree)
            .ok_or_else(|| StoreError("no such table".into()))
    }

    fn put(&self, tree: &sled::Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if value.len() > STORED_VALUE_BYTES_MAX {
            return Err(StoreError("a value is too large".into()));
        }
        self.guarded(|| tree.insert(key, value).map(drop))
    }

    fn get(&self, tree: &sled::Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.guarded(|| Ok(tree.get(key)?.map(|v| v.to_vec())))
    }

    fn guarded<T>(&self, f: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        if self.has_failed() {
            return Err(StoreError("it failed before: restart the gateway".into()));
        }
        calm(f).map_err(|e| self.fail(e.0))
    }

    /// Closed for good, and built again at the next start.
    fn fail(&self, why: String) -> StoreError {
        self.stop();
        // If even this cannot be written, the next start finds the damage by itself or not at all before it is read.
        let _ = File::create(self.path.join(DAMAGED)).and_then(|f| f.sync_all());
        StoreError(why)
    }
}

impl State for LogStore {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.table(table)
            .and_then(|tree| self.get(tree, key))
            .map_err(|e| StateError(e.0))
    }

    fn rows(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
        let tree = self.table(table).map_err(|e| StateError(e.0))?;
        let start = match after {
            Some(key) if key >= prefix => Bound::Excluded(key.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        let read = self.guarded(|| {
            let mut out = Vec::new();
            for row in tree.range((start, Bound::Unbounded)).take(limit) {
                let (key, value) = row?;
                if !key.starts_with(prefix) {
                    break;
                }
                out.push((key.to_vec(), value.to_vec()));
            }
            Ok(out)
        });
        read.map_err(|e| StateError(e.0))
    }
}

fn calm<T>(f: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result.map_err(|e| StoreError(e.to_string())),
        Err(_) => Err(StoreError("its bytes are damaged".into())),
    }
}

/// A crash while sled writes a snapshot leaves `snap.*.generating`, which sled then takes for the snapshot and refuses.
/// It never became one: without it sled reads the one before, or the whole file.
fn drop_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let block = vec![7; 64 << 10];
        for number in 0..40 {
            store.put_block(number, &block).unwrap();
        }
        store.sync().unwrap();
        assert_eq!(store.block(39).unwrap(), block);
        assert!(store.block(40).unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_snapshot_does_not_block_opening() {
        let temp = tempfile::tempdir().unwrap();
        let store = LogStore::open(temp.path(), "o").unwrap();
        store.put_size(5).unwrap();
        store.sync().unwrap();
        drop(store);
        fs::write(temp.path().join("snap.FFFFFFFFFFFFFFFF.generating"), b"x").unwrap();
        assert_eq!(LogStore::open(temp.path(), "o").unwrap().size(), Ok(5));
        assert!(LogStore::open(temp.path(), "p").is_err());
    }
}
