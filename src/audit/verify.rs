//! Checking a whole log offline, with nothing but its bytes and its public key.
//!
//! Every frame of the journal holds the signed checkpoint of the tree before it, so what was changed is found at the
//! batch it stands in, and at the entry itself where the entry does not fit. Nothing is written, nothing is trusted but
//! the key. Without a witness it cannot see that a whole directory was set back to an earlier time.
use super::{
    abreast,
    commitment::open_details,
    disk::{Disk, ReadOnly},
    export::{EntryLine, HeaderLine, Line},
    frame::{Frame, SegmentHeader},
    index::IndexKey,
    journal::{self, JournalError, Place},
    note::{self, VerifierKey},
    proof,
    slots::Slots,
    stored::{ReadEntry, read_entry, read_leaf},
    tree::Edge,
};
use crate::{clock::Time, crypto::Secret, limits::EXPORT_LINE_BYTES_MAX, wire::v1};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    fmt,
    io::{BufRead, Read},
    path::Path,
    sync::Arc,
};

/// The hashes of this many entries are kept at most.
const SETTLE_ENTRIES: u64 = 4_096;

/// A log that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub entries: u64,
    /// RFC 6962 tree head of those that are signed.
    pub root: [u8; 32],
    /// Time of the last entry.
    pub last_time: Time,
    /// Entries under the newest checkpoint. A log that was not closed may have a last batch that is on disk, unsigned.
    pub signed: u64,
    /// Bytes behind the last whole batch: a batch that was torn before anyone was told of it.
    pub torn_bytes: u64,
    /// Entries whose details opened with the keys that were given, and hold.
    pub opened: u64,
}

/// The first entry that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Bad {
    /// Its index. Where only a batch is known to be wrong, the first of it.
    pub index: u64,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.index, self.why)
    }
}

/// Checks the log of a data directory, or of a copy of one. `progress` is told how many entries are done.
pub fn dir(path: &Path, key: &VerifierKey, progress: &mut dyn FnMut(u64)) -> Result<Verified, Bad> {
    dir_opening(path, key, &[], progress)
}

