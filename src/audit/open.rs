//! Starting: what the journal, the store, the head and the mark say of each other, and what is done where they differ.
//!
//! Never silently shorter: only bytes behind the last whole frame, which nobody was told of, are dropped, and that is
//! reported. A store that is damaged, behind its mark or of another log is put aside and built again from the journal.
//! A journal that is shorter than the head or the store, or damaged in the middle, stops the start.
use super::{
    Log, Worker,
    committer::Committer,
    disk::{Disk, RealDisk},
    frame::FrameWriter,
    index::{Cut, Sink},
    journal::JournalError,
    log::With,
    note,
    reader::{Head, Published},
    restore::{Files, Restored, sign},
    shared::Shared,
    signers::LogSigners,
    syncer::{Progress, Reserve, Syncer},
};
use crate::{
    clock::Clock,
    crypto::{Rng, Secret},
    limits::{AUDIT_QUEUE_MAX, INDEX_WAITING_MAX, SEGMENT_BYTES_MAX},
    state::State,
    store::{DataDir, StoreError},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
    thread,
};
use tokio::sync::mpsc;

/// What a log is opened with.
pub struct Setup<'a> {
    /// Where it lives.
    pub dir: &'a DataDir,
    /// Its name; see [`note::name_is_valid`].
    pub origin: String,
    /// Sign checkpoints and nothing else.
    pub signers: Arc<LogSigners>,
    /// Seals details of entries without a person.
    pub period_key: Secret<32>,
    /// The time of entries.
    pub clock: Arc<dyn Clock>,
    /// Commitment keys and salts.
    pub rng: Arc<dyn Rng>,
}

/// How large the parts of a log are on disk. A log keeps to what it began with; tests have smaller parts.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) journal_segment_bytes: u64,
    pub(super) index: Cut,
}

impl Sizes {
    pub(super) const SERVICE: Sizes = Sizes {
        journal_segment_bytes: SEGMENT_BYTES_MAX,
        index: Cut::SERVICE,
    };
}

/// An open log.
pub struct Opened {
    /// To append and to read.
    pub log: Log,
    /// What entries have changed.
    pub state: Arc<dyn State>,
    /// What the start found and did.
    pub recovery: Recovery,
    /// The log's threads.
    pub worker: Worker,
}

/// What a start found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries in the log.
    pub entries: u64,
    /// Entries that were applied again from the journal.
    pub replayed: u64,
    /// Why the store was built again, if it was.
    pub rebuilt: Option<String>,
    /// Where the old store was put.
    pub quarantined: Option<PathBuf>,
    /// Bytes behind the last whole batch. Mostly a batch that was being written and that nobody was told of; after a
    /// power cut that also damaged the disk it may be one that was confirmed, which only a witness can tell.
    pub torn_bytes: u64,
    /// One of the two copies of the head was damaged.
    pub head_copy_damaged: bool,
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, {} applied again", self.entries, self.replayed)?;
        if let Some(why) = &self.rebuilt {
            write!(f, "; the store was built again from the journal: {why}")?;
        }
        if let Some(path) = &self.quarantined {
            write!(f, "; the old store is in `{}`", path.display())?;
        }
        if self.torn_bytes > 0 {
            write!(
                f,
                "; {} bytes behind the last whole batch were dropped: a batch that was being written, or, if the disk has \
                 damaged what it had confirmed and lost the newest head, the last one",
                self.torn_bytes
            )?;
        }
        if self.head_copy_damaged {
            write!(f, "; one copy of `head` was damaged, the other was used")?;
        }
        Ok(())
    }
}

/// Why a log does not open. Journal and head are as they were; a store that took in something of a journal that does not
/// hold is built again at the next start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a name for a log.
    #[error("`{0}` cannot name a log: use 1 to 96 characters without spaces or `+`")]
    Origin(String),
    /// The journal is damaged, cut or of another log.
    #[error("the journal is damaged: {0}; restore `journal/` from a backup, then run `tollgate audit verify`")]
    Journal(String),
    /// An entry of the journal does not fit.
    #[error(
        "the journal is damaged at entry {index}: {why}; restore `journal/` from a backup, then run `tollgate audit verify`"
    )]
    Entry {
        /// The first entry that does not fit.
        index: u64,
        /// Why.
        why: String,
    },
    /// Entries that were acknowledged are missing.
    #[error(
        "the journal ends at {journal} entries, but {witness} says {known}: entries are missing; restore `journal/` from a backup"
    )]
    Shorter {
        /// What the journal has.
        journal: u64,
        /// What knows of more.
        witness: &'static str,
        /// What was known.
        known: u64,
    },
    /// The head is missing or damaged in both copies.
    #[error(
        "the file `head` is missing or damaged: without it nobody can say that the journal is complete; restore it from a backup"
    )]
    Head,
    /// The head is signed by another key or for another log.
    #[error("the file `head` is not signed by this log's key under this name: check the keyring and the log's name")]
    Key,
    /// The head has another root than the journal.
    #[error(
        "the journal does not lead to the root that was signed at {0} entries: it was changed; restore it from a backup"
    )]
    Root(u64),
    /// The store failed even when it was new.
    #[error("the store cannot be used: {0}")]
    Store(String),
    /// The system refused.
    #[error("the audit log cannot be opened: {0}; check disk, permissions and free space")]
    Io(#[from] io::Error),
    /// The queue has no place when it is new.
    #[error("the audit queue cannot be made")]
    Queue,
    /// The checkpoint cannot be signed.
    #[error("the log's key cannot sign")]
    Signer,
}

