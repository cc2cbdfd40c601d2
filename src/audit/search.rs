//! Finding entries: numbers of entries that match, newest first, within what is published.
use super::{
    log::Log,
    reader::{Reader, StoredEntry},
};
use crate::{
    clock::Time,
    crypto::Secret,
    state::StateError,
    wire::{self, v1},
};

/// What an entry can be found by. The first six stand in the leaf; the others are in its sealed details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Name of the kind, such as `ENTRY_KIND_QUERY`.
    Kind,
    /// Name of the class, such as `ENTRY_CLASS_SEALED`.
    Class,
    /// Refusal code.
    Refusal,
    /// Partner id.
    Partner,
    /// Agreement id.
    Agreement,
    /// Method path.
    Method,
    /// Purpose.
    Purpose,
    /// A word of an outcome.
    Outcome,
    /// `name@version`.
    Signal,
    /// Consent id, 16 bytes.
    Consent,
    /// Request id, 16 bytes.
    Request,
}

/// Conditions that must all hold.
#[derive(Clone, Default)]
pub struct Query {
    /// Entries from here on.
    pub from: Option<Time>,
    /// Entries before this.
    pub until: Option<Time>,
    /// Each must hold.
    pub terms: Vec<(Dimension, Vec<u8>)>,
    /// Entries about the person with this audit-link key.
    pub person: Option<Secret<32>>,
}

/// What one step of a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Numbers of entries, newest first. Whoever can open an entry's details confirms what is sealed in them.
    pub entries: Vec<u64>,
    /// Where to go on: entries before this number were not looked at. `None` at the end.
    pub next: Option<u64>,
}

impl Log {
    /// Entries before number `before` that match, newest first, at most `limit`. `before` is at most the published size.
    pub fn search(&self, query: &Query, before: u64, limit: usize) -> Result<Found, StateError> {
        let read = self.read(|reader| scan(reader, query, before, limit));
        read.map_err(|e| StateError(e.to_string()))
    }
}

/// Every entry, one by one.
fn scan(reader: &Reader<'_>, query: &Query, before: u64, limit: usize) -> Result<Found, crate::store::StoreError> {
    let mut entries = Vec::new();
    let mut at = before.min(reader.published.head.size);
    while at > 0 && entries.len() < limit {
        at -= 1;
        if let Some(entry) = reader.entry(at)?
            && leaf_matches(&entry, query)
        {
            entries.push(at);
        }
    }
    let next = (at > 0).then_some(at);
    Ok(Found { entries, next })
}

fn leaf_matches(entry: &StoredEntry, query: &Query) -> bool {
    let Ok(leaf) = wire::decode_canonical::<v1::Leaf>(&entry.leaf) else {
        return false;
    };
    let time = wire::millis(leaf.time.as_ref()).map(Time).unwrap_or_default();
    let in_time = query.from.is_none_or(|from| time >= from) && query.until.is_none_or(|until| time < until);
    in_time
        && query.terms.iter().all(|(dimension, value)| {
            let text = match dimension {
                Dimension::Kind => leaf.kind().as_str_name(),
                Dimension::Class => leaf.class().as_str_name(),
                Dimension::Refusal => &leaf.refusal,
                Dimension::Partner => &leaf.partner,
                Dimension::Agreement => &leaf.agreement,
                Dimension::Method => &leaf.method,
                _ => return true,
            };
            text.as_bytes() == value.as_slice()
        })
}
