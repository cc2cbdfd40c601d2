//! Inclusion and consistency proofs (RFC 6962), and the text form a receipt travels in (C2SP tlog-proof).
//!
//! Verification only: proofs are made by the log. What cannot be read completely is refused.
use super::note::hash_from_base64;
use crate::limits::{ENTRY_BYTES_MAX, PROOF_HASHES_MAX, SIGNED_NOTE_BYTES_MAX};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tlog_tiles::{EMPTY_HASH, Hash, check_record, check_tree, record_hash};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
const OLD: &str = "old ";
/// A checkpoint, the hashes, an entry in base64, and the words between.
const PROOF_TEXT_BYTES_MAX: usize = SIGNED_NOTE_BYTES_MAX + 45 * PROOF_HASHES_MAX + ENTRY_BYTES_MAX * 4 / 3 + 128;

/// RFC 6962 tree head of the log without entries.
pub const EMPTY_ROOT: [u8; 32] = EMPTY_HASH.0;

/// A proof does not hold, or is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofInvalid {
    /// Not in the form of tlog-proof@v1.
    #[error("the proof is malformed")]
    Malformed,
    /// It leads to another root.
    #[error("the proof does not lead to the root of the checkpoint")]
    Wrong,
}

/// A decoded receipt. The checkpoint still has to be verified as a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Index of the leaf.
    pub index: u64,
    /// Hashes from the leaf's sibling up.
    pub proof: Vec<[u8; 32]>,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The leaf, where the proof is kept apart from it. A receipt in a reply has none: its leaf stands beside it.
    pub extra: Option<Vec<u8>>,
}

/// Writes a receipt as text: a first line, the index, the hashes, an empty line, the checkpoint.
pub fn encode(index: u64, proof: &[[u8; 32]], checkpoint: &str) -> String {
    write(index, proof, checkpoint, None)
}

impl TlogProof {
    /// As text that proves by itself: with the leaf in the line that the format leaves to the application.
    pub fn with_leaf(&self, leaf: &[u8]) -> String {
        write(self.index, &self.proof, &self.checkpoint, Some(leaf))
    }
}

fn write(index: u64, proof: &[[u8; 32]], checkpoint: &str, extra: Option<&[u8]>) -> String {
    let mut out = String::with_capacity(64 + proof.len() * 45 + checkpoint.len());
    out.push_str(FIRST_LINE);
    if let Some(extra) = extra {
        out.push_str("\nextra ");
        STANDARD.encode_string(extra, &mut out);
    }
    out.push_str("\nindex ");
    out.push_str(&index.to_string());
    out.push('\n');
    for hash in proof {
        STANDARD.encode_string(hash, &mut out);
        out.push('\n');
    }
    out.push('\n');
    out.push_str(checkpoint);
    out
}

/// Reads what [`encode`] writes, and nothing else.
pub fn decode(text: &str) -> Result<TlogProof, ProofInvalid> {
    read(text).ok_or(ProofInvalid::Malformed)
}

fn read(text: &str) -> Option<TlogProof> {
    if text.len() > PROOF_TEXT_BYTES_MAX {
        return None;
    }
    let (head, checkpoint) = text.split_once("\n\n")?;
    let mut lines = head.split('\n');
    if lines.next()? != FIRST_LINE || checkpoint.is_empty() {
        return None;
    }
    let mut line = lines.next()?;
    let mut extra = None;
    if let Some(text) = line.strip_prefix("extra ") {
        let bytes = STANDARD.decode(text).ok()?;
        // One way to write it: no text means the same as another.
        if bytes.is_empty() || STANDARD.encode(&bytes) != text {
            return None;
        }
        extra = Some(bytes);
        line = lines.next()?;
    }
    let digits = line.strip_prefix("index ")?;
    let index: u64 = digits.parse().ok()?;
    if index.to_string() != digits {
        return None;
    }
    let proof: Vec<_> = lines.map(hash_from_base64).collect::<Option<_>>()?;
    (proof.len() <= PROOF_HASHES_MAX).then(|| TlogProof {
        index,
        proof,
        checkpoint: checkpoint.to_owned(),
        extra,
    })
}

/// That one log's tree continues an earlier one, as text: the body of C2SP tlog-witness `add-checkpoint`, so that what
/// convinces a person also convinces a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// Entries of the earlier tree.
    pub old_size: u64,
    /// RFC 6962 consistency proof.
    pub proof: Vec<[u8; 32]>,
    /// The later signed checkpoint.
    pub checkpoint: String,
}

impl Continuation {
    /// `old N`, the hashes, an empty line, the checkpoint.
    pub fn encode(&self) -> String {
        let mut out = format!("{OLD}{}\n", self.old_size);
        for hash in &self.proof {
            STANDARD.encode_string(hash, &mut out);
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.checkpoint);
        out
    }

