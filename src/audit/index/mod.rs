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

use crate::limits::{INDEX_CHUNK_BYTES_MAX, INDEX_RUN_SEGMENTS, INDEX_SEGMENT_ENTRIES};

/// How many entries one part of the index covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// One segment.
    Segment = 0,
    /// Many segments, merged.
    Run = 1,
}

/// How large parts are. One store has one cut; tests have a smaller one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Entries of a segment: a multiple of the block.
    pub(super) segment: u64,
    /// Segments of a run.
    pub(super) run: u64,
    pub(super) chunk_bytes: usize,
}

impl Cut {
    pub(super) const SERVICE: Cut = Cut {
        segment: INDEX_SEGMENT_ENTRIES,
        run: INDEX_RUN_SEGMENTS,
        chunk_bytes: INDEX_CHUNK_BYTES_MAX,
    };

    /// Part number so-and-so of a level.
    pub(super) fn part(&self, level: Level, number: u64) -> Part {
        let entries = match level {
            Level::Segment => self.segment,
            Level::Run => self.segment * self.run,
        };
        let first = number * entries;
        Part {
            level,
            number,
            first,
            end: first + entries,
        }
    }

    /// The part of a level that has an entry.
    pub(super) fn part_of(&self, level: Level, index: u64) -> Part {
        self.part(level, index / self.part(level, 0).end)
    }
}

/// One part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) level: Level,
    pub(super) number: u64,
    /// Its first entry.
    pub(super) first: u64,
    /// Behind its last entry.
    pub(super) end: u64,
}
