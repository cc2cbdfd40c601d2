//! Who was answered with a band of this person that may still be relied on.
use crate::{
    audit::{Dimension, LogReader, Query, StoredEntry, open_details},
    clock::Time,
    crypto::Secret,
    domain::{PartnerId, SubjectToken},
    limits::CORRECTED_ANSWERS_MAX,
    state::StateError,
    wire::{self, v1},
};
use std::collections::{BTreeMap, HashSet};

/// One answer that a correction makes doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its request.
    pub request_id: Vec<u8>,
    /// Its reference for people.
    pub reference: String,
    /// When it was given.
    pub at: Time,
    /// Signals that were answered with a band which may still be relied on.
    pub signals: Vec<String>,
    /// The last moment of that.
    pub valid_until: Time,
}

/// The answers of each partner, newest first.
#[derive(Debug, Default)]
pub struct Recipients {
    /// By partner.
    pub answers: BTreeMap<PartnerId, Vec<Answered>>,
    /// There may be more than were looked at: too many, or told by a period of the log that is not kept.
    pub cut: bool,
}

/// The look for them, period by period of the log.
#[derive(Default)]
pub struct Looking {
    /// What was found so far.
    pub found: Recipients,
    looked_at: usize,
    seen: HashSet<(PartnerId, Vec<u8>)>,
}

impl Recipients {
    /// Answers of all partners.
    pub fn count(&self) -> usize {
        self.answers.values().map(Vec::len).sum()
    }
}

/// What is looked for.
pub struct Answers<'a> {
    /// About whom.
    pub token: &'a SubjectToken,
    /// Opens the details.
    pub key: &'a Secret<32>,
    /// Given since then.
    pub from: Time,
    /// Relied on after then.
    pub now: Time,
}

impl Looking {
    /// Looks through the entries of one period of the log, the newest first, and adds what is found to what later periods
    /// told. Gives whether an older period may tell more. Blocks.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn look(&mut self, log: &LogReader, asked: &Answers<'_>) -> Result<bool, StateError> {
        let Answers { token, key, from, now } = *asked;
        let query = Query {
            from: Some(from),
            until: None,
            terms: vec![
                (Dimension::Kind, v1::EntryKind::Query.as_str_name().as_bytes().to_vec()),
                (Dimension::Outcome, b"band".to_vec()),
            ],
            person: Some(log.whom(token, Some(key))),
        };
        let mut before = Some(log.head().size);
        while let Some(at) = before {
            let left = CORRECTED_ANSWERS_MAX - self.looked_at;
            if left == 0 {
                self.found.cut = true;
                return Ok(false);
            }
            let page = log.search(&query, at, left)?;
            before = page.next;
            for index in page.entries {
                let Some(entry) = log.entry(index)? else { continue };
                let Some((partner, answered)) = answered(log.origin(), &entry, token, key, now) else {
                    continue;
                };
                self.looked_at = (self.looked_at + 1).min(CORRECTED_ANSWERS_MAX);
                // The same request may have been answered twice with the same bytes.
                if self.seen.insert((partner.clone(), answered.request_id.clone())) {
                    self.found.answers.entry(partner).or_default().push(answered);
                }
            }
        }
        Ok(log.continues_since()?.is_some_and(|began| from < began))
    }
}

fn answered(
    origin: &str,
    entry: &StoredEntry,
    token: &SubjectToken,
    key: &Secret<32>,
    now: Time,
) -> Option<(PartnerId, Answered)> {
    let details = open_details(key, origin, &entry.leaf, &entry.details).ok()?;
    if details.i.subject != token.0 {
        return None;
    }
    let leaf: v1::Leaf = wire::decode_canonical(&entry.leaf).ok()?;
    let answer: v1::Answer = wire::decode_canonical(&details.i.answer).ok()?;
    let bands = answer.signals.into_iter().filter_map(|told| {
        let until = Time(wire::millis(told.valid_until.as_ref())?);
        (told.outcome() == v1::SignalOutcome::Band && until > now).then_some((told.signal, until))
    });
    let (signals, ends): (Vec<_>, Vec<_>) = bands.unzip();
    let answered = Answered {
        request_id: details.x.request_id,
        reference: details.x.reference,
        at: wire::millis(leaf.time.as_ref()).map(Time)?,
        signals,
        valid_until: ends.into_iter().max()?,
    };
    Some((leaf.partner.parse().ok()?, answered))
}
