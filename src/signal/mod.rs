//! Signals: the only form in which anything about a person leaves the gateway.
//!
//! A signal is a measure over declared fields and bands with the same edges for everybody. This module refuses, when
//! `signals.toml` is loaded, every measure that reads more than it declares, reads what nobody may be judged by, or
//! could say more than a band. It is pure: no clock, no input or output, no values in its errors.
mod definition;
mod derive;
mod evaluate;
mod measure;
mod scorecard;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod uci;

pub use definition::{KnownPurpose, Reason, Signal, SignalError, Signals};
pub use derive::{Derived, Outcome, SignalValue, derive};
