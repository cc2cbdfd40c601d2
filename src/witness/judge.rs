//! The decision, without clock and store: C2SP tlog-witness, `add-checkpoint`, in its order.
use super::known::Known;
use crate::{
    audit::{
        note::{self, Checkpoint, VerifierKey},
        proof::{Continuation, EMPTY_ROOT, verify_consistency},
    },
    refusal::Code,
};

/// What a log sent: read, and signed by a key that is known for it. Whether it continues what is known is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub(super) checkpoint: Checkpoint,
    /// With the log's signature and no other.
    pub(super) note: String,
    old_size: u64,
    proof: Vec<[u8; 32]>,
}

impl Submission {
    /// Reads a body, for a witness of these logs. A log may have several keys, while one follows another.
    ///
    /// # Errors
    /// `CHECKPOINT_MALFORMED`, `WITNESSED_LOG_UNKNOWN`, `CHECKPOINT_SIGNATURE`; the last with the log's name.
    pub fn read(body: &[u8], logs: &[VerifierKey]) -> Result<Self, (Code, String)> {
        let malformed = || (Code::CheckpointMalformed, String::new());
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        let sent = Continuation::decode(text).map_err(|_| malformed())?;
        let claimed = note::read_unverified(&sent.checkpoint).map_err(|_| malformed())?;
        let mut of_log = logs.iter().filter(|key| key.name() == claimed.origin).peekable();
        if of_log.peek().is_none() {
            return Err((Code::WitnessedLogUnknown, String::new()));
        }
        let Some(note) = of_log.find_map(|key| note::signed_by(&sent.checkpoint, key).ok()) else {
            return Err((Code::CheckpointSignature, claimed.origin));
        };
        if sent.old_size > claimed.size {
            return Err(malformed());
        }
        Ok(Self {
            checkpoint: claimed,
            note,
            old_size: sent.old_size,
            proof: sent.proof,
        })
    }

    /// Whether it continues what is `known`.
    ///
    /// # Errors
    /// `CHECKPOINT_SIZE`, `CHECKPOINT_FORKED`, `CHECKPOINT_INCONSISTENT`.
    pub fn continues(&self, known: Option<&Known>) -> Result<(), Code> {
        let (size, root) = known.map_or((0, EMPTY_ROOT), |k| (k.size, k.root));
        if self.old_size != size {
            return Err(Code::CheckpointSize);
        }
        let new = &self.checkpoint;
        if size == new.size && root != new.root {
            return Err(Code::CheckpointForked);
        }
        verify_consistency(size, &root, new.size, &new.root, &self.proof).map_err(|_| Code::CheckpointInconsistent)
    }
}

#[cfg(test)]
mod tests;
