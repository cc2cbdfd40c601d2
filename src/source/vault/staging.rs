//! Rows on their way into a batch that nobody reads yet.
use super::{
    Closing, Desk, LeftOut, Staged, Standing, TokenRow, Unfinished, Vault, VaultError,
    desk::{check_id, correction_id, is_correction},
    place::{RECORD, done_key, progress_key, row_key},
};
use crate::{
    crypto::Broken,
    domain::SubjectToken,
    keyring::Epoch,
    limits::LOAD_LOW_WATER_BYTES,
    source::{SourceError, batch::be64},
    state::Row as Pair,
};
use std::sync::Arc;

impl Vault {
    /// Holds rows of a batch, sealed and invisible. `first_row` is the index of the first of `rows` within the batch;
    /// rows that are held already are skipped. No rows begin no batch: that only asks where it stands. Uses all cores,
    /// for an idle gateway. Blocks: call it off the async threads.
    ///
    /// # Errors
    /// If the rows do not continue the batch, too many loads are unfinished, the disk has no room, or the store fails.
    /// A batch that would have begun with these rows is not begun then.
    pub fn stage(&self, batch_id: &str, first_row: u64, rows: Vec<TokenRow>) -> Result<Staged, VaultError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        self.stage_on(cores, batch_id, first_row, rows)
    }

    /// As [`Vault::stage`], on the calling thread alone: the other cores answer.
    pub fn stage_beside_service(
        &self,
        batch_id: &str,
        first_row: u64,
        rows: Vec<TokenRow>,
    ) -> Result<Staged, VaultError> {
        self.stage_on(1, batch_id, first_row, rows)
    }

    fn stage_on(&self, threads: usize, id: &str, first_row: u64, rows: Vec<TokenRow>) -> Result<Staged, VaultError> {
        let mut desk = self.desk();
        if let Some(rows_held) = self.rows_of_finished(&desk, id)? {
            return Ok(Staged {
                rows_held,
                left_out: LeftOut::default(),
                visible: true,
            });
        }
        let open = desk.open.get(id).copied();
        if open.is_some_and(|open| open.closing) {
            return Err(VaultError::Closing);
        }
        check_id(id)?;
        let rows_held = open.map_or(0, |open| open.standing.held);
        if first_row > rows_held {
            return Err(VaultError::OutOfOrder { rows_held });
        }
        if rows.is_empty() {
            return Ok(Staged {
                rows_held,
                left_out: LeftOut::default(),
                visible: false,
            });
        }
        self.take(&mut desk, threads, id, first_row, rows)
    }

    /// Seals one row as a batch of its own, which replaces the person's record once its entry is recorded. `request`
    /// names it. Nothing of it stays if it fails, or is not recorded. Blocks.
    ///
    /// # Errors
    /// As [`Vault::stage`].
    pub fn correct(self: &Arc<Self>, request: &str, row: TokenRow) -> Result<Closing, VaultError> {
        check_id(request)?;
        let id = correction_id(request);
        let mut desk = self.desk();
        if desk.open.contains_key(&id) {
            return Err(VaultError::Closing);
        }
        self.take(&mut desk, 1, &id, 0, vec![row])?;
        drop(desk);
        self.close(&id).inspect_err(|_| {
            // A crash would leave as much: rows of a batch that nobody knows.
            let _ = self.abandon(&id);
        })
    }

    fn take(
        &self,
        desk: &mut Desk,
        threads: usize,
        id: &str,
        first_row: u64,
        rows: Vec<TokenRow>,
    ) -> Result<Staged, VaultError> {
        if self.store.room()? < LOAD_LOW_WATER_BYTES {
            return Err(VaultError::DiskFull);
        }
        let known = desk.open.get(id).map(|open| open.standing);
        let standing = known.map_or_else(|| self.begin(desk, id), Ok)?;
        let end = first_row.saturating_add(rows.len() as u64);
        let held = standing.held.max(end);
        let standing = Standing { held, ..standing };
        let inserted = self
            .insert(standing.number, first_row, rows, threads)
            .and_then(|left_out| {
                if !is_correction(id) {
                    self.store.set_note(&progress_key(id), Some(self.progress(standing)))?;
                }
                Ok(left_out)
            });
        match inserted {
            Ok(left_out) => {
                desk.open
                    .insert(id.to_owned(), Unfinished::new(standing, self.clock.now()));
                Ok(Staged {
                    rows_held: held,
                    left_out,
                    visible: false,
                })
            }
            Err(error) => {
                if known.is_none() {
                    self.forget(desk, id)?;
                }
                Err(error)
            }
        }
    }

    /// Rows of a load that is visible, or was and is replaced by now.
    fn rows_of_finished(&self, desk: &Desk, id: &str) -> Result<Option<u64>, VaultError> {
        if let Some(standing) = desk.finished.get(id) {
            return Ok(Some(standing.held));
        }
        if desk.open.contains_key(id) {
            return Ok(None);
        }
        let note = self.store.note(&done_key(id))?;
        Ok(note.as_deref().and_then(be64).map(|(held, _)| held))
    }

    /// Seals and inserts; gives back the indexes that were left out. In the order of keys: sled is twice as fast with
    /// neighbours. On several threads where there are enough rows: sealing is most of the work.
    fn insert(&self, number: u64, first_row: u64, rows: Vec<TokenRow>, threads: usize) -> Result<LeftOut, VaultError> {
        let epochs = self.epochs.all();
        let active = epochs.first().ok_or(Broken)?;
        let mut rows: Vec<Placed> = (first_row..)
            .zip(rows)
            .map(|(index, row)| Placed {
                person: active.row_key(RECORD, &row.token),
                index,
                row,
            })
            .collect();
        rows.sort_by_key(|placed| (placed.person, placed.index));
        let blocked = self.blocked.load();
        let left_out = rows.extract_if(.., |placed| blocked.contains(&placed.row.token));
        let mut left_out: Vec<u64> = left_out.map(|placed| placed.index).collect();
        left_out.sort_unstable();
        let mut duplicates = Vec::new();
        if threads == 1 || rows.len() < 128 {
            duplicates = self.insert_part(&epochs, number, &rows)?;
        } else {
            let part = rows.len().div_ceil(threads);
            let parts: Vec<Result<Vec<u64>, VaultError>> = std::thread::scope(|scope| {
                let epochs = &epochs;
                let run = |part| scope.spawn(move || self.insert_part(epochs, number, part));
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
        Ok(LeftOut {
            duplicates,
            blocked: left_out,
        })
    }

    fn insert_part(&self, epochs: &[Arc<Epoch>], number: u64, rows: &[Placed]) -> Result<Vec<u64>, VaultError> {
        let (active, before) = epochs.split_first().ok_or(Broken)?;
        let mut duplicates = Vec::new();
        for Placed { person, index, row } in rows {
            let key = row_key(person, number);
            let seal = || self.seal_row(active, person, number, *index, row);
            let held = match self.held(&key, before, number, &row.token)? {
                Some(held) => Some(held),
                None => self.store.insert_new(&key, seal()?)?.map(|value| (key.clone(), value)),
            };
            // Held by the same row: this chunk was sent before. By a lower one: the person occurs twice. By a higher
            // one: a crash kept that and not this, and it will be sent again.
            match held.and_then(|(at, value)| be64(&value).map(|(holder, _)| (at, holder))) {
                Some((_, holder)) if holder < *index => duplicates.push(*index),
                Some((at, holder)) if holder > *index => {
                    self.store.remove(&at)?;
                    self.store.insert_new(&key, seal()?)?;
                }
                _ => {}
            }
        }
        Ok(duplicates)
    }

    /// The row that holds the person's place in a batch, under whichever epoch.
    fn held(
        &self,
        key: &[u8],
        before: &[Arc<Epoch>],
        number: u64,
        token: &SubjectToken,
    ) -> Result<Option<Pair>, VaultError> {
        if let Some(value) = self.store.row(key)? {
            return Ok(Some((key.to_vec(), value)));
        }
        for epoch in before {
            let key = row_key(&epoch.row_key(RECORD, token), number);
            if let Some(value) = self.store.row(&key)? {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }
}

/// A row that is about to be inserted.
struct Placed {
    /// What the active epoch calls the person.
    person: [u8; 32],
    index: u64,
    row: TokenRow,
}
