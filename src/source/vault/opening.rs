//! Whether the vault holds what the log made visible.
use super::{
    LossRule, Standing, Vault, VaultError,
    place::{sentinel_key, sentinel_place, split_key},
};
use crate::{
    limits::{BATCHES_MAX, VAULT_COUNT_ROWS_MAX},
    source::{RecordBatch, SourceError},
    state::{State, Table},
};
use std::{ops::ControlFlow, sync::Arc};

impl Vault {
    /// Whether the sentinel that was written last, before the batch became visible, is there and says the same.
    pub(super) fn holds(&self, batch: &RecordBatch) -> Result<(), VaultError> {
        if batch.catalogue_sha256 != self.catalogue.sha256() {
            return Err(VaultError::OtherCatalogue(batch.id.clone()));
        }
        let shorter = || VaultError::Shorter(batch.id.clone());
        let boxed = self.store.note(&sentinel_key(batch.number))?.ok_or_else(shorter)?;
        let place = sentinel_place(batch.number);
        let opened = self
            .epochs
            .all()
            .iter()
            .find_map(|epoch| epoch.open(&place, &boxed).ok());
        let kept = opened.ok_or_else(shorter)?;
        (kept == batch.encode()).then_some(()).ok_or_else(shorter)
    }

    /// A sentinel alone does not notice a hole before it: people are counted too, where that is quick.
    pub(super) fn count_is_whole(
        &self,
        committed: &[RecordBatch],
        erased: u64,
        lost: &mut Vec<u64>,
        rule: LossRule,
    ) -> Result<(), VaultError> {
        let Some(last) = committed.last().filter(|batch| batch.subjects > 0 && lost.is_empty()) else {
            return Ok(());
        };
        match self.count(None)? {
            Some(count) if count < last.subjects.saturating_sub(erased) && rule == LossRule::Refuse => {
                Err(VaultError::Shorter(last.id.clone()))
            }
            Some(count) if count < last.subjects.saturating_sub(erased) => {
                lost.extend(committed.iter().map(|batch| batch.number));
                self.visible.store(Arc::default());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// People with a visible record, `also` counted as visible; `None` if there are too many rows to count.
    pub(super) fn count(&self, also: Option<u64>) -> Result<Option<u64>, VaultError> {
        let visible = self.visible.load();
        let (mut people, mut rows, mut last) = (0u64, 0u64, None::<[u8; 32]>);
        self.store.keys_from(&[], &mut |key| {
            rows += 1;
            if rows > VAULT_COUNT_ROWS_MAX {
                return ControlFlow::Break(());
            }
            if let Some((token, number)) = split_key(key)
                && (also == Some(number) || visible.binary_search(&number).is_ok())
                && last.as_ref() != Some(token)
            {
                last = Some(*token);
                people += 1;
            }
            ControlFlow::Continue(())
        })?;
        Ok((rows <= VAULT_COUNT_ROWS_MAX).then_some(people))
    }

    pub(super) fn progress(&self, standing: Standing) -> Vec<u8> {
        let (number, held) = (standing.number.to_be_bytes(), standing.held.to_be_bytes());
        [&number[..], &held, &self.catalogue.sha256()].concat()
    }
}

/// Batches that the log made visible, by number.
pub(super) fn committed(state: &dyn State) -> Result<Vec<RecordBatch>, VaultError> {
    let rows = state.rows(Table::RecordBatch, &[], None, BATCHES_MAX + 1)?;
    if rows.len() > BATCHES_MAX {
        return Err(VaultError::TooManyBatches);
    }
    let damaged = || {
        VaultError::Source(SourceError(
            "a batch in the state is damaged: rebuild the store".to_owned(),
        ))
    };
    let decode = |(_, value): &(Vec<u8>, Vec<u8>)| RecordBatch::decode(value).ok_or_else(damaged);
    rows.iter().map(decode).collect()
}
