//! What security staff and operators change in a running gateway, and by whose word: suspensions, proposals, two people.
//!
//! Words and rows only: who may call is the pipeline's, connections and keys are the application's. A proposal that was
//! approved, rejected or let expire never counts again, and nobody is two people. See `docs/decisions/0016-two-people.md`.
mod change;
mod proposal;
mod suspension;
mod target;

pub use change::{Change, JobClass};
pub use proposal::{Officer, Proposal, ProposalId, ProposalState, proposals};
pub use suspension::{Suspension, suspensions};
pub use target::Target;

use crate::limits::ADMIN_REASON_BYTES_MAX;

/// Whether a reason may stand in a row and in an entry.
pub fn reason_fits(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= ADMIN_REASON_BYTES_MAX && !text.chars().any(char::is_control)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
