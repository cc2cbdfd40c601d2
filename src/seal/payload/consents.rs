//! The payloads of the consent methods.
use super::{Payload, PayloadError, field, subject};
use crate::{
    domain::{ConsentId, SubjectRef},
    facts::Facts,
    limits::CONSENTS_PER_SUBJECT_AND_PARTNER_MAX,
    wire::v1,
};

/// The payload of Grant.
pub struct GrantConsent {
    /// Who agrees.
    pub subject: SubjectRef,
    /// To what, as sent: `consent` checks the terms and refuses them with a code of its own.
    pub terms: v1::ConsentTerms,
}

impl Payload for GrantConsent {
    type Wire = v1::GrantConsent;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        Ok(Self {
            terms: wire.terms.ok_or(PayloadError::FieldInvalid)?,
            subject: subject(wire.subject)?,
        })
    }
    fn note(&self, _: &mut Facts) {}
}

/// The payload of Withdraw and Get: one consent of one person.
pub struct ConsentRef {
    /// Who.
    pub subject: SubjectRef,
    /// Which.
    pub consent_id: ConsentId,
}

impl Payload for ConsentRef {
    // WithdrawConsent and GetConsent have the same fields under the same numbers; the signature binds the method, so one
    // cannot be taken for the other.
    type Wire = v1::GetConsent;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        Ok(Self {
            consent_id: ConsentId(field(wire.consent_id)?),
            subject: subject(wire.subject)?,
        })
    }
    fn note(&self, facts: &mut Facts) {
        facts.consent = Some(self.consent_id);
    }
}

/// The payload of Confirm: one consent of one person, and the terms that were read.
pub struct ConfirmConsent {
    /// Who.
    pub subject: SubjectRef,
    /// Which.
    pub consent_id: ConsentId,
    /// SHA-256 of the serialised terms.
    pub terms_sha256: [u8; 32],
}

impl Payload for ConfirmConsent {
    type Wire = v1::ConfirmConsent;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        Ok(Self {
            consent_id: ConsentId(field(wire.consent_id)?),
            terms_sha256: field(wire.terms_sha256)?,
            subject: subject(wire.subject)?,
        })
    }
    fn note(&self, facts: &mut Facts) {
        facts.consent = Some(self.consent_id);
    }
}

/// The payload of List: the consents of one person that were given to the caller.
pub struct ListConsents {
    /// Who.
    pub subject: SubjectRef,
    /// At most `CONSENTS_PER_SUBJECT_AND_PARTNER_MAX`; 0 was sent as "all".
    pub page_size: usize,
    /// Where to go on; empty at the start.
    pub page_token: String,
}

impl Payload for ListConsents {
    type Wire = v1::ListConsents;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        let asked: usize = field(wire.page_size)?;
        let all = CONSENTS_PER_SUBJECT_AND_PARTNER_MAX;
        // A page token is a consent id in hex.
        if wire.page_token.len() > 32 {
            return Err(PayloadError::FieldInvalid);
        }
        Ok(Self {
            page_size: if asked == 0 { all } else { asked.min(all) },
            page_token: wire.page_token,
            subject: subject(wire.subject)?,
        })
    }
    fn note(&self, _: &mut Facts) {}
}
