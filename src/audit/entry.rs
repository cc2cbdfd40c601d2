//! An entry before it has a number: encoded and sealed in the task of whoever wants it recorded.
//!
//! What the committer adds, number and time, are the first fields of a leaf, so the rest is encoded here once and its
//! bytes are appended there.
use super::{
    Auditable, Class,
    commitment::{commit, effects_sha256, place},
    index::{IndexKey, Row, Said, Tags},
};
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, seal_boxed, sha256},
    facts::{DetailKey, Facts, Kind},
    limits::{ENTRY_BYTES_MAX, TAGS_MAX},
    state::Effect,
    wire::{self, Message, store, v1},
};
use std::sync::Arc;
use zeroize::Zeroize;

/// The version of leaves.
const LEAF_VERSION: u32 = 1;
/// Version, number and time of a leaf and the field headers of an entry, at their longest: 2 + 11 + 20 + 3 × 4.
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
    pub(super) index: &'a IndexKey,
    pub(super) rng: &'a dyn Rng,
}

/// An entry that lacks its number and its time.
pub(super) struct Draft {
    leaf_rest: Vec<u8>,
    /// As fields of an entry.
    details: Vec<u8>,
    effects_field: Vec<u8>,
    effects: Vec<Effect>,
    tags: Tags,
    said: Arc<Said>,
}

/// What the number adds to a draft.
pub(super) struct Numbered {
    pub(super) leaf: Vec<u8>,
    /// Its tag and length in an entry.
    pub(super) prefix: Vec<u8>,
    /// Tags as a field of an entry.
    pub(super) tags: Vec<u8>,
    pub(super) row: Row,
}

impl Draft {
    /// Encodes and seals `value`; also gives the key that opens `x_commit`.
    pub(super) fn new(value: &dyn Auditable, with: &Sealing<'_>) -> Result<(Self, Secret<32>), DraftError> {
        let (facts, class) = (value.facts(), value.class());
        let partner = partner_detail(facts, value.answer());
        let effects_field = wire_effects(&facts.effects);
        let kept = value.answer().filter(|_| value.keeps_answer());
        let mut institution = institution_detail(facts, class, kept, &effects_field);
        let terms = with.index.sealed_terms(&partner, &institution.outcomes);
        institution.tags = u32::try_from(terms.len()).unwrap_or(u32::MAX);
        let (x, i) = (partner.encode_to_vec(), institution.encode_to_vec());
        let (x_key, i_key) = (Secret::random(with.rng)?, Secret::random(with.rng)?);
        let x_commit = commit(&x_key, Label::XDetail, &x);
        let i_commit = commit(&i_key, Label::IDetail, &i);
        let boxed = seal_details(facts, with, (&x_key, x, &x_commit), (&i_key, i, &i_commit))?;
        let details = store::v1::Entry {
            details: boxed,
            ..Default::default()
        }
        .encode_to_vec();
        let person = facts.subject.as_ref().map(|token| match &facts.detail_key {
            DetailKey::Person(key) => (token, Some(key)),
            DetailKey::Period => (token, None),
        });
        let tags = Tags::new(with.index, &x_commit, &terms, person);
        let leaf = leaf(facts, class, &x_commit, &i_commit);
        let leaf_rest = leaf.encode_to_vec();
        let rest = leaf_rest.len() + details.len() + effects_field.len() + tags.len();
        if rest + NUMBERED_BYTES > ENTRY_BYTES_MAX || terms.len() >= TAGS_MAX {
            return Err(DraftError::TooLarge);
        }
        let draft = Self {
            leaf_rest,
            details,
            effects_field,
            effects: facts.effects.clone(),
            tags,
            said: Arc::new(Said::new(&leaf, &terms)),
        };
        Ok((draft, x_key))
    }

    /// Everything that depends on the number and the time.
    pub(super) fn numbered(&self, seq: u64, time_ms: i64) -> Numbered {
        let leaf = self.leaf(seq, time_ms);
        let (tags, person) = self.tags.numbered(seq);
        Numbered {
            prefix: leaf_prefix(&leaf),
            leaf,
            tags: tags_field(tags),
            row: Row {
                time_ms,
                person,
                said: self.said.clone(),
            },
        }
    }

    /// The leaf, as it is hashed.
    fn leaf(&self, seq: u64, time_ms: i64) -> Vec<u8> {
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

    /// Sealed details, as a field.
    pub(super) fn details(&self) -> &[u8] {
        &self.details
    }

    /// What changes, as fields: in the journal only.
    pub(super) fn effects_field(&self) -> &[u8] {
        &self.effects_field
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

/// Tags as a field of an entry.
pub(super) fn tags_field(tags: Vec<u8>) -> Vec<u8> {
    store::v1::Entry {
        tags,
        ..Default::default()
    }
    .encode_to_vec()
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
        guards: facts.guards.clone(),
        tags: 0,
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
        missing_until: facts.missing_until,
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
        Kind::Witness => v1::EntryKind::Witness,
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
            index: &IndexKey::new(&Secret::from([1; 32]), "log.test"),
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
                let Numbered { leaf, prefix, tags, .. } = draft.numbered(seq, time);
                let read: v1::Leaf = wire::decode_canonical(&leaf).unwrap();
                assert_eq!((read.seq, wire::millis(read.time.as_ref())), (seq, Some(time)));
                assert_eq!((read.refusal.as_str(), read.version), ("STALE", 1));
                let bytes = [&prefix, &leaf, draft.details(), draft.effects_field(), &tags].concat();
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
                    let Numbered { leaf, prefix, tags, .. } = draft.numbered(u64::MAX, i64::MAX / 2);
                    let parts = [&prefix, &leaf, draft.details(), draft.effects_field(), &tags];
                    assert!(parts.concat().len() <= ENTRY_BYTES_MAX);
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
