//! The periods of the log that are over and kept: each is opened when it is first asked for, a few at a time, and closed
//! again when nobody has asked for a while.
//!
//! It refuses a period that there is none of, one that is deleted, and one whose files do not lead to its final
//! checkpoint: what cannot be read is said, never passed over.
use super::{
    Head,
    archive::{self, ArchiveSetup},
    disk::{Disk as _, RealDisk},
    log_reader::LogReader,
    note::VerifierKey,
    open::{OpenError, Sizes},
};
use crate::{
    clock::{Clock, Time},
    crypto::Secret,
    limits::{ARCHIVE_IDLE_MS, ARCHIVE_WAIT_MS, ARCHIVE_WAITING_MAX, ARCHIVES_OPEN_MAX, DISK_LOW_WATER_BYTES},
};
use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often whoever waits for a place looks again.
const LOOK_MS: u64 = 50;

/// A period of the log, open to be read.
#[derive(Clone)]
pub struct Volume {
    /// Its number.
    pub period: u32,
    /// Its log.
    pub log: LogReader,
    /// The key of its details without a person.
    pub key: Secret<32>,
    /// While there is one, the archive is not closed for another.
    _in_use: Option<Arc<()>>,
}

impl Volume {
    /// The period that takes entries: always open.
    pub fn current(period: u32, log: LogReader, key: Secret<32>) -> Self {
        Self {
            period,
            log,
            key,
            _in_use: None,
        }
    }
}

/// Why an archive is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// There is no such period, or it is deleted.
    #[error("no such period is kept")]
    Unknown,
    /// Its files are missing or do not lead to its final checkpoint.
    #[error("the archive of period {0} cannot be read: {1}")]
    Unreadable(u32, String),
    /// As many archives as may be open are in use.
    #[error("all archives that may be open are in use")]
    Busy,
    /// No room to open its store.
    #[error("no room on disk to open an archive")]
    DiskFull,
}

/// A period that is over and not deleted.
pub struct Kept {
    /// Its number.
    pub period: u32,
    /// What its checkpoints are verified with.
    pub verifier: VerifierKey,
    key: Secret<32>,
}

/// All of them.
pub struct Archives {
    folder: PathBuf,
    /// Newest first.
    kept: Vec<Kept>,
    clock: Arc<dyn Clock>,
    desk: Mutex<Desk>,
    freed: Condvar,
}

#[derive(Default)]
struct Desk {
    open: Vec<Held>,
    /// One is opened at a time: two that are made anew at once would take the disk from the log.
    opening: bool,
    /// Calls that wait for a place, each on a thread.
    waiting: usize,
}

/// The place of who opens an archive. Dropped, also by a panic, it is free again.
struct Opening<'a>(&'a Archives);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.desk().opening = false;
        self.0.freed.notify_all();
    }
}

struct Held {
    volume: Volume,
    in_use: Arc<()>,
    used: Time,
}

