//! The archive: files one after the other, written and read as a stream.
use super::BackupError;
use crate::{
    limits::BACKUP_MEMBER_BYTES_MAX,
    state::Row,
    ustar::{BLOCK, header, padding, read_header},
};
use std::io::{self, Read};

const FORM: BackupError = BackupError::Form("its archive has another form");

/// Writes an archive piece by piece; what is ready goes to `out`.
pub struct Writer<F>(F);

impl<F: FnMut(&[u8]) -> Result<(), BackupError>> Writer<F> {
    /// Hands everything to `out`.
    pub fn new(out: F) -> Self {
        Self(out)
    }

    /// A file whose bytes are at hand.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        self.stream(name, bytes.len() as u64, &mut &*bytes, &mut || Ok(()))
    }

    /// A file of a length that is known, read as it goes out; `between` is called between two pieces.
    pub fn stream(
        &mut self,
        name: &str,
        length: u64,
        reader: &mut dyn Read,
        between: &mut dyn FnMut() -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        (self.0)(&header(name, length).ok_or(FORM)?)?;
        let (mut piece, mut left) = (vec![0; 64 << 10], length);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let piece = piece.get_mut(..wanted).unwrap_or_default();
            reader.read_exact(piece)?;
            (self.0)(piece)?;
            left -= piece.len() as u64;
            between()?;
        }
        (self.0)(&vec![0; padding(length)])
    }

    /// The end of the archive.
    pub fn finish(&mut self) -> Result<(), BackupError> {
        (self.0)(&[0; 2 * BLOCK])
    }
}

/// Reads an archive file by file.
pub struct Reader<R>(R);

/// One file of it: read to its end before the next is asked for.
pub struct Entry<'a, R> {
    /// Its name.
    pub name: String,
    /// Its length.
    pub length: u64,
    reader: &'a mut R,
}

impl<R: Read> Reader<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self(reader)
    }

    /// The next file; `None` at the end, behind which nothing comes.
    pub fn next_file(&mut self) -> Result<Option<Entry<'_, R>>, BackupError> {
        let mut head = [0; BLOCK];
        self.0.read_exact(&mut head).map_err(BackupError::reading)?;
        if head.iter().all(|b| *b == 0) {
            self.0.read_exact(&mut head).map_err(BackupError::reading)?;
            let behind = self.0.read(&mut [0]).map_err(BackupError::reading)?;
            return match behind == 0 && head.iter().all(|b| *b == 0) {
                true => Ok(None),
                false => Err(FORM),
            };
        }
        let (name, length) = read_header(&head).ok_or(FORM)?;
        if length > BACKUP_MEMBER_BYTES_MAX {
            return Err(BackupError::Form("a file in it is too long"));
        }
        Ok(Some(Entry {
            name,
            length,
            reader: &mut self.0,
        }))
    }
}

impl<R: Read> Entry<'_, R> {
    /// All of it, if it is not longer than that.
    pub fn bytes(self, most: u64) -> Result<Vec<u8>, BackupError> {
        if self.length > most {
            return Err(BackupError::Form("a file in it is too long"));
        }
        let mut bytes = Vec::new();
        self.copy(&mut |reader| reader.read_to_end(&mut bytes).map(|n| n as u64))?;
        Ok(bytes)
    }

    /// Hands its bytes to `take`, which reads all of them and says how many it read.
    pub fn copy(self, take: &mut dyn FnMut(&mut dyn Read) -> io::Result<u64>) -> Result<u64, BackupError> {
        let taken = take(&mut self.reader.by_ref().take(self.length)).map_err(BackupError::reading)?;
        if taken != self.length {
            return Err(BackupError::Closed);
        }
        let mut rest = vec![0; padding(self.length)];
        self.reader.read_exact(&mut rest).map_err(BackupError::reading)?;
        match rest.iter().all(|b| *b == 0) {
            true => Ok(taken),
            false => Err(FORM),
        }
    }
}

/// `be32(length of key) ‖ key ‖ be32(length of value) ‖ value`, for each row.
pub(super) fn put_rows(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in rows.iter().flat_map(|(key, value)| [key, value]) {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Reads what [`put_rows`] wrote.
pub(super) fn read_rows(mut bytes: &[u8]) -> Option<Vec<Row>> {
    fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        *bytes = rest;
        Some(part)
    }
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        rows.push((part(&mut bytes)?.to_vec(), part(&mut bytes)?.to_vec()));
    }
    Some(rows)
}
