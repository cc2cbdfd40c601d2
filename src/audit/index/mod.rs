//! What finds entries: terms of eight bytes, and where they occur.
//!
//! An entry carries the tags it is found by ([`term`]). Every [`INDEX_SEGMENT_ENTRIES`] entries the places of all terms
//! become sealed chunks in the store ([`chunk`], [`Indexer`]), and every [`INDEX_RUN_SEGMENTS`] segments are merged once
//! more, so that ten million entries are about a hundred places to look at. What is newer is in memory ([`rows`]).
//!
//! The index tells nothing without the period's key, and nothing about a person without that person's. It is never
//! believed: who can open an entry confirms what it says. `docs/decisions/0013-the-index.md` says why it is as it is.
//!
//! [`INDEX_SEGMENT_ENTRIES`]: crate::limits::INDEX_SEGMENT_ENTRIES
//! [`INDEX_RUN_SEGMENTS`]: crate::limits::INDEX_RUN_SEGMENTS
mod chunk;
mod count;
mod cursor;
mod indexer;
mod merge;
mod rows;
mod tail;
mod term;

pub(super) use count::{Counted, of_row};
pub(super) use cursor::{Cursor, Stop, Work};
pub(super) use indexer::{Indexed, Indexer, Shelf};
pub(super) use rows::{Row, Said, SegmentRows, row_of};
pub(super) use tail::{Sink, Tail};
pub(super) use term::{IndexKey, Tags};
pub use term::{PersonTag, Whom};

use crate::limits::{INDEX_RUN_SEGMENTS, INDEX_SEGMENT_ENTRIES};

/// How many entries one run of the index covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// One segment.
    Segment = 0,
    /// Many segments, merged.
    Run = 1,
}

impl Level {
    pub(super) fn entries(self) -> u64 {
        match self {
            Level::Segment => INDEX_SEGMENT_ENTRIES,
            Level::Run => INDEX_SEGMENT_ENTRIES * INDEX_RUN_SEGMENTS,
        }
    }
}

/// One part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) level: Level,
    pub(super) number: u64,
}

impl Part {
    /// Number of its first entry.
    pub(super) fn first(self) -> u64 {
        self.number * self.level.entries()
    }
}
