//! The end of the log that is not in the stored index yet.
use super::{
    Cut, Level,
    indexer::{Indexed, Indexer},
    rows::{Row, SegmentRows},
};
use crate::store::StoreError;
use std::sync::{Arc, mpsc::SyncSender};

/// Who writes a whole segment into the store.
pub(in crate::audit) enum Sink {
    /// At once: while a start replays.
    Now(Box<Indexer>),
    /// The thread beside, which is waited for when it is several segments behind.
    Beside(SyncSender<Arc<SegmentRows>>),
}

/// Rows of entries, segment by segment.
pub(in crate::audit) struct Tail {
    sink: Sink,
    indexed: Arc<Indexed>,
    /// Whole segments that are not known to be in the store.
    waiting: Vec<Arc<SegmentRows>>,
    current: Arc<SegmentRows>,
    cut: Cut,
    end: u64,
}

impl Tail {
    /// Behind what the store has.
    pub(in crate::audit) fn new(indexer: Indexer) -> Self {
        let indexed = indexer.indexed();
        let cut = indexer.shelf.cut;
        let current = SegmentRows::new(cut.part(Level::Segment, indexed.segments()));
        Self {
            sink: Sink::Now(Box::new(indexer)),
            indexed,
            waiting: Vec::new(),
            end: current.part.first,
            current: Arc::new(current),
            cut,
        }
    }

    /// The number of the next entry.
    pub(in crate::audit) fn end(&self) -> u64 {
        self.end
    }

    /// Adds entry `index`; one that is there already is passed over.
    pub(in crate::audit) fn push(&mut self, index: u64, row: Row) -> Result<(), StoreError> {
        if index != self.end {
            return Ok(());
        }
        self.current.put(index, row);
        self.end += 1;
        if self.end == self.current.part.end {
            let next = self.cut.part_of(Level::Segment, self.end);
            let next = Arc::new(SegmentRows::new(next));
            let whole = std::mem::replace(&mut self.current, next);
            match &mut self.sink {
                Sink::Now(indexer) => indexer.segment(&whole)?,
                Sink::Beside(thread) => {
                    let sent = thread.send(whole.clone());
                    sent.map_err(|_| StoreError::Failed("the index is not written any more".into()))?;
                    self.waiting.push(whole);
                }
            }
        }
        Ok(())
    }

    /// What is not in the store, oldest first.
    pub(in crate::audit) fn segments(&mut self) -> Vec<Arc<SegmentRows>> {
        let stored = self.indexed.segments();
        self.waiting.retain(|rows| rows.part.number >= stored);
        self.waiting.iter().chain([&self.current]).cloned().collect()
    }

    /// From now on another thread writes.
    pub(in crate::audit) fn hand_over(&mut self, sink: Sink) -> Sink {
        std::mem::replace(&mut self.sink, sink)
    }
}
