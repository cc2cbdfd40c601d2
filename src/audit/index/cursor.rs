//! Going backwards through the places of one term in one part of the index.
use super::{Part, chunk::Chunk, indexer::Shelf, term::Whom};
use crate::store::StoreError;

/// What one step of a search may still read and try.
pub(in crate::audit) struct Work {
    pub(in crate::audit) chunks: usize,
    pub(in crate::audit) tries: usize,
}

/// What a cursor came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) enum Stop {
    /// The newest place that is not behind the one that was asked for.
    At(u32),
    /// None is left.
    Nowhere,
    /// The work is used up. Nothing is between this place and the one that was asked for, this one excepted.
    Spent(u32),
}

/// See the module.
pub(in crate::audit) struct Cursor<'a> {
    shelf: &'a Shelf,
    part: Part,
    term: u64,
    /// Only entries of this person count.
    whom: Option<&'a Whom>,
    chunk: Option<(Chunk, Vec<(u32, u64)>)>,
}

impl<'a> Cursor<'a> {
    pub(in crate::audit) fn new(shelf: &'a Shelf, part: Part, term: u64) -> Self {
        Self {
            shelf,
            part,
            term,
            whom: None,
            chunk: None,
        }
    }

    pub(in crate::audit) fn of_person(shelf: &'a Shelf, part: Part, whom: &'a Whom) -> Self {
        Self {
            whom: Some(whom),
            ..Self::new(shelf, part, whom.term())
        }
    }

    /// Looks for the newest place at or before `offset`.
    pub(in crate::audit) fn at_most(&mut self, mut offset: u32, work: &mut Work) -> Result<Stop, StoreError> {
        loop {
            let spot = (self.term, offset);
            let (chunk, places) = match self.chunk.take() {
                Some(kept) if kept.0.covers(spot) => kept,
                _ if work.chunks == 0 => return Ok(Stop::Spent(offset)),
                _ => {
                    work.chunks -= 1;
                    let chunk = self.shelf.chunk(self.part, spot)?;
                    let places = chunk.offsets(self.term);
                    (chunk, places.ok_or_else(|| self.shelf.store.damaged())?)
                }
            };
            let before = match chunk.begins {
                (term, first) if term == self.term => first.checked_sub(1),
                _ => None,
            };
            let found = self.newest(&places, offset, work);
            self.chunk = Some((chunk, places));
            match (found, before) {
                (Stop::Nowhere, Some(before)) => offset = before,
                (found, _) => return Ok(found),
            }
        }
    }

    fn newest(&self, places: &[(u32, u64)], offset: u32, work: &mut Work) -> Stop {
        let end = places.partition_point(|(place, _)| *place <= offset);
        let mut here = places.iter().take(end).rev();
        let Some(whom) = self.whom else {
            return here.next().map_or(Stop::Nowhere, |(place, _)| Stop::At(*place));
        };
        for (place, hash) in here {
            if work.tries == 0 {
                return Stop::Spent(*place);
            }
            work.tries -= 1;
            if whom.has_hash(self.part.first + u64::from(*place), *hash) {
                return Stop::At(*place);
            }
        }
        Stop::Nowhere
    }
}
