//! Merging segments into a run: each segment's chunks are read in order, one of each at a time.
use super::{
    Part,
    chunk::{END, Posting, Spot},
    indexer::Shelf,
};
use crate::store::StoreError;
use std::{cmp::Reverse, collections::BinaryHeap, iter::Peekable, vec::IntoIter};

/// One segment that is read through.
struct Stream {
    part: Part,
    /// Added to offsets.
    base: u32,
    chunk: Peekable<IntoIter<Posting>>,
    next: Spot,
}

impl Stream {
    fn load(&mut self, shelf: &Shelf) -> Result<(), StoreError> {
        while self.chunk.peek().is_none() && self.next != END {
            let chunk = shelf.chunk(self.part, self.next)?;
            let postings = chunk.postings().ok_or_else(|| shelf.store.damaged())?;
            self.chunk = postings.into_iter().peekable();
            self.next = chunk.next;
        }
        Ok(())
    }
}

/// Hands on the postings of `segments`, which come in order, as postings of `into`.
pub(super) fn merge(
    shelf: &Shelf,
    into: Part,
    segments: impl Iterator<Item = Part>,
    mut take: impl FnMut(Posting) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut streams = Vec::new();
    let mut heap = BinaryHeap::new();
    for (at, part) in segments.enumerate() {
        let mut stream = Stream {
            part,
            base: u32::try_from(part.first - into.first).unwrap_or(u32::MAX),
            chunk: Vec::new().into_iter().peekable(),
            next: (0, 0),
        };
        stream.load(shelf)?;
        heap.extend(stream.chunk.peek().map(|posting| Reverse((posting.term, at))));
        streams.push(stream);
    }
    while let Some(Reverse((term, at))) = heap.pop() {
        let Some(stream) = streams.get_mut(at) else { break };
        // All of this term in this segment: the next segment's come behind them.
        while let Some(posting) = stream.chunk.next_if(|posting| posting.term == term) {
            let offset = posting.offset.saturating_add(stream.base);
            take(Posting { offset, ..posting })?;
            stream.load(shelf)?;
        }
        heap.extend(stream.chunk.peek().map(|posting| Reverse((posting.term, at))));
    }
    Ok(())
}
