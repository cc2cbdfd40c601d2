//! Checkpoints of the past.
use super::search::READERS_OF_THE_LOG;
use crate::{
    audit::{ProofError, Receipt},
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
};
use std::sync::Arc;

/// `FindCheckpoint`.
pub const FIND_CHECKPOINT: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/FindCheckpoint"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
};

/// The smallest signed checkpoint that covers `size` entries, and the record that it was asked for. It names nobody, so
/// an auditor may have any.
pub async fn checkpoint(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    size: u64,
) -> Reading<(Arc<str>, Receipt)> {
    staff(gate, peer, call, move |gate, _| {
        let note = gate.log.checkpoint_covering(size).map_err(|error| match error {
            ProofError::Range => Code::LogRange,
            ProofError::Store => Code::Internal,
        })?;
        Ok(Seen {
            note: format!("checkpoint of at least {size} entries"),
            ..Seen::of(note, "checkpoint-shown")
        })
    })
    .await
}
