//! The sweep: rows that no reader will see again are removed, a few at a time.
use super::{Pruned, Vault, VaultError, desk::Desk, place::split_key};
use std::{collections::BTreeSet, mem, ops::ControlFlow, sync::atomic::Ordering};

impl Vault {
    /// Removes rows that no reader will see again: replaced ones, and those of batches that were given up. Looks at
    /// `rows_max` rows, so that it can run between other work; call it until it is done. A round that is under way is
    /// finished before what changed meanwhile is looked at. Blocks.
    ///
    /// # Errors
    /// If the store fails. The round begins anew then.
    pub fn prune(&self, rows_max: usize) -> Result<Pruned, VaultError> {
        let mut desk = self.desk();
        // A copy of what the log knew when it began needs rows that were replaced since.
        if self.copies.load(Ordering::Acquire) {
            return Ok(Pruned { removed: 0, done: true });
        }
        let from = match desk.round.from.take() {
            Some(key) => key,
            None if mem::take(&mut desk.round.again) => {
                desk.round.unseen = self.visible.load().iter().copied().collect();
                Vec::new()
            }
            None => return Ok(Pruned { removed: 0, done: true }),
        };
        let (removed, next) = match self.step(&mut desk, &from, rows_max) {
            Ok(stepped) => stepped,
            Err(error) => {
                desk.round.again = true;
                return Err(error);
            }
        };
        if next.is_none() {
            // Visible when the round began, and not one row of it is read: every row was looked at since.
            desk.replaced = mem::take(&mut desk.round.unseen);
            let visible = self.visible.load();
            desk.replaced.retain(|number| visible.binary_search(number).is_ok());
        }
        desk.round.from = next;
        Ok(Pruned {
            removed,
            done: desk.round.from.is_none() && !desk.round.again,
        })
    }

    fn step(&self, desk: &mut Desk, from: &[u8], rows_max: usize) -> Result<(usize, Option<Vec<u8>>), VaultError> {
        let visible = self.visible.load();
        let open: BTreeSet<u64> = desk.open.values().map(|open| open.standing.number).collect();
        let alive = |number: u64| open.contains(&number) || number >= desk.next_number;
        let (mut dead, mut seen, mut next) = (Vec::new(), 0, None);
        // The newest visible row of the person at hand.
        let mut newest = None::<([u8; 32], u64)>;
        let unseen = &mut desk.round.unseen;
        self.store.keys_from(from, &mut |key| {
            seen += 1;
            let Some((token, number)) = split_key(key) else {
                return ControlFlow::Continue(());
            };
            let same = newest.is_some_and(|(other, _)| other == *token);
            if seen > rows_max && !same {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            if visible.binary_search(&number).is_ok() {
                match newest.replace((*token, number)) {
                    Some((_, older)) if same => dead.push([&token[..], &older.to_be_bytes()].concat()),
                    Some((_, read)) => drop(unseen.remove(&read)),
                    None => {}
                }
            } else if !alive(number) {
                dead.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        if let Some((_, read)) = newest {
            unseen.remove(&read);
        }
        for key in &dead {
            self.store.remove(key)?;
        }
        Ok((dead.len(), next))
    }
}
