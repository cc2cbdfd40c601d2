//! Opening a log that is over, to read it: no committer, no signer, and its final checkpoint is the head.
//!
//! The journal is what counts and is never written. The store beside it is derived from it: sled writes to its files even
//! where nothing changes, so they may be written. A store that is missing, damaged, of a former format or of another size
//! than the final checkpoint is made anew from the journal; an archive that does not lead to the final checkpoint is not
//! opened at all, so nothing is ever silently shorter.
use super::{
    disk::{ReadOnly, RealDisk},
    index::{IndexKey, Indexer, Shelf, Sink, Tail},
    journal,
    log_reader::LogReader,
    marks::Mark,
    note::{self, Checkpoint, VerifierKey},
    open::{OpenError, Sizes},
    position::JournalReader,
    reader::{Head, Published},
    restore::{Files, Replay, Unusable},
    shared::Shared,
    slots::Slots,
    tip::Tip,
};
use crate::{
    crypto::Secret,
    store::{LogStore, StoreError},
};
use std::{fs, io, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

/// The final checkpoint of a period, beside its log.
pub const FINAL_CHECKPOINT: &str = "CHECKPOINT";
/// The owner may write.
const OWNER_WRITES: u32 = 0o200;

/// What an archive is opened with.
pub(super) struct ArchiveSetup<'a> {
    pub(super) dir: &'a Path,
    pub(super) key: &'a VerifierKey,
    pub(super) period_key: &'a Secret<32>,
}

/// The final checkpoint, and what it says.
pub(super) fn closed(dir: &Path, key: &VerifierKey) -> Result<(Arc<str>, Checkpoint), OpenError> {
    let text = fs::read_to_string(dir.join(FINAL_CHECKPOINT))?;
    let checkpoint = note::verify(&text, key).map_err(|_| OpenError::Key)?;
    Ok((text.into(), checkpoint))
}

/// Opens the archive, from its store or, where that cannot be used, from its journal. Blocks: a store that is made anew
/// costs what a start with a lost store costs.
pub(super) fn open(setup: &ArchiveSetup<'_>, sizes: Sizes) -> Result<LogReader, OpenError> {
    let (note, closed) = closed(setup.dir, setup.key)?;
    let files = Files {
        disk: Arc::new(ReadOnly),
        dir: setup.dir.to_owned(),
        journal: setup.dir.join("journal"),
        store: setup.dir.join("store"),
        segment_bytes_max: sizes.journal_segment_bytes,
        cut: sizes.index,
    };
    let work = Work {
        key: Arc::new(IndexKey::new(setup.period_key, &closed.origin)),
        files: &files,
        setup,
        closed: &closed,
    };
    let mut tip = work.open()?;
    let tail = tip.tail.segments();
    let (sealed, open) = tip.open_block();
    let published = Published {
        head: Arc::new(Head {
            size: closed.size,
            root: closed.root,
            note,
        }),
        sealed,
        open: open.to_vec(),
        tail,
    };
    let (send, _) = std::sync::mpsc::sync_channel(0);
    let Sink::Now(indexer) = tip.tail.hand_over(Sink::Beside(send)) else {
        return Err(OpenError::Queue);
    };
    let index = (indexer.shelf.clone(), indexer.indexed());
    let from = (files.disk.clone(), work.journal());
    let shared = Shared::new(&closed.origin, published, index, from, files.dir.clone());
    Ok(LogReader::new(Arc::new(shared)))
}

struct Work<'a> {
    files: &'a Files,
    setup: &'a ArchiveSetup<'a>,
    closed: &'a Checkpoint,
    key: Arc<IndexKey>,
}

