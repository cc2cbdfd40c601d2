//! The record vault: sealed records by pseudonym, visible by batch.
//!
//! A row is `HMAC(epoch, token) ‖ be64(batch)` → `be64(row) ‖ wrapped token and record key ‖ sealed record`. The key is
//! random per record and wrapped under the shred-epoch key; both boxes are bound to their place, so no ciphertext can be
//! moved to another person or batch. While an epoch is turned a person's rows may stand under either.
//! A batch becomes visible through an entry of the log and in no other way: until then its rows are
//! there and nobody reads them. It never answers from a store that is shorter than the log says.
mod checking;
mod closing;
mod copying;
mod desk;
mod opening;
mod place;
mod prune;
mod sealing;
mod seam;
mod staging;
mod turn;

pub use checking::Held;
pub use closing::Closing;
pub use copying::Copying;
pub use seam::{LeftOut, LossRule, Pruned, RecordStore, Staged, TokenRow, VaultError, VaultSetup, Visit};
pub use turn::Walk;

use super::{Catalogue, Reading, RecordSource, Row, SourceError, batch::be64};
use crate::{
    clock::Clock,
    crypto::Rng,
    domain::{FieldSet, SubjectToken},
    keyring::{Epoch, Epochs},
    state::{Effect, REMOVED, Table},
};
use arc_swap::ArcSwap;
use desk::{Desk, Standing, Unfinished};
use opening::committed;
use place::{NEXT, PROGRESS, RECORD, done_key, read_progress, split_key};
use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// Sealed records of everybody.
pub struct Vault {
    store: Box<dyn RecordStore>,
    catalogue: Arc<Catalogue>,
    epochs: Arc<Epochs>,
    rng: Arc<dyn Rng>,
    clock: Arc<dyn Clock>,
    /// Numbers of visible batches, ascending.
    visible: ArcSwap<Vec<u64>>,
    desk: Mutex<Desk>,
    lost: Vec<u64>,
    /// People whose rows nobody reads.
    blocked: ArcSwap<HashSet<SubjectToken>>,
    /// A copy is being made.
    copies: AtomicBool,
    /// People whose rows were removed since the start.
    removals: AtomicU64,
}

impl Vault {
    /// Opens the vault and compares it with what the log made visible.
    ///
    /// # Errors
    /// If a visible batch is missing, incomplete or of another catalogue. The text says what to do next.
    pub fn open(setup: VaultSetup<'_>) -> Result<Self, VaultError> {
        let committed = committed(setup.state)?;
        let mut vault = Self {
            store: setup.store,
            catalogue: setup.catalogue,
            epochs: setup.epochs,
            rng: setup.rng,
            clock: setup.clock,
            visible: ArcSwap::default(),
            desk: Mutex::default(),
            lost: Vec::new(),
            blocked: ArcSwap::default(),
            copies: AtomicBool::new(false),
            removals: AtomicU64::new(0),
        };
        let (mut visible, mut lost) = (Vec::new(), Vec::new());
        for batch in &committed {
            match vault.holds(batch) {
                Ok(()) => visible.push(batch.number),
                Err(_) if setup.on_loss == LossRule::Accept => lost.push(batch.number),
                Err(error) => return Err(error),
            }
        }
        vault.visible.store(Arc::new(visible));
        // People who were erased since are missed by nobody.
        let erased = setup.state.row(Table::Shredding, REMOVED)?;
        let erased = erased.as_deref().and_then(be64).map_or(0, |(count, _)| count);
        vault.count_is_whole(&committed, erased, &mut lost, setup.on_loss)?;
        let mut desk = vault.known_loads(&lost)?;
        let highest = committed.last().map_or(0, |batch| batch.number);
        desk.next_number = desk.next_number.max(highest.saturating_add(1));
        desk.subjects = committed.last().map_or(0, |batch| batch.subjects) * u64::from(lost.is_empty());
        *vault.desk() = desk;
        vault.lost = lost;
        Ok(vault)
    }

