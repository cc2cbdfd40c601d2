//! All standings in memory: who is blocked is asked for each row of a load, and what is due every few seconds.
use super::{Standing, standing::Stage};
use crate::{
    clock::Time,
    crypto::{Broken, Rng},
    domain::SubjectToken,
    keyring::{Epoch, Epochs},
    limits::{ERASURE_PAGE_ROWS, ERASURES_MAX},
    state::{Effect, Row, State, StateError, Table},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Standings by their id. Holds what entries have recorded, and nothing else.
#[derive(Default)]
pub struct Register(Mutex<Standings>);

#[derive(Default)]
struct Standings {
    by_id: BTreeMap<[u8; 16], Standing>,
    of_person: BTreeMap<SubjectToken, [u8; 16]>,
}

impl Register {
    /// What entries have recorded.
    ///
    /// # Errors
    /// The state cannot be read, or a row does not open under any epoch.
    pub fn load(state: &dyn State, epochs: &Epochs) -> Result<Self, StateError> {
        let (register, all) = (Self::default(), epochs.all());
        let damaged = || StateError("a row of an erasure does not open: rebuild the store".to_owned());
        for (key, value) in rows(state)? {
            let opened = all.iter().find_map(|epoch| Standing::read(epoch, &key, &value));
            register.put(opened.ok_or_else(damaged)?);
        }
        Ok(register)
    }

    /// How it stands with a person.
    pub fn of(&self, person: &SubjectToken) -> Option<Standing> {
        let standings = self.standings();
        let id = standings.of_person.get(person)?;
        standings.by_id.get(id).cloned()
    }

    /// Whether another fits.
    pub fn has_room(&self) -> bool {
        self.standings().by_id.len() < ERASURES_MAX
    }

    /// After its entry.
    pub fn put(&self, standing: Standing) {
        let mut standings = self.standings();
        let before = standings.by_id.insert(standing.id, standing.clone());
        if let Some(person) = before.and_then(|before| before.person) {
            standings.of_person.remove(&person);
        }
        if let Some(person) = standing.person {
            standings.of_person.insert(person, standing.id);
        }
    }

    /// After the entry that took its row away.
    pub fn remove(&self, id: &[u8; 16]) {
        let mut standings = self.standings();
        if let Some(person) = standings.by_id.remove(id).and_then(|gone| gone.person) {
            standings.of_person.remove(&person);
        }
    }

    /// People whose record nobody may read.
    pub fn blocked(&self) -> Vec<SubjectToken> {
        let standings = self.standings();
        let blocked = standings.by_id.values().filter(|s| s.stage() != Stage::Free);
        blocked.filter_map(|standing| standing.person).collect()
    }

    /// Those that `wanted` says, after the id `after`, at most `limit`.
    pub fn page(&self, after: Option<[u8; 16]>, limit: usize, wanted: impl Fn(&Standing) -> bool) -> Vec<Standing> {
        let standings = self.standings();
        let later = standings
            .by_id
            .values()
            .filter(|standing| after.is_none_or(|after| standing.id > after));
        later.filter(|s| wanted(s)).take(limit).cloned().collect()
    }

    /// When the first was removed that waits for the end of an epoch.
    pub fn waits_since(&self) -> Option<Time> {
        let standings = self.standings();
        let waiting = standings.by_id.values().filter_map(Standing::waits_for);
        waiting.map(|shred| shred.removed).min()
    }

    fn standings(&self) -> MutexGuard<'_, Standings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All rows, in pages.
fn rows(state: &dyn State) -> Result<Vec<Row>, StateError> {
    let mut all: Vec<Row> = Vec::new();
    loop {
        let after = all.last().map(|(key, _)| key.clone());
        let page = state.rows(Table::Erasure, &[], after.as_deref(), ERASURE_PAGE_ROWS)?;
        if page.is_empty() || all.len() > ERASURES_MAX {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// How a row comes under the epoch `to`: nothing if it is there already.
///
/// # Errors
/// If no epoch opens it.
pub(crate) fn moved(
    rng: &dyn Rng,
    from: &[Arc<Epoch>],
    to: &Epoch,
    (key, value): &Row,
) -> Result<Option<Effect>, Broken> {
    if Standing::read(to, key, value).is_some() {
        return Ok(None);
    }
    let standing = from.iter().find_map(|epoch| Standing::read(epoch, key, value));
    standing.ok_or(Broken)?.row(rng, to).map(Some)
}
