//! May this partner have these signals, for this purpose, now?
//!
//! Cedar decides; this module gives it facts and believes nothing but a clean "allow". Cedar skips a `forbid` that fails
//! to evaluate and may still allow, so any evaluation error denies here. A snapshot is built whole or not at all: schema
//! and guards parse, validate strictly, and hold a set of golden decisions in which every guard fires.
//!
//! # What it refuses to do
//! It reads no clock and no record. It never refuses openly for a reason that lies in the person: such a question goes
//! on as [`Withheld`] and gets a sealed answer with nothing in it.
mod decide;
mod engine;
mod facts;
mod golden;
mod guards;
mod permit;
mod snapshot;

pub use decide::{Decided, decide};
pub use facts::{Licence, Operator, SignalFact};
pub use permit::{Bounds, Permit, Withheld, Withhold};
pub use snapshot::{Basis, PolicyError, Snapshot};

#[cfg(test)]
pub(crate) mod tests;
