//! What the index knows of entries whose segment is not in the store yet.
use super::Part;
use super::term::{IndexKey, PersonTag, Whom, open_term, person_term};
use crate::{
    audit::{Dimension, stored::read_leaf},
    wire::v1,
};
use std::sync::{Arc, OnceLock};

/// What an entry says, as far as the index counts and finds it.
pub(in crate::audit) struct Said {
    /// Of the leaf, then of what is sealed: signals in their order, outcomes in theirs.
    pub(in crate::audit) terms: Box<[u64]>,
    pub(in crate::audit) kind: v1::EntryKind,
    pub(in crate::audit) class: v1::EntryClass,
    pub(in crate::audit) refusal: Box<str>,
    pub(in crate::audit) partner: Box<str>,
}

impl Said {
    pub(in crate::audit) fn new(leaf: &v1::Leaf, sealed: &[u64]) -> Self {
        let shown = [
            (Dimension::Kind, leaf.kind().as_str_name()),
            (Dimension::Class, leaf.class().as_str_name()),
            (Dimension::Refusal, &leaf.refusal),
            (Dimension::Partner, &leaf.partner),
            (Dimension::Agreement, &leaf.agreement),
            (Dimension::Method, &leaf.method),
        ];
        let shown = shown.into_iter().filter(|(_, value)| !value.is_empty());
        let shown = shown.map(|(dimension, value)| open_term(dimension, value.as_bytes()));
        Self {
            terms: shown.chain(sealed.iter().copied()).collect(),
            kind: leaf.kind(),
            class: leaf.class(),
            refusal: leaf.refusal.as_str().into(),
            partner: leaf.partner.as_str().into(),
        }
    }
}

/// An entry.
#[derive(Clone)]
pub(in crate::audit) struct Row {
    pub(in crate::audit) time_ms: i64,
    /// Of its person, or 0.
    pub(in crate::audit) person: u64,
    pub(in crate::audit) said: Arc<Said>,
}

impl Row {
    pub(in crate::audit) fn fits(&self, number: u64, terms: &[u64], whom: Option<&Whom>) -> bool {
        terms.iter().all(|term| self.said.terms.contains(term)) && whom.is_none_or(|w| w.has(number, self.person))
    }

    /// Terms and what stands beside each.
    pub(super) fn postings(&self, number: u64) -> impl Iterator<Item = (u64, u64)> {
        let person = PersonTag::new(number, self.person);
        let person = person.map(|tag| (person_term(tag.bucket()), self.person));
        self.said.terms.iter().map(|term| (*term, 0)).chain(person)
    }
}

/// The row of a stored entry.
pub(in crate::audit) fn row_of(key: &IndexKey, number: u64, leaf: &[u8], tags: &[u8]) -> Result<Row, &'static str> {
    let (leaf, time_ms) = read_leaf(leaf, number)?;
    let (person, sealed) = key.unmask(&leaf.x_commit, tags)?;
    Ok(Row {
        time_ms,
        person,
        said: Arc::new(Said::new(&leaf, &sealed)),
    })
}

/// Entries of one segment, as they come. Who reads is bounded by what is published.
pub(in crate::audit) struct SegmentRows {
    pub(in crate::audit) part: Part,
    rows: Box<[OnceLock<Row>]>,
}

impl SegmentRows {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            rows: (part.first..part.end).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Keeps the row of an entry; one that is there already stays.
    pub(super) fn put(&self, index: u64, row: Row) {
        if let Some(slot) = self.slot(index) {
            let _ = slot.set(row);
        }
    }

    fn slot(&self, index: u64) -> Option<&OnceLock<Row>> {
        let at = index.checked_sub(self.part.first)?;
        self.rows.get(usize::try_from(at).ok()?)
    }

    pub(in crate::audit) fn row(&self, index: u64) -> Option<&Row> {
        self.slot(index)?.get()
    }

    /// Rows with their numbers, up to the first that is missing.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &Row)> {
        (self.part.first..).zip(self.rows.iter().map_while(|slot| slot.get()))
    }
}
