//! A person's right to be forgotten, and what stands against it: requests, holds, and how far an erasure has come.
//!
//! ```text
//! requested ─ BLOCKED ─ record removed ─ its epoch destroyed ─ (provisions expire) ─ link removed ─ its epoch destroyed
//! ```
//!
//! Blocking is at once: the record is stored and not used (PIPL article 47). The record goes when nothing holds it, the
//! log's link to the person when what was told about them need not be provable any more. Each row here is sealed under
//! the shred epoch and found by a random id: once the link is gone and the epoch destroyed, nothing says whose it was.
//!
//! # What it refuses to do
//! It has no clock, no lock and no log: acts read and give effects, and the caller records them under the person's lock.
//! It never unblocks: who wants their record used again begins anew, when it is erased.
mod acts;
mod register;
mod standing;

pub use acts::{Change, Desk, hex, hold, id_of, release, request};
pub use register::Register;
pub(crate) use register::moved;
pub use standing::{Hold, Reason, Shred, Stage, Standing};
