//! How far a caller may look.
use crate::{
    agreement::{AuditScope, Member},
    audit::LogReader,
    clock::Time,
    refusal::Code,
    wire::{self, v1},
};

/// What the caller of this request may read. Compliance reads everything; an auditor what the register says.
pub struct Scope(Option<AuditScope>);

impl Scope {
    /// The scope of a member.
    ///
    /// # Errors
    /// `OUT_OF_SCOPE` if an auditor's time is over.
    pub fn of(member: &Member, now: Time) -> Result<Self, Code> {
        if member.has_expired(now) {
            return Err(Code::OutOfScope);
        }
        Ok(Self(member.audit.clone()))
    }

    /// Whether the whole log may be read.
    pub fn is_whole(&self) -> bool {
        self.0.is_none()
    }

    /// Whether entries of this partner may be read, at their time; an entry without one is of the partner "".
    pub fn covers_partner(&self, partner: &[u8]) -> bool {
        let Some(scope) = &self.0 else { return true };
        scope.partners.is_empty() || scope.partners.iter().any(|p| p.as_str().as_bytes() == partner)
    }

    /// Whether this entry may be read.
    pub fn covers(&self, leaf: &v1::Leaf) -> bool {
        let Some(scope) = &self.0 else { return true };
        let time = wire::millis(leaf.time.as_ref()).map(Time);
        self.covers_partner(leaf.partner.as_bytes()) && time.is_some_and(|t| t >= scope.from && t < scope.until)
    }

    /// Whether entry `index` may be read: what may not be shown is not opened either.
    ///
    /// # Errors
    /// `LOG_RANGE` if the log has no such entry, `INTERNAL` if the store fails.
    pub fn covers_entry(&self, log: &LogReader, index: u64) -> Result<bool, Code> {
        if self.is_whole() {
            return Ok(true);
        }
        let stored = log.entry(index).map_err(|_| Code::Internal)?;
        let stored = stored.ok_or(Code::LogRange)?;
        let leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
        Ok(self.covers(&leaf))
    }

    /// The part of a period that may be read: half open.
    ///
    /// # Errors
    /// `OUT_OF_SCOPE` if nothing of it may.
    pub fn period(&self, from: Option<Time>, until: Option<Time>) -> Result<(Option<Time>, Option<Time>), Code> {
        let Some(scope) = &self.0 else {
            return Ok((from, until));
        };
        let from = from.map_or(scope.from, |t| t.max(scope.from));
        let until = until.map_or(scope.until, |t| t.min(scope.until));
        if from >= until {
            return Err(Code::OutOfScope);
        }
        Ok((Some(from), Some(until)))
    }
}
