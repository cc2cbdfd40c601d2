//! What a person agrees to.
use crate::{
    clock::Time,
    crypto::sha256,
    domain::{PartnerId, Purpose, SignalFamily},
    limits::{CONSENT_DAYS_MAX, CONSENT_LIST_MAX, CONSENT_TERMS_BYTES_MAX, ID_BYTES_MAX, LOOK_BACK_DAYS_MAX},
    refusal::Code,
    wire::{self, Message, v1},
};
use std::collections::{BTreeSet, HashSet};

/// The terms of one consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who may ask: exactly one.
    pub recipient: PartnerId,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// About what, each with the finest granularity that the person allows.
    pub families: Vec<(SignalFamily, u8)>,
    /// How far back the records may go, in days.
    pub look_back_days: u32,
    /// Last moment.
    pub not_after: Time,
    /// Version of the notice that the person was shown.
    pub notice_version: String,
    /// SHA-256 of that notice.
    pub notice_sha256: [u8; 32],
    /// Legal basis.
    pub basis: Basis,
    /// Given separately for this disclosure (PIPL articles 23 and 29).
    pub separate: bool,
    /// SHA-256 of the signed original.
    pub evidence_sha256: [u8; 32],
}

/// Legal basis (PIPL article 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The person's consent.
    Consent,
    /// A contract that the person is party to.
    Contract,
}

/// Purposes and families that this gateway knows: those of its signals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What answers can be for.
    pub purposes: BTreeSet<Purpose>,
    /// What can be asked about.
    pub families: BTreeSet<SignalFamily>,
}

/// Why terms are not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// A part is missing, or is not of its form.
    #[error("a part of the terms is missing or not well formed")]
    Malformed,
    /// Well formed, and nothing that a consent can say.
    #[error("the terms are not acceptable")]
    NotAcceptable,
}

impl From<TermsError> for Code {
    fn from(error: TermsError) -> Code {
        match error {
            TermsError::Malformed | TermsError::NotAcceptable => Code::ConsentTermsInvalid,
        }
    }
}

impl Terms {
    /// Reads the wire's terms. Whether they are acceptable is [`Terms::check`]'s.
    ///
    /// # Errors
    /// [`TermsError::Malformed`].
    pub fn from_wire(terms: &v1::ConsentTerms) -> Result<Self, TermsError> {
        let malformed = || TermsError::Malformed;
        if terms.purposes.len() > CONSENT_LIST_MAX || terms.families.len() > CONSENT_LIST_MAX {
            return Err(TermsError::NotAcceptable);
        }
        // A limit that is shown back and not held would be a promise to the person that nobody keeps.
        if terms.frequency_per_month != 0 {
            return Err(TermsError::NotAcceptable);
        }
        let purposes = terms.purposes.iter().map(|p| p.parse().map_err(|_| malformed()));
        let families = terms.families.iter().map(|f| {
            let family = f.family.parse().map_err(|_| malformed())?;
            Ok((family, u8::try_from(f.granularity_max).map_err(|_| malformed())?))
        });
        Ok(Self {
            recipient: terms.recipient.parse().map_err(|_| malformed())?,
            purposes: purposes.collect::<Result<_, _>>()?,
            families: families.collect::<Result<_, _>>()?,
            look_back_days: terms.look_back_days,
            not_after: Time(wire::millis(terms.not_after.as_ref()).ok_or_else(malformed)?),
            notice_version: terms.notice_version.clone(),
            notice_sha256: digest(&terms.notice_sha256)?,
            basis: match v1::ConsentBasis::try_from(terms.basis) {
                Ok(v1::ConsentBasis::Consent) => Basis::Consent,
                Ok(v1::ConsentBasis::Contract) => Basis::Contract,
                _ => return Err(TermsError::Malformed),
            },
            separate: terms.separate,
            evidence_sha256: digest(&terms.evidence_sha256)?,
        })
    }

    /// The same terms on the wire.
    pub fn to_wire(&self) -> v1::ConsentTerms {
        let family = |(family, granularity): &(SignalFamily, u8)| v1::ConsentedFamily {
            family: family.to_string(),
            granularity_max: u32::from(*granularity),
        };
        v1::ConsentTerms {
            recipient: self.recipient.to_string(),
            purposes: self.purposes.iter().map(Purpose::to_string).collect(),
            families: self.families.iter().map(family).collect(),
            look_back_days: self.look_back_days,
            frequency_per_month: 0,
            not_after: Some(wire::timestamp(self.not_after.0)),
            notice_version: self.notice_version.clone(),
            notice_sha256: self.notice_sha256.to_vec(),
            basis: match self.basis {
                Basis::Consent => v1::ConsentBasis::Consent,
                Basis::Contract => v1::ConsentBasis::Contract,
            } as i32,
            separate: self.separate,
            evidence_sha256: self.evidence_sha256.to_vec(),
        }
    }

    /// SHA-256 of the terms as the wire shows them: what a provider confirms.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.to_wire().encode_to_vec())
    }

    /// Whether `caller` may be granted these terms at `now`: it is the one recipient, purposes and families are known and
    /// not repeated, the end is ahead and within two years, notice and evidence are named.
    ///
    /// # Errors
    /// [`TermsError::NotAcceptable`].
    pub fn check(&self, known: &Known, caller: &PartnerId, now: Time) -> Result<(), TermsError> {
        let purposes: HashSet<_> = self.purposes.iter().collect();
        let families: HashSet<_> = self.families.iter().map(|(family, _)| family).collect();
        let length_ms = self.not_after.since(now);
        let acceptable = self.recipient == *caller
            && !purposes.is_empty()
            && purposes.len() == self.purposes.len()
            && purposes.iter().all(|p| known.purposes.contains(*p))
            && !families.is_empty()
            && families.len() == self.families.len()
            && families.iter().all(|f| known.families.contains(*f))
            && self.families.iter().all(|(_, granularity)| *granularity > 0)
            && (1..=LOOK_BACK_DAYS_MAX).contains(&self.look_back_days)
            && length_ms > 0
            && length_ms <= CONSENT_DAYS_MAX * 86_400_000
            && (1..=ID_BYTES_MAX).contains(&self.notice_version.len())
            && self.notice_sha256 != [0; 32]
            && self.evidence_sha256 != [0; 32]
            && self.to_wire().encoded_len() <= CONSENT_TERMS_BYTES_MAX;
        acceptable.then_some(()).ok_or(TermsError::NotAcceptable)
    }
}

fn digest(bytes: &[u8]) -> Result<[u8; 32], TermsError> {
    bytes.try_into().map_err(|_| TermsError::Malformed)
}
