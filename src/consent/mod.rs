//! Does the person agree? Consents in the shape of ISO/IEC TS 27560:2023 (notice, purposes, recipient, basis, and events with
//! time and author; not verified against its text): granted, confirmed, withdrawn, expired.
//!
//! A consent names exactly one recipient, ends within two years, and is a list of events that only grows: its status is
//! derived from them and the time. It stands sealed under the person's audit-link key, so whoever destroys that key
//! takes the consents away with it.
//!
//! # What it refuses to do
//! It never tells a caller whether a person is known: `Grant` answers alike for everybody, and what a caller may not see
//! looks like what does not exist. It takes no consent that the caller's own agreements could not use. It never brings a withdrawn consent back. It has no clock, no lock and no log: the
//! caller holds the person's lock from the call until the effects are recorded, or two first entries about somebody could
//! make two link keys.
mod acts;
mod cover;
mod look_up;
mod record;
mod rows;
mod terms;

pub use acts::{Change, Desk, Scope, confirm, get, grant, list, withdraw};
pub use look_up::{Asked, ConsentFact, LookedUp, look_up, meet};
pub use record::{Event, EventKind, Record, Status};
pub use rows::{forget, of_person, one_of_person};
pub use terms::{Basis, Known, Terms, TermsError};

use crate::{crypto::Secret, keyring::Epochs};
use std::sync::Arc;

/// The two keys that lead from an identity to a person's rows.
pub struct Keys {
    /// Wrap the persons' link keys.
    pub epochs: Arc<Epochs>,
    /// Makes subject tokens.
    pub pseudonym: Secret<32>,
}

#[cfg(test)]
mod tests;
