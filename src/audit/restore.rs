//! Bringing journal, store, head and mark into agreement. What is done where they differ is said in `open`.
use super::{
    commitment::open_details,
    disk::Disk,
    frame::{Frame, SegmentHeader},
    index::{Cut, IndexKey, Indexer, Shelf, Tail, row_of},
    journal::{self, Journal, Place, Scanned, Segment},
    marks::Mark,
    note::{self, Checkpoint},
    open::{OpenError, Recovery, Setup, Sizes},
    position::JournalReader,
    reader::{Head, ProofError, Published, ReadError, Reader},
    slots::Slots,
    stored::{read_entry, read_leaf},
    tip::{Journaled, Tip},
};
use crate::{
    crypto::Secret,
    limits::BLOCK_ENTRIES,
    store::{LogStore, StoreError, sync_dir},
};
use std::{fs, path::PathBuf, sync::Arc};

/// Paths, and the disk they are on.
pub(super) struct Files {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) store: PathBuf,
    pub(super) segment_bytes_max: u64,
    pub(super) cut: Cut,
}

/// What lies outside the store.
pub(super) struct Found {
    segments: Vec<Segment>,
    head: Slots,
    head_note: Checkpoint,
    head_copy_damaged: bool,
    mark: Slots,
    marked: Option<Mark>,
}

/// Everything in agreement.
pub(super) struct Restored {
    pub(super) journal: Journal,
    pub(super) reader: JournalReader,
    pub(super) tip: Tip,
    pub(super) store: Arc<LogStore>,
    pub(super) head: Slots,
    pub(super) mark: Slots,
    pub(super) recovery: Recovery,
}

