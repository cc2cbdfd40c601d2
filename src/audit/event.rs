//! Entries that no request leads to: start and stop, configuration, keys, counted events.
use super::{Auditable, Class};
use crate::facts::Facts;

/// An administrative entry.
pub struct Event(Facts);

impl Event {
    /// What its facts say.
    pub fn new(facts: Facts) -> Self {
        Self(facts)
    }
}

impl Auditable for Event {
    fn class(&self) -> Class {
        Class::Admin
    }
    fn facts(&self) -> &Facts {
        &self.0
    }
    fn answer(&self) -> Option<&[u8]> {
        None
    }
}
