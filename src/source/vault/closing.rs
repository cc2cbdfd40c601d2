//! A batch between its last row and its entry: nothing is added, and it becomes visible or is open again.
use super::{
    Vault, VaultError,
    desk::{Standing, is_correction},
    place::{done_key, progress_key, sentinel_key, sentinel_place},
    strike,
};
use crate::{
    limits::{BATCHES_FOR_LOADS, BATCHES_MAX, STRIKES_PER_ENTRY_MAX},
    source::RecordBatch,
    state::Effect,
};
use std::sync::Arc;

/// A batch that waits for its entry. Dropped without [`Closing::recorded`], a load is open again, and a correction gone.
#[must_use = "the batch is open again when this is dropped"]
pub struct Closing {
    vault: Arc<Vault>,
    batch: RecordBatch,
    struck: Vec<u64>,
    recorded: bool,
}

impl Closing {
    /// What the entry must carry: the batch, and the strikes of batches that nobody reads any more.
    pub fn effects(&self) -> Vec<Effect> {
        let strikes = self.struck.iter().copied().map(strike);
        std::iter::once(self.batch.effect()).chain(strikes).collect()
    }

    /// The batch.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The entry with [`Closing::effects`] is recorded: readers see the batch from now on.
    pub fn recorded(mut self) {
        self.recorded = true;
        self.vault.show(&self.batch, &self.struck);
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.recorded {
            self.vault.reopen(&self.batch.id, &self.struck);
        }
    }
}

impl Vault {
    /// Finishes a batch: everything on disk, its sentinel too. Recording the effects makes it visible. Blocks.
    ///
    /// # Errors
    /// If no unfinished batch has this id, it is closing already, or the store fails.
    pub fn close(self: &Arc<Self>, batch_id: &str) -> Result<Closing, VaultError> {
        let mut desk = self.desk();
        let open = *desk.open.get(batch_id).ok_or(VaultError::NoSuchBatch)?;
        if open.closing {
            return Err(VaultError::Closing);
        }
        let reserved = if is_correction(batch_id) { BATCHES_FOR_LOADS } else { 0 };
        if self.visible.load().len() >= BATCHES_MAX - reserved {
            return Err(VaultError::TooManyBatches);
        }
        let Standing { number, held: rows } = open.standing;
        // A batch of a few rows does not pay for a count, nor can a long one be counted: the count before stays a true
        // lower bound.
        let subjects = match rows {
            0..=16 => desk.subjects,
            // Who has rows under two epochs would be counted twice.
            _ if self.epochs.is_turning() => desk.subjects,
            _ => self.count(Some(number))?.unwrap_or(desk.subjects),
        };
        let batch = RecordBatch {
            number,
            rows,
            subjects,
            catalogue_sha256: self.catalogue.sha256(),
            id: batch_id.to_owned(),
        };
        let epoch = self.epochs.active()?;
        let sentinel = epoch.seal(&*self.rng, &sentinel_place(number), batch.encode())?;
        self.store.set_note(&sentinel_key(number), Some(sentinel))?;
        let struck: Vec<u64> = desk.replaced.iter().copied().take(STRIKES_PER_ENTRY_MAX).collect();
        // Once it is struck the log does not know a load any more; this note keeps it from being loaded again, older
        // values over newer ones.
        for (id, standing) in desk.finished.iter().filter(|(_, s)| struck.contains(&s.number)) {
            self.store
                .set_note(&done_key(id), Some(standing.held.to_be_bytes().to_vec()))?;
        }
        self.store.sync()?;
        desk.replaced.retain(|number| !struck.contains(number));
        if let Some(open) = desk.open.get_mut(batch_id) {
            open.closing = true;
        }
        Ok(Closing {
            vault: Arc::clone(self),
            batch,
            struck,
            recorded: false,
        })
    }

    fn show(&self, batch: &RecordBatch, struck: &[u64]) {
        let mut desk = self.desk();
        if let Some(open) = desk.open.remove(&batch.id)
            && !is_correction(&batch.id)
        {
            desk.finished.insert(batch.id.clone(), open.standing);
        }
        let mut visible = Vec::clone(&self.visible.load());
        visible.retain(|number| !struck.contains(number));
        if let Err(place) = visible.binary_search(&batch.number) {
            visible.insert(place, batch.number);
        }
        self.visible.store(Arc::new(visible));
        desk.subjects = batch.subjects;
        desk.round.again = true;
        let gone = desk
            .finished
            .extract_if(.., |_, standing| struck.contains(&standing.number));
        let mut notes: Vec<Vec<u8>> = gone.map(|(id, _)| progress_key(&id)).collect();
        notes.extend(struck.iter().map(|number| sentinel_key(*number)));
        // What cannot be removed says nothing to anybody: the log no longer names the batch.
        let failed = notes.iter().any(|note| self.store.set_note(note, None).is_err());
        if failed {
            tracing::warn!("notes of replaced batches could not be removed");
        }
    }

    fn reopen(&self, id: &str, struck: &[u64]) {
        let mut desk = self.desk();
        desk.replaced.extend(struck);
        if is_correction(id) {
            desk.open.remove(id);
            desk.round.again = true;
        } else if let Some(open) = desk.open.get_mut(id) {
            open.closing = false;
        }
    }
}
