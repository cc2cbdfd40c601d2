//! What can go wrong at the client's end. Each text says what to do next.
use crate::{
    audit::{note::NoteError, proof::ProofInvalid},
    crypto::Broken,
};
use std::{fmt, path::PathBuf, sync::Arc};

/// Why there is no answer, or none to be believed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The gateway could not be reached, or the connection broke.
    #[error("the gateway cannot be reached: {0}; check address, certificates and network")]
    Unreachable(String),
    /// The gateway refused, and recorded it. `code` is stable: see `docs/errors.md`.
    #[error("refused with `{code}`: {message}")]
    Refused {
        /// The stable code.
        code: String,
        /// The gateway's fixed text.
        message: String,
        /// For people, if there is one.
        reference: String,
    },
    /// The key list is not accepted.
    #[error(transparent)]
    KeyList(#[from] KeyListError),
    /// The receipt does not hold: the answer must not be used.
    #[error("the receipt does not hold, do not use the answer: {0}")]
    Receipt(#[from] ReceiptError),
    /// The log does not continue what was seen of it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The list has no key of the pinned suite that may be sealed to now.
    #[error("the gateway offers no key of the suite `{0}`: ask the operator; a client never falls back to another")]
    NoKey(&'static str),
    /// The reply does not open under the keys of this request.
    #[error("the reply does not open: something between changed it, or it answers another request")]
    ReplyBroken,
    /// The reply opened and is not what this method answers with.
    #[error("the reply is not what this method answers with: is the client older than the gateway?")]
    ReplyMalformed,
    /// The session is used up.
    #[error("the session has ended: open a new one")]
    SessionSpent,
    /// The gateway forgot a session that was opened moments ago.
    #[error("the session was lost and another may be opened only once in ten seconds: wait, then ask again")]
    ReopenTooSoon,
    /// The setting cannot be used.
    #[error("the setting `{0}` cannot be used: {1}")]
    Setting(&'static str, String),
    /// Randomness or a key operation failed.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl ClientError {
    /// Whether the gateway refused with this code.
    pub fn is_code(&self, name: &str) -> bool {
        matches!(self, ClientError::Refused { code, .. } if code == name)
    }
}

/// Why a key list is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum KeyListError {
    /// Not a key list in canonical form.
    #[error("the key list is malformed")]
    Malformed,
    /// The delegation is not signed by the pinned gateway-identity key.
    #[error("the key list is not delegated by the pinned gateway-identity key: check the pin in the agreement")]
    Delegation,
    /// The delegation is not valid now, or is longer than 30 days.
    #[error("the delegation of key-list signing is not valid now, or is longer than 30 days")]
    DelegationPeriod,
    /// Not signed by the delegate.
    #[error("the signature of the key list does not verify")]
    Signature,
    /// For another gateway.
    #[error("the key list is for another gateway")]
    Foreign,
    /// Expired, not yet valid, or longer than 24 hours.
    #[error("the key list is not valid now, or is longer than 24 hours: check the clock")]
    Period,
    /// Lower than one that was accepted before.
    #[error("the key list has serial {got}, and {known} was accepted before: an old list is being replayed")]
    Serial {
        /// Accepted before.
        known: u64,
        /// Offered now.
        got: u64,
    },
    /// The same serial with other content.
    #[error("two key lists have the serial {0} and differ: keep both as evidence and tell the operator")]
    Equivocation(u64),
    /// The serial cannot be remembered, so a replay could not be noticed.
    #[error("the serial cannot be kept in `{0}`: {1}")]
    Memory(PathBuf, String),
}

/// Which check of a receipt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("the receipt is malformed")]
    Malformed,
    /// The checkpoint is of a log that the key list does not name.
    #[error("the checkpoint is of a log that the key list does not name")]
    Origin,
    /// The checkpoint is of another period of the gateway's log than the one that is known.
    #[error(
        "the receipt is of another period of the log: prove first that it continues the one that is known (`Client::check_log`)"
    )]
    OtherLog,
    /// The checkpoint is not signed by the log, or has lines that nobody signed for.
    #[error("the checkpoint is not signed by the log: {0}")]
    Checkpoint(NoteError),
    /// The index is not the leaf's sequence number, or not below the size.
    #[error("the index of the receipt is not the leaf's, or lies beyond the log")]
    Index,
    /// The leaf is not in the tree.
    #[error("the leaf is not in the log: {0}")]
    NotIncluded(ProofInvalid),
    /// The leaf says something else than was asked or answered.
    #[error("the leaf's `{0}` is not that of this exchange")]
    Facts(&'static str),
    /// The leaf does not commit to this request and answer.
    #[error("the leaf does not commit to this request and this answer")]
    Commitment,
    /// The leaf's time is more than 120 s from this clock.
    #[error("the leaf's time is more than 120 s from this clock")]
    Time,
    /// The log is smaller than it was when the request was sent.
    #[error("the log has shrunk from {known} to {got} entries: {evidence}")]
    Shrank {
        /// Before the request.
        known: u64,
        /// In the receipt.
        got: u64,
        /// Both checkpoints.
        evidence: Conflict,
    },
    /// Same size, another root.
    #[error("two checkpoints of {size} entries have different roots: {evidence}")]
    Forked {
        /// Of both.
        size: u64,
        /// Both checkpoints.
        evidence: Conflict,
    },
}

/// Two checkpoints that one log signed and that cannot both be true: evidence that nobody can make up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Known before.
    pub known: Arc<str>,
    /// Offered now.
    pub offered: Arc<str>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, offered } = self;
        write!(
            f,
            "keep both signed checkpoints as evidence.\n\nknown before:\n{known}\noffered now:\n{offered}"
        )
    }
}

/// Why the log is not believed to continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A new period of the log does not prove that it continues what is known.
    #[error(
        "a new period of the log does not continue what is known: {0}; keep both checkpoints and ask the institution for the archive"
    )]
    Succession(&'static str),
    /// The checkpoint does not verify.
    #[error("the checkpoint does not verify: {0}")]
    Checkpoint(#[from] ReceiptError),
    /// The newer tree does not begin with the older one.
    #[error("the log of {to} entries does not begin with the {from} that were seen before: {evidence}")]
    NotConsistent {
        /// Seen before.
        from: u64,
        /// Offered now.
        to: u64,
        /// Both checkpoints.
        evidence: Conflict,
    },
    /// What is remembered of the log cannot be read or written.
    #[error("the memory of the log at `{0}` cannot be used: {1}; without it a log that was set back is not noticed")]
    Memory(PathBuf, String),
}
