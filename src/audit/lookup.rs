//! Which part of the index knows of an entry: what is in memory, a stored segment, or a run of many.
use super::{
    index::{Level, Part, SegmentRows, Shelf},
    reader::{ReadError, Reader},
    shared::Shared,
    stored::read_leaf,
};
use crate::clock::Time;

/// One published state, and the index that belongs to it.
pub(super) struct Lookup<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) shelf: &'a Shelf,
    runs: u64,
}

impl Lookup<'_> {
    pub(super) fn read<T>(shared: &Shared, f: impl FnOnce(&Lookup<'_>) -> T) -> T {
        let published = shared.published.load();
        f(&Lookup {
            reader: Reader::new(&published, &shared.store, &shared.journal),
            shelf: &shared.shelf,
            runs: shared.indexed.runs(),
        })
    }

    /// Entries that are published.
    pub(super) fn size(&self) -> u64 {
        self.reader.published.head.size
    }

    /// The rows in memory that have this entry.
    pub(super) fn rows(&self, index: u64) -> Option<&SegmentRows> {
        let tail = self.reader.published.tail.iter().rev();
        tail.map(AsRef::as_ref).find(|rows| rows.row(index).is_some())
    }

    /// The stored part that has this entry, if no rows do.
    pub(super) fn part(&self, index: u64) -> Part {
        let run = self.shelf.cut.part_of(Level::Run, index);
        if run.number < self.runs {
            run
        } else {
            self.segment(index)
        }
    }

    /// The stored segment that has this entry.
    pub(super) fn segment(&self, index: u64) -> Part {
        self.shelf.cut.part_of(Level::Segment, index)
    }

    /// Entries of a period, half open, as numbers: time in the log never goes back.
    pub(super) fn span(&self, from: Option<Time>, until: Option<Time>) -> Result<(u64, u64), ReadError> {
        let from = from.map_or(Ok(0), |time| self.first_at(time))?;
        let until = until.map_or(Ok(self.size()), |time| self.first_at(time))?;
        Ok((from, until))
    }

    /// The first entry at or after a time.
    fn first_at(&self, time: Time) -> Result<u64, ReadError> {
        let (mut low, mut high) = (0, self.size());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time(middle)? < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn time(&self, index: u64) -> Result<Time, ReadError> {
        if let Some(row) = self.rows(index).and_then(|rows| rows.row(index)) {
            return Ok(Time(row.time_ms));
        }
        let entry = self.reader.entry(index)?.ok_or_else(|| self.reader.store.damaged())?;
        let (_, time_ms) = read_leaf(&entry.leaf, index).map_err(|_| self.reader.store.damaged())?;
        Ok(Time(time_ms))
    }
}
