//! How much happened, for charts.
use super::{Scope, periods::of_period};
use crate::{
    agreement::{Member, Role},
    audit::{Count, LogReader, Receipt, Span},
    clock::Time,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::{OVERVIEW_BUCKET_S_MIN, OVERVIEW_BUCKETS_MAX},
    minimise,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
};
use std::sync::Arc;

/// `GetOverview`.
pub const OVERVIEW: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/GetOverview"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// What is counted over.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// The period of the log: 0 is the one that takes entries.
    pub log: u32,
    /// Entries from here on. Buckets begin here, rounded down to a whole minute, or to a whole hour where `bucket_s` is a
    /// multiple of one: who wants days gives a midnight of his own clock.
    pub from: Time,
    /// Entries before this.
    pub until: Time,
    /// Width of a bucket in seconds: a multiple of 60.
    pub bucket_s: u32,
}

/// Counts within the caller's scope.
pub struct Overview {
    /// Sorted by bucket.
    pub counts: Vec<Count>,
    /// Entries of the log that were looked at.
    pub log_size: u64,
}

/// Counts entries of a period within the caller's scope, and records that it was asked for.
///
/// # Errors
/// `FIELD_INVALID` for a period that is empty, or has more than [`OVERVIEW_BUCKETS_MAX`] buckets, or buckets that are no
/// multiple of a minute.
pub async fn overview(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    asked: Period,
) -> Reading<(Overview, Receipt)> {
    staff(gate, peer, call, move |gate, member| count(gate, member, asked)).await
}

fn count(gate: &Gate, member: &Member, asked: Period) -> Result<Seen<Overview>, Code> {
    let scope = Scope::of(member, gate.clock.now())?;
    let span = asked.span()?;
    let (from, until) = scope.period(Some(span.from), Some(span.until))?;
    let within = Span {
        from: from.unwrap_or(span.from),
        until: until.unwrap_or(span.until),
        ..span
    };
    let volume = gate.volume(asked.log)?;
    let log_size = volume.log.head().size;
    let mut counts = counts(gate, &volume.log, &within)?;
    counts.retain(|count| scope.covers_partner(count.partner.as_bytes()));
    let overview = Overview { counts, log_size };
    Ok(Seen {
        note: format!("overview{}", of_period(gate, asked.log)),
        count: overview.counts.len() as u64,
        ..Seen::of(overview, "counted")
    })
}

/// Counts of a span, whoever asks, by the names that are known now.
pub(super) fn counts(gate: &Gate, log: &LogReader, span: &Span) -> Result<Vec<Count>, Code> {
    let signals: Vec<String> = gate.view.signals.iter().map(|s| s.id().to_string()).collect();
    let refusals = Code::ALL.iter().map(|code| code.name());
    let outcomes: Vec<&str> = minimise::WORDS.into_iter().chain(refusals).collect();
    let counts = log.overview(span, &signals, &outcomes);
    counts.map_err(|_| Code::Internal)
}

impl Period {
    fn span(self) -> Result<Span, Code> {
        let width = i64::from(self.bucket_s);
        if self.bucket_s < OVERVIEW_BUCKET_S_MIN || !self.bucket_s.is_multiple_of(OVERVIEW_BUCKET_S_MIN) {
            return Err(Code::FieldInvalid);
        }
        let length = self.until.since(self.from);
        if length <= 0 || length.div_euclid(width * 1_000) >= OVERVIEW_BUCKETS_MAX {
            return Err(Code::FieldInvalid);
        }
        Ok(Span {
            from: self.from,
            until: self.until,
            origin: self.from,
            width_s: self.bucket_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_not_empty_and_has_as_many_buckets_as_a_chart() {
        let span = |from, until, bucket_s| {
            let (from, until) = (Time(from), Time(until));
            let log = 0;
            Period {
                log,
                from,
                until,
                bucket_s,
            }
            .span()
            .map(|span| span.width_s)
        };
        assert_eq!(span(0, 1, 60), Ok(60));
        assert_eq!(span(0, 1_000 * 60_000 - 1, 60), Ok(60));
        let no = Err(Code::FieldInvalid);
        for (from, until, bucket_s) in [
            (0, 1_000 * 60_000, 60),
            (5, 5, 60),
            (5, 4, 60),
            (i64::MIN, i64::MAX, 60),
            (0, 1, 0),
            (0, 1, 59),
            (0, 1, 90),
        ] {
            assert_eq!(span(from, until, bucket_s), no, "{from} {until} {bucket_s}");
        }
        assert_eq!(span(i64::MIN, i64::MAX, u32::MAX - u32::MAX % 60), no);
    }
}
