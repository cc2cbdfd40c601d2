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
        // Not the agreement: until it is known to be the caller's own, its name is no part of the caller's entries.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Method, Scheme},
        facts::Kind,
    };

    #[test]
    fn an_agreement_is_not_noted_before_it_is_known_to_be_the_callers() {
        let question = Question {
            subject: SubjectRef::parse(Scheme::Opaque, "p").unwrap(),
            purpose: "credit.origination".parse().unwrap(),
            signals: Vec::new(),
            agreement: "of-another-bank".parse().unwrap(),
            consent: ConsentId([5; 16]),
        };
        let mut facts = Facts::new(Kind::Query, "x", Method("/test"), [0; 32]);
        question.note(&mut facts);
        assert_eq!((facts.agreement, facts.consent), (None, Some(question.consent)));
    }
}