impl From<JournalError> for OpenError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Io(e) => OpenError::Io(e),
            other => OpenError::Journal(other.to_string()),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        OpenError::Store(error.to_string())
    }
}

impl Log {
    /// Opens the log of a data directory, or begins one. Replays what the store may lack; see the module.
    pub fn open(setup: Setup<'_>) -> Result<Opened, OpenError> {
        Self::open_on(setup, Arc::new(RealDisk), Sizes::SERVICE)
    }

    pub(super) fn open_on(setup: Setup<'_>, disk: Arc<dyn Disk>, sizes: Sizes) -> Result<Opened, OpenError> {
        if !note::name_is_valid(&setup.origin) {
            return Err(OpenError::Origin(setup.origin));
        }
        let files = Files::find(&setup, disk, sizes)?;
        let found = files.begin_or_read(&setup)?;
        let restored = files.restore(&setup, found)?;
        start(setup, files.disk, restored)
    }
}

/// Signs the restored size, syncs everything, and starts the threads.
fn start(setup: Setup<'_>, disk: Arc<dyn Disk>, mut restored: Restored) -> Result<Opened, OpenError> {
    let size = restored.tip.edge.size();
    let root = restored.tip.edge.root().map_err(|e| OpenError::Store(e.to_string()))?;
    let note: Arc<str> = sign(&setup, size, root)?.into();
    restored.store.sync()?;
    restored.head.write(note.as_bytes())?;
    restored.head.file().sync()?;
    restored.mark.write(&restored.tip.mark().encode())?;
    restored.mark.file().sync()?;
    let tail = restored.tip.tail.segments();
    let (sealed, open) = restored.tip.open_block();
    let published = Published {
        head: Arc::new(Head {
            size,
            root,
            note: note.clone(),
        }),
        end: restored.journal.end(),
        sealed,
        open: open.to_vec(),
        tail,
    };
    // The start wrote whole segments itself; from here on a thread of its own does, which no reply waits for.
    let (send, segments) = sync_channel(INDEX_WAITING_MAX);
    let Sink::Now(indexer) = restored.tip.tail.hand_over(Sink::Beside(send)) else {
        return Err(OpenError::Queue);
    };
    let index = (indexer.shelf.clone(), indexer.indexed());
    let reader = restored.reader;
    let dir: &Path = setup.dir.path();
    let reserve = Arc::new(Reserve::new(disk.clone(), dir));
    reserve.keep();
    let shared = Arc::new(Shared::new(
        &setup.origin,
        published,
        index,
        (disk, reader),
        dir.to_owned(),
    ));
    let progress = Arc::new(Progress::default());
    // One place more, which is taken at once: stopping needs no room in a full queue.
    let (queue, jobs) = mpsc::channel(AUDIT_QUEUE_MAX + 1);
    let stop = queue.clone().try_reserve_owned().map_err(|_| OpenError::Queue)?;
    let syncer = Syncer {
        shared: shared.clone(),
        progress: progress.clone(),
        head: restored.head.file(),
        mark: restored.mark,
        reserve: reserve.clone(),
    };
    let committer = Committer {
        jobs,
        shared: shared.clone(),
        progress: progress.clone(),
        reserve,
        tip: restored.tip,
        journal: restored.journal,
        head: restored.head,
        note,
        signers: setup.signers,
        clock: setup.clock,
        frame: FrameWriter::new(),
    };
    let worker = Worker {
        stop,
        shared: shared.clone(),
        progress,
        committer: thread::Builder::new().name("audit".into()).spawn(|| committer.run())?,
        syncer: thread::Builder::new()
            .name("audit-sync".into())
            .spawn(|| syncer.run())?,
        indexer: {
            let shared = shared.clone();
            let run = move || {
                if let Err(error) = indexer.run(&segments) {
                    tracing::error!(%error, "the index of the log cannot be written: the log is closed, restart the gateway");
                    shared.fail();
                }
            };
            thread::Builder::new().name("audit-index".into()).spawn(run)?
        },
        lock: setup.dir.hold(),
    };
    let with = With {
        shared: shared.clone(),
        period_key: setup.period_key,
        rng: setup.rng,
    };
    Ok(Opened {
        log: Log::new(queue, with),
        state: shared,
        recovery: restored.recovery,
        worker,
    })
}
