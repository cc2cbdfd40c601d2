//! What changes while loads run: which batches are begun, which are visible, and how far the sweep is.
use super::{
    Vault, VaultError,
    place::{NEXT, progress_key},
};
use crate::{
    clock::Time,
    limits::{LOAD_IDLE_MS, OPEN_BATCHES_MAX},
};
use std::collections::{BTreeMap, BTreeSet};

/// A batch: its number, and the rows that are held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) number: u64,
    pub(super) held: u64,
}

/// A batch that is not visible.
#[derive(Clone, Copy)]
pub(super) struct Unfinished {
    pub(super) standing: Standing,
    /// When rows came last.
    pub(super) touched: Time,
    /// Its entry is being recorded.
    pub(super) closing: bool,
}

impl Unfinished {
    pub(super) fn new(standing: Standing, touched: Time) -> Self {
        Self {
            standing,
            touched,
            closing: false,
        }
    }
}

/// One load writes at a time: the order of rows within a batch is its identity.
pub(super) struct Desk {
    /// Unfinished batches.
    pub(super) open: BTreeMap<String, Unfinished>,
    /// Visible loads, so that a repeated one is recognised.
    pub(super) finished: BTreeMap<String, Standing>,
    pub(super) next_number: u64,
    /// People with a visible record, at least.
    pub(super) subjects: u64,
    pub(super) round: Round,
    /// Visible batches without a row: the next entries strike them.
    pub(super) replaced: BTreeSet<u64>,
}

/// A walk over all rows in small steps.
#[derive(Default)]
pub(super) struct Round {
    /// Where it goes on; nothing between two rounds.
    pub(super) from: Option<Vec<u8>>,
    /// Something has changed since it began: walk once more after it. A round is never begun anew in the middle, or
    /// steady corrections would keep it from the end.
    pub(super) again: bool,
    /// Visible batches of which no row was met yet that a reader would see.
    pub(super) unseen: BTreeSet<u64>,
}

impl Default for Desk {
    fn default() -> Self {
        let round = Round {
            again: true,
            ..Round::default()
        };
        Self {
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
            next_number: 1,
            subjects: 0,
            round,
            replaced: BTreeSet::new(),
        }
    }
}

/// Ids of corrections begin with this; no load's id has a colon. They are known only while they are under way, so a
/// crash leaves nothing that somebody would have to finish.
const CORRECTION: &str = "correct:";

pub(super) fn correction_id(request: &str) -> String {
    format!("{CORRECTION}{request}")
}

pub(super) fn is_correction(id: &str) -> bool {
    id.starts_with(CORRECTION)
}

/// Whose load it is: what stands before the first `/`.
fn owner_of(id: &str) -> &str {
    id.split_once('/').map_or("", |(owner, _)| owner)
}

pub(super) fn check_id(id: &str) -> Result<(), VaultError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    let fits = (1..=128).contains(&id.len()) && id.bytes().all(good);
    fits.then_some(()).ok_or(VaultError::BatchId)
}

impl Vault {
    /// Notes a batch before its first row, so that pruning never takes a row of a batch it does not know, and its number
    /// is never given again.
    pub(super) fn begin(&self, desk: &mut Desk, id: &str) -> Result<Standing, VaultError> {
        if !is_correction(id) {
            self.make_way(desk, id)?;
        }
        let standing = Standing {
            number: desk.next_number,
            held: 0,
        };
        let next = standing.number.saturating_add(1);
        self.store.set_note(NEXT, Some(next.to_be_bytes().to_vec()))?;
        desk.next_number = next;
        if !is_correction(id) {
            self.store.set_note(&progress_key(id), Some(self.progress(standing)))?;
        }
        desk.open
            .insert(id.to_owned(), Unfinished::new(standing, self.clock.now()));
        Ok(standing)
    }

    /// Room for one more load of this provider: the one that was left alone longest gives way.
    fn make_way(&self, desk: &mut Desk, id: &str) -> Result<(), VaultError> {
        let own = |other: &str| !is_correction(other) && owner_of(other) == owner_of(id);
        let loads = desk.open.iter().filter(|(other, _)| own(other));
        if loads.clone().count() < OPEN_BATCHES_MAX {
            return Ok(());
        }
        let now = self.clock.now();
        let idle = loads
            .filter(|(_, load)| !load.closing && now.since(load.touched) >= LOAD_IDLE_MS)
            .min_by_key(|(_, load)| load.touched)
            .map(|(other, _)| other.clone());
        self.forget(desk, &idle.ok_or(VaultError::TooManyOpen)?)
    }

    /// Forgets an unfinished batch; its rows go with the next round.
    pub(super) fn forget(&self, desk: &mut Desk, id: &str) -> Result<(), VaultError> {
        desk.round.again = true;
        desk.open.remove(id);
        if !is_correction(id) {
            self.store.set_note(&progress_key(id), None)?;
        }
        Ok(())
    }

    /// Gives up an unfinished batch; its rows go with the next [`Vault::prune`].
    ///
    /// # Errors
    /// If no unfinished batch has this id, or it is being made visible.
    pub fn abandon(&self, batch_id: &str) -> Result<(), VaultError> {
        let mut desk = self.desk();
        match desk.open.get(batch_id) {
            None => Err(VaultError::NoSuchBatch),
            Some(open) if open.closing => Err(VaultError::Closing),
            Some(_) => self.forget(&mut desk, batch_id),
        }
    }
}