/// The same, and that the log goes through this checkpoint: one that witnesses have cosigned.
pub fn dir_through(
    path: &Path,
    key: &VerifierKey,
    through: &note::Checkpoint,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, Bad> {
    walk(path, Chain::new(key, &[]).through(through), progress)
}

/// The same, and opens details with the given keys, of which the first is the period's: then also what entries changed is
/// checked against what they committed to, and what they are found by against what they say. Details that open with none
/// of the keys are passed over: their key may have been destroyed.
pub fn dir_opening(
    path: &Path,
    key: &VerifierKey,
    details: &[Secret<32>],
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, Bad> {
    walk(path, Chain::new(key, details), progress)
}

fn walk(path: &Path, mut chain: Chain<'_>, progress: &mut dyn FnMut(u64)) -> Result<Verified, Bad> {
    let disk: &dyn Disk = &ReadOnly;
    let key = chain.key;
    // The head is read first: a gateway that runs meanwhile only adds.
    let (_, head) = signed_head(disk, path, key).map_err(|why| chain.bad_at(0, why))?;
    let (segments, broken) = journal::sound_segments(disk, &path.join("journal"), key.name());
    let mut torn_bytes = 0;
    if let Some(checked) = abreast::check(&chain, &segments, &head, progress) {
        (chain, torn_bytes) = checked;
    } else if !segments.is_empty() {
        let scanned = journal::scan(disk, &segments, Place::start_of(1), |_, _, frame| {
            chain.frame(frame, &head)?;
            progress(chain.edge.size());
            Ok::<_, Stop>(())
        });
        torn_bytes = match scanned {
            Ok(scanned) => scanned.torn_bytes,
            Err(Stop::Bad(bad)) => return Err(bad),
            Err(Stop::Journal(error)) => return Err(chain.bad_at(chain.edge.size(), error)),
        };
    }
    if let Some(error) = broken {
        return Err(chain.bad_at(chain.edge.size(), error));
    }
    let size = chain.edge.size();
    if head.size > size {
        let why = format!("missing: the log ends here, but was signed at {} entries", head.size);
        return Err(chain.bad_at(size, why));
    }
    // A gateway that runs has signed its last batch by now; its checkpoint is in the head only.
    if chain.signed < size
        && let Ok((_, head)) = signed_head(disk, path, key)
    {
        chain.sign_at(&head)?;
    }
    chain.finish(torn_bytes)
}

/// Checks an export. It must be whole: from entry 0 to its checkpoint.
pub fn export(reader: impl Read, key: &VerifierKey, progress: &mut dyn FnMut(u64)) -> Result<Verified, Bad> {
    read_export(reader, Chain::new(key, &[]), progress)
}

/// The same, and that the log goes through this checkpoint.
pub fn export_through(
    reader: impl Read,
    key: &VerifierKey,
    through: &note::Checkpoint,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, Bad> {
    read_export(reader, Chain::new(key, &[]).through(through), progress)
}

fn read_export(reader: impl Read, mut chain: Chain<'_>, progress: &mut dyn FnMut(u64)) -> Result<Verified, Bad> {
    let mut lines = Lines(std::io::BufReader::new(reader));
    let Some(Line::Header(header)) = lines.next().map_err(|why| chain.bad_at(0, why))? else {
        return Err(chain.bad_at(0, "the export does not begin with its header line"));
    };
    chain.header(&header)?;
    let mut ended = false;
    loop {
        let index = chain.edge.size();
        match lines.next().map_err(|why| chain.bad_at(index, why))? {
            None if ended && index == header.size => return chain.finish(0),
            None => return Err(chain.bad_at(index, "missing: the export ends before its checkpoint")),
            Some(Line::Header(_)) => return Err(chain.bad_at(index, "a second header line")),
            Some(Line::Entry(line)) => {
                chain.exported(&line)?;
                ended = false;
                progress(chain.edge.size());
            }
            Some(Line::Checkpoint(line)) => {
                chain.checkpoint(&line.checkpoint)?;
                chain.edge.settle().map_err(|e| chain.bad_at(index, e))?;
                ended = true;
            }
        }
    }
}

/// A receipt that holds: which entry, of which log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// What was hashed.
    pub leaf: v1::Leaf,
    /// The signed checkpoint that covers it.
    pub checkpoint: note::Checkpoint,
}

/// Why a proof that stands alone does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofBad {
    /// Its form, or the path of hashes.
    #[error(transparent)]
    Proof(#[from] proof::ProofInvalid),
    /// The log's key did not sign.
    #[error("the checkpoint is not signed by this log's key: {0}")]
    Checkpoint(#[from] note::NoteError),
    /// There is nothing to prove.
    #[error("the receipt holds no leaf: save it with `tollgate query --receipt FILE`")]
    NoLeaf,
    /// The leaf is not of this place.
    #[error("the leaf is not one of this log at this index: {0}")]
    Leaf(&'static str),
    /// The checkpoints are of other sizes than the proof.
    #[error("the proof goes from {proof} entries, the older checkpoint has {checkpoint}")]
    Size {
        /// In the proof.
        proof: u64,
        /// In the older checkpoint.
        checkpoint: u64,
    },
}

/// Checks one receipt that was saved with its leaf. Nothing but the log's key is needed.
pub fn receipt(text: &str, key: &VerifierKey) -> Result<Proven, ProofBad> {
    let read = proof::decode(text)?;
    let checkpoint = note::verify(&read.checkpoint, key)?;
    let bytes = read.extra.ok_or(ProofBad::NoLeaf)?;
    let (leaf, _) = read_leaf(&bytes, read.index).map_err(ProofBad::Leaf)?;
    proof::verify_inclusion(&bytes, read.index, &read.proof, checkpoint.size, &checkpoint.root)?;
    Ok(Proven { leaf, checkpoint })
}

/// Checks that the log of one checkpoint continues the log of an older one.
pub fn continuation(
    older: &str,
    text: &str,
    key: &VerifierKey,
) -> Result<(note::Checkpoint, note::Checkpoint), ProofBad> {
    let read = proof::Continuation::decode(text)?;
    let (older, newer) = (note::verify(older, key)?, note::verify(&read.checkpoint, key)?);
    if older.size != read.old_size {
        return Err(ProofBad::Size {
            proof: read.old_size,
            checkpoint: older.size,
        });
    }
    proof::verify_consistency(older.size, &older.root, newer.size, &newer.root, &read.proof)?;
    Ok((older, newer))
}

/// The newest signed checkpoint of a directory, as it was signed.
///
/// # Errors
/// Why there is none.
pub fn head(path: &Path, key: &VerifierKey) -> Result<String, String> {
    signed_head(&ReadOnly, path, key).map(|(text, _)| text)
}

/// The newest copy of the head, which must be signed, and what it says.
fn signed_head(disk: &dyn Disk, path: &Path, key: &VerifierKey) -> Result<(String, note::Checkpoint), String> {
    let (_, copies) =
        Slots::open(disk, &path.join("head")).map_err(|e| format!("the file `head` cannot be read: {e}"))?;
    let newest = copies.into_iter().next().ok_or("the file `head` is damaged")?;
    let text = String::from_utf8(newest).map_err(|_| "the file `head` is damaged")?;
    let head = note::verify(&text, key).map_err(|e| format!("the file `head`: {e}"))?;
    Ok((text, head))
}

/// Why a scan stopped.
pub(super) enum Stop {
    Bad(Bad),
    Journal(JournalError),
}

impl From<Bad> for Stop {
    fn from(bad: Bad) -> Self {
        Stop::Bad(bad)
    }
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Stop::Journal(error)
    }
}

/// What is known of the log so far.
pub(super) struct Chain<'a> {
    key: &'a VerifierKey,
    details: &'a [Secret<32>],
    /// From the period's key.
    index: Option<Arc<IndexKey>>,
    pub(super) edge: Edge,
    last_time_ms: i64,
    /// Entries before this lead to a signed root, and that root.
    signed: u64,
    signed_root: [u8; 32],
    opened: u64,
    /// A checkpoint from elsewhere that the log must go through.
    through: Option<&'a note::Checkpoint>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(key: &'a VerifierKey, details: &'a [Secret<32>]) -> Self {
        Self {
            key,
            details,
            index: details
                .first()
                .map(|period| Arc::new(IndexKey::new(period, key.name()))),
            edge: Edge::empty(),
            last_time_ms: 0,
            signed: 0,
            signed_root: tlog_tiles::EMPTY_HASH.0,
            opened: 0,
            through: None,
        }
    }

    fn through(mut self, checkpoint: &'a note::Checkpoint) -> Self {
        self.through = Some(checkpoint);
        self
    }

    fn bad_at(&self, index: u64, why: impl ToString) -> Bad {
        Bad {
            index,
            why: why.to_string(),
        }
    }

    /// A chain of the same keys, that begins with what a segment says was before it.
    pub(super) fn beginning_at(&self, header: &SegmentHeader) -> Option<Self> {
        Some(Self {
            index: self.index.clone(),
            edge: Edge::from_parts(header.first, &header.frontier).ok()?,
            last_time_ms: header.last_time_ms,
            signed: 0,
            signed_root: tlog_tiles::EMPTY_HASH.0,
            opened: 0,
            ..*self
        })
    }

    /// Whether a segment begins with what this one ended with.
    pub(super) fn ends_at(&self, header: &SegmentHeader) -> bool {
        self.edge.size() == header.first
            && self.edge.frontier() == header.frontier
            && self.last_time_ms == header.last_time_ms
    }

    /// Takes over what was found before its beginning.
    pub(super) fn follow(&mut self, before: &Self) {
        self.opened += before.opened;
        if self.signed == 0 {
            (self.signed, self.signed_root) = (before.signed, before.signed_root);
        }
    }

    fn header(&self, header: &HeaderLine) -> Result<(), Bad> {
        header.check().map_err(|why| self.bad_at(0, why))?;
        if header.origin != self.key.name() {
            return Err(self.bad_at(0, "the export is of another log than the key"));
        }
        Ok(())
    }

    pub(super) fn frame(&mut self, frame: &Frame<'_>, head: &note::Checkpoint) -> Result<(), Bad> {
        let first = self.edge.size();
        if frame.first != first {
            return Err(self.bad_at(first, format!("missing: the next batch begins at {}", frame.first)));
        }
        self.checkpoint(frame.note)?;
        for (index, bytes) in (first..).zip(&frame.entries) {
            let entry = read_entry(bytes, index).map_err(|why| self.bad_at(index, why))?;
            self.entry(index, entry.time_ms, &entry.leaf)?;
            self.open(index, &entry)?;
        }
        let size = self.edge.size();
        if first < head.size && head.size <= size {
            let root = self.edge.root().map_err(|e| self.bad_at(first, e))?;
            if head.size != size || head.root != root {
                return Err(self.bad_at(first, "its batch does not lead to the root that was signed after it"));
            }
            (self.signed, self.signed_root) = (size, root);
        }
        self.edge.settle().map_err(|e| self.bad_at(first, e))
    }

    /// The tree so far is the one that was signed.
    fn checkpoint(&mut self, note: &str) -> Result<(), Bad> {
        let size = self.edge.size();
        let checkpoint = note::verify(note, self.key).map_err(|e| self.bad_at(size, format!("its checkpoint: {e}")))?;
        let root = self.edge.root().map_err(|e| self.bad_at(size, e))?;
        if checkpoint.size != size || checkpoint.root != root {
            let why = format!("this entry or one before {size} is not the one that was signed");
            return Err(self.bad_at(self.signed, why));
        }
        (self.signed, self.signed_root) = (size, root);
        Ok(())
    }

    /// The head that was read at the end covers everything, or says nothing of what was read.
    fn sign_at(&mut self, head: &note::Checkpoint) -> Result<(), Bad> {
        let size = self.edge.size();
        if head.size != size {
            return Ok(());
        }
        let root = self.edge.root().map_err(|e| self.bad_at(size, e))?;
        if head.root != root {
            return Err(self.bad_at(
                self.signed,
                "this entry or one behind it is not the one that was signed",
            ));
        }
        (self.signed, self.signed_root) = (size, root);
        Ok(())
    }

    fn entry(&mut self, index: u64, time_ms: i64, leaf: &[u8]) -> Result<(), Bad> {
        if time_ms < self.last_time_ms {
            return Err(self.bad_at(index, "its time goes back"));
        }
        self.last_time_ms = time_ms;
        self.edge.push(leaf).map_err(|e| self.bad_at(index, e))?;
        if let Some(through) = self.through.filter(|t| t.size == index + 1) {
            let root = self.edge.root().map_err(|e| self.bad_at(index, e))?;
            if root != through.root {
                return Err(self.bad_at(
                    index,
                    "this entry or one before it is not the one that witnesses have cosigned",
                ));
            }
        }
        // An export without a checkpoint must not fill the memory before it is refused.
        if (index + 1).is_multiple_of(SETTLE_ENTRIES) {
            self.edge.settle().map_err(|e| self.bad_at(index, e))?;
        }
        Ok(())
    }

    fn open(&mut self, index: u64, entry: &ReadEntry) -> Result<(), Bad> {
        let open = |key: &Secret<32>| open_details(key, self.key.name(), &entry.leaf, &entry.sealed).ok();
        let mut keys = self.details.iter().enumerate();
        let Some((number, key, opened)) = keys.find_map(|(n, key)| Some((n, key, open(key)?))) else {
            return Ok(());
        };
        if opened.i.effects_sha256 != entry.effects_sha256 {
            return Err(self.bad_at(index, "what it changed is not what it committed to"));
        }
        let (leaf, _) = read_leaf(&entry.leaf, index).map_err(|why| self.bad_at(index, why))?;
        let own = Some(key).filter(|_| number > 0);
        let holds = |with: &IndexKey| with.holds(&leaf, &entry.tags, &opened, own);
        if !self.index.as_deref().is_none_or(holds) {
            return Err(self.bad_at(index, "what it is found by is not what it says"));
        }
        self.opened += 1;
        Ok(())
    }

    fn exported(&mut self, line: &EntryLine) -> Result<(), Bad> {
        let index = self.edge.size();
        let leaf = STANDARD
            .decode(&line.leaf)
            .map_err(|_| self.bad_at(index, "its leaf is not base64"))?;
        let (read, time_ms) = read_leaf(&leaf, index).map_err(|why| self.bad_at(index, why))?;
        let details = STANDARD
            .decode(&line.details)
            .map_err(|_| self.bad_at(index, "its details are not base64"))?;
        if *line != EntryLine::new(&leaf, &read, time_ms, &details) {
            return Err(self.bad_at(index, "its line says something else than its leaf"));
        }
        self.entry(index, time_ms, &leaf)
    }

    pub(super) fn finish(self, torn_bytes: u64) -> Result<Verified, Bad> {
        let size = self.edge.size();
        if let Some(through) = self.through.filter(|t| t.size > size) {
            let why = format!(
                "missing: the log ends here, but witnesses have cosigned {} entries",
                through.size
            );
            return Err(self.bad_at(size, why));
        }
        Ok(Verified {
            entries: self.edge.size(),
            root: self.signed_root,
            last_time: Time(self.last_time_ms),
            signed: self.signed,
            torn_bytes,
            opened: self.opened,
        })
    }
}

/// Lines of an export, none longer than any of ours.
struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, String> {
        let mut line = Vec::new();
        let mut limited = (&mut self.0).take(EXPORT_LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut line);
        read.map_err(|e| format!("the export cannot be read: {e}"))?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err("its line is cut, or longer than any line of an export".into());
        }
        serde_json::from_slice(&line)
            .map(Some)
            .map_err(|_| "its line is not one of an export".into())
    }
}
