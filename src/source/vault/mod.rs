//! The record vault: sealed records by pseudonym, visible by batch.
//!
//! A row is `token ‖ be64(batch)` → `be64(row) ‖ wrapped record key ‖ sealed record`. The key is random per record and
//! wrapped under the shred-epoch key; both boxes are bound to their place, so no ciphertext can be moved to another
//! person or batch. A batch becomes visible through an entry of the log and in no other way: until then its rows are
//! there and nobody reads them. It never answers from a store that is shorter than the log says.
mod opening;
mod place;
mod sealing;
mod seam;

pub use seam::{LossRule, Pruned, RecordStore, Staged, TokenRow, VaultError, VaultSetup, Visit};

use super::{Catalogue, Reading, RecordBatch, RecordSource, Row, SourceError, batch::be64};
use crate::{
    crypto::{Rng, Secret, seal_boxed},
    domain::{FieldSet, SubjectToken},
    limits::{BATCHES_MAX, OPEN_BATCHES_MAX},
    state::{Effect, Table},
};
use arc_swap::ArcSwap;
use opening::committed;
use place::{PROGRESS, progress_key, read_progress, row_key, sentinel_key, sentinel_place, split_key};
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    number: u64,
    held: u64,
}

/// Sealed records of everybody.
pub struct Vault {
    store: Box<dyn RecordStore>,
    catalogue: Arc<Catalogue>,
    epoch: Secret<32>,
    rng: Arc<dyn Rng>,
    /// Numbers of visible batches, ascending.
    visible: ArcSwap<Vec<u64>>,
    desk: Mutex<Desk>,
    lost: Vec<u64>,
}