impl Files {
    pub(super) fn find(setup: &Setup<'_>, disk: Arc<dyn Disk>, sizes: Sizes) -> Result<Self, OpenError> {
        let files = Self {
            disk,
            dir: setup.dir.path().to_owned(),
            journal: setup.dir.journal_dir(),
            store: setup.dir.store_dir(),
            segment_bytes_max: sizes.journal_segment_bytes,
            cut: sizes.index,
        };
        journal::remove_drafts(&*files.disk, &files.journal)?;
        Ok(files)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Begins a log if there is none: segment, head, mark, in this order, so that a crash in between begins again.
    pub(super) fn begin_or_read(&self, setup: &Setup<'_>) -> Result<Found, OpenError> {
        let mut segments = journal::segments(&*self.disk, &self.journal, &setup.origin)?;
        let has_head = self.path("head").exists();
        let untouched = match segments.as_slice() {
            [] => true,
            [only] => only.is_empty(),
            _ => false,
        };
        if !has_head && !untouched {
            return Err(OpenError::Head);
        }
        if segments.is_empty() {
            let header = SegmentHeader {
                origin: setup.origin.clone(),
                number: 1,
                previous_bytes: 0,
                first: 0,
                last_time_ms: 0,
                frontier: Vec::new(),
            };
            if has_head {
                let (_, checkpoint, _) = self.read_head(setup)?;
                if checkpoint.size > 0 {
                    return Err(OpenError::Shorter {
                        journal: 0,
                        witness: "`head`",
                        known: checkpoint.size,
                    });
                }
            }
            journal::begin(&*self.disk, &self.journal, &header)?;
            segments = journal::segments(&*self.disk, &self.journal, &setup.origin)?;
        }
        if !has_head {
            let empty = sign(setup, 0, tlog_tiles::EMPTY_HASH.0)?;
            Slots::create(&*self.disk, &self.path("head"), empty.as_bytes())?;
        }
        let (head, head_note, head_copy_damaged) = self.read_head(setup)?;
        let (mark, marked) = self.read_mark(head_note.size == 0)?;
        Ok(Found {
            segments,
            head,
            head_note,
            head_copy_damaged,
            mark,
            marked,
        })
    }

    /// The newest copy, if a key signed it that signs now: at the change of keys that is either.
    fn read_head(&self, setup: &Setup<'_>) -> Result<(Slots, Checkpoint, bool), OpenError> {
        let (slots, copies) = Slots::open(&*self.disk, &self.path("head"))?;
        let key = setup.signers.signing(&setup.origin).map_err(|_| OpenError::Key)?;
        let newest = copies.first().ok_or(OpenError::Head)?;
        let text = std::str::from_utf8(newest).map_err(|_| OpenError::Head)?;
        let checkpoint = note::verify(text, &key).map_err(|_| OpenError::Key)?;
        // The first head is alone until the first entry.
        Ok((slots, checkpoint.clone(), copies.len() < 2 && checkpoint.size > 0))
    }

    /// A mark that cannot be read says nothing: everything is applied again.
    fn read_mark(&self, is_new: bool) -> Result<(Slots, Option<Mark>), OpenError> {
        let path = self.path("mark");
        if !path.exists() {
            let none = if is_new { Some(Mark::nothing()) } else { None };
            return Ok((Slots::create(&*self.disk, &path, &Mark::nothing().encode())?, none));
        }
        let (slots, copies) = Slots::open(&*self.disk, &path)?;
        let marked = copies.iter().find_map(|bytes| Mark::decode(bytes));
        Ok((slots, marked))
    }

    pub(super) fn restore(&self, setup: &Setup<'_>, found: Found) -> Result<Restored, OpenError> {
        let mut recovery = Recovery {
            head_copy_damaged: found.head_copy_damaged,
            ..Recovery::default()
        };
        if let Some(mark) = &found.marked {
            self.reaches(&found, mark)?;
        }
        let key = Arc::new(IndexKey::new(&setup.period_key, &setup.origin));
        let reader = JournalReader::new(self.disk.clone(), self.journal.clone());
        let (store, mark, tail) = match self.usable_store(&setup.origin, found.marked.as_ref(), (&key, &reader)) {
            Ok(usable) => usable,
            Err(Unusable::InUse) => return Err(StoreError::InUse.into()),
            Err(Unusable::Journal(why)) => return Err(OpenError::Journal(why)),
            Err(Unusable::Because(why)) => {
                recovery.quarantined = self.quarantine()?;
                recovery.rebuilt = Some(why);
                let store = Arc::new(LogStore::open(&self.store, &setup.origin)?);
                let shelf = Shelf {
                    store: store.clone(),
                    key: key.clone(),
                    cut: self.cut,
                };
                (store, Mark::nothing(), Tail::new(Indexer::open(shelf)?))
            }
        };
        let known = store.size()?;
        let misfit = |_| OpenError::Store("the mark does not fit the tree".into());
        let mut tip = Tip::at(&mark, store.clone(), tail).map_err(misfit)?;
        let mut replay = Replay {
            tip: &mut tip,
            head: &found.head_note,
            origin: &setup.origin,
            period_key: &setup.period_key,
            key: &key,
            replayed: 0,
        };
        let scanned = journal::scan(&*self.disk, &found.segments, mark.anchor.place, |at, end, frame| {
            replay.frame((at, end), frame)
        });
        // What was applied of a journal that does not hold must not stay: the next start builds the store again.
        let scanned = scanned.inspect_err(|_: &OpenError| drop(store.damaged()))?;
        recovery.replayed = replay.replayed;
        recovery.torn_bytes = scanned.torn_bytes;
        recovery.entries = tip.edge.size();
        let marked = found.marked.as_ref().map_or(0, |marked| marked.size);
        let compared = compare(&found.head_note, (known, marked), &mark, &tip, (&store, &reader));
        compared.inspect_err(|_| drop(store.damaged()))?;
        let journal = self.resume(&scanned)?;
        Ok(Restored {
            journal,
            reader,
            tip,
            store,
            head: found.head,
            mark: found.mark,
            recovery,
        })
    }

    /// A journal that ends before the place where the mark begins was set back: then how much is missing is said exactly.
    fn reaches(&self, found: &Found, mark: &Mark) -> Result<(), OpenError> {
        if journal::reaches(&found.segments, mark.anchor.place) {
            return Ok(());
        }
        let mut journal = 0;
        journal::scan(&*self.disk, &found.segments, Place::start_of(1), |_, _, frame| {
            journal = frame.first + frame.entries.len() as u64;
            Ok::<_, OpenError>(())
        })?;
        let (witness, known) = match found.head_note.size >= mark.size {
            true => ("`head`", found.head_note.size),
            false => ("`mark`", mark.size),
        };
        Err(OpenError::Shorter {
            journal,
            witness,
            known,
        })
    }

    fn resume(&self, scanned: &Scanned) -> Result<Journal, OpenError> {
        let disk = self.disk.clone();
        Ok(Journal::resume(disk, &self.journal, self.segment_bytes_max, scanned)?)
    }

    /// The store if it has what the mark says, else why not.
    pub(super) fn usable_store(
        &self,
        origin: &str,
        mark: Option<&Mark>,
        (key, journal): (&Arc<IndexKey>, &JournalReader),
    ) -> Result<(Arc<LogStore>, Mark, Tail), Unusable> {
        let mark = mark.ok_or("the file `mark` is damaged")?;
        let store = Arc::new(LogStore::open(&self.store, origin).map_err(Unusable::from)?);
        let size = store.size().map_err(Unusable::from)?;
        if size < mark.size {
            let why = format!("it has {size} entries, and the mark says {}", mark.size);
            return Err(Unusable::Because(why));
        }
        let published = Published {
            head: Arc::new(Head {
                size: mark.sealed,
                root: [0; 32],
                note: "".into(),
            }),
            end: mark.anchor.place,
            sealed: mark.sealed,
            open: Vec::new(),
            tail: Vec::new(),
        };
        // The newest block and the nodes above it: a store that lost pages seldom has them all.
        let reader = Reader::new(&published, &store, journal);
        reader.root(mark.sealed).map_err(|_| "it lacks nodes of the tree")?;
        if let Some(last) = mark.sealed.checked_sub(1) {
            reader.positions(last / BLOCK_ENTRIES).map_err(Unusable::from)?;
        }
        let shelf = Shelf {
            store: store.clone(),
            key: key.clone(),
            cut: self.cut,
        };
        let mut tail = Tail::new(Indexer::open(shelf).map_err(Unusable::from)?);
        // What is in sealed blocks and not in the stored index; the rest comes from the journal.
        reader.each(tail.end(), mark.sealed, |index, entry| {
            let row = row_of(key, index, &entry.leaf, &entry.tags).map_err(|_| store.damaged())?;
            Ok(tail.push(index, row)?)
        })?;
        Ok((store, mark.clone(), tail))
    }

    /// Puts the store aside, where nothing reads it.
    fn quarantine(&self) -> Result<Option<PathBuf>, OpenError> {
        let empty = fs::read_dir(&self.store)
            .map(|mut d| d.next().is_none())
            .unwrap_or(true);
        if empty {
            return Ok(None);
        }
        let free = (1..)
            .map(|n| self.path(&format!("store.quarantine-{n}")))
            .find(|p| !p.exists());
        let aside = free.ok_or(OpenError::Head)?;
        fs::rename(&self.store, &aside)?;
        sync_dir(&self.dir)?;
        Ok(Some(aside))
    }
}

/// The journal against what else knows how long the log was; the mark that was found too, where a lost store made it
/// useless as a place to begin.
fn compare(
    head: &Checkpoint,
    (known, marked): (u64, u64),
    mark: &Mark,
    tip: &Tip,
    (store, reader): (&LogStore, &JournalReader),
) -> Result<(), OpenError> {
    let journal = tip.edge.size();
    for (witness, known) in [("`head`", head.size), ("the store", known), ("`mark`", marked)] {
        if known > journal {
            return Err(OpenError::Shorter {
                journal,
                witness,
                known,
            });
        }
    }
    // Heads within the replayed part were compared on the way; an older one is compared here.
    if head.size <= mark.anchor.first {
        let (sealed, open) = tip.open_block();
        let published = Published {
            head: Arc::new(Head {
                size: journal,
                root: [0; 32],
                note: "".into(),
            }),
            end: mark.anchor.place,
            sealed,
            open: open.to_vec(),
            tail: Vec::new(),
        };
        let root = Reader::new(&published, store, reader).root(head.size);
        if root.map_err(|e: ProofError| OpenError::Store(e.to_string()))? != head.root {
            return Err(OpenError::Root(head.size));
        }
    }
    Ok(())
}

/// Why a store is not taken as it is.
pub(super) enum Unusable {
    InUse,
    /// The store may be sound; the journal, which it would be built from, is not.
    Journal(String),
    Because(String),
}

impl From<StoreError> for Unusable {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InUse => Unusable::InUse,
            StoreError::Failed(why) => Unusable::Because(why),
        }
    }
}

