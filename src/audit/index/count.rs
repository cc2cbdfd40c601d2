//! Counts of a part of the index, so that a chart over millions of entries adds up rows and not entries.
//!
//! A segment counts by the minute, a run by the hour. Entries are counted by what their leaf shows; signals beside them,
//! by their sealed terms: names are found by who knows them and has the key.
use super::{Level, rows::Row, term::dimension};
use crate::{
    audit::{
        Dimension,
        bytes::{Bytes, put_slice, put_varint},
    },
    wire::v1,
};
use std::{collections::BTreeMap, sync::Arc};

/// What entries have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) struct Counted {
    /// Minutes or hours since 1970.
    pub(in crate::audit) period: i64,
    pub(in crate::audit) partner: Arc<str>,
    pub(in crate::audit) kind: v1::EntryKind,
    pub(in crate::audit) class: v1::EntryClass,
    pub(in crate::audit) refusal: Arc<str>,
    /// Terms; 0 on counts of entries.
    pub(in crate::audit) signal: u64,
    pub(in crate::audit) outcome: u64,
}

/// Counts.
pub(in crate::audit) type Tally = BTreeMap<Counted, u64>;

impl Level {
    /// What its counts are by, in ms.
    pub(in crate::audit) fn period_ms(self) -> i64 {
        match self {
            Level::Segment => 60_000,
            Level::Run => 3_600_000,
        }
    }
}

/// What an entry counts for.
pub(in crate::audit) fn of_row(row: &Row, period_ms: i64) -> impl Iterator<Item = Counted> {
    let said = &row.said;
    let of = |dimension: Dimension| {
        let terms = said.terms.iter().copied();
        terms.filter(move |term| self::dimension(*term) == dimension as u8)
    };
    let entry = Counted {
        period: row.time_ms.div_euclid(period_ms),
        partner: said.partner.as_ref().into(),
        kind: said.kind,
        class: said.class,
        refusal: said.refusal.as_ref().into(),
        signal: 0,
        outcome: 0,
    };
    // One word each, or one for all.
    let signals = of(Dimension::Signal).count();
    let outcomes: Vec<u64> = of(Dimension::Outcome).collect();
    let outcome = move |at: usize| match outcomes.as_slice() {
        [one] => *one,
        all if all.len() == signals => all.get(at).copied().unwrap_or_default(),
        _ => 0,
    };
    let signal = Counted {
        refusal: "".into(),
        ..entry.clone()
    };
    let signals = of(Dimension::Signal).enumerate().map(move |(at, term)| Counted {
        signal: term,
        outcome: outcome(at),
        ..signal.clone()
    });
    [entry].into_iter().chain(signals)
}

const SAME_PARTNER: u8 = 1;
const SAME_REFUSAL: u8 = 2;
const SIGNAL: u8 = 4;

/// A tally as chunks: each says first whether another one follows.
pub(super) fn write(tally: &Tally, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut chunk = vec![1];
    let mut before: Option<&Counted> = None;
    for (counted, count) in tally {
        let row = packed(before, counted, *count);
        if chunk.len() + row.len() > bytes_max && before.is_some() {
            chunks.push(std::mem::replace(&mut chunk, vec![1]));
            chunk.extend(packed(None, counted, *count));
        } else {
            chunk.extend(row);
        }
        before = Some(counted);
    }
    if let Some(follows) = chunk.first_mut() {
        *follows = 0;
    }
    chunks.push(chunk);
    chunks
}

fn packed(before: Option<&Counted>, counted: &Counted, count: u64) -> Vec<u8> {
    let same = |is: fn(&Counted, &Counted) -> bool| before.is_some_and(|b| is(b, counted));
    let mut flags = 0;
    for (flag, set) in [
        (SAME_PARTNER, same(|a, b| a.partner == b.partner)),
        (SAME_REFUSAL, same(|a, b| a.refusal == b.refusal)),
        (SIGNAL, counted.signal != 0),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let mut out = vec![flags, counted.kind as u8, counted.class as u8];
    let distance = counted.period - before.map_or(0, |b| b.period);
    put_varint(&mut out, distance.cast_unsigned());
    if flags & SAME_PARTNER == 0 {
        put_slice(&mut out, counted.partner.as_bytes());
    }
    if flags & SAME_REFUSAL == 0 {
        put_slice(&mut out, counted.refusal.as_bytes());
    }
    if flags & SIGNAL != 0 {
        out.extend(counted.signal.to_be_bytes());
        out.extend(counted.outcome.to_be_bytes());
    }
    put_varint(&mut out, count);
    out
}

/// Reads a chunk: what it counts, and whether another one follows. `None` if it is not one.
pub(super) fn read(chunk: &[u8]) -> Option<(Vec<(Counted, u64)>, bool)> {
    let mut bytes = Bytes(chunk);
    let follows = bytes.byte()? == 1;
    let mut out: Vec<(Counted, u64)> = Vec::new();
    while !bytes.is_empty() {
        let before = out.last().map(|(counted, _)| counted);
        let [flags, kind, class] = bytes.array()?;
        let distance = bytes.varint()?.cast_signed();
        let mut text = |same: u8, of: fn(&Counted) -> &Arc<str>| match before {
            Some(before) if flags & same != 0 => Some(of(before).clone()),
            _ => Some(std::str::from_utf8(bytes.slice()?).ok()?.into()),
        };
        let partner = text(SAME_PARTNER, |c| &c.partner)?;
        let refusal = text(SAME_REFUSAL, |c| &c.refusal)?;
        let (signal, outcome) = match flags & SIGNAL {
            0 => (0, 0),
            _ => (bytes.u64()?, bytes.u64()?),
        };
        let counted = Counted {
            period: before.map_or(0, |b| b.period).checked_add(distance)?,
            partner,
            kind: v1::EntryKind::try_from(i32::from(kind)).ok()?,
            class: v1::EntryClass::try_from(i32::from(class)).ok()?,
            refusal,
            signal,
            outcome,
        };
        out.push((counted, bytes.varint()?));
    }
    Some((out, follows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_round_trip(rows in prop::collection::vec((-9i64..9_000_000, "[a-d]{0,30}", "[A-C]{0,2}", 0u64..3, 1u64..u64::MAX), 0..300)) {
            let tally: Tally = rows.into_iter().map(|(period, partner, refusal, signal, count)| {
                let counted = Counted {
                    period,
                    partner: partner.as_str().into(),
                    kind: v1::EntryKind::Query,
                    class: v1::EntryClass::Sealed,
                    refusal: refusal.as_str().into(),
                    signal,
                    outcome: signal * 7,
                };
                (counted, count)
            }).collect();
            let chunks = write(&tally, 2_048);
            let mut again = Tally::new();
            for (n, chunk) in chunks.iter().enumerate() {
                prop_assert!(chunk.len() <= 2_048);
                let (rows, follows) = read(chunk).unwrap();
                prop_assert_eq!(follows, n + 1 < chunks.len());
                again.extend(rows);
            }
            prop_assert_eq!(again, tally);
        }

        #[test]
        fn hostile_counts_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
