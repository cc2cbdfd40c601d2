//! How many entries there are, by time and by what their leaves show: for charts.
use super::{Scope, opening::open};
use crate::{
    agreement::{Member, Role},
    audit::Receipt,
    clock::Time,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::{OVERVIEW_BUCKETS_MAX, OVERVIEW_BUCKET_S_MIN},
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
    wire::{self, v1},
};
use std::{collections::BTreeMap, sync::Arc};

/// `GetOverview`.
pub const OVERVIEW: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/GetOverview"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// Entries of one bucket that have all of this in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Where the bucket begins.
    pub bucket: Time,
    /// What they are about.
    pub kind: v1::EntryKind,
    /// How they ended.
    pub class: v1::EntryClass,
    /// Refusal code.
    pub refusal: String,
    /// Partner id.
    pub partner: String,
    /// Only on counts of signals, which stand beside the others: one entry may ask for several.
    pub signal: String,
    /// Entries.
    pub count: u64,
}

/// Counts what is within `from` (inclusive), `until` (exclusive) and the caller's scope.
///
/// # Errors
/// `FIELD_INVALID` for a period that is empty, or cut into buckets that are too narrow or too many.
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
    let width_ms = i64::from(bucket_s) * 1000;
    let buckets = until.since(from).checked_div(width_ms).unwrap_or(0);
    if until <= from || bucket_s < OVERVIEW_BUCKET_S_MIN || buckets > OVERVIEW_BUCKETS_MAX {
        return Err(Code::FieldInvalid);
    }
    let mut counts = BTreeMap::new();
    let mut index = gate.log.head().size;
    while index > 0 {
        index -= 1;
        let entry = open(gate, index)?;
        let time = wire::millis(entry.leaf.time.as_ref()).map(Time).unwrap_or_default();
        // Times do not fall with numbers.
        if time < from {
            break;
        }
        if time >= until || !scope.covers(&entry.leaf) {
            continue;
        }
        let bucket = from.plus_ms(time.since(from).div_euclid(width_ms).saturating_mul(width_ms));
        let mut add = |signal: &str| {
            let leaf = &entry.leaf;
            let key = (
                bucket,
                leaf.kind,
                leaf.class,
                leaf.refusal.clone(),
                leaf.partner.clone(),
                signal.to_owned(),
            );
            *counts.entry(key).or_insert(0u64) += 1;
        };
        add("");
        for signal in entry.details.iter().flat_map(|d| &d.x.signals) {
            add(signal);
        }
    }
    let counts: Vec<Count> = counts.into_iter().map(row).collect();
    let shown = counts.len() as u64;
    Ok(Seen {
        count: shown,
        note: "overview".to_owned(),
        ..Seen::of(counts, "counted")
    })
}

type Key = (Time, i32, i32, String, String, String);

fn row(((bucket, kind, class, refusal, partner, signal), count): (Key, u64)) -> Count {
    Count {
        bucket,
        kind: v1::EntryKind::try_from(kind).unwrap_or_default(),
        class: v1::EntryClass::try_from(class).unwrap_or_default(),
        refusal,
        partner,
        signal,
        count,
    }
}
