//! The thread beside the committer: syncs the store, then moves the mark, and keeps the disk reserve.
//!
//! The order is the point: store, then head, then mark. A mark on disk never promises what the store does not have.
use super::{
    disk::{Disk, DiskFile},
    marks::Mark,
    shared::Shared,
    slots::Slots,
};
use crate::limits::{DISK_LOW_WATER_BYTES, DISK_RESERVE_BYTES, DISK_SYNC_BYTES, MARK_MS};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// What the committer tells the syncer.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    applied: Option<Mark>,
    stopping: bool,
}

impl Progress {
    /// The store has applied this much.
    pub(super) fn applied(&self, mark: Mark) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).applied = Some(mark);
    }

    /// A mark that could not be written yet, unless a newer one came meanwhile.
    fn put_back(&self, mark: Mark) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.applied.get_or_insert(mark);
    }

    /// The last round, at once.
    pub(super) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
        self.wake.notify_all();
    }

    /// Waits for the next round; what was applied since the last, and whether it is the last.
    fn wait(&self) -> (Option<Mark>, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .wake
            .wait_timeout_while(state, Duration::from_millis(MARK_MS), |s| !s.stopping);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.applied.take(), state.stopping)
    }
}

/// The thread's own things.
pub(super) struct Syncer {
    pub(super) shared: Arc<Shared>,
    pub(super) progress: Arc<Progress>,
    pub(super) head: Arc<dyn DiskFile>,
    pub(super) mark: Slots,
    pub(super) reserve: Arc<Reserve>,
}

impl Syncer {
    /// Until the progress is stopped.
    pub(super) fn run(mut self) {
        loop {
            let (applied, last) = self.progress.wait();
            if let Some(mark) = applied {
                // A full disk would be the end of sled. What is not synced waits: the journal has it.
                if last && !self.reserve.has_room_to_sync() {
                    let _ = self.reserve.release();
                }
                if self.reserve.has_room_to_sync() {
                    self.round(&mark);
                } else {
                    self.progress.put_back(mark);
                }
            }
            if last {
                return;
            }
            self.reserve.keep();
        }
    }

    fn round(&mut self, mark: &Mark) {
        if let Err(error) = self.shared.store.sync() {
            tracing::error!(%error, "the store cannot be synced: the log is closed, restart the gateway");
            self.shared.fail();
            return;
        }
        let written = self
            .head
            .sync()
            .and_then(|()| self.mark.write(&mark.encode()))
            .and_then(|()| self.mark.file().sync());
        if let Err(error) = written {
            // Harmless but for the next start, which replays from the older mark.
            tracing::warn!(%error, "the mark cannot be written");
        }
    }
}

/// Room that is set aside for entries that must be possible when the disk is full.
pub(super) struct Reserve {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Reserve {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("reserve")
    }

    /// Whether sled can write what it holds in memory, at most a few of its segments of 512 KiB.
    fn has_room_to_sync(&self) -> bool {
        self.disk.room(&self.dir).is_ok_and(|room| room >= DISK_SYNC_BYTES)
    }

    /// Gives the room back to the disk.
    pub(super) fn release(&self) -> io::Result<()> {
        self.disk.open(&self.path())?.set_len(0)
    }

    /// Takes it again, when there is enough beside it.
    pub(super) fn keep(&self) {
        let held = self.disk.open(&self.path()).and_then(|f| f.len()).unwrap_or(0);
        let room = self.disk.room(&self.dir).unwrap_or(0);
        if held >= DISK_RESERVE_BYTES || room < DISK_RESERVE_BYTES + 2 * DISK_LOW_WATER_BYTES {
            return;
        }
        let taken = self
            .disk
            .create(&self.path())
            .and_then(|f| f.allocate(DISK_RESERVE_BYTES));
        if let Err(error) = taken {
            tracing::warn!(%error, "no room can be set aside for a full disk");
        }
    }
}