impl Work<'_> {
    fn open(&self) -> Result<Tip, OpenError> {
        let why = match self.stored() {
            Ok(tip) => return Ok(tip),
            Err(Unusable::InUse) => return Err(StoreError::InUse.into()),
            Err(Unusable::Journal(why)) => return Err(OpenError::Journal(why)),
            Err(Unusable::Because(why)) => why,
        };
        tracing::warn!(archive = %self.files.dir.display(), %why, "the store of an archive is made anew from its journal");
        self.made_anew()
    }

    /// From the store as it is, and the end of the journal.
    fn stored(&self) -> Result<Tip, Unusable> {
        let marked = self.mark();
        writable(&self.files.store).map_err(|e| Unusable::Because(e.to_string()))?;
        let with = (&self.key, &self.journal());
        let usable = self.files.usable_store(&self.closed.origin, marked.as_ref(), with);
        let (store, mark, tail) = usable?;
        let tip = self.replayed(store.clone(), &mark, tail);
        tip.map_err(|error| {
            // Let go of before it is removed.
            store.close();
            Unusable::Because(error.to_string())
        })
    }

    /// From the journal alone. The old store goes: it holds nothing that the journal does not.
    fn made_anew(&self) -> Result<Tip, OpenError> {
        match fs::remove_dir_all(&self.files.store) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        let store = Arc::new(LogStore::open(&self.files.store, &self.closed.origin)?);
        let shelf = Shelf {
            store: store.clone(),
            key: self.key.clone(),
            cut: self.files.cut,
        };
        let tail = Tail::new(Indexer::open(shelf)?);
        let tip = self.replayed(store.clone(), &Mark::nothing(), tail);
        // A part of it must not be taken for the whole the next time.
        let tip = tip.inspect_err(|_| drop(store.damaged()))?;
        store.sync()?;
        Slots::create(&RealDisk, &self.files.dir.join("mark"), &tip.mark().encode())?;
        Ok(tip)
    }

    /// What the journal has behind the mark, up to the final checkpoint and not an entry more or less.
    fn replayed(&self, store: Arc<LogStore>, mark: &Mark, tail: Tail) -> Result<Tip, OpenError> {
        let segments = journal::segments(&*self.files.disk, &self.files.journal, &self.closed.origin)?;
        if !journal::reaches(&segments, mark.anchor.place) {
            return Err(OpenError::Journal("it ends before its mark".to_owned()));
        }
        let misfit = |_| OpenError::Store("the mark does not fit the tree".into());
        let mut tip = Tip::at(mark, store.clone(), tail).map_err(misfit)?;
        let mut replay = Replay {
            tip: &mut tip,
            head: self.closed,
            origin: &self.closed.origin,
            period_key: self.setup.period_key,
            key: &self.key,
            replayed: 0,
        };
        let from = mark.anchor.place;
        journal::scan(&*self.files.disk, &segments, from, |at, end, frame| {
            replay.frame((at, end), frame)
        })?;
        let root = tip.edge.root().map_err(|e| OpenError::Store(e.to_string()))?;
        if (tip.edge.size(), root) != (self.closed.size, self.closed.root) {
            return Err(OpenError::Root(self.closed.size));
        }
        match store.size()? == self.closed.size {
            true => Ok(tip),
            false => Err(OpenError::Store("it has another size than the final checkpoint".into())),
        }
    }

    fn journal(&self) -> JournalReader {
        JournalReader::new(self.files.disk.clone(), self.files.journal.clone())
    }

    /// A mark that cannot be read says nothing. It is read only: sled's files are the only ones that are opened to write.
    fn mark(&self) -> Option<Mark> {
        let (_, copies) = Slots::open(&*self.files.disk, &self.files.dir.join("mark")).ok()?;
        copies.iter().find_map(|bytes| Mark::decode(bytes))
    }
}

/// An archive of a former version has a store that nobody may write.
fn writable(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        // A link would lead out of the archive.
        let found = fs::symlink_metadata(&path)?;
        if found.is_dir() {
            writable(&path)?;
        } else if found.is_file() && found.permissions().mode() & OWNER_WRITES == 0 {
            let mode = found.permissions().mode() | OWNER_WRITES;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}
