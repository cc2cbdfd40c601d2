//! The payload of Query.
use super::{Payload, PayloadError, field, subject};
use crate::{
    domain::{AgreementId, ConsentId, Purpose, SignalId, SubjectRef},
    facts::Facts,
    limits::SIGNALS_PER_QUERY_MAX,
    wire::v1,
};

/// A question about one person.
pub struct Question {
    /// Who.
    pub subject: SubjectRef,
    /// What for.
    pub purpose: Purpose,
    /// Which signals: 1 to 8, no repetition.
    pub signals: Vec<SignalId>,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// By which consent.
    pub consent: ConsentId,
}

impl Payload for Question {
    type Wire = v1::Query;

    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        if !(1..=SIGNALS_PER_QUERY_MAX).contains(&wire.signals.len()) {
            return Err(PayloadError::FieldInvalid);
        }
        let mut signals: Vec<SignalId> = Vec::with_capacity(wire.signals.len());
        for text in wire.signals {
            let signal = field(text)?;
            if signals.contains(&signal) {
                return Err(PayloadError::FieldInvalid);
            }
            signals.push(signal);
        }
        Ok(Self {
            purpose: field(wire.purpose)?,
            signals,
            agreement: field(wire.agreement_id)?,
            consent: ConsentId(field(wire.consent_id)?),
            subject: subject(wire.subject)?,
        })
    }

    fn note(&self, facts: &mut Facts) {
        facts.purpose = Some(self.purpose.clone());
        facts.signals.clone_from(&self.signals);
        facts.consent = Some(self.consent);
        // Not the agreement: whether the one that is named is the partner's is for the decision to find.
    }
}
