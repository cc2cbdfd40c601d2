//! Finding entries: numbers of entries that match, newest first, within what is published.
//!
//! Part by part of the index, newest first, the places of all terms are intersected. A step reads a bounded number of
//! chunks and says where it stopped.
use super::{
    index::{Cursor, Part, Stop, Whom, Work},
    log_reader::LogReader,
    lookup::Lookup,
    reader::ReadError,
};
use crate::{
    clock::Time,
    limits::{SEARCH_CHUNKS_PER_STEP, SEARCH_TRIES_PER_STEP},
    state::StateError,
};

/// What an entry can be found by. The first six stand in the leaf; the others are in its sealed details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Name of the kind, such as `ENTRY_KIND_QUERY`.
    Kind = 1,
    /// Name of the class, such as `ENTRY_CLASS_SEALED`.
    Class = 2,
    /// Refusal code.
    Refusal = 3,
    /// Partner id.
    Partner = 4,
    /// Agreement id.
    Agreement = 5,
    /// Method path.
    Method = 6,
    /// Purpose.
    Purpose = 7,
    /// A word of an outcome.
    Outcome = 8,
    /// `name@version`.
    Signal = 9,
    /// Consent id, 16 bytes.
    Consent = 10,
    /// Request id, 16 bytes.
    Request = 11,
}

impl Dimension {
    /// Whether it stands in the details, where only a key shows it.
    pub fn is_sealed(self) -> bool {
        self as u8 >= Dimension::Purpose as u8
    }
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
    /// Entries about this person: see [`LogReader::whom`].
    pub person: Option<Whom>,
}

/// What one step of a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Numbers of entries, newest first. The index is not proof: who can open an entry's details confirms what is sealed
    /// in them.
    pub entries: Vec<u64>,
    /// Where to go on: entries before this number were not looked at. `None` at the end.
    pub next: Option<u64>,
}

impl LogReader {
    /// Entries before number `before` that match, newest first, at most `limit`: one step, which stops early after a
    /// bounded amount of reading. `before` is at most the published size.
    pub fn search(&self, query: &Query, before: u64, limit: usize) -> Result<Found, StateError> {
        let found = Lookup::read(self.shared(), |lookup| {
            let work = Work {
                chunks: SEARCH_CHUNKS_PER_STEP,
                tries: SEARCH_TRIES_PER_STEP,
            };
            step(lookup, query, before, limit, work)
        });
        found.map_err(|e| StateError(e.to_string()))
    }
}

pub(super) fn step(
    lookup: &Lookup<'_>,
    query: &Query,
    before: u64,
    limit: usize,
    work: Work,
) -> Result<Found, ReadError> {
    let (from, until) = lookup.span(query.from, query.until)?;
    let terms = query.terms.iter();
    let mut step = Step {
        lookup,
        terms: terms
            .map(|(dimension, value)| lookup.shelf.key.term(*dimension, value))
            .collect(),
        whom: query.person.as_ref(),
        from,
        limit,
        work,
        entries: Vec::new(),
    };
    // The rarest first: ids, then words, then what the leaf shows.
    step.terms.sort_unstable_by(|a, b| b.cmp(a));
    let mut at = before.min(until);
    while at > from {
        if step.entries.len() >= limit {
            return Ok(step.found(Some(at)));
        }
        match step.part(at)? {
            Ended::Here(first) => at = first,
            Ended::Early(at) => return Ok(step.found((at > from).then_some(at))),
        }
    }
    Ok(step.found(None))
}

/// How a part of the index was searched.
enum Ended {
    /// Whole: it begins here.
    Here(u64),
    /// Entries before this were not looked at.
    Early(u64),
}

struct Step<'a> {
    lookup: &'a Lookup<'a>,
    terms: Vec<u64>,
    whom: Option<&'a Whom>,
    from: u64,
    limit: usize,
    work: Work,
    entries: Vec<u64>,
}

impl Step<'_> {
    fn found(self, next: Option<u64>) -> Found {
        Found {
            entries: self.entries,
            next,
        }
    }

    /// The part that entry `before - 1` is in, from there to its beginning.
    fn part(&mut self, before: u64) -> Result<Ended, ReadError> {
        if self.terms.is_empty() && self.whom.is_none() {
            return Ok(self.everything(before));
        }
        if let Some(rows) = self.lookup.rows(before - 1) {
            let first = rows.part.first.max(self.from);
            for index in (first..before).rev() {
                let row = rows.row(index);
                if row.is_some_and(|row| row.fits(index, &self.terms, self.whom)) {
                    self.entries.push(index);
                    if self.entries.len() >= self.limit {
                        return Ok(Ended::Early(index));
                    }
                }
            }
            return Ok(Ended::Here(first));
        }
        self.stored(self.lookup.part(before - 1), before)
    }

    fn everything(&mut self, before: u64) -> Ended {
        let room = self.limit.saturating_sub(self.entries.len()) as u64;
        let first = before.saturating_sub(room).max(self.from);
        self.entries.extend((first..before).rev());
        Ended::Early(first)
    }

    fn stored(&mut self, part: Part, before: u64) -> Result<Ended, ReadError> {
        let shelf = self.lookup.shelf;
        let person = self.whom.map(|whom| Cursor::of_person(shelf, part, whom));
        let terms = self.terms.iter().map(|term| Cursor::new(shelf, part, *term));
        // A person's places cost a try each: the others narrow them.
        let mut cursors: Vec<_> = terms.chain(person).collect();
        let base = part.first;
        let lowest = u32::try_from(self.from.saturating_sub(base)).unwrap_or(u32::MAX);
        let Ok(mut at) = u32::try_from(before - 1 - base) else {
            return Ok(Ended::Here(base));
        };
        loop {
            match agree(&mut cursors, at, lowest, &mut self.work)? {
                Stop::Spent(offset) => return Ok(Ended::Early(base + u64::from(offset) + 1)),
                Stop::Nowhere => return Ok(Ended::Here(base)),
                Stop::At(offset) => {
                    self.entries.push(base + u64::from(offset));
                    if self.entries.len() >= self.limit {
                        return Ok(Ended::Early(base + u64::from(offset)));
                    }
                    match offset.checked_sub(1) {
                        Some(next) if next >= lowest => at = next,
                        _ => return Ok(Ended::Here(base)),
                    }
                }
            }
        }
    }
}

/// The newest place, from `at` down to `lowest`, that all cursors have.
fn agree(cursors: &mut [Cursor<'_>], mut at: u32, lowest: u32, work: &mut Work) -> Result<Stop, ReadError> {
    loop {
        let asked = at;
        for cursor in cursors.iter_mut() {
            match cursor.at_most(at, work)? {
                Stop::At(offset) if offset >= lowest => at = offset,
                Stop::At(_) => return Ok(Stop::Nowhere),
                stop => return Ok(stop),
            }
        }
        if at == asked {
            return Ok(Stop::At(at));
        }
    }
}
