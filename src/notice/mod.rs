//! Notices of corrections: who was answered with a band that a correction makes doubtful, and what they are told.
//!
//! A notice is a row of its recipient, written with an entry of its own before the correction's entry, and seen only once
//! the correction is recorded: a crash in between leaves rows that nobody sees. It names the recipient's own requests and
//! signals, never the person, and is sealed under the period's key. It refuses to say what the new record says: whoever
//! wants to know asks again.
mod recipients;
mod rows;

pub use recipients::{Answered, Answers, Looking, Recipients};
pub use rows::{Correction, Listed, NoticeError, NoticeId, Rows, Written, acknowledged};
pub(crate) use rows::{opened, sealed_anew};
