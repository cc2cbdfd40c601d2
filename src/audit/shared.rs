//! What the committer, the readers and everybody with a [`super::Log`] share.
use super::{
    disk::Disk,
    index::{Indexed, Shelf},
    position::JournalReader,
    reader::{Published, Reader},
};
use crate::{
    limits::{DISK_FLOOR_BYTES, DISK_LOW_WATER_BYTES},
    state::{Row, State, StateError, Table},
    store::LogStore,
};
use arc_swap::ArcSwap;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// See the module.
pub(super) struct Shared {
    pub(super) origin: String,
    pub(super) published: ArcSwap<Published>,
    pub(super) store: Arc<LogStore>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) journal: JournalReader,
    /// The stored index, and how far it reaches.
    pub(super) shelf: Shelf,
    pub(super) indexed: Arc<Indexed>,
    failed: AtomicBool,
    full: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        origin: &str,
        published: Published,
        (shelf, indexed): (Shelf, Arc<Indexed>),
        (disk, journal): (Arc<dyn Disk>, JournalReader),
        dir: PathBuf,
    ) -> Self {
        Self {
            origin: origin.to_owned(),
            published: ArcSwap::from_pointee(published),
            store: shelf.store.clone(),
            shelf,
            indexed,
            disk,
            dir,
            journal,
            failed: AtomicBool::new(false),
            full: AtomicBool::new(false),
        }
    }

    /// No entry is taken any more.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.store.has_failed()
    }

    /// Whether the last entries found no room.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Release);
    }

    /// Whether ordinary entries may be written. sled does not survive a full disk, so they stop before.
    pub(super) fn has_room(&self) -> bool {
        self.disk.room(&self.dir).is_ok_and(|room| room >= DISK_LOW_WATER_BYTES)
    }

    /// Whether anything may be written.
    pub(super) fn is_above_floor(&self) -> bool {
        self.disk.room(&self.dir).is_ok_and(|room| room >= DISK_FLOOR_BYTES)
    }

    /// Reads the newest published state.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Reader<'_>) -> T) -> T {
        let published = self.published.load();
        f(&Reader::new(&published, &self.store, &self.journal))
    }
}

impl State for Shared {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.store.row(table, key)
    }
    fn rows(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
        self.store.rows(table, prefix, after, limit)
    }
}
