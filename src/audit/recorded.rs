//! `Recorded<T>`: `T` is in the log and on disk. The one constructor is visible to `audit` only.
use crate::{
    crypto::Secret,
    facts::Facts,
    refusal::{Code, Refusal},
};
use std::sync::Arc;

/// What class the leaf shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Depends on a person: the leaf does not tell the outcome.
    Sealed,
    /// Refused, with its code.
    Refused(Code),
    /// An administrative event.
    Admin,
    /// Ended without a reply.
    Abandoned,
}

/// Something that can be an entry.
pub trait Auditable {
    /// What the leaf shows.
    fn class(&self) -> Class;
    /// What the entry says.
    fn facts(&self) -> &Facts;
    /// The answer, exactly as it will be sent; `None` where nothing is answered.
    fn answer(&self) -> Option<&[u8]>;
    /// Whether the entry keeps the answer itself beside its digest. A document that is as long as a file is not kept.
    fn keeps_answer(&self) -> bool {
        true
    }
}

impl Auditable for Refusal {
    fn class(&self) -> Class {
        Class::Refused(self.code())
    }
    fn facts(&self) -> &Facts {
        Refusal::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        None
    }
}

/// The log's proof that an entry is in it.
pub struct Receipt {
    /// The leaf as hashed.
    pub leaf: Vec<u8>,
    /// Index of the leaf.
    pub index: u64,
    /// Inclusion proof in the tree of the checkpoint, hashes of 32 bytes.
    pub proof: Vec<[u8; 32]>,
    /// The signed checkpoint.
    pub checkpoint: Arc<str>,
    /// Opens `x_commit`.
    pub commitment_key: Secret<32>,
}

/// A value whose entry is durable.
pub struct Recorded<T> {
    value: T,
    receipt: Receipt,
}

impl<T> Recorded<T> {
    pub(super) fn new(value: T, receipt: Receipt) -> Self {
        Self { value, receipt }
    }
    /// For tests of sealing, which have no log.
    #[cfg(test)]
    pub(crate) fn for_tests(value: T, receipt: Receipt) -> Self {
        Self { value, receipt }
    }
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }
    /// The proof.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
    pub(crate) fn into_parts(self) -> (T, Receipt) {
        (self.value, self.receipt)
    }
}
