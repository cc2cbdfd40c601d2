//! The receipt: what a client checks before it uses an answer. Every check has an error of its own.
use super::{error::ReceiptError, key_list::KeyList, log_view::Head};
use crate::{
    audit::{proof, x_commit},
    clock::Time,
    crypto::{Secret, sha256},
    limits::SKEW_MS_MAX,
    wire::{decode_canonical, millis, v1},
};

/// What the receipt must say, from the client's own request and the answer it got.
pub struct Expected<'a> {
    /// This partner's id.
    pub partner: &'a str,
    /// Method path.
    pub method: &'a str,
    /// The agreement that was named; `None` where the method names none.
    pub agreement: Option<&'a str>,
    /// The policy hash in the answer; `None` where the answer has none.
    pub policy_hash: Option<&'a [u8]>,
    /// Rebuilt from the own request; `answer_digest` and `reference` are filled in by [`check`].
    pub detail: v1::PartnerDetail,
    /// The newest head known when the request was sent.
    pub known: Option<Head>,
}

/// An answer whose receipt holds.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    /// The answer.
    pub answer: T,
    /// For people.
    pub reference: String,
    /// What proves it.
    pub receipt: CheckedReceipt,
}

/// A receipt that holds.
#[derive(Debug, Clone)]
pub struct CheckedReceipt {
    /// The leaf.
    pub leaf: v1::Leaf,
    /// Its index.
    pub index: u64,
    /// The checkpoint it is in.
    pub head: Head,
    /// The receipt as text (C2SP tlog-proof) with the leaf in it: to be kept with the answer, it proves by itself.
    pub proof: String,
}

/// Makes all checks of `docs/protocol.md`, "The receipt", over a reply's answer.
pub fn check(
    body: &v1::ReplyBody,
    committed_answer: &[u8],
    keys: &KeyList,
    expected: &Expected<'_>,
    now: Time,
) -> Result<CheckedReceipt, ReceiptError> {
    let receipt = body.receipt.as_ref().ok_or(ReceiptError::Malformed)?;
    let decoded = proof::decode(&receipt.proof).map_err(|_| ReceiptError::Malformed)?;
    if decoded.extra.is_some() {
        return Err(ReceiptError::Malformed);
    }
    let leaf: v1::Leaf = decode_canonical(&receipt.leaf).map_err(|_| ReceiptError::Malformed)?;
    // 1 and 2: origin and key from the list, no extension lines; the log's signature.
    let head = keys.checkpoint(&decoded.checkpoint)?;
    // 3: the index is the leaf's own number.
    if decoded.index != leaf.seq || decoded.index >= head.size {
        return Err(ReceiptError::Index);
    }
    // 4: the leaf is in the tree, by a proof without surplus.
    proof::verify_inclusion(&receipt.leaf, decoded.index, &decoded.proof, head.size, &head.root)
        .map_err(ReceiptError::NotIncluded)?;
    // 5: it is about this exchange.
    facts_match(&leaf, expected)?;
    // 6: it commits to this request and this answer.
    let mut detail = expected.detail.clone();
    detail.answer_digest = sha256(committed_answer).to_vec();
    detail.reference.clone_from(&body.reference);
    let key = Secret::from_slice(&receipt.commitment_key).map_err(|_| ReceiptError::Malformed)?;
    if leaf.x_commit != x_commit(&key, &detail) {
        return Err(ReceiptError::Commitment);
    }
    // 7: it is of now.
    let time = millis(leaf.time.as_ref()).ok_or(ReceiptError::Malformed)?;
    if now.since(Time(time)).unsigned_abs() > SKEW_MS_MAX.unsigned_abs() {
        return Err(ReceiptError::Time);
    }
    // 8 and 9: the log has not shrunk, and has not another root at the same size.
    if let Some(known) = &expected.known {
        known.may_become(&head)?;
    }
    Ok(CheckedReceipt {
        leaf,
        index: decoded.index,
        head,
        proof: decoded.with_leaf(&receipt.leaf),
    })
}

fn facts_match(leaf: &v1::Leaf, expected: &Expected<'_>) -> Result<(), ReceiptError> {
    let differs = |field| Err(ReceiptError::Facts(field));
    if leaf.partner != expected.partner {
        return differs("partner");
    }
    if leaf.method != expected.method {
        return differs("method");
    }
    if expected.agreement.is_some_and(|agreement| leaf.agreement != agreement) {
        return differs("agreement");
    }
    if expected.policy_hash.is_some_and(|hash| leaf.policy_hash != hash) {
        return differs("policy_hash");
    }
    // An answer is never the entry of a refusal or of a case that ended without a reply.
    match leaf.class() {
        v1::EntryClass::Sealed | v1::EntryClass::Admin => Ok(()),
        _ => differs("class"),
    }
}
