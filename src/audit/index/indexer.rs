//! Writing the index: a segment when it is whole, a run when enough segments are.
//!
//! What is written depends on the entries alone, so whatever a crash left unfinished is written again, byte by byte.
use super::{
    Cut, Level, Part,
    chunk::{Chunk, ChunkWriter, Posting, Ready, Spot, close, disclose},
    count::{self, Tally, of_row},
    merge,
    rows::SegmentRows,
    term::IndexKey,
};
use crate::store::{LogStore, StoreError};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc::Receiver,
};

/// How far the stored index reaches.
pub(in crate::audit) struct Indexed {
    segments: AtomicU64,
    runs: AtomicU64,
}

impl Indexed {
    /// Segments in the store.
    pub(in crate::audit) fn segments(&self) -> u64 {
        self.segments.load(Ordering::Acquire)
    }
    /// Runs in the store.
    pub(in crate::audit) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Acquire)
    }
}

/// Reads and writes parts of the index.
#[derive(Clone)]
pub(in crate::audit) struct Shelf {
    pub(in crate::audit) store: Arc<LogStore>,
    pub(in crate::audit) key: Arc<IndexKey>,
    pub(in crate::audit) cut: Cut,
}

impl Shelf {
    fn put(&self, part: Part, (begins, plain): Ready) -> Result<(), StoreError> {
        let sealed = close(&self.key, "places", part, begins, plain);
        let sealed = sealed.map_err(|_| StoreError::Failed("the index cannot be sealed".into()))?;
        self.store.put_chunk(part.level as u8, part.number, begins, &sealed)
    }

    /// The chunk that would hold this spot.
    pub(super) fn chunk(&self, part: Part, spot: Spot) -> Result<Chunk, StoreError> {
        let found = self.store.chunk_at(part.level as u8, part.number, spot)?;
        let (begins, sealed) = found.ok_or_else(|| self.store.damaged())?;
        let plain = disclose(&self.key, "places", part, begins, &sealed);
        let chunk = plain.ok().and_then(|plain| Chunk::read(begins, plain));
        // One that ends before the spot: the next one is missing.
        let chunk = chunk.filter(|c| c.covers(spot));
        chunk.ok_or_else(|| self.store.damaged())
    }

    fn put_counts(&self, part: Part, tally: &Tally) -> Result<(), StoreError> {
        for (number, plain) in (0u32..).zip(count::write(tally, self.cut.chunk_bytes)) {
            let sealed = close(&self.key, "counts", part, (0, number), plain);
            let sealed = sealed.map_err(|_| StoreError::Failed("the index cannot be sealed".into()))?;
            self.store.put_counts(part.level as u8, part.number, number, &sealed)?;
        }
        Ok(())
    }

    /// What was counted in a part.
    pub(in crate::audit) fn counts(
        &self,
        part: Part,
        mut visit: impl FnMut(count::Counted, u64),
    ) -> Result<(), StoreError> {
        for number in 0u32.. {
            let sealed = self.store.counts(part.level as u8, part.number, number)?;
            let plain = sealed.and_then(|s| disclose(&self.key, "counts", part, (0, number), &s).ok());
            let read = plain.and_then(|plain| count::read(&plain));
            let (rows, follows) = read.ok_or_else(|| self.store.damaged())?;
            rows.into_iter().for_each(|(counted, count)| visit(counted, count));
            if !follows {
                break;
            }
        }
        Ok(())
    }
}

/// The one that writes.
pub(in crate::audit) struct Indexer {
    pub(in crate::audit) shelf: Shelf,
    indexed: Arc<Indexed>,
}

impl Indexer {
    /// Where the store stands.
    pub(in crate::audit) fn open(shelf: Shelf) -> Result<Self, StoreError> {
        let segments = shelf.store.indexed(Level::Segment as u8)?;
        let runs = shelf.store.indexed(Level::Run as u8)?;
        if runs * shelf.cut.run > segments {
            return Err(shelf.store.damaged());
        }
        let indexed = Indexed {
            segments: segments.into(),
            runs: runs.into(),
        };
        Ok(Self {
            shelf,
            indexed: Arc::new(indexed),
        })
    }

    pub(in crate::audit) fn indexed(&self) -> Arc<Indexed> {
        self.indexed.clone()
    }

    /// Writes segments as they come, until nobody can send any more or one cannot be written.
    pub(in crate::audit) fn run(mut self, segments: &Receiver<Arc<SegmentRows>>) -> Result<(), StoreError> {
        self.merge_due()?;
        segments.iter().try_for_each(|rows| self.segment(&rows))
    }

    /// Writes a whole segment.
    pub(in crate::audit) fn segment(&mut self, rows: &SegmentRows) -> Result<(), StoreError> {
        let part = rows.part;
        let (mut postings, mut tally, mut entries) = (Vec::new(), Tally::new(), 0);
        for (offset, (number, row)) in (0u32..).zip(rows.all()) {
            let here = row.postings(number);
            postings.extend(here.map(|(term, person)| Posting { term, offset, person }));
            for counted in of_row(row, part.level.period_ms()) {
                *tally.entry(counted).or_default() += 1;
            }
            entries += 1;
        }
        if part.first + entries != part.end {
            return Err(StoreError::Failed("a segment of the index lacks entries".into()));
        }
        postings.sort_unstable();
        let mut writer = ChunkWriter::new(self.shelf.cut.chunk_bytes);
        for posting in postings {
            if let Some(ready) = writer.push(posting) {
                self.shelf.put(part, ready)?;
            }
        }
        self.shelf.put(part, writer.finish())?;
        self.shelf.put_counts(part, &tally)?;
        self.shelf.store.put_indexed(Level::Segment as u8, part.number + 1)?;
        self.indexed.segments.store(part.number + 1, Ordering::Release);
        self.merge_due()
    }

    fn merge_due(&mut self) -> Result<(), StoreError> {
        while (self.indexed.runs() + 1) * self.shelf.cut.run <= self.indexed.segments() {
            let number = self.indexed.runs();
            self.merge(number)?;
            self.shelf.store.put_indexed(Level::Run as u8, number + 1)?;
            self.indexed.runs.store(number + 1, Ordering::Release);
        }
        Ok(())
    }

    fn merge(&self, number: u64) -> Result<(), StoreError> {
        let cut = self.shelf.cut;
        let part = cut.part(Level::Run, number);
        let segments = (number * cut.run..(number + 1) * cut.run).map(|n| cut.part(Level::Segment, n));
        let mut tally = Tally::new();
        let hours = part.level.period_ms() / Level::Segment.period_ms();
        for segment in segments.clone() {
            self.shelf.counts(segment, |counted, count| {
                let period = counted.period.div_euclid(hours);
                *tally.entry(count::Counted { period, ..counted }).or_default() += count;
            })?;
        }
        let mut writer = ChunkWriter::new(self.shelf.cut.chunk_bytes);
        merge::merge(&self.shelf, part, segments, |posting| match writer.push(posting) {
            Some(ready) => self.shelf.put(part, ready),
            None => Ok(()),
        })?;
        self.shelf.put(part, writer.finish())?;
        self.shelf.put_counts(part, &tally)
    }
}
