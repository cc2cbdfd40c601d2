//! What both databases need around sled: its panics caught, its leftovers removed, its files synced.
use super::{StoreError, dir::sync_dir};
use crate::limits::STORE_LOCK_TRIES;
use std::{
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
    time::Duration,
};

/// Opens a database in `path`.
pub(super) fn open<T>(path: &Path, open: impl Fn(&Path) -> sled::Result<T>) -> Result<T, StoreError> {
    drop_unfinished_snapshots(path).map_err(|e| StoreError::Failed(e.to_string()))?;
    // sled's own threads may hold a store that was just closed a moment longer.
    let mut tries = 0;
    loop {
        match calm(|| open(path)) {
            Err(StoreError::InUse) if tries < STORE_LOCK_TRIES => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
        tries += 1;
    }
}

/// Runs sled, whose panics become errors.
pub(super) fn calm<T>(f: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("acquire lock") => Err(StoreError::InUse),
        Ok(Err(error)) => Err(StoreError::Failed(error.to_string())),
        Err(_) => Err(StoreError::Failed("its bytes are damaged".into())),
    }
}

/// What sled has flushed is on disk when this returns: its own `flush` writes without an fsync on Linux.
pub(super) fn sync_files(path: &Path) -> Result<(), String> {
    let synced = File::open(path.join("db"))
        .and_then(|db| db.sync_data())
        .and_then(|()| sync_dir(path));
    synced.map_err(|e| e.to_string())?;
    // Values over sled's limit go to files that are never synced. Ours are far below it.
    match fs::read_dir(path.join("blobs")).map(|mut d| d.next().is_some()) {
        Ok(true) => Err("a value was too large".into()),
        _ => Ok(()),
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