/// What changes while loads run. One load writes at a time: the order of rows within a batch is its identity.
struct Desk {
    /// Batches by id: unfinished ones, and visible ones so that a repeated load is recognised.
    batches: BTreeMap<String, Standing>,
    next_number: u64,
    subjects: u64,
    prune_from: Option<Vec<u8>>,
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
            epoch: setup.epoch,
            rng: setup.rng,
            visible: ArcSwap::default(),
            desk: Mutex::new(Desk {
                batches: BTreeMap::new(),
                next_number: 1,
                subjects: 0,
                prune_from: Some(Vec::new()),
            }),
            lost: Vec::new(),
        };
        let (mut visible, mut lost, mut known) = (Vec::new(), Vec::new(), BTreeMap::new());
        for batch in &committed {
            match vault.holds(batch) {
                Ok(()) => visible.push(batch.number),
                Err(_) if setup.on_loss == LossRule::Accept => lost.push(batch.number),
                Err(error) => return Err(error),
            }
        }
        let mut highest = committed.last().map_or(0, |batch| batch.number);
        for (key, value) in vault.store.notes(PROGRESS)? {
            let (id, standing, catalogue) = read_progress(&key, &value)?;
            highest = highest.max(standing.number);
            if lost.contains(&standing.number) || catalogue != vault.catalogue.sha256() {
                vault.store.set_note(&key, None)?;
            } else {
                known.insert(id, standing);
            }
        }
        vault.visible.store(Arc::new(visible));
        vault.count_is_whole(&committed, &mut lost, setup.on_loss)?;
        let nothing_lost = lost.is_empty();
        vault.lost = lost;
        let mut desk = vault.desk();
        desk.batches = known;
        desk.next_number = highest.saturating_add(1);
        desk.subjects = committed.last().map_or(0, |batch| batch.subjects) * u64::from(nothing_lost);
        drop(desk);
        Ok(vault)
    }

    /// Holds rows of a batch, sealed and invisible. `first_row` is the index of the first of `rows` within the batch;
    /// rows that are held already are skipped. Blocks: call it off the async threads.
    ///
    /// # Errors
    /// If the rows do not continue the batch, too many loads are unfinished, or the store fails.
    pub fn stage(&self, batch_id: &str, first_row: u64, rows: Vec<TokenRow>) -> Result<Staged, VaultError> {
        let mut desk = self.desk();
        let standing = self.standing(&mut desk, batch_id)?;
        if self.visible.load().contains(&standing.number) {
            return Ok(Staged {
                rows_held: standing.held,
                duplicates: Vec::new(),
                visible: true,
            });
        }
        if first_row > standing.held {
            return Err(VaultError::OutOfOrder {
                rows_held: standing.held,
            });
        }
        let end = first_row.saturating_add(rows.len() as u64);
        let duplicates = self.insert(standing.number, first_row, rows)?;
        let held = standing.held.max(end);
        let standing = Standing { held, ..standing };
        self.store
            .set_note(&progress_key(batch_id), Some(self.progress(standing)))?;
        desk.batches.insert(batch_id.to_owned(), standing);
        Ok(Staged {
            rows_held: held,
            duplicates,
            visible: false,
        })
    }

    /// Returns once everything staged is on disk. Blocks.
    pub fn sync(&self) -> Result<(), VaultError> {
        Ok(self.store.sync()?)
    }

    /// Finishes a batch: everything on disk, its sentinel too. Recording the effect makes it visible. Blocks.
    ///
    /// # Errors
    /// If no unfinished batch has this id, or the store fails.
    pub fn commit_effect(&self, batch_id: &str) -> Result<Effect, VaultError> {
        let desk = self.desk();
        let standing = *desk.batches.get(batch_id).ok_or(VaultError::NoSuchBatch)?;
        let visible = self.visible.load();
        if visible.contains(&standing.number) {
            return Err(VaultError::NoSuchBatch);
        }
        if visible.len() >= BATCHES_MAX {
            return Err(VaultError::TooManyBatches);
        }
        // A correction of a few rows does not pay for a count: the one before stays a true lower bound.
        let subjects = match standing.held {
            0..=16 => desk.subjects,
            _ => self.count(Some(standing.number))?.unwrap_or(0),
        };
        let batch = RecordBatch {
            number: standing.number,
            rows: standing.held,
            subjects,
            catalogue_sha256: self.catalogue.sha256(),
            id: batch_id.to_owned(),
        };
        let sentinel = seal_boxed(
            &*self.rng,
            self.epoch.expose(),
            &sentinel_place(batch.number),
            batch.encode(),
        )?;
        self.store.set_note(&sentinel_key(batch.number), Some(sentinel))?;
        self.store.sync()?;
        Ok(batch.effect())
    }

    /// The entry with the batch's effect is recorded: readers see the batch from now on.
    ///
    /// # Errors
    /// If no unfinished batch has this id.
    pub fn on_committed(&self, batch_id: &str) -> Result<(), VaultError> {
        let mut desk = self.desk();
        let number = desk.batches.get(batch_id).ok_or(VaultError::NoSuchBatch)?.number;
        let mut visible = Vec::clone(&self.visible.load());
        if let Err(place) = visible.binary_search(&number) {
            visible.insert(place, number);
        }
        self.visible.store(Arc::new(visible));
        desk.prune_from = Some(Vec::new());
        Ok(())
    }

    /// Gives up an unfinished batch; its rows go with the next [`Vault::prune`].
    ///
    /// # Errors
    /// If no unfinished batch has this id.
    pub fn abandon(&self, batch_id: &str) -> Result<(), VaultError> {
        let mut desk = self.desk();
        let standing = *desk.batches.get(batch_id).ok_or(VaultError::NoSuchBatch)?;
        if self.visible.load().contains(&standing.number) {
            return Err(VaultError::NoSuchBatch);
        }
        self.store.set_note(&progress_key(batch_id), None)?;
        desk.batches.remove(batch_id);
        desk.prune_from = Some(Vec::new());
        Ok(())
    }

    /// Removes rows that no reader will see again: replaced ones, and those of batches that were given up. Looks at
    /// `rows_max` rows, so that it can run between other work; call it until it is done. Blocks.
    pub fn prune(&self, rows_max: usize) -> Result<Pruned, VaultError> {
        let mut desk = self.desk();
        let Some(from) = desk.prune_from.take() else {
            return Ok(Pruned { removed: 0, done: true });
        };
        let visible = self.visible.load();
        let alive = |number: u64| desk.batches.values().any(|s| s.number == number) || number >= desk.next_number;
        let (mut dead, mut newest, mut seen, mut next) = (Vec::new(), None::<Vec<u8>>, 0, None);
        self.store.keys_from(&from, &mut |key| {
            seen += 1;
            let Some((token, number)) = split_key(key) else {
                return ControlFlow::Continue(());
            };
            if seen > rows_max && newest.as_ref().is_none_or(|k| !k.starts_with(token)) {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            if visible.binary_search(&number).is_ok() {
                let replaced = newest.replace(key.to_vec()).filter(|older| older.starts_with(token));
                dead.extend(replaced);
            } else if !alive(number) {
                dead.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        for key in &dead {
            self.store.remove(key)?;
        }
        desk.prune_from = next;
        Ok(Pruned {
            removed: dead.len(),
            done: desk.prune_from.is_none(),
        })
    }

    /// Reads the given fields of one person, from the newest visible batch that has them. A batch is newer than another
    /// if it was begun later: a correction is not undone by a long load that began before it.
    ///
    /// # Errors
    /// If the store fails or the record does not open in its place.
    pub fn read_now(&self, subject: &SubjectToken, fields: FieldSet) -> Result<Option<Row>, SourceError> {
        let visible = self.visible.load();
        let mut found = None;
        self.store
            .newest_first(&subject.0, &mut |key, value| match split_key(key) {
                Some((_, number)) if visible.binary_search(&number).is_ok() => {
                    found = Some((number, value.to_vec()));
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            })?;
        let Some((number, value)) = found else {
            return Ok(None);
        };
        let damaged =
            || SourceError("a record does not open in its place: verify the vault, then load again".to_owned());
        let row = self.open_row(subject, number, &value).ok_or_else(damaged)?;
        Ok(Some(row.keep(fields)))
    }

    /// How many rows of a batch are held, and whether it is visible; `None` if no batch has this id.
    pub fn standing_of(&self, batch_id: &str) -> Option<(u64, bool)> {
        let standing = *self.desk().batches.get(batch_id)?;
        Some((standing.held, self.visible.load().contains(&standing.number)))
    }

    /// Effects that strike batches from the state that were found lost at opening. To be recorded with the entry that
    /// makes the new load visible.
    pub fn forget_lost(&self) -> Vec<Effect> {
        let strike = |number: &u64| Effect {
            table: Table::RecordBatch,
            key: number.to_be_bytes().to_vec(),
            value: None,
        };
        self.lost.iter().map(strike).collect()
    }

    /// The catalogue that records follow.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every write of the desk is one assignment: a panic elsewhere leaves it whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self, desk: &mut Desk, batch_id: &str) -> Result<Standing, VaultError> {
        if let Some(standing) = desk.batches.get(batch_id) {
            return Ok(*standing);
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
        if !(1..=128).contains(&batch_id.len()) || !batch_id.bytes().all(good) {
            return Err(VaultError::BatchId);
        }
        let visible = self.visible.load();
        let unfinished = desk.batches.values().filter(|s| !visible.contains(&s.number)).count();
        if unfinished >= OPEN_BATCHES_MAX {
            return Err(VaultError::TooManyOpen);
        }
        let standing = Standing {
            number: desk.next_number,
            held: 0,
        };
        // Noted before its first row, so that pruning never takes a row of a batch it does not know.
        self.store
            .set_note(&progress_key(batch_id), Some(self.progress(standing)))?;
        desk.next_number = desk.next_number.saturating_add(1);
        desk.batches.insert(batch_id.to_owned(), standing);
        Ok(standing)
    }

    /// Seals and inserts; gives back the indexes that were left out. In the order of keys, on all cores: sled is twice
    /// as fast with neighbours, and sealing is most of the work.
    fn insert(&self, number: u64, first_row: u64, rows: Vec<TokenRow>) -> Result<Vec<u64>, VaultError> {
        let mut rows: Vec<(u64, TokenRow)> = (first_row..).zip(rows).collect();
        rows.sort_by_key(|(index, row)| (row.token, *index));
        let threads = match rows.len() {
            0..128 => 1,
            _ => std::thread::available_parallelism().map_or(1, usize::from).min(8),
        };
        let mut duplicates = Vec::new();
        if threads == 1 {
            duplicates = self.insert_part(number, &rows)?;
        } else {
            let part = rows.len().div_ceil(threads);
            let parts: Vec<Result<Vec<u64>, VaultError>> = std::thread::scope(|scope| {
                let run = |part| scope.spawn(move || self.insert_part(number, part));
                let running: Vec<_> = rows.chunks(part).map(run).collect();
                let fault = || Err(VaultError::Source(SourceError("sealing ended early".to_owned())));
                running
                    .into_iter()
                    .map(|t| t.join().unwrap_or_else(|_| fault()))
                    .collect()
            });
            for part in parts {
                duplicates.extend(part?);
            }
        }
        duplicates.sort_unstable();
        Ok(duplicates)
    }

    fn insert_part(&self, number: u64, rows: &[(u64, TokenRow)]) -> Result<Vec<u64>, VaultError> {
        let mut duplicates = Vec::new();
        for (index, row) in rows {
            let key = row_key(&row.token, number);
            let sealed = match self.store.row(&key)? {
                Some(held) => Some(held),
                None => {
                    let sealed = self.seal_row(&row.token, number, *index, &row.row)?;
                    self.store.insert_new(&key, sealed)?
                }
            };
            // Held by the same row: this chunk was sent before. By a lower one: the person occurs twice. By a higher
            // one: a crash kept that and not this, and it will be sent again.
            match sealed.as_deref().and_then(be64) {
                Some((holder, _)) if holder < *index => duplicates.push(*index),
                Some((holder, _)) if holder > *index => {
                    self.store.remove(&key)?;
                    let sealed = self.seal_row(&row.token, number, *index, &row.row)?;
                    self.store.insert_new(&key, sealed)?;
                }
                _ => {}
            }
        }
        Ok(duplicates)
    }
}

impl RecordSource for Vault {
    fn read<'a>(&'a self, subject: &'a SubjectToken, fields: FieldSet) -> Reading<'a> {
        // A cached page is found in microseconds; there is nothing to wait for.
        Box::pin(std::future::ready(self.read_now(subject, fields)))
    }
}

#[cfg(test)]
mod tests;
