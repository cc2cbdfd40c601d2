//! An entry before it has a number: encoded and sealed in the task of whoever wants it recorded.
//!
//! What the committer adds, number and time, are the first fields of a leaf, so the rest is encoded here once and its
//! bytes are appended there.
use super::{
    Auditable, Class,
    commitment::{commit, effects_sha256, place},
};
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, seal_boxed, sha256},
    facts::{DetailKey, Facts, Kind},
    limits::ENTRY_BYTES_MAX,
    state::Effect,
    wire::{self, Message, store, v1},
};
use zeroize::Zeroize;

/// The version of leaves.
const LEAF_VERSION: u32 = 1;
/// Version, number and time of a leaf and the field headers of an entry, at their longest: 2 + 11 + 20 + 8.
const NUMBERED_BYTES: usize = 48;

/// Why an entry cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DraftError {
    TooLarge,
    Broken,
}

impl From<Broken> for DraftError {
    fn from(_: Broken) -> Self {
        DraftError::Broken
    }
}

/// What details are sealed with.
pub(super) struct Sealing<'a> {
    pub(super) origin: &'a str,
    pub(super) period_key: &'a Secret<32>,
    pub(super) rng: &'a dyn Rng,
}

/// An entry that lacks its number and its time.
pub(super) struct Draft {
    leaf_rest: Vec<u8>,
    /// Details and effects as fields of an entry.
    entry_rest: Vec<u8>,
    details_end: usize,
    effects: Vec<Effect>,
}

impl Draft {
    /// Encodes and seals `value`; also gives the key that opens `x_commit`.
    pub(super) fn new(value: &dyn Auditable, with: &Sealing<'_>) -> Result<(Self, Secret<32>), DraftError> {
        let (facts, class) = (value.facts(), value.class());
        let x = partner_detail(facts, value.answer()).encode_to_vec();
        let effects = wire_effects(&facts.effects);
        let i = institution_detail(facts, class, value.answer(), &effects).encode_to_vec();
        let (x_key, i_key) = (Secret::random(with.rng)?, Secret::random(with.rng)?);
        let x_commit = commit(&x_key, Label::XDetail, &x);
        let i_commit = commit(&i_key, Label::IDetail, &i);
        let boxed = seal_details(facts, with, (&x_key, x, &x_commit), (&i_key, i, &i_commit))?;
        let leaf_rest = leaf(facts, class, &x_commit, &i_commit).encode_to_vec();
        let mut entry_rest = store::v1::Entry {
            details: boxed,
            ..Default::default()
        }
        .encode_to_vec();
        let details_end = entry_rest.len();
        entry_rest.extend_from_slice(&effects);
        if leaf_rest.len() + entry_rest.len() + NUMBERED_BYTES > ENTRY_BYTES_MAX {
            return Err(DraftError::TooLarge);
        }
        let draft = Self {
            leaf_rest,
            entry_rest,
            details_end,
            effects: facts.effects.clone(),
        };
        Ok((draft, x_key))
    }

    /// The leaf, as it is hashed.
    pub(super) fn leaf(&self, seq: u64, time_ms: i64) -> Vec<u8> {
        let numbered = v1::Leaf {
            version: LEAF_VERSION,
            seq,
            time: Some(wire::timestamp(time_ms)),
            ..Default::default()
        };
        let mut out = Vec::with_capacity(NUMBERED_BYTES + self.leaf_rest.len());
        numbered.encode_raw(&mut out);
        out.extend_from_slice(&self.leaf_rest);
        out
    }

    /// What follows the leaf in the journal.
    pub(super) fn journal_rest(&self) -> &[u8] {
        &self.entry_rest
    }

    /// What follows the leaf in a block: without the effects.
    pub(super) fn block_rest(&self) -> &[u8] {
        self.entry_rest.get(..self.details_end).unwrap_or_default()
    }

    /// What changes.
    pub(super) fn effects(&self) -> &[Effect] {
        &self.effects
    }
}

/// Tag and length of the leaf as the first field of an entry.
pub(super) fn leaf_prefix(leaf: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4);
    out.push(0x0a);
    // A `Vec` always has room.
    let _ = wire::encode_length_delimiter(leaf.len(), &mut out);
    out
}

