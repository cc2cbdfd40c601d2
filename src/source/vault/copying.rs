//! A copy of the vault while it serves: all rows, and the notes that say which batches are whole.
//!
//! The rows are read a page at a time, so that nobody waits. What the log knows at the moment the copy begins is in it:
//! while it is made no replaced row is removed, and notes are taken before and after, since a batch that is struck
//! meanwhile loses its note. Rows that come meanwhile may be in it too: no entry before the copy names them, and nobody
//! reads them. What it refuses is to be a copy of people who are being erased: where an epoch is turned or a person
//! removed meanwhile, it is not whole, and erasure never waits for it.
use super::{Vault, VaultError, place::PROGRESS};
use crate::{keyring::Epoch, state::Row as Pair};
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

/// A copy that is being made. While it lives, what was replaced stays.
pub struct Copying {
    vault: Arc<Vault>,
    epochs: Arc<Vec<Arc<Epoch>>>,
    removals: u64,
    notes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where it goes on; nothing once it has come to the end.
    from: Option<Vec<u8>>,
}

impl Drop for Copying {
    fn drop(&mut self) {
        self.vault.copies.store(false, Ordering::Release);
        // What was left meanwhile is looked for.
        self.vault.desk().round.again = true;
    }
}

impl Vault {
    /// Begins a copy, before the log's checkpoint is taken; `None` while another is made, or an epoch is turned. Blocks.
    ///
    /// # Errors
    /// If the store fails.
    pub fn copying(self: &Arc<Self>) -> Result<Option<Copying>, VaultError> {
        let desk = self.desk();
        let epochs = self.epochs.all();
        if epochs.len() > 1 || self.copies.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        drop(desk);
        let mut copying = Copying {
            vault: Arc::clone(self),
            epochs,
            removals: self.removals.load(Ordering::Acquire),
            notes: BTreeMap::new(),
            from: Some(Vec::new()),
        };
        copying.notes.extend(self.store.notes(&[])?);
        Ok(Some(copying))
    }
}

impl Copying {
    /// The next rows, of about that many bytes; empty at the end. Blocks.
    ///
    /// # Errors
    /// If the store fails.
    pub fn page(&mut self, bytes: usize) -> Result<Vec<Pair>, VaultError> {
        let Some(from) = self.from.take() else {
            return Ok(Vec::new());
        };
        let (mut keys, mut page, mut held) = (Vec::new(), Vec::new(), 0);
        // A sealed row has some hundred bytes.
        let most = (bytes / 256).max(1);
        self.vault.store.keys_from(&from, &mut |key| {
            keys.push(key.to_vec());
            match keys.len() < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        let ended = keys.len() < most;
        let mut last = None;
        for key in keys {
            last = Some(key.clone());
            if let Some(value) = self.vault.store.row(&key)? {
                held += key.len() + value.len();
                page.push((key, value));
            }
            if held >= bytes {
                break;
            }
        }
        let cut = held >= bytes;
        self.from = last.filter(|_| cut || !ended).map(|last| [&last[..], &[0]].concat());
        match page.is_empty() && self.from.is_some() {
            // Every row of it went meanwhile.
            true => self.page(bytes),
            false => Ok(page),
        }
    }

    /// How far it is, of 1,000: keys are evenly spread.
    pub fn permille(&self) -> u32 {
        match &self.from {
            None => 1_000,
            Some(key) => u32::from(key.first().copied().unwrap_or_default()) * 1_000 / 256,
        }
    }

    /// The notes; to be taken when all rows are. Blocks.
    ///
    /// # Errors
    /// If the store fails.
    pub fn notes(&mut self) -> Result<Vec<Pair>, VaultError> {
        let mut notes = std::mem::take(&mut self.notes);
        // How far a load was when the copy began: of what came later not every row was met.
        let newer = self.vault.store.notes(&[])?.into_iter();
        notes.extend(newer.filter(|(key, _)| !key.starts_with(PROGRESS)));
        Ok(notes.into_iter().collect())
    }

    /// Whether nobody was erased meanwhile.
    pub fn is_whole(&self) -> bool {
        let same = self
            .vault
            .epochs
            .all()
            .iter()
            .map(|e| e.id())
            .eq(self.epochs.iter().map(|e| e.id()));
        same && self.vault.removals.load(Ordering::Acquire) == self.removals
    }

    /// The epochs that open it.
    pub fn epochs(&self) -> Vec<String> {
        self.epochs.iter().map(|epoch| epoch.id().to_string()).collect()
    }
}
