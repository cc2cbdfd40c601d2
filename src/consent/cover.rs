//! Which agreement a consent could ever be used under.
//!
//! A consent that no agreement covers would ask a person for more than may be answered, and would put rows about people
//! into the store for a partner that may not ask about anybody.
use super::Terms;
use crate::{
    agreement::{Agreement, Agreements},
    clock::Time,
    domain::PartnerId,
    refusal::Code,
};

/// The partner's agreement that is in force and covers every purpose and family of the terms, as finely.
///
/// # Errors
/// `AGREEMENT_UNKNOWN` where the partner has none, else what is wrong with the one that comes closest:
/// `AGREEMENT_NOT_IN_FORCE`, `PURPOSE_NOT_AGREED`, `SIGNAL_NOT_AGREED`, `GRANULARITY_TOO_FINE`.
pub(super) fn covering<'a>(
    agreements: &'a Agreements,
    partner: &PartnerId,
    terms: &Terms,
    now: Time,
) -> Result<&'a Agreement, Code> {
    let mut closest = (0, Code::AgreementUnknown);
    for agreement in agreements.iter().filter(|a| a.partner() == partner) {
        match lacks(agreement, terms, now) {
            None => return Ok(agreement),
            Some(lack) if lack.0 > closest.0 => closest = lack,
            Some(_) => {}
        }
    }
    Err(closest.1)
}

/// What is missing first, and how far the agreement came.
fn lacks(agreement: &Agreement, terms: &Terms, now: Time) -> Option<(u8, Code)> {
    let families = || terms.families.iter();
    let finest = |family| agreement.families().get(family);
    if !agreement.in_force(now) {
        Some((1, Code::AgreementNotInForce))
    } else if !terms.purposes.iter().all(|p| agreement.purposes().contains(p)) {
        Some((2, Code::PurposeNotAgreed))
    } else if !families().all(|(family, _)| finest(family).is_some()) {
        Some((3, Code::SignalNotAgreed))
    } else if !families().all(|(family, wanted)| finest(family).is_some_and(|agreed| wanted <= agreed)) {
        Some((4, Code::GranularityTooFine))
    } else {
        None
    }
}
