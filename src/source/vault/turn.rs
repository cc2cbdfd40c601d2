//! Rows of people who leave, and rows that come under another epoch.
use super::{
    Vault, VaultError,
    desk::Round,
    place::{RECORD, SENTINEL, sentinel_number, sentinel_place},
};
use crate::{crypto::Broken, domain::SubjectToken, keyring::Epoch};
use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

/// A walk over all rows that brings each under the active epoch, in small steps. A walk that was cut off is begun anew:
/// what was moved is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Where it goes on; nothing once it has ended.
    from: Vec<u8>,
    /// Rows that were moved.
    pub moved: u64,
    /// It has come to the end.
    pub done: bool,
}

impl Vault {
    /// From now on nobody reads this person's rows, and none are added.
    pub fn block(&self, people: impl IntoIterator<Item = SubjectToken>) {
        let people: Vec<SubjectToken> = people.into_iter().collect();
        self.blocked.rcu(|blocked| {
            let mut blocked = HashSet::clone(blocked);
            blocked.extend(people.iter().copied());
            blocked
        });
    }

    /// Nothing is known of this person any more: whoever loads a record of theirs begins anew.
    pub fn unblock(&self, person: &SubjectToken) {
        self.blocked.rcu(|blocked| {
            let mut blocked = HashSet::clone(blocked);
            blocked.remove(person);
            blocked
        });
    }

    /// Whether nobody reads this person's rows.
    pub fn is_blocked(&self, person: &SubjectToken) -> bool {
        self.blocked.load().contains(person)
    }

    /// Removes all rows of a person, of batches that are not visible too; gives their number. On disk when this returns.
    /// Their bytes stay in the store's file until their epoch is destroyed. Blocks.
    ///
    /// # Errors
    /// If the store fails: call it again.
    pub fn remove(&self, person: &SubjectToken) -> Result<usize, VaultError> {
        let mut desk = self.desk();
        // A copy that is being made is no copy any more.
        self.removals.fetch_add(1, Ordering::AcqRel);
        let mut keys = Vec::new();
        for epoch in self.epochs.all().iter() {
            self.store.newest_first(&epoch.row_key(RECORD, person), &mut |key, _| {
                keys.push(key.to_vec());
                ControlFlow::Continue(())
            })?;
        }
        for key in &keys {
            self.store.remove(key)?;
        }
        // A correction's batch has no row any more: a round finds it.
        desk.round.again = true;
        self.store.sync()?;
        Ok(keys.len())
    }

    /// Looks at `rows_max` rows of the walk, and moves those that an epoch before wraps. Loads wait for it. Blocks.
    ///
    /// # Errors
    /// If the store fails; the walk can go on.
    pub fn rewrap(&self, walk: &mut Walk, rows_max: usize) -> Result<(), VaultError> {
        // Whoever adds a row holds the desk, and took the active epoch after that.
        let mut desk = self.desk();
        let moved_before = walk.moved;
        let epochs = self.epochs.all();
        let (active, before) = epochs.split_first().ok_or(Broken)?;
        let mut keys = Vec::with_capacity(rows_max);
        self.store.keys_from(&walk.from, &mut |key| {
            keys.push(key.to_vec());
            match keys.len() < rows_max {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        for key in &keys {
            walk.moved += u64::from(self.move_row(key, before, active)?);
        }
        match keys.pop().filter(|_| keys.len() + 1 >= rows_max) {
            // The least key that is greater.
            Some(last) => walk.from = [&last[..], &[0]].concat(),
            None => {
                walk.moved += self.move_sentinels(before, active)?;
                walk.done = true;
            }
        }
        if walk.moved > moved_before {
            // A row that went from before a round to behind it would be met by nobody, and its batch be taken for empty.
            desk.round = Round {
                again: true,
                ..Round::default()
            };
        }
        Ok(())
    }

    /// Written there before it goes here: a reader who looks here first misses nothing.
    fn move_row(&self, key: &[u8], before: &[Arc<Epoch>], active: &Epoch) -> Result<bool, VaultError> {
        let Some(value) = self.store.row(key)? else {
            return Ok(false);
        };
        for epoch in before {
            if let Some((there, value)) = self.rewrapped(epoch, active, key, &value)? {
                // What stands there already is the same row, of a walk that was cut off between the two.
                self.store.insert_new(&there, value)?;
                self.store.remove(key)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn move_sentinels(&self, before: &[Arc<Epoch>], active: &Epoch) -> Result<u64, VaultError> {
        let mut moved = 0;
        for (key, boxed) in self.store.notes(SENTINEL)? {
            let Some(number) = sentinel_number(&key) else { continue };
            let place = sentinel_place(number);
            if let Some(plain) = before.iter().find_map(|epoch| epoch.open(&place, &boxed).ok()) {
                self.store
                    .set_note(&key, Some(active.seal(&*self.rng, &place, plain)?))?;
                moved += 1;
            }
        }
        Ok(moved)
    }
}
