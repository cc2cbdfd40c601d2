//! How much of what there is, for charts.
use super::{Scope, opening::open, search::READERS_OF_THE_LOG};
use crate::{
    agreement::Member,
    audit::{Query, Receipt},
    clock::Time,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::{OVERVIEW_BUCKET_S_MIN, OVERVIEW_BUCKETS_MAX, SEARCH_PAGE_MAX},
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
    wire::{self, v1},
};
use std::{collections::BTreeMap, sync::Arc};

/// `GetOverview`.
pub const OVERVIEW: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/GetOverview"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
};

/// Entries of one bucket that have all of this in common. Counts of signals stand beside the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Beginning of the bucket.
    pub bucket: Time,
    /// What the entries are about.
    pub kind: v1::EntryKind,
    /// How they ended.
    pub class: v1::EntryClass,
    /// Refusal code.
    pub refusal: String,
    /// Partner id.
    pub partner: String,
    /// `name@version`, on counts of signals only.
    pub signal: String,
    /// How many.
    pub count: u64,
}

/// Counts the entries of a period in buckets of `bucket_s`, within the caller's scope, and records that it was looked at.
pub async fn overview(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    from: Time,
    until: Time,
    bucket_s: u32,
) -> Reading<(Vec<Count>, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        count(gate, member, from, until, bucket_s)
    })
    .await
}

fn count(gate: &Gate, member: &Member, from: Time, until: Time, bucket_s: u32) -> Result<Seen<Vec<Count>>, Code> {
    let scope = Scope::of(member, gate.clock.now())?;
    let bucket_ms = i64::from(bucket_s) * 1_000;
    let buckets = until.since(from).checked_div(bucket_ms).unwrap_or(i64::MAX);
    if bucket_s < OVERVIEW_BUCKET_S_MIN || until <= from || buckets > OVERVIEW_BUCKETS_MAX {
        return Err(Code::FieldInvalid);
    }
    let (from, until) = scope.period(Some(from), Some(until));
    let query = Query {
        from,
        until,
        ..Query::default()
    };
    let mut counts: BTreeMap<(i64, i32, i32, String, String, String), u64> = BTreeMap::new();
    let mut before = Some(gate.log.head().size);
    while let Some(at) = before {
        let found = gate.log.search(&query, at, SEARCH_PAGE_MAX);
        let found = found.map_err(|_| Code::Internal)?;
        for index in found.entries {
            let entry = open(gate, index)?;
            let leaf = &entry.leaf;
            if !scope.covers(leaf) {
                continue;
            }
            let time = wire::millis(leaf.time.as_ref()).unwrap_or_default();
            let signals = entry
                .details
                .iter()
                .flat_map(|d| d.x.signals.iter().map(String::as_str));
            for signal in std::iter::once("").chain(signals) {
                let key = (
                    time.div_euclid(bucket_ms) * bucket_ms,
                    leaf.kind,
                    leaf.class,
                    leaf.refusal.clone(),
                    leaf.partner.clone(),
                    signal.to_owned(),
                );
                *counts.entry(key).or_default() += 1;
            }
        }
        before = found.next;
    }
    let counts: Vec<Count> = counts
        .into_iter()
        .map(|((bucket, kind, class, refusal, partner, signal), count)| Count {
            bucket: Time(bucket),
            kind: v1::EntryKind::try_from(kind).unwrap_or_default(),
            class: v1::EntryClass::try_from(class).unwrap_or_default(),
            refusal,
            partner,
            signal,
            count,
        })
        .collect();
    Ok(Seen {
        note: "overview".to_owned(),
        count: counts.len() as u64,
        ..Seen::of(counts, "counted")
    })
}