fn partner_detail(facts: &Facts, answer: Option<&[u8]>) -> v1::PartnerDetail {
    v1::PartnerDetail {
        request_id: facts.request_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        request_digest: facts.request_digest.map(Vec::from).unwrap_or_default(),
        signing_key_id: facts.signing_key_id.clone(),
        signature: facts.signature.clone(),
        purpose: facts
            .purpose
            .as_ref()
            .map(|p| p.as_str().to_owned())
            .unwrap_or_default(),
        consent_id: facts.consent.map(|id| id.0.to_vec()).unwrap_or_default(),
        signals: facts.signals.iter().map(ToString::to_string).collect(),
        answer_digest: answer.map(|a| sha256(a).to_vec()).unwrap_or_default(),
        reference: facts.reference.clone(),
    }
}

fn institution_detail(
    facts: &Facts,
    class: Class,
    answer: Option<&[u8]>,
    effects: &[u8],
) -> store::v1::InstitutionDetail {
    let mut outcomes = facts.outcomes.clone();
    if let (Class::Refused(code), true) = (class, outcomes.is_empty()) {
        outcomes.push(code.name().to_owned());
    }
    store::v1::InstitutionDetail {
        outcomes,
        fields_read: facts.fields_read.to_bytes(),
        fields_withheld: facts.fields_withheld.to_bytes(),
        subject: facts.subject.map(|s| s.0.to_vec()).unwrap_or_default(),
        answer: answer.unwrap_or_default().to_vec(),
        effects_sha256: effects_sha256(effects),
        count: facts.count,
        note: facts.note.clone(),
    }
}

/// Effects as the field of an entry that they become.
fn wire_effects(effects: &[Effect]) -> Vec<u8> {
    let effects = effects.iter().map(|e| store::v1::Effect {
        table: u32::from(e.table as u8),
        key: e.key.clone(),
        value: e.value.clone(),
    });
    store::v1::Entry {
        effects: effects.collect(),
        ..Default::default()
    }
    .encode_to_vec()
}

fn leaf(facts: &Facts, class: Class, x_commit: &[u8; 32], i_commit: &[u8; 32]) -> v1::Leaf {
    v1::Leaf {
        kind: kind(facts.kind).into(),
        class: class_number(class).into(),
        refusal: match class {
            Class::Refused(code) => code.name().to_owned(),
            _ => String::new(),
        },
        peer: facts.peer.clone(),
        partner: facts
            .partner
            .as_ref()
            .map(|p| p.as_str().to_owned())
            .unwrap_or_default(),
        agreement: facts
            .agreement
            .as_ref()
            .map(|a| a.as_str().to_owned())
            .unwrap_or_default(),
        method: facts.method.path().to_owned(),
        policy_hash: facts.snapshot.to_vec(),
        key_ids: facts.key_ids.clone(),
        x_commit: x_commit.to_vec(),
        i_commit: i_commit.to_vec(),
        continues: facts.continues.clone(),
        continued_by: facts.continued_by.clone(),
        ..Default::default()
    }
}

fn kind(kind: Kind) -> v1::EntryKind {
    match kind {
        Kind::Lifecycle => v1::EntryKind::Lifecycle,
        Kind::Query => v1::EntryKind::Query,
        Kind::Session => v1::EntryKind::Session,
        Kind::Consent => v1::EntryKind::Consent,
        Kind::Records => v1::EntryKind::Records,
        Kind::Read => v1::EntryKind::Read,
        Kind::Keys => v1::EntryKind::Keys,
        Kind::Configuration => v1::EntryKind::Configuration,
        Kind::Counted => v1::EntryKind::Counted,
        Kind::SubjectRequest => v1::EntryKind::SubjectRequest,
    }
}

fn class_number(class: Class) -> v1::EntryClass {
    match class {
        Class::Sealed => v1::EntryClass::Sealed,
        Class::Refused(_) => v1::EntryClass::Refused,
        Class::Admin => v1::EntryClass::Admin,
        Class::Abandoned => v1::EntryClass::Abandoned,
    }
}

type Side<'a> = (&'a Secret<32>, Vec<u8>, &'a [u8; 32]);

fn seal_details(facts: &Facts, with: &Sealing<'_>, x: Side<'_>, i: Side<'_>) -> Result<Vec<u8>, Broken> {
    let mut details = store::v1::Details {
        x_key: x.0.expose().to_vec(),
        i_key: i.0.expose().to_vec(),
        x: x.1,
        i: i.1,
    };
    // With room for the tag, so that the plaintext is encrypted where it stands and never copied.
    let mut plain = Vec::with_capacity(details.encoded_len() + 16);
    details.encode_raw(&mut plain);
    details.x_key.zeroize();
    details.i_key.zeroize();
    details.i.zeroize();
    let key = match &facts.detail_key {
        DetailKey::Period => with.period_key,
        DetailKey::Person(key) => key,
    };
    seal_boxed(with.rng, key.expose(), &place(with.origin, x.2, i.2), plain)
}

