//! What this client has seen of the log, so that the log cannot forget behind its back.
use super::error::{Conflict, LogError, ReceiptError};
use crate::audit::proof::verify_consistency;
use std::sync::Arc;

/// A signed checkpoint that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// RFC 6962 tree head.
    pub root: [u8; 32],
    /// As it was signed: evidence, if the log ever says something else.
    pub note: Arc<str>,
}

/// The newest head that was proven to continue the first, and the newest that was only seen in a receipt.
#[derive(Debug, Default, Clone)]
pub(super) struct LogView {
    pub(super) proven: Option<Head>,
    pub(super) seen: Option<Head>,
}

impl Head {
    /// The name of its log.
    pub fn origin(&self) -> &str {
        self.note.split('\n').next().unwrap_or_default()
    }

    /// That `newer` may follow this head: of the same log, never smaller, and the same root at the same size.
    pub(super) fn may_become(&self, newer: &Head) -> Result<(), ReceiptError> {
        if self.origin() != newer.origin() {
            return Err(ReceiptError::OtherLog);
        }
        if newer.size < self.size {
            return Err(ReceiptError::Shrank {
                known: self.size,
                got: newer.size,
                evidence: self.against(newer),
            });
        }
        if newer.size == self.size && newer.root != self.root {
            return Err(ReceiptError::Forked {
                size: self.size,
                evidence: self.against(newer),
            });
        }
        Ok(())
    }

    fn against(&self, newer: &Head) -> Conflict {
        Conflict {
            known: self.note.clone(),
            offered: newer.note.clone(),
        }
    }
}

impl LogView {
    /// The largest head known.
    pub(super) fn newest(&self) -> Option<Head> {
        self.seen.clone().or_else(|| self.proven.clone())
    }

    /// A receipt showed `head`.
    pub(super) fn see(&mut self, head: Head) {
        if self.newest().is_none_or(|known| head.size > known.size) {
            self.seen = Some(head);
        }
    }

    /// `newest` continues everything that was known when the proof was asked for.
    pub(super) fn prove(&mut self, newest: Head) {
        // Of two checks at once the one that saw less may come last.
        let more = |known: &Head| known.origin() == newest.origin() && known.size > newest.size;
        if self.proven.as_ref().is_some_and(more) {
            return;
        }
        // A receipt may have come in between that showed more.
        self.seen = self.seen.take().filter(more);
        self.proven = Some(newest);
    }
}

/// That `newer` begins with `older`; gives the proof's hashes.
pub(super) fn continues(older: &Head, newer: &Head, proof: &[Vec<u8>]) -> Result<Vec<[u8; 32]>, LogError> {
    older.may_become(newer)?;
    let not_consistent = || LogError::NotConsistent {
        from: older.size,
        to: newer.size,
        evidence: older.against(newer),
    };
    let hashes: Result<Vec<[u8; 32]>, _> = proof.iter().map(|hash| hash.as_slice().try_into()).collect();
    let hashes = hashes.map_err(|_| not_consistent())?;
    verify_consistency(older.size, &older.root, newer.size, &newer.root, &hashes).map_err(|_| not_consistent())?;
    Ok(hashes)
}
