//! The journal's bytes: frames of entries, and the header of a segment.
//!
//! `frame = "TGF1" ‖ length ‖ CRC-32 ‖ body`, `body = first ‖ number ‖ checkpoint before this batch ‖ entries`.
//! The checksum finds torn and rotten bytes; that nobody changed them is shown by the signed checkpoint in the next frame.
use super::bytes::{Bytes, put_hashes, put_slice};
use crate::limits::{AUDIT_BATCH_MAX, FRAME_BYTES_MAX, NOTE_BYTES_MAX, ORIGIN_BYTES_MAX};

/// First bytes of a frame.
pub(super) const MAGIC: [u8; 4] = *b"TGF1";
/// Magic, length, checksum.
pub(super) const HEADER_BYTES: usize = 12;

/// Where an entry stands in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// From the frame's first byte.
    pub(super) offset: usize,
    pub(super) length: usize,
    /// Of these bytes.
    pub(super) crc: u32,
}

/// A frame that is being written. The buffers are used again.
pub(super) struct FrameWriter {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl FrameWriter {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Begins a frame whose first entry is `first`; `note` is the checkpoint of the tree before it.
    pub(super) fn begin(&mut self, first: u64, number: usize, note: &str) {
        self.bytes.clear();
        self.spans.clear();
        self.bytes.extend_from_slice(&MAGIC);
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.extend_from_slice(&first.to_be_bytes());
        self.bytes
            .extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
        put_slice(&mut self.bytes, note.as_bytes());
    }

    /// Adds an entry: its parts, one after the other.
    pub(super) fn entry(&mut self, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        self.bytes
            .extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        let offset = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.spans.push(Span {
            offset,
            length: len,
            crc: crc32fast::hash(self.bytes.get(offset..).unwrap_or_default()),
        });
    }

    /// Where its entries stand.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Puts length and checksum in place.
    pub(super) fn finish(&mut self) -> &[u8] {
        let at = HEADER_BYTES.min(self.bytes.len());
        let (head, body) = self.bytes.split_at_mut(at);
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let numbers = len.into_iter().chain(crc32fast::hash(body).to_be_bytes());
        head.iter_mut()
            .skip(MAGIC.len())
            .zip(numbers)
            .for_each(|(to, from)| *to = from);
        &self.bytes
    }
}

/// Length of the body and checksum, if this is a frame's header.
pub(super) fn read_header(header: &[u8; HEADER_BYTES]) -> Option<(usize, u32)> {
    let mut bytes = Bytes(header);
    if bytes.array()? != MAGIC {
        return None;
    }
    let len = usize::try_from(bytes.u32()?).ok()?;
    let crc = bytes.u32()?;
    (len <= FRAME_BYTES_MAX).then_some((len, crc))
}

/// A frame that was read.
pub(super) struct Frame<'a> {
    /// Index of its first entry.
    pub(super) first: u64,
    /// The checkpoint of the tree before it; empty in the first frame of a log.
    pub(super) note: &'a str,
    /// Serialised entries.
    pub(super) entries: Vec<&'a [u8]>,
}

impl Frame<'_> {
    /// Where its entries stand.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        // Before each entry its length; before the first the header, its number, how many there are, and the note.
        let mut end = HEADER_BYTES + 8 + 4 + 4 + self.note.len();
        self.entries.iter().map(move |bytes| {
            let offset = end + 4;
            end = offset + bytes.len();
            Span {
                offset,
                length: bytes.len(),
                crc: crc32fast::hash(bytes),
            }
        })
    }
}

/// Reads a body whose checksum holds.
pub(super) fn read_body(body: &[u8]) -> Option<Frame<'_>> {
    let mut bytes = Bytes(body);
    let first = bytes.u64()?;
    let number = usize::try_from(bytes.u32()?).ok()?;
    if number == 0 || number > AUDIT_BATCH_MAX {
        return None;
    }
    let note = std::str::from_utf8(bytes.slice()?).ok()?;
    let entries: Vec<_> = (0..number).map(|_| bytes.slice()).collect::<Option<_>>()?;
    (bytes.is_empty() && note.len() <= NOTE_BYTES_MAX).then_some(Frame { first, note, entries })
}

