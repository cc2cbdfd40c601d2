//! Every record opened once: whether the vault holds what it says, before somebody asks for it.
use super::{Vault, VaultError, place::split_key};
use crate::source::SourceError;
use std::ops::ControlFlow;

/// Rows that one step looks at.
const STEP: usize = 1_024;

/// What a vault holds, every seal of it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Rows of visible batches.
    pub rows: u64,
    /// People who have one.
    pub people: u64,
}

impl Vault {
    /// Opens every visible row in its place; `progress` is told how many are done. Blocks.
    ///
    /// # Errors
    /// If the store fails, or a row does not open.
    pub fn check(&self, progress: &mut dyn FnMut(u64)) -> Result<Held, VaultError> {
        let (visible, epochs) = (self.visible.load_full(), self.epochs.all());
        let (mut from, mut held, mut person) = (Vec::new(), Held::default(), None::<[u8; 32]>);
        loop {
            let mut keys = Vec::with_capacity(STEP);
            self.store.keys_from(&from, &mut |key| {
                keys.push(key.to_vec());
                match keys.len() < STEP {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            for key in &keys {
                let Some((who, number)) = split_key(key).filter(|(_, n)| visible.binary_search(n).is_ok()) else {
                    continue;
                };
                let value = self.store.row(key)?.unwrap_or_default();
                if !epochs.iter().any(|epoch| self.opens(epoch, who, number, &value)) {
                    let why = "a record does not open in its place: it was changed, or its key is destroyed";
                    return Err(VaultError::Source(SourceError(why.to_owned())));
                }
                held.rows += 1;
                if person.replace(*who) != Some(*who) {
                    held.people += 1;
                }
            }
            progress(held.rows);
            match keys.pop().filter(|_| keys.len() + 1 >= STEP) {
                Some(last) => from = [&last[..], &[0]].concat(),
                None => return Ok(held),
            }
        }
    }
}
