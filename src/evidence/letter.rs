//! Letters to persons: plain text that the log's entry commits to.
use super::{DocumentProof, EvidenceError, Proven};
use crate::{
    audit::note::VerifierKey,
    wire::v1::{EntryKind, Leaf},
};

fn is_of_letter(leaf: &Leaf) -> bool {
    leaf.kind() == EntryKind::SubjectRequest && leaf.method.ends_with("/WriteSubjectLetter")
}

/// Checks that the log of `key` stands behind a letter.
///
/// # Errors
/// What does not hold; also for the proof of any other document.
pub fn verify_letter(letter: &[u8], proof: &DocumentProof, key: &VerifierKey) -> Result<Proven, EvidenceError> {
    proof.verify(letter, key, "letter", is_of_letter)
}
