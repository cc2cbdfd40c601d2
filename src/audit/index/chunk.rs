//! Chunks: places of terms, in order, sealed.
//!
//! A chunk's key says where it begins, its first bytes say where the next one does: a chunk that is missing is noticed by
//! whoever looks for what would be in it. `chunk = nonce ‖ AES-256-GCM(next ‖ groups)`,
//! `group = term ‖ length ‖ offsets`: the first as it is, the others as distances; a person's have seven bytes of tag each.
//! The nonce is a MAC of what is sealed, so the same entries give the same bytes, whenever they are indexed.
use super::{
    Part,
    term::{IndexKey, is_person},
};
use crate::{
    audit::bytes::{Bytes, put_varint},
    crypto::{Broken, Label, ctx, hmac, open, seal},
};

/// Where a posting stands: term, and offset of the entry within its part.
pub(in crate::audit) type Spot = (u64, u32);

/// Behind every posting.
pub(super) const END: Spot = (u64::MAX, u32::MAX);

/// A term in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub(super) term: u64,
    pub(super) offset: u32,
    /// Value of the entry's person, where the term is one of people.
    pub(super) person: u64,
}

const NONCE: usize = 12;
const SPOT: usize = 12;
const PERSON_BYTES: usize = 7;

fn place(key: &IndexKey, what: &str, part: Part, at: Spot) -> Vec<u8> {
    let spot = put_spot(at);
    let fields: [&[u8]; 5] = [
        key.origin.as_bytes(),
        what.as_bytes(),
        &[part.level as u8],
        &part.number.to_be_bytes(),
        &spot,
    ];
    ctx(Label::IndexChunk, &fields)
}

fn put_spot((term, offset): Spot) -> Vec<u8> {
    [&term.to_be_bytes()[..], &offset.to_be_bytes()].concat()
}

/// Seals `plain` to its place.
pub(super) fn close(key: &IndexKey, what: &str, part: Part, at: Spot, plain: Vec<u8>) -> Result<Vec<u8>, Broken> {
    let place = place(key, what, part, at);
    let mac = hmac(key.nonces.expose(), &[&place[..], &plain].concat());
    let (nonce, _) = mac.split_first_chunk::<NONCE>().ok_or(Broken)?;
    let sealed = seal(key.chunks.expose(), nonce, &place, plain)?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens what [`close`] sealed, in the same place only.
pub(super) fn disclose(key: &IndexKey, what: &str, part: Part, at: Spot, sealed: &[u8]) -> Result<Vec<u8>, Broken> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(Broken)?;
    open(key.chunks.expose(), nonce, &place(key, what, part, at), rest)
}

/// Cuts postings, which come in order, into chunks.
pub(super) struct ChunkWriter {
    bytes_max: usize,
    begins: Spot,
    /// Whole groups.
    body: Vec<u8>,
    /// The group that is being written.
    group: Vec<u8>,
    last: Option<Spot>,
}

/// A chunk that is ready: where it begins, and its bytes.
pub(super) type Ready = (Spot, Vec<u8>);

impl ChunkWriter {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            begins: (0, 0),
            body: Vec::new(),
            group: Vec::new(),
            last: None,
        }
    }

    /// Adds a posting. Gives a chunk when one is full.
    pub(super) fn push(&mut self, posting: Posting) -> Option<Ready> {
        let spot = (posting.term, posting.offset);
        if self.last == Some(spot) {
            return None;
        }
        // Next, two group heads of 8 + 2 bytes, and the posting of 5 + 7: what may still come.
        let held = self.body.len() + self.group.len();
        let full = held + SPOT + 20 + 12 > self.bytes_max;
        let ready = if full && self.last.is_some() {
            Some(self.cut(spot))
        } else {
            None
        };
        let distance = match self.last {
            Some((term, offset)) if term == posting.term => posting.offset.saturating_sub(offset),
            _ => {
                self.end_group();
                posting.offset
            }
        };
        put_varint(&mut self.group, u64::from(distance));
        if is_person(posting.term) {
            self.group
                .extend(posting.person.to_be_bytes().iter().skip(8 - PERSON_BYTES));
        }
        self.last = Some(spot);
        ready
    }

    /// The last chunk.
    pub(super) fn finish(mut self) -> Ready {
        self.cut(END)
    }

    fn end_group(&mut self) {
        if let Some((term, _)) = self.last.filter(|_| !self.group.is_empty()) {
            self.body.extend_from_slice(&term.to_be_bytes());
            put_varint(&mut self.body, self.group.len() as u64);
            self.body.append(&mut self.group);
        }
    }

    fn cut(&mut self, next: Spot) -> Ready {
        self.end_group();
        let plain = [&put_spot(next)[..], &self.body].concat();
        self.body.clear();
        self.last = None;
        (std::mem::replace(&mut self.begins, next), plain)
    }
}

/// A chunk that was opened.
pub(super) struct Chunk {
    pub(super) begins: Spot,
    pub(super) next: Spot,
    plain: Vec<u8>,
}

impl Chunk {
    pub(super) fn read(begins: Spot, plain: Vec<u8>) -> Option<Self> {
        let mut bytes = Bytes(&plain);
        let next = (bytes.u64()?, bytes.u32()?);
        (next > begins || begins == END).then_some(Self { begins, next, plain })
    }

    /// Whether a posting at this spot would be in it.
    pub(super) fn covers(&self, spot: Spot) -> bool {
        self.begins <= spot && spot < self.next
    }

    /// The groups: a term and its offsets, still packed.
    fn groups(&self) -> impl Iterator<Item = Option<(u64, &[u8])>> {
        let mut bytes = Bytes(self.plain.get(SPOT..).unwrap_or_default());
        std::iter::from_fn(move || {
            (!bytes.is_empty()).then(|| {
                let term = bytes.u64()?;
                let len = usize::try_from(bytes.varint()?).ok()?;
                let group = bytes.take(len);
                if group.is_none() {
                    bytes = Bytes(&[]);
                }
                Some((term, group?))
            })
        })
    }

    /// Offsets of a term in this chunk, with what stands beside; `None` if it cannot be read.
    pub(super) fn offsets(&self, wanted: u64) -> Option<Vec<(u32, u64)>> {
        for group in self.groups() {
            let (term, packed) = group?;
            if term == wanted {
                return unpack(term, packed);
            }
            if term > wanted {
                break;
            }
        }
        Some(Vec::new())
    }

    /// Everything in it; `None` if it cannot be read.
    pub(super) fn postings(&self) -> Option<Vec<Posting>> {
        let mut out = Vec::new();
        for group in self.groups() {
            let (term, packed) = group?;
            let offsets = unpack(term, packed)?;
            out.extend(
                offsets
                    .into_iter()
                    .map(|(offset, person)| Posting { term, offset, person }),
            );
        }
        Some(out)
    }
}

fn unpack(term: u64, packed: &[u8]) -> Option<Vec<(u32, u64)>> {
    let mut bytes = Bytes(packed);
    let mut out = Vec::with_capacity(packed.len().min(4_096));
    let mut offset = 0u32;
    while !bytes.is_empty() {
        offset = offset.checked_add(u32::try_from(bytes.varint()?).ok()?)?;
        let mut person = 0;
        if is_person(term) {
            let tag = bytes.take(PERSON_BYTES)?;
            person = tag.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
        }
        out.push((offset, person));
    }
    Some(out)
}