impl From<ReadError> for Unusable {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Journal(damage) => Unusable::Journal(damage.to_string()),
        }
    }
}

impl From<&str> for Unusable {
    fn from(why: &str) -> Self {
        Unusable::Because(why.to_owned())
    }
}

/// Applies frames of the journal.
pub(super) struct Replay<'a> {
    pub(super) tip: &'a mut Tip,
    pub(super) head: &'a Checkpoint,
    pub(super) origin: &'a str,
    pub(super) period_key: &'a Secret<32>,
    pub(super) key: &'a IndexKey,
    pub(super) replayed: u64,
}

impl Replay<'_> {
    pub(super) fn frame(&mut self, place: (Place, Place), frame: &Frame<'_>) -> Result<(), OpenError> {
        let first = self.tip.edge.size();
        let bad = |index, why: &str| OpenError::Entry {
            index,
            why: why.to_owned(),
        };
        if frame.first != first {
            return Err(bad(first, "its batch has another number"));
        }
        if !frame.note.is_empty() {
            let before = note::read_unverified(frame.note).map_err(|_| bad(first, "its batch has no checkpoint"))?;
            let root = self.tip.edge.root().map_err(|e| bad(first, &e.to_string()))?;
            if before.size != first || before.root != root {
                return Err(bad(
                    first.saturating_sub(1),
                    "entries up to here do not lead to the signed root",
                ));
            }
        }
        let mut time_ms = self.tip.last_time_ms;
        let mut entries = Vec::with_capacity(frame.entries.len());
        let mut rows = Vec::with_capacity(frame.entries.len());
        for (index, bytes) in (first..).zip(&frame.entries) {
            let entry = read_entry(bytes, index).map_err(|why| bad(index, why))?;
            if entry.time_ms < time_ms {
                return Err(bad(index, "its time goes back"));
            }
            time_ms = entry.time_ms;
            // The tree covers leaves; what an entry changes is covered by its details. Those of a person are under the
            // person's key, and so are the rows that they change.
            let details = open_details(self.period_key, self.origin, &entry.leaf, &entry.sealed);
            if let Ok(details) = details {
                if details.i.effects_sha256 != entry.effects_sha256 {
                    return Err(bad(index, "what it changes is not what it committed to"));
                }
                let (leaf, _) = read_leaf(&entry.leaf, index).map_err(|why| bad(index, why))?;
                if !self.key.holds(&leaf, &entry.tags, &details, None) {
                    return Err(bad(index, "what it is found by is not what it says"));
                }
            }
            self.tip
                .edge
                .push(&entry.leaf)
                .map_err(|e| bad(index, &e.to_string()))?;
            let row = row_of(self.key, index, &entry.leaf, &entry.tags);
            rows.push(row.map_err(|why| bad(index, why))?);
            entries.push(entry);
        }
        let spans: Vec<_> = frame.spans().collect();
        let size = self.tip.edge.size();
        let crosses = self.head.size > first && self.head.size <= size;
        if crosses {
            let root = self.tip.edge.root().map_err(|e| bad(first, &e.to_string()))?;
            if self.head.size != size || root != self.head.root {
                return Err(OpenError::Root(self.head.size));
            }
        }
        let journaled = entries.iter().zip(rows).zip(&spans).map(|((e, row), span)| Journaled {
            span: *span,
            effects: &e.effects,
            row,
        });
        self.tip
            .apply(place, time_ms, journaled)
            .map_err(|e| OpenError::Store(e.to_string()))?;
        self.replayed += size - first;
        Ok(())
    }
}

/// A signed checkpoint.
pub(super) fn sign(setup: &Setup<'_>, size: u64, root: [u8; 32]) -> Result<String, OpenError> {
    let checkpoint = Checkpoint {
        origin: setup.origin.clone(),
        size,
        root,
    };
    let signed = setup.signers.sign(&setup.origin, &checkpoint.body());
    signed.map_err(|_| OpenError::Signer)
}