/// A peer's name that fits any entry: a longer one stands as its digest.
pub(super) fn short_peer(peer: &str) -> String {
    if peer.len() <= 256 {
        return peer.to_owned();
    }
    let digest = sha256(&ctx(Label::AuditDetails, &[peer.as_bytes()]));
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::open_details, crypto::SeededRng, domain::Method, refusal::Code, state::Table};

    fn facts() -> Facts {
        let mut facts = Facts::new(Kind::Query, "spiffe://bank-a.test/p", Method("/m"), [3; 32]);
        facts.purpose = Some("credit.origination".parse().unwrap());
        facts.outcomes = vec!["BAND".into()];
        facts.effects = vec![Effect::put(Table::Quota, "k", "v")];
        facts
    }
    fn draft(facts: Facts, rng: &dyn Rng) -> Result<(Draft, Secret<32>), DraftError> {
        let with = Sealing {
            origin: "log.test",
            period_key: &Secret::from([1; 32]),
            rng,
        };
        let refusal = crate::refusal::Refusal::new(Box::new(facts), Code::Stale);
        Draft::new(&refusal, &with)
    }

    #[test]
    fn a_leaf_is_canonical_and_opens_with_its_key_only() {
        let rng = SeededRng::new(4);
        for detail_key in [DetailKey::Period, DetailKey::Person(Secret::from([2; 32]))] {
            let (key, other) = match detail_key {
                DetailKey::Period => ([1; 32], [2; 32]),
                DetailKey::Person(_) => ([2; 32], [1; 32]),
            };
            let facts = Facts { detail_key, ..facts() };
            let (draft, x_key) = draft(facts, &rng).unwrap();
            for (seq, time) in [(0, 0), (1, 1_700_000_000_123), (u64::MAX, i64::MAX / 2)] {
                let leaf = draft.leaf(seq, time);
                let read: v1::Leaf = wire::decode_canonical(&leaf).unwrap();
                assert_eq!((read.seq, wire::millis(read.time.as_ref())), (seq, Some(time)));
                assert_eq!((read.refusal.as_str(), read.version), ("STALE", 1));
                let bytes = [&leaf_prefix(&leaf), &leaf[..], draft.journal_rest()].concat();
                let entry: store::v1::Entry = wire::decode_canonical(&bytes).unwrap();
                assert_eq!((&entry.leaf, entry.effects.len()), (&leaf, 1));
                let opened = open_details(&Secret::from(key), "log.test", &leaf, &entry.details).unwrap();
                assert_eq!(opened.x.purpose, "credit.origination");
                assert_eq!(opened.i.outcomes, ["BAND"]);
                assert_eq!(crate::audit::x_commit(&x_key, &opened.x)[..], read.x_commit[..]);
                assert!(open_details(&Secret::from(other), "log.test", &leaf, &entry.details).is_err());
                assert!(open_details(&Secret::from(key), "other", &leaf, &entry.details).is_err());
            }
        }
    }

    #[test]
    fn equal_entries_have_unequal_commitments() {
        let rng = SeededRng::new(4);
        let commitments: Vec<_> = (0..2)
            .map(|_| {
                let leaf: v1::Leaf = wire::decode_canonical(&draft(facts(), &rng).unwrap().0.leaf(0, 0)).unwrap();
                (leaf.x_commit, leaf.i_commit)
            })
            .collect();
        assert_ne!(commitments[0].0, commitments[1].0);
        assert_ne!(commitments[0].1, commitments[1].1);
    }

    #[test]
    fn the_largest_entry_fits_and_a_larger_one_is_refused() {
        let rng = SeededRng::new(4);
        let with_note = |n| Facts {
            note: "x".repeat(n),
            ..facts()
        };
        let (mut fits, mut refused) = (0, usize::MAX);
        for n in (0..4_096).step_by(7) {
            match draft(with_note(n), &rng) {
                Ok((draft, _)) => {
                    let leaf = draft.leaf(u64::MAX, i64::MAX / 2);
                    assert!(leaf_prefix(&leaf).len() + leaf.len() + draft.journal_rest().len() <= ENTRY_BYTES_MAX);
                    fits = n;
                }
                Err(e) => {
                    assert_eq!(e, DraftError::TooLarge);
                    refused = refused.min(n);
                }
            }
        }
        assert!(fits > 3_000 && refused == fits + 7);
        assert_eq!(short_peer(&"p".repeat(300)).len(), 71);
    }
}
