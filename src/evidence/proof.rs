//! That the log stands behind a document.
use crate::{
    audit::{
        note::{NoteError, VerifierKey},
        proof::{ProofInvalid, TlogProof},
        verify::{self, ProofBad},
        x_commit,
    },
    crypto::{Secret, sha256},
    limits::NOTE_BYTES_MAX,
    wire::{self, Message, v1},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

const FIRST_LINE: &str = "tollgate-document-proof 1";
/// A tlog-proof with its leaf, and the detail and key in base64.
const BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// Why a document is not what it seems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not of the form.
    #[error("the {0} is malformed, or of another version")]
    Malformed(&'static str),
    /// The proof of its entry does not hold.
    #[error(transparent)]
    Entry(#[from] ProofBad),
    /// The entry is no document of this kind.
    #[error("the entry that is proven is not that of a {0}")]
    OtherEntry(&'static str),
    /// What was opened is not what the entry committed to.
    #[error("what is said of entry {0} is not what it committed to: it was changed")]
    Commitment(u64),
    /// Changed since it left.
    #[error("the document is not the one that was recorded: it was changed, or the proof is of another")]
    Changed,
    /// A line of a report is not in the log as it says.
    #[error("the line of entry {0} is not what the log has: the report was not made from it")]
    Line(u64),
    /// The printed page differs from the document in it.
    #[error(
        "the page does not show what was proven: it was changed, or made by another version; what was proven can be printed with `--json`"
    )]
    PageChanged,
    /// A pack lacks a file, or holds one that its manifest does not name.
    #[error("`{0}` is not in the pack as its manifest says: it was changed, added or removed")]
    File(String),
    /// The sample is not the one that the seed gives.
    #[error("the sample is not the one that the seed gives: {0}")]
    Sample(&'static str),
}

impl From<NoteError> for EvidenceError {
    fn from(error: NoteError) -> Self {
        EvidenceError::Entry(error.into())
    }
}

impl From<ProofInvalid> for EvidenceError {
    fn from(error: ProofInvalid) -> Self {
        EvidenceError::Entry(error.into())
    }
}

/// An entry's proof with what opens its commitment: then the digest in it is that of the document.
#[derive(Clone)]
pub struct DocumentProof {
    /// C2SP tlog-proof with the leaf in it.
    pub proof: String,
    /// A serialised PartnerDetail.
    pub detail: Vec<u8>,
    /// Opens `x_commit`.
    pub key: Secret<32>,
}

/// What was proven of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The entry.
    pub leaf: v1::Leaf,
    /// Entries under the checkpoint of the proof.
    pub log_size: u64,
    /// The log.
    pub origin: String,
    /// SHA-256 of the document.
    pub sha256: [u8; 32],
}

impl DocumentProof {
    /// Of a receipt, the detail and key that its entry was opened to.
    pub fn new(receipt: &crate::audit::Receipt, detail: &v1::PartnerDetail, key: Secret<32>) -> Self {
        let proof = TlogProof {
            index: receipt.index,
            proof: receipt.proof.clone(),
            checkpoint: receipt.checkpoint.to_string(),
            extra: None,
        };
        Self {
            proof: proof.with_leaf(&receipt.leaf),
            detail: detail.encode_to_vec(),
            key,
        }
    }

    /// From the wire.
    pub fn from_wire(wire: v1::DocumentProof) -> Result<Self, EvidenceError> {
        Ok(Self {
            key: Secret::from_slice(&wire.key).map_err(|_| EvidenceError::Malformed("proof"))?,
            proof: wire.proof,
            detail: wire.detail,
        })
    }

    /// For the wire.
    pub fn to_wire(&self) -> v1::DocumentProof {
        v1::DocumentProof {
            proof: self.proof.clone(),
            detail: self.detail.clone(),
            key: self.key.expose().to_vec(),
        }
    }

    /// As text: a first line, what opens the commitment, the tlog-proof.
    pub fn encode(&self) -> String {
        let (detail, key) = (STANDARD.encode(&self.detail), STANDARD.encode(self.key.expose()));
        format!("{FIRST_LINE}\ndetail {detail}\nkey {key}\n{}", self.proof)
    }

    /// Reads what [`DocumentProof::encode`] writes, and nothing else.
    pub fn decode(text: &str) -> Result<Self, EvidenceError> {
        Self::read(text).ok_or(EvidenceError::Malformed("proof"))
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut parts = text.splitn(4, '\n');
        if parts.next()? != FIRST_LINE {
            return None;
        }
        let detail = STANDARD.decode(parts.next()?.strip_prefix("detail ")?).ok()?;
        let key = STANDARD.decode(parts.next()?.strip_prefix("key ")?).ok()?;
        let read = Self {
            detail,
            key: Secret::from_slice(&key).ok()?,
            proof: parts.next()?.to_owned(),
        };
        (read.encode() == text).then_some(read)
    }

    /// Checks that the entry is in the log of `key`, and that `document` is what it committed to. `what` is the kind of
    /// document, and `is_of` whether an entry is that of one: a partner's answer is committed to in the same way, and no
    /// partner can make it a document.
    pub fn verify(
        &self,
        document: &[u8],
        key: &VerifierKey,
        what: &'static str,
        is_of: fn(&v1::Leaf) -> bool,
    ) -> Result<Proven, EvidenceError> {
        let proven = verify::receipt(&self.proof, key)?;
        let leaf = proven.leaf;
        if !is_of(&leaf) {
            return Err(EvidenceError::OtherEntry(what));
        }
        let detail: v1::PartnerDetail =
            wire::decode_canonical(&self.detail).map_err(|_| EvidenceError::Malformed("proof"))?;
        if !bool::from(x_commit(&self.key, &detail).ct_eq(leaf.x_commit.as_slice())) {
            return Err(EvidenceError::Commitment(leaf.seq));
        }
        let sha256 = sha256(document);
        if detail.answer_digest != sha256 {
            return Err(EvidenceError::Changed);
        }
        Ok(Proven {
            log_size: proven.checkpoint.size,
            origin: proven.checkpoint.origin,
            leaf,
            sha256,
        })
    }
}