/// What a segment says of itself and of the one before it, so that none can be missing, cut or of another log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) origin: String,
    /// Counts from 1.
    pub(super) number: u64,
    /// Length of the segment before.
    pub(super) previous_bytes: u64,
    /// Index of the first entry.
    pub(super) first: u64,
    /// Time of the entry before, ms.
    pub(super) last_time_ms: i64,
    /// Hashes of the complete subtrees before it, so that it can be read by itself.
    pub(super) frontier: Vec<[u8; 32]>,
}

const SEGMENT_MAGIC: [u8; 4] = *b"TGJ1";
/// A header is under 96 + 64 × 32 bytes and a few numbers.
pub(super) const SEGMENT_HEADER_BYTES: usize = 4_096;

impl SegmentHeader {
    /// Exactly [`SEGMENT_HEADER_BYTES`] bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        put_slice(&mut body, self.origin.as_bytes());
        for number in [self.number, self.previous_bytes, self.first] {
            body.extend_from_slice(&number.to_be_bytes());
        }
        body.extend_from_slice(&self.last_time_ms.to_be_bytes());
        put_hashes(&mut body, &self.frontier);
        body.resize(SEGMENT_HEADER_BYTES - 8, 0);
        let crc = crc32fast::hash(&body).to_be_bytes();
        [&SEGMENT_MAGIC[..], &crc, &body].concat()
    }

    /// Reads what [`SegmentHeader::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let magic: [u8; 4] = bytes.array()?;
        let crc = bytes.u32()?;
        if magic != SEGMENT_MAGIC || crc32fast::hash(bytes.0) != crc {
            return None;
        }
        let origin = std::str::from_utf8(bytes.slice()?).ok()?;
        Some(Self {
            origin: (origin.len() <= ORIGIN_BYTES_MAX).then(|| origin.to_owned())?,
            number: bytes.u64()?,
            previous_bytes: bytes.u64()?,
            first: bytes.u64()?,
            last_time_ms: bytes.i64()?,
            frontier: bytes.hashes()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_round_trip(first in any::<u64>(), entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..20)) {
            let mut writer = FrameWriter::new();
            writer.begin(first, entries.len(), "note");
            for e in &entries {
                let (a, b) = e.split_at(e.len() / 2);
                writer.entry(&[a, b]);
            }
            let bytes = writer.finish();
            let (len, crc) = read_header(bytes[..12].try_into().unwrap()).unwrap();
            prop_assert_eq!((len, crc), (bytes.len() - 12, crc32fast::hash(&bytes[12..])));
            let frame = read_body(&bytes[12..]).unwrap();
            prop_assert_eq!((frame.first, frame.note), (first, "note"));
            let spans: Vec<_> = frame.spans().collect();
            for (span, entry) in spans.iter().zip(&entries) {
                prop_assert_eq!(&bytes[span.offset..][..span.length], entry);
            }
            prop_assert_eq!(frame.entries, entries);
            prop_assert_eq!(writer.spans(), spans);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_body(&bytes);
            let _ = SegmentHeader::decode(&bytes);
            if let Some(header) = bytes.first_chunk() {
                let _ = read_header(header);
            }
        }
    }

    #[test]
    fn segment_headers_round_trip() {
        let header = SegmentHeader {
            origin: "log.test".into(),
            number: 3,
            previous_bytes: 9,
            first: 7,
            last_time_ms: -5,
            frontier: vec![[1; 32]; 3],
        };
        let bytes = header.encode();
        assert_eq!(bytes.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(SegmentHeader::decode(&bytes), Some(header));
        for at in [0, 5, 20, 4_095] {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(SegmentHeader::decode(&bad), None);
        }
    }
}
