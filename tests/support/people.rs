//! People of the sample, what they agree to, and what is asked about them.
use super::{DAY_MS, Gateway};
use tollgate::{
    clock::Time,
    crypto::sha256,
    domain::{Scheme, SubjectRef, SubjectToken},
    source::ingest::test_identity,
    wire::{timestamp, v1},
};

pub(crate) const AGREEMENT: &str = "bank-a-2026";
const ORIGINATION: &str = "credit.origination";
/// Rows of the sample that are loaded.
pub(crate) const SAMPLE_ROWS: u64 = 64;
/// A row number past the sample: somebody whom nobody has a record of.
pub(crate) const NOBODY: u64 = 900_001;
/// What `AGREEMENT` allows, and a consent by [`terms`].
pub(crate) const SIGNALS: [&str; 4] = [
    "worst_overdue_6m@1",
    "utilisation_coarse@1",
    "limit_band@1",
    "risk_band@1",
];

/// The person of a row, as a caller names them.
pub(crate) fn subject(row: u64) -> v1::Subject {
    v1::Subject {
        scheme: v1::SubjectScheme::CnResidentId as i32,
        value: test_identity(row).unwrap(),
    }
}

/// The person of a row, as the gateway knows them.
pub(crate) fn person(gateway: &Gateway, row: u64) -> SubjectToken {
    SubjectRef::parse(Scheme::CnResidentId, &subject(row).value)
        .unwrap()
        .token(&gateway.gate().person_keys.pseudonym)
}

/// A consent for `recipient` that covers [`SIGNALS`] for 90 days.
pub(crate) fn terms(recipient: &str, now: Time) -> v1::ConsentTerms {
    let families = [("overdue", 2), ("utilisation", 1), ("limit", 1), ("risk", 2)];
    let family = |(family, granularity_max): (&str, u32)| v1::ConsentedFamily {
        family: family.to_owned(),
        granularity_max,
    };
    v1::ConsentTerms {
        recipient: recipient.to_owned(),
        purposes: vec![ORIGINATION.to_owned()],
        families: families.map(family).to_vec(),
        look_back_days: 365,
        frequency_per_month: 0,
        not_after: Some(timestamp(now.plus_ms(90 * DAY_MS).0)),
        notice_version: "notice-1".to_owned(),
        notice_sha256: sha256(b"what the person was shown").to_vec(),
        basis: v1::ConsentBasis::Consent as i32,
        separate: true,
        evidence_sha256: sha256(b"what the person signed").to_vec(),
    }
}

pub(crate) fn grant_of(row: u64, terms: v1::ConsentTerms) -> v1::GrantConsent {
    v1::GrantConsent {
        header: None,
        subject: Some(subject(row)),
        terms: Some(terms),
    }
}

/// A good question about a person: to be changed by those who need a bad one.
pub(crate) fn question(row: u64, consent: &[u8]) -> v1::Query {
    v1::Query {
        header: None,
        subject: Some(subject(row)),
        purpose: ORIGINATION.to_owned(),
        signals: SIGNALS.map(str::to_owned).to_vec(),
        agreement_id: AGREEMENT.to_owned(),
        consent_id: consent.to_vec(),
    }
}
