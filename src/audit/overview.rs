//! Counting entries, for charts.
use super::log::Log;
use crate::{
    clock::Time,
    state::StateError,
    wire::{self, v1},
};
use std::collections::BTreeMap;

/// What is counted: a period, cut into buckets that begin at `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Entries from here on.
    pub from: Time,
    /// Entries before this.
    pub until: Time,
    /// Width of a bucket in seconds, a multiple of 60. Buckets begin on whole minutes; where it is a multiple of 3,600,
    /// on whole hours.
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

impl Log {
    /// Counts of the span, sorted. `signals` and `outcomes` are the names that are known: what is counted is sealed,
    /// and one that is not among them is counted as `?`.
    pub fn overview(&self, span: &Span, signals: &[String], outcomes: &[&str]) -> Result<Vec<Count>, StateError> {
        let _ = (signals, outcomes);
        let mut counts: BTreeMap<Count, u64> = BTreeMap::new();
        let size = self.head().size;
        for index in 0..size {
            let Some(entry) = self.entry(index)? else { break };
            let leaf: v1::Leaf = wire::decode_canonical(&entry.leaf).map_err(|e| StateError(e.to_string()))?;
            let time = wire::millis(leaf.time.as_ref()).map(Time).unwrap_or_default();
            if time < span.from || time >= span.until {
                continue;
            }
            let width = i64::from(span.width_s.max(60)) * 1_000;
            let count = Count {
                bucket: span.from.plus_ms(time.since(span.from).div_euclid(width) * width),
                kind: leaf.kind(),
                class: leaf.class(),
                refusal: leaf.refusal.clone(),
                partner: leaf.partner.clone(),
                signal: String::new(),
                outcome: String::new(),
                count: 0,
            };
            *counts.entry(count).or_default() += 1;
        }
        Ok(counts.into_iter().map(|(key, count)| Count { count, ..key }).collect())
    }
}
