//! What the files `head` and `mark` hold.
use super::{
    bytes::{Bytes, put_hashes},
    journal::Place,
    tree::Edge,
};

/// *Synced up to*: what the store surely has, and from where the journal must be applied to have the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Entries that the store surely has applied.
    pub(super) size: u64,
    /// Entries in sealed blocks: a multiple of the block.
    pub(super) sealed: u64,
    /// Where to begin.
    pub(super) anchor: Anchor,
}

/// The frame that holds the first entry that is in no sealed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    /// Where it begins.
    pub(super) place: Place,
    /// Its first entry.
    pub(super) first: u64,
    /// Time of the entry before it.
    pub(super) last_time_ms: i64,
    /// The tree before it.
    pub(super) frontier: Vec<[u8; 32]>,
}

impl Anchor {
    /// Before the first frame of a log.
    pub(super) fn start() -> Self {
        Self {
            place: Place::start_of(1),
            first: 0,
            last_time_ms: 0,
            frontier: Vec::new(),
        }
    }
}

impl Mark {
    /// Nothing is synced.
    pub(super) fn nothing() -> Self {
        Self {
            size: 0,
            sealed: 0,
            anchor: Anchor::start(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let place = self.anchor.place;
        for number in [self.size, self.sealed, place.segment, place.offset, self.anchor.first] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.anchor.last_time_ms.to_be_bytes());
        put_hashes(&mut out, &self.anchor.frontier);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let (size, sealed) = (bytes.u64()?, bytes.u64()?);
        let (segment, offset) = (bytes.u64()?, bytes.u64()?);
        let mark = Self {
            size,
            sealed,
            anchor: Anchor {
                place: Place { segment, offset },
                first: bytes.u64()?,
                last_time_ms: bytes.i64()?,
                frontier: bytes.hashes()?,
            },
        };
        let fits = mark.anchor.first <= sealed
            && sealed <= size
            && Edge::from_parts(mark.anchor.first, &mark.anchor.frontier).is_ok();
        (fits && bytes.is_empty()).then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_round_trip() {
        let mark = Mark {
            size: 40,
            sealed: 32,
            anchor: Anchor {
                place: Place { segment: 2, offset: 9 },
                first: 24,
                last_time_ms: 5,
                frontier: vec![[1; 32]; 2],
            },
        };
        for mark in [mark, Mark::nothing()] {
            assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }
    }

    proptest! {
        #[test]
        fn hostile_marks_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Mark::decode(&bytes);
        }
    }
}
