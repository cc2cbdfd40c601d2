//! Counting entries, for charts: sums of what the index has counted, and entries one by one at the edges of a period.
use super::{
    index::{Counted, Level, Part, of_row, row_of},
    log_reader::LogReader,
    lookup::Lookup,
    reader::ReadError,
    search::Dimension,
};
use crate::{clock::Time, state::StateError, wire::v1};
use std::collections::{BTreeMap, HashMap};

/// What is counted: a period, cut into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Entries from here on.
    pub from: Time,
    /// Entries before this.
    pub until: Time,
    /// Buckets are counted from here, which is a whole minute, or a whole hour where `width_s` is a multiple of one. Else it is rounded down.
    pub origin: Time,
    /// Width of a bucket in seconds, a multiple of 60.
    pub width_s: u32,
}

/// Entries of one bucket that have all of this in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Where the bucket begins.
    pub bucket: Time,
    /// Kind of the entries.
    pub kind: v1::EntryKind,
    /// Class of the entries.
    pub class: v1::EntryClass,
    /// Refusal code, or empty.
    pub refusal: String,
    /// Partner id, or empty.
    pub partner: String,
    /// Empty on counts of entries. Counts of signals stand beside them, since one entry may ask for several: only
    /// bucket, kind, class and partner are set there, and these two.
    pub signal: String,
    /// What came of the signal; empty where `signal` is.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

/// What stands for a name that nobody gave.
const UNKNOWN: &str = "?";

impl LogReader {
    /// Counts of the span, sorted. `signals` and `outcomes` are the names that are known: what is counted is sealed,
    /// and one that is not among them is counted as `?`.
    pub fn overview(&self, span: &Span, signals: &[String], outcomes: &[&str]) -> Result<Vec<Count>, StateError> {
        let key = &self.shared().shelf.key;
        let signals = signals.iter().map(|s| (Dimension::Signal, s.as_str()));
        let outcomes = outcomes.iter().map(|o| (Dimension::Outcome, *o));
        let names = signals.chain(outcomes);
        let mut sum = Sum {
            names: names.map(|(d, name)| (key.term(d, name.as_bytes()), name)).collect(),
            counts: BTreeMap::new(),
            ..Sum::over(span)
        };
        let read = Lookup::read(self.shared(), |lookup| sum.add_up(lookup, span));
        read.map_err(|e| StateError(e.to_string()))?;
        Ok(sum
            .counts
            .into_iter()
            .map(|(key, count)| Count { count, ..key })
            .collect())
    }
}

struct Sum<'a> {
    /// The coarsest counts that fit the buckets.
    level: Level,
    origin_ms: i64,
    width_ms: i64,
    names: HashMap<u64, &'a str>,
    counts: BTreeMap<Count, u64>,
}

impl Sum<'_> {
    fn over(span: &Span) -> Self {
        let width_ms = i64::from(span.width_s.max(60)) * 1_000;
        let level = match width_ms % Level::Run.period_ms() {
            0 => Level::Run,
            _ => Level::Segment,
        };
        let period = level.period_ms();
        Self {
            level,
            origin_ms: span.origin.0.div_euclid(period) * period,
            width_ms,
            names: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn add_up(&mut self, lookup: &Lookup<'_>, span: &Span) -> Result<(), ReadError> {
        let (from, until) = lookup.span(Some(span.from), Some(span.until))?;
        let mut at = from;
        while at < until {
            at = self.next(lookup, at, until)?;
        }
        Ok(())
    }

    /// Adds as many entries as one part of the index counts, or those of a part that is not wholly within the period.
    /// Gives the entry to go on with.
    fn next(&mut self, lookup: &Lookup<'_>, at: u64, until: u64) -> Result<u64, ReadError> {
        if let Some(rows) = lookup.rows(at) {
            let end = until.min(rows.part.end);
            for index in at..end {
                let row = rows.row(index).ok_or_else(|| lookup.reader.store.damaged())?;
                of_row(row, 1).for_each(|counted| self.add(counted, 1, 1));
            }
            return Ok(end);
        }
        let whole = |part: Part| part.first == at && part.end <= until;
        let part = match self.level {
            Level::Run => lookup.part(at),
            Level::Segment => lookup.segment(at),
        };
        let candidates = [part, lookup.segment(at)];
        if let Some(part) = candidates.into_iter().find(|part| whole(*part)) {
            let period = part.level.period_ms();
            lookup
                .shelf
                .counts(part, |counted, count| self.add(counted, period, count))?;
            return Ok(part.end);
        }
        let end = until.min(lookup.segment(at).end);
        lookup.reader.each(at, end, |index, entry| {
            let row = row_of(&lookup.shelf.key, index, &entry.leaf, &entry.tags);
            let row = row.map_err(|_| lookup.reader.store.damaged())?;
            of_row(&row, 1).for_each(|counted| self.add(counted, 1, 1));
            Ok(())
        })?;
        Ok(end)
    }

    fn add(&mut self, counted: Counted, period_ms: i64, count: u64) {
        let time = counted.period * period_ms - self.origin_ms;
        let name = |term: u64| match term {
            0 => String::new(),
            term => (*self.names.get(&term).unwrap_or(&UNKNOWN)).to_owned(),
        };
        let key = Count {
            bucket: Time(self.origin_ms + time.div_euclid(self.width_ms) * self.width_ms),
            kind: counted.kind,
            class: counted.class,
            refusal: counted.refusal.to_string(),
            partner: counted.partner.to_string(),
            signal: name(counted.signal),
            outcome: name(counted.outcome),
            count: 0,
        };
        *self.counts.entry(key).or_default() += count;
    }
}
