//! Checkpoints, of now and of the past, and that the later continue the earlier.
use super::{periods::of_period, search::READERS_OF_THE_LOG};
use crate::{
    audit::{Head, ProofError, Receipt},
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

/// The smallest signed checkpoint of a period that covers `size` entries, or its newest, and the record that it was asked
/// for. It names nobody, so an auditor may have any.
pub async fn checkpoint(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    period: u32,
    size: Option<u64>,
) -> Reading<(Arc<str>, Receipt)> {
    staff(gate, peer, call, move |gate, _| {
        let note = match size {
            Some(size) => gate.volume(period)?.log.checkpoint_covering(size).map_err(refusal)?,
            None => Arc::clone(&gate.head_of(period)?.note),
        };
        let which = match size {
            Some(size) => format!("of at least {size} entries"),
            None => "at the end".to_owned(),
        };
        Ok(Seen {
            note: format!("checkpoint {which}{}", of_period(gate, period)),
            ..Seen::of(note, "checkpoint-shown")
        })
    })
    .await
}

/// The newest checkpoint.
pub async fn head(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall) -> Reading<(Arc<Head>, Receipt)> {
    staff(gate, peer, call, |gate, _| {
        let head = gate.log.head();
        Ok(Seen {
            note: format!("head of {} entries", head.size),
            ..Seen::of(head, "checkpoint-shown")
        })
    })
    .await
}

/// That the tree of `to` begins with the tree of `from`, in one period.
pub async fn continuation(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    period: u32,
    (from, to): (u64, u64),
) -> Reading<(Vec<[u8; 32]>, Receipt)> {
    staff(gate, peer, call, move |gate, _| {
        let (proof, _) = gate.volume(period)?.log.prove_consistency(from, to).map_err(refusal)?;
        Ok(Seen {
            note: format!("continuation from {from} to {to}{}", of_period(gate, period)),
            ..Seen::of(proof, "continuation-shown")
        })
    })
    .await
}

fn refusal(error: ProofError) -> Code {
    match error {
        ProofError::Range => Code::LogRange,
        ProofError::Store | ProofError::Journal => Code::Internal,
    }
}