    /// Reads what [`Continuation::encode`] writes, and nothing else.
    pub fn decode(text: &str) -> Result<Self, ProofInvalid> {
        Self::read(text).ok_or(ProofInvalid::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > PROOF_TEXT_BYTES_MAX {
            return None;
        }
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let digits = lines.next()?.strip_prefix(OLD)?;
        let old_size: u64 = digits.parse().ok()?;
        let proof: Vec<_> = lines.map(hash_from_base64).collect::<Option<_>>()?;
        // C2SP tlog-witness: no more than 63, one fewer than an inclusion proof may have.
        let canonical = old_size.to_string() == digits && proof.len() < PROOF_HASHES_MAX && !checkpoint.is_empty();
        canonical.then(|| Self {
            old_size,
            proof,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

/// Whether a text is a receipt, by its first line.
pub fn is_receipt(text: &str) -> bool {
    text.split('\n').next() == Some(FIRST_LINE)
}

/// Whether a text is a [`Continuation`], by its first word.
pub fn is_continuation(text: &str) -> bool {
    text.starts_with(OLD)
}

/// That `leaf` is entry `index` of the tree with this size and root.
pub fn verify_inclusion(
    leaf: &[u8],
    index: u64,
    proof: &[[u8; 32]],
    size: u64,
    root: &[u8; 32],
) -> Result<(), ProofInvalid> {
    let path = hashes(proof)?;
    check_record(&path, size, Hash(*root), index, record_hash(leaf)).map_err(|_| ProofInvalid::Wrong)
}

/// That the tree of `new_size` begins with the tree of `old_size`. Every tree begins with the empty one.
pub fn verify_consistency(
    old_size: u64,
    old_root: &[u8; 32],
    new_size: u64,
    new_root: &[u8; 32],
    proof: &[[u8; 32]],
) -> Result<(), ProofInvalid> {
    let path = hashes(proof)?;
    if old_size == 0 {
        let holds = path.is_empty() && *old_root == EMPTY_HASH.0 && (new_size > 0 || new_root == old_root);
        return if holds { Ok(()) } else { Err(ProofInvalid::Wrong) };
    }
    check_tree(&path, new_size, Hash(*new_root), old_size, Hash(*old_root)).map_err(|_| ProofInvalid::Wrong)
}

fn hashes(proof: &[[u8; 32]]) -> Result<Vec<Hash>, ProofInvalid> {
    // No tree of 2^64 leaves has a longer path; the crate copies the path once a level.
    if proof.len() > PROOF_HASHES_MAX {
        return Err(ProofInvalid::Wrong);
    }
    Ok(proof.iter().map(|h| Hash(*h)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_form_round_trips(index in any::<u64>(), n in 0usize..64, seed in any::<u8>()) {
            let proof: Vec<_> = (0..n).map(|i| [seed ^ i as u8; 32]).collect();
            let text = encode(index, &proof, "log\n1\nroot\n\n\u{2014} log sig\n");
            let read = decode(&text).unwrap();
            prop_assert_eq!((read.index, &read.proof), (index, &proof));
            prop_assert_eq!(encode(read.index, &read.proof, &read.checkpoint), text);
            let with = read.with_leaf(b"leaf");
            let again = decode(&with).unwrap();
            prop_assert_eq!(again.extra.as_deref(), Some(&b"leaf"[..]));
            prop_assert_eq!((again.index, again.proof, again.checkpoint), (read.index, read.proof, read.checkpoint));
        }

        #[test]
        fn continuations_round_trip(old_size in any::<u64>(), n in 0usize..64) {
            let one = Continuation { old_size, proof: vec![[n as u8; 32]; n], checkpoint: "log\n1\nroot\n\n\u{2014} log sig\n".into() };
            let text = one.encode();
            prop_assert!(is_continuation(&text) && !is_receipt(&text));
            prop_assert_eq!(Continuation::decode(&text).unwrap(), one);
        }

        #[test]
        fn hostile_proofs_never_panic(
            text in "(\\PC|\n|index |c2sp.org/tlog-proof@v1\n){0,300}",
            sizes in any::<(u64, u64)>(),
            n in 0usize..80,
        ) {
            let _ = decode(&text);
            let _ = Continuation::decode(&text);
            let proof = vec![[3; 32]; n];
            prop_assert!(verify_inclusion(b"x", sizes.0, &proof, sizes.1, &[1; 32]).is_err());
            prop_assert!(verify_consistency(sizes.0, &[1; 32], sizes.1, &[2; 32], &proof).is_err());
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let good = encode(3, &[[1; 32]], "note\n");
        assert!(decode(&good).is_ok());
        let bad = [
            good.replace("index 3", "index 03"),
            good.replace("index 3", "index +3"),
            good.replace("index 3", "extra AA\nindex 3"),
            good.replace("index 3", "extra \nindex 3"),
            good.replace("index 3", "index 3\nextra AAAA"),
            good.replace("@v1", "@v2"),
            good.replace("note\n", ""),
            good.replace("\n\n", "\n"),
            encode(3, &[[1; 32]; 65], "note\n"),
        ];
        for text in bad {
            assert_eq!(decode(&text), Err(ProofInvalid::Malformed), "{text}");
        }
    }

    #[test]
    fn every_tree_extends_the_empty_one() {
        let empty = EMPTY_HASH.0;
        assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
        assert_eq!(verify_consistency(0, &empty, 5, &[1; 32], &[]), Ok(()));
        assert!(verify_consistency(0, &empty, 0, &[1; 32], &[]).is_err());
        assert!(verify_consistency(0, &[1; 32], 5, &[1; 32], &[]).is_err());
        assert!(verify_consistency(5, &[1; 32], 4, &[1; 32], &[]).is_err());
    }
}
