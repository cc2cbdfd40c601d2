//! Witnesses: institutions that hold each other's logs to one history (C2SP tlog-witness).
//!
//! As a witness, a gateway cosigns a checkpoint only if it continues everything that it has seen of that log, and only once
//! the entry that says so is durable ([`Witness`]). As a log, it asks its own witnesses, beside the answer path, and does
//! not begin to serve when one of them has seen more of its log than it has itself ([`Witnesses`]). Why it is done as it
//! is: `docs/decisions/0011-witnesses.md`.
mod ask;
mod cosigned;
mod desk;
mod judge;
mod known;
mod rounds;
mod route;

pub use ask::Asked;
pub use cosigned::CosignedNote;
pub use desk::{ADD_CHECKPOINT, Added, Witness};
pub use judge::Submission;
pub use known::{Known, KnownError};
pub use rounds::{Setup, WitnessError, WitnessStatus, Witnesses};
pub use route::route;