impl Archives {
    /// Those in `folder`: one for each of `keys`, which has, of all periods that are over and not deleted, what their
    /// checkpoints are verified with and the key of their details. Nothing is opened yet.
    pub fn new(folder: PathBuf, keys: Vec<(u32, VerifierKey, Secret<32>)>, clock: Arc<dyn Clock>) -> Self {
        let kept = keys
            .into_iter()
            .map(|(period, verifier, key)| Kept { period, verifier, key });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.period));
        Self {
            folder,
            kept,
            clock,
            desk: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Periods that are over and kept, newest first.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The final checkpoint of a period, without opening it.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`], [`ArchiveError::Unreadable`].
    pub fn head(&self, period: u32) -> Result<Head, ArchiveError> {
        let kept = self.find(period)?;
        let (note, closed) = archive::closed(&self.path(period), &kept.verifier).map_err(|e| unreadable(period, &e))?;
        Ok(Head {
            size: closed.size,
            root: closed.root,
            note,
        })
    }

    /// Opens a period, or gives it as it is open. Blocks: see `archive::open`.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn open(&self, period: u32) -> Result<Volume, ArchiveError> {
        let kept = self.find(period)?;
        if let Some(volume) = self.take_place(period)? {
            return Ok(volume);
        }
        let opening = Opening(self);
        let log = self.open_now(kept)?;
        let in_use = Arc::new(());
        let volume = Volume {
            period,
            log,
            key: kept.key.clone(),
            _in_use: Some(in_use.clone()),
        };
        self.desk().open.push(Held {
            volume: Volume {
                _in_use: None,
                ..volume.clone()
            },
            in_use,
            used: self.clock.now(),
        });
        drop(opening);
        Ok(volume)
    }

    /// Closes what nobody has asked for in a while.
    pub fn close_idle(&self) {
        let now = self.clock.now();
        let mut desk = self.desk();
        desk.close_where(|held| !held.is_in_use() && now.since(held.used) >= ARCHIVE_IDLE_MS);
    }

    /// How many are open.
    pub fn open_now_count(&self) -> usize {
        self.desk().open.len()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, period: u32) -> PathBuf {
        self.folder.join(period.to_string())
    }

    fn find(&self, period: u32) -> Result<&Kept, ArchiveError> {
        let found = self.kept.iter().find(|kept| kept.period == period);
        found.ok_or(ArchiveError::Unknown)
    }

    /// The volume, if it is open; else waits until this caller is the one that opens it. A few may wait and no more: they
    /// would hold the threads that questions are answered on.
    fn take_place(&self, period: u32) -> Result<Option<Volume>, ArchiveError> {
        let mut desk = self.desk();
        if let Some(taken) = self.try_place(&mut desk, period) {
            return Ok(taken);
        }
        if desk.waiting >= ARCHIVE_WAITING_MAX {
            return Err(ArchiveError::Busy);
        }
        desk.waiting += 1;
        let mut taken = None;
        for _ in 0..ARCHIVE_WAIT_MS / LOOK_MS {
            let waited = self.freed.wait_timeout(desk, Duration::from_millis(LOOK_MS));
            desk = waited.unwrap_or_else(PoisonError::into_inner).0;
            taken = self.try_place(&mut desk, period);
            if taken.is_some() {
                break;
            }
        }
        desk.waiting -= 1;
        taken.ok_or(ArchiveError::Busy)
    }

    /// The volume, or the place to open it; `None` where neither is to be had now.
    fn try_place(&self, desk: &mut Desk, period: u32) -> Option<Option<Volume>> {
        // One that failed while it was read is made anew.
        desk.close_where(|held| held.volume.log.has_failed());
        if let Some(held) = desk.open.iter_mut().find(|held| held.volume.period == period) {
            held.used = self.clock.now();
            return Some(Some(Volume {
                _in_use: Some(held.in_use.clone()),
                ..held.volume.clone()
            }));
        }
        if desk.opening || !desk.has_room() {
            return None;
        }
        desk.opening = true;
        Some(None)
    }

    fn open_now(&self, kept: &Kept) -> Result<LogReader, ArchiveError> {
        let dir = self.path(kept.period);
        // sled does not survive a full disk.
        match RealDisk.room(&dir) {
            Ok(room) if room < DISK_LOW_WATER_BYTES => return Err(ArchiveError::DiskFull),
            _ => {}
        }
        let setup = ArchiveSetup {
            dir: &dir,
            key: &kept.verifier,
            period_key: &kept.key,
        };
        let opened = archive::open(&setup, Sizes::SERVICE);
        opened.map_err(|e| unreadable(kept.period, &e))
    }
}

fn unreadable(period: u32, error: &OpenError) -> ArchiveError {
    ArchiveError::Unreadable(period, error.to_string())
}

impl Desk {
    /// Whether one more may be open: if need be, the one that nobody uses and that was asked for the longest ago gives way.
    fn has_room(&mut self) -> bool {
        if self.open.len() < ARCHIVES_OPEN_MAX {
            return true;
        }
        let idle = self.open.iter().filter(|held| !held.is_in_use());
        let Some(oldest) = idle.min_by_key(|held| held.used).map(|held| held.volume.period) else {
            return false;
        };
        self.close_where(|held| held.volume.period == oldest);
        true
    }

    fn close_where(&mut self, goes: impl Fn(&Held) -> bool) {
        self.open.retain(|held| {
            let goes = goes(held);
            if goes {
                // Whoever still reads it is told so: nothing is read of a store that another may have open.
                held.volume.log.close();
            }
            !goes
        });
    }
}

impl Held {
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.in_use) > 1
    }
}

impl Drop for Archives {
    fn drop(&mut self) {
        self.desk().close_where(|_| true);
    }
}
