//! A small file that is written again and again and is never torn: two slots, written in turn, each with a checksum.
//!
//! `head` holds the last checkpoint, `mark` says what the store surely has. Both are outside sled, so that a damaged,
//! cut or swapped store is noticed.
use super::{
    bytes::Bytes,
    disk::{Disk, DiskFile},
};
use std::{io, path::Path, sync::Arc};

/// A slot is a page, so that the two never share one.
const SLOT: u64 = 4_096;
const SLOT_BYTES: usize = SLOT as usize;
const MAGIC: [u8; 4] = *b"TGS1";
/// Magic, checksum, generation, length.
const HEADER: usize = 4 + 4 + 8 + 4;

/// The file, and the generation of its newest slot.
pub(super) struct Slots {
    file: Arc<dyn DiskFile>,
    generation: u64,
}

impl Slots {
    /// A new file with `payload` in it. The name appears when the content is on disk, or not at all.
    pub(super) fn create(disk: &dyn Disk, path: &Path, payload: &[u8]) -> io::Result<Self> {
        let draft = path.with_extension("tmp");
        let mut slots = Self {
            file: disk.create(&draft)?,
            generation: 0,
        };
        // Both pages are taken now: writing over them needs no room later.
        slots.file.write_at(&[0; 2 * SLOT_BYTES], 0)?;
        slots.write(payload)?;
        slots.file.sync()?;
        disk.rename(&draft, path)?;
        if let Some(dir) = path.parent() {
            disk.sync_dir(dir)?;
        }
        Ok(slots)
    }

    /// An existing file, and its valid payloads, newest first.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let file = disk.open(path)?;
        let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
        for slot in 0..2 {
            let mut bytes = vec![0; SLOT_BYTES];
            if file.read_at(&mut bytes, slot * SLOT).is_ok() {
                found.extend(read(&bytes).filter(|(generation, _)| generation % 2 == slot));
            }
        }
        found.sort_by_key(|(generation, _)| std::cmp::Reverse(*generation));
        let generation = found.first().map_or(0, |(generation, _)| *generation);
        Ok((Self { file, generation }, found.into_iter().map(|(_, p)| p).collect()))
    }

    /// Writes over the older slot. Durable only after [`Slots::file`] is synced.
    pub(super) fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let generation = self.generation + 1;
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&generation.to_be_bytes());
        super::bytes::put_slice(&mut bytes, payload);
        if bytes.len() > SLOT_BYTES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let crc = crc32fast::hash(bytes.get(8..).unwrap_or_default()).to_be_bytes();
        bytes.iter_mut().skip(4).zip(crc).for_each(|(to, from)| *to = from);
        self.file.write_at(&bytes, (generation % 2) * SLOT)?;
        self.generation = generation;
        Ok(())
    }

    /// To sync it from another thread.
    pub(super) fn file(&self) -> Arc<dyn DiskFile> {
        self.file.clone()
    }
}

fn read(slot: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut bytes = Bytes(slot);
    if bytes.array()? != MAGIC {
        return None;
    }
    let crc = bytes.u32()?;
    let covered = bytes.0;
    let generation = bytes.u64()?;
    let payload = bytes.slice()?;
    let used = covered.get(..8 + 4 + payload.len())?;
    (crc32fast::hash(used) == crc).then(|| (generation, payload.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::disk::RealDisk;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("head");
        let mut slots = Slots::create(&RealDisk, &path, b"one").unwrap();
        slots.write(b"two").unwrap();
        slots.write(b"three").unwrap();
        let (mut slots, read) = Slots::open(&RealDisk, &path).unwrap();
        assert_eq!(read, [b"three".to_vec(), b"two".to_vec()]);
        slots.write(b"four").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, bytes).unwrap();
            let (_, read) = Slots::open(&RealDisk, &path).unwrap();
            assert!(read.iter().all(|p| p == b"four" || p == b"three"), "{at}");
            assert!(!read.is_empty(), "{at}");
        }
        assert!(slots.write(&[0; 5000]).is_err());
    }
}
