//! How far a caller may look.
use crate::{
    agreement::{AuditScope, Member},
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

    /// Whether the caller's time has ended since.
    pub fn is_over(&self, now: Time) -> bool {
        self.0.as_ref().is_some_and(|scope| now >= scope.expires)
    }

    /// Whether this entry may be read.
    pub fn covers(&self, leaf: &v1::Leaf) -> bool {
        let Some(scope) = &self.0 else { return true };
        let time = wire::millis(leaf.time.as_ref()).map(Time);
        self.covers_partner(&leaf.partner) && time.is_some_and(|t| t >= scope.from && t < scope.until)
    }

    /// Whether entries of this partner may be read, at their time; an entry without one is of the partner "".
    pub fn covers_partner(&self, partner: &str) -> bool {
        let partners = self.0.as_ref().map_or(&[][..], |scope| &scope.partners);
        partners.is_empty() || partners.iter().any(|p| p.as_str() == partner)
    }

    /// The part of a period that may be read: half open.
    pub fn period(&self, from: Option<Time>, until: Option<Time>) -> (Option<Time>, Option<Time>) {
        match &self.0 {
            None => (from, until),
            Some(scope) => (
                Some(from.map_or(scope.from, |t| t.max(scope.from))),
                Some(until.map_or(scope.until, |t| t.min(scope.until))),
            ),
        }
    }
}
