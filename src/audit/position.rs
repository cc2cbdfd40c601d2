//! Where an entry stands in the journal: what the store keeps of it, and how it is read there.
//!
//! The journal has every entry once, and nothing has it twice. What is read must have the checksum that it was written
//! with and the leaf that the tree has: bytes that changed on the disk are reported, never shown.
use super::{
    bytes::{Bytes, put_varint},
    disk::{Disk, DiskFile},
    frame::Span,
    journal::{self, Place},
    reader::StoredEntry,
};
use crate::{
    limits::{BLOCK_ENTRIES, FRAME_BYTES_MAX, JOURNAL_READERS_MAX},
    wire::{Message, store::v1::Entry},
};
use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tlog_tiles::record_hash;

/// An entry in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    place: Place,
    length: usize,
    crc: u32,
    /// RFC 6962 hash of its leaf: proofs need no journal.
    pub(super) leaf_hash: [u8; 32],
}

impl Position {
    /// Of an entry in a frame that begins at `frame`.
    pub(super) fn new(frame: Place, span: Span, leaf_hash: [u8; 32]) -> Self {
        Self {
            place: Place {
                segment: frame.segment,
                offset: frame.offset + span.offset as u64,
            },
            length: span.length,
            crc: span.crc,
            leaf_hash,
        }
    }
}

/// A sealed block, as the store has it.
pub(super) fn encode(positions: &[Position]) -> Vec<u8> {
    let mut out = Vec::with_capacity(48 * positions.len());
    for at in positions {
        put_varint(&mut out, at.place.segment);
        put_varint(&mut out, at.place.offset);
        put_varint(&mut out, at.length as u64);
        out.extend_from_slice(&at.crc.to_be_bytes());
        out.extend_from_slice(&at.leaf_hash);
    }
    out
}

/// Reads what [`encode`] wrote of a whole block; `None` if it is not one.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Position>> {
    let mut bytes = Bytes(bytes);
    let mut next = || {
        let place = Place {
            segment: bytes.varint()?,
            offset: bytes.varint()?,
        };
        let length = usize::try_from(bytes.varint()?).ok()?;
        Some(Position {
            place,
            length: (length <= FRAME_BYTES_MAX).then_some(length)?,
            crc: bytes.u32()?,
            leaf_hash: bytes.array()?,
        })
    };
    let block = (0..BLOCK_ENTRIES).map(|_| next()).collect::<Option<_>>()?;
    bytes.is_empty().then_some(block)
}

/// An entry's bytes in the journal are not those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an entry could not be read: segment {} of the journal is damaged at byte {}; restore that file from a backup, then \
     run `tollgate audit verify`",
    .0.segment, .0.offset
)]
pub(super) struct Unreadable(Place);

/// Reads entries where they stand.
pub(super) struct JournalReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The segments that were read last, newest in front.
    open: Mutex<VecDeque<(u64, Arc<dyn DiskFile>)>>,
    damage: OnceLock<Unreadable>,
}

impl JournalReader {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self {
            disk,
            dir,
            open: Mutex::default(),
            damage: OnceLock::new(),
        }
    }

    /// The first damage that was met since the start.
    pub(super) fn damage(&self) -> Option<Unreadable> {
        self.damage.get().copied()
    }

    /// The entry that stands there.
    pub(super) fn read(&self, at: &Position) -> Result<StoredEntry, Unreadable> {
        self.whole(at).ok_or_else(|| {
            let damage = Unreadable(at.place);
            if self.damage.set(damage).is_ok() {
                tracing::error!(error = %damage, "the journal is damaged");
            }
            damage
        })
    }

    fn whole(&self, at: &Position) -> Option<StoredEntry> {
        let mut bytes = vec![0; at.length];
        self.segment(at.place.segment)
            .and_then(|file| file.read_at(&mut bytes, at.place.offset))
            .ok()?;
        if crc32fast::hash(&bytes) != at.crc {
            return None;
        }
        let entry = Entry::decode(bytes.as_slice()).ok()?;
        (record_hash(&entry.leaf).0 == at.leaf_hash).then_some(StoredEntry {
            leaf: entry.leaf,
            details: entry.details,
            tags: entry.tags,
        })
    }

    fn segment(&self, number: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match open
            .iter()
            .position(|(n, _)| *n == number)
            .and_then(|at| open.remove(at))
        {
            Some((_, file)) => file,
            None => self.disk.open(&journal::segment_path(&self.dir, number))?,
        };
        open.push_front((number, file.clone()));
        open.truncate(JOURNAL_READERS_MAX);
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_round_trip_and_nothing_else_is_one(segment in any::<u64>(), offset in any::<u32>(), length in 0..FRAME_BYTES_MAX, crc in any::<u32>(), hash in any::<[u8; 32]>(), cut in 0..700usize) {
            let frame = Place { segment, offset: 9 };
            let span = Span { offset: offset as usize, length, crc };
            let block = vec![Position::new(frame, span, hash); BLOCK_ENTRIES as usize];
            let bytes = encode(&block);
            prop_assert_eq!(decode(&bytes), Some(block));
            let cut = cut % bytes.len();
            prop_assert_eq!(decode(&bytes[..cut]), None);
            prop_assert_eq!(decode(&[&bytes[..], &[0]].concat()), None);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..900)) {
            let _ = decode(&bytes);
        }
    }
}
