//! A copy of the journal up to a signed checkpoint, while entries are added behind it.
//!
//! What stands before the checkpoint's end never changes, so a copy needs no lock and stops nobody. The store, the mark and
//! the index are not copied: they are built again from the journal.
use super::{
    Log,
    disk::RealDisk,
    journal::{self, segment_path},
    reader::{Head, ProofError},
    slots::Slots,
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is to be copied.
pub struct JournalCopy {
    /// The checkpoint that it leads to.
    pub head: Arc<Head>,
    /// The segments, oldest first.
    pub parts: Vec<JournalPart>,
}

/// A segment, or the part of the last one that the checkpoint covers.
pub struct JournalPart {
    /// Counts from 1.
    pub number: u64,
    /// Its length.
    pub bytes: u64,
    path: PathBuf,
}

impl JournalPart {
    /// Reads it; what comes behind is not read.
    pub fn open(&self) -> io::Result<impl Read + use<>> {
        Ok(File::open(&self.path)?.take(self.bytes))
    }
}

impl Log {
    /// The journal as it stands now. Opens every segment's header once; blocks.
    pub fn journal_copy(&self) -> Result<JournalCopy, ProofError> {
        let shared = self.shared();
        let published = shared.published.load_full();
        let segments = journal::segments(&*shared.disk, &shared.dir.join("journal"), &shared.origin);
        let segments = segments.map_err(|_| ProofError::Journal)?;
        let part = |segment: &journal::Segment| {
            let bytes = segment.bytes_until(published.end)?;
            Some(JournalPart {
                number: segment.header.number,
                bytes,
                path: segment.path().to_owned(),
            })
        };
        let parts: Vec<JournalPart> = segments.iter().map_while(part).collect();
        match parts.last().is_some_and(|last| last.number == published.end.segment) {
            true => Ok(JournalCopy {
                head: published.head.clone(),
                parts,
            }),
            false => Err(ProofError::Journal),
        }
    }
}

/// Writes a segment back into a data directory, durable; gives its length. The head follows by [`put_head`], last.
///
/// # Errors
/// The file is there, or the disk refuses.
pub fn put_segment(dir: &Path, number: u64, reader: &mut dyn Read) -> io::Result<u64> {
    let path = segment_path(&dir.join("journal"), number);
    let mut file = File::options().write(true).create_new(true).open(path)?;
    let written = io::copy(reader, &mut file)?;
    file.sync_all()?;
    Ok(written)
}

/// Writes the checkpoint that the segments lead to: from here on a log that is shorter is refused.
///
/// # Errors
/// It is longer than any checkpoint, or the disk refuses.
pub fn put_head(dir: &Path, note: &str) -> io::Result<()> {
    Slots::create(&RealDisk, &dir.join("head"), note.as_bytes()).map(drop)
}