    /// What the notes say of loads. A batch that was lost or follows another catalogue can only be begun anew; its
    /// number is never given again, or its rows would be taken for the new one's.
    fn known_loads(&self, lost: &[u64]) -> Result<Desk, VaultError> {
        let mut desk = Desk::default();
        let next = self.store.note(NEXT)?;
        desk.next_number = next.as_deref().and_then(be64).map_or(1, |(number, _)| number);
        let (visible, now) = (self.visible.load(), self.clock.now());
        for (key, value) in self.store.notes(PROGRESS)? {
            let (id, standing, catalogue) = read_progress(&key, &value)?;
            desk.next_number = desk.next_number.max(standing.number.saturating_add(1));
            if visible.binary_search(&standing.number).is_ok() {
                desk.finished.insert(id, standing);
            } else if lost.binary_search(&standing.number).is_ok()
                || catalogue != self.catalogue.sha256()
                || self.store.note(&done_key(&id))?.is_some()
            {
                self.store.set_note(&key, None)?;
            } else {
                desk.open.insert(id, Unfinished::new(standing, now));
            }
        }
        Ok(desk)
    }

    /// Returns once everything staged is on disk. Blocks.
    pub fn sync(&self) -> Result<(), VaultError> {
        Ok(self.store.sync()?)
    }

    /// Reads the given fields of one person, from the newest visible batch that has them. A batch is newer than another
    /// if it was begun later: a correction is not undone by a long load that began before it.
    ///
    /// # Errors
    /// If the store fails or the record does not open in its place.
    pub fn read_now(&self, subject: &SubjectToken, fields: FieldSet) -> Result<Option<Row>, SourceError> {
        if self.is_blocked(subject) {
            return Ok(None);
        }
        let Some((epoch, number, value)) = self.newest(subject)? else {
            return Ok(None);
        };
        let damaged =
            || SourceError("a record does not open in its place: verify the vault, then load again".to_owned());
        let row = self.open_row(&epoch, subject, number, &value).ok_or_else(damaged)?;
        Ok(Some(row.keep(fields)))
    }

    fn newest(&self, subject: &SubjectToken) -> Result<Option<Newest>, SourceError> {
        let (mut visible, mut epochs) = (self.visible.load_full(), self.epochs.all());
        loop {
            let mut found: Option<Newest> = None;
            // A row that is moved to the active epoch is written there before it goes: the older ones are looked at first.
            for epoch in epochs.iter().rev() {
                let prefix = epoch.row_key(RECORD, subject);
                self.store
                    .newest_first(&prefix, &mut |key, value| match split_key(key) {
                        Some((_, number)) if visible.binary_search(&number).is_ok() => {
                            if found.as_ref().is_none_or(|(_, newest, _)| number >= *newest) {
                                found = Some((Arc::clone(epoch), number, value.to_vec()));
                            }
                            ControlFlow::Break(())
                        }
                        _ => ControlFlow::Continue(()),
                    })?;
            }
            // A batch that became visible meanwhile may have taken the row that was looked for, or an epoch that was
            // turned may have moved it: look by the new lists. Each turn needs another commit, so there are few.
            let (visible_now, epochs_now) = (self.visible.load_full(), self.epochs.all());
            let same_epochs = Arc::ptr_eq(&epochs_now, &epochs);
            if same_epochs && (found.is_some() || Arc::ptr_eq(&visible_now, &visible)) {
                return Ok(found);
            }
            (visible, epochs) = (visible_now, epochs_now);
        }
    }

    /// How many rows of a load are held, and whether it is visible; `None` if no load has this id.
    pub fn standing_of(&self, batch_id: &str) -> Option<(u64, bool)> {
        let desk = self.desk();
        let finished = desk.finished.get(batch_id).map(|standing| (standing.held, true));
        finished.or_else(|| desk.open.get(batch_id).map(|open| (open.standing.held, false)))
    }

    /// Effects that strike batches from the state that were found lost at opening. To be recorded with the entry that
    /// makes the new load visible.
    pub fn forget_lost(&self) -> Vec<Effect> {
        self.lost.iter().copied().map(strike).collect()
    }

    /// The catalogue that records follow.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every write of the desk is one assignment: a panic elsewhere leaves it whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordSource for Vault {
    fn read<'a>(&'a self, subject: &'a SubjectToken, fields: FieldSet) -> Reading<'a> {
        // A cached page is found in microseconds; there is nothing to wait for.
        Box::pin(std::future::ready(self.read_now(subject, fields)))
    }
}

/// The epoch under which a row stands, its batch, and its value.
type Newest = (Arc<Epoch>, u64, Vec<u8>);

/// Takes a batch from the state.
fn strike(number: u64) -> Effect {
    Effect {
        table: Table::RecordBatch,
        key: number.to_be_bytes().to_vec(),
        value: None,
    }
}

#[cfg(test)]
mod tests;
