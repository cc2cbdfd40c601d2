//! The turn of an epoch: a new key wraps what is left, and the old one is destroyed.
//!
//! 1. A new epoch is active in the keyring; the old one opens, and wraps nothing more.
//! 2. Everybody who held a person's lock has let it go: nobody wraps by the old one any longer.
//! 3. Keys of people and erasures are moved, as effects of entries; then rows of the vault.
//! 4. Walked again until nothing is left to move.
//! 5. Vault on disk; the old key is destroyed.
//!
//! Cut off anywhere, it is begun again while there are two epochs, and passes over what was moved.
use super::{Erasing, Halt};
use crate::{
    app::AppError,
    audit::Event,
    domain::Method,
    erasure,
    facts::{Facts, Kind},
    keyring::Epoch,
    limits::{ERASURE_PAGE_ROWS, ERASURES_MAX, KEYS_MOVED_PER_ENTRY_MAX, TURN_REST_MS, TURN_ROWS},
    person,
    source::Walk,
    state::{Effect, Row, Table},
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

const TURN: Method = Method("/tollgate.internal/TurnEpoch");
/// Entries of moved keys that are on their way at once: they share syncs.
const ENTRIES_AT_ONCE: usize = 32;

/// What a turn did.
#[derive(Default)]
struct Moved {
    keys: u64,
    records: u64,
    /// Rows of the state that no epoch opens: damaged before, and ended with the old epoch at the latest.
    unreadable: u64,
}

impl Erasing {
    pub(super) async fn turn(&self) -> Result<(), Halt> {
        let gate = &self.gate;
        self.keyring.turn_epoch(gate.clock.now(), &*gate.rng)?;
        let epochs = gate.person_keys.epochs.all();
        let Some((active, before)) = epochs.split_first() else {
            return Ok(());
        };
        let ids: Vec<String> = before.iter().map(|epoch| epoch.id().to_string()).collect();
        let begins = format!("shred epoch {} active, {} tainted", active.id(), ids.join(" "));
        self.say("epoch-turning", begins).await?;
        gate.people.all_anew().await;
        self.remove_again().await?;
        let mut moved = Moved::default();
        while self.move_state(active, before, &mut moved).await? > 0 {}
        while self.move_records(&mut moved).await? > 0 {}
        let vault = Arc::clone(&gate.vault);
        let synced = tokio::task::spawn_blocking(move || vault.sync()).await;
        synced.map_err(|e| AppError::Server(e.to_string()))??;
        self.go_on()?;
        self.keyring.destroy_epochs(&*gate.rng)?;
        let ended = format!(
            "shred epoch {} destroyed: {} keys and {} records moved to {}, {} rows opened under none",
            ids.join(" "),
            moved.keys,
            moved.records,
            active.id(),
            moved.unreadable
        );
        self.say("epoch-turned", ended).await
    }

    async fn say(&self, outcome: &str, note: String) -> Result<(), Halt> {
        let mut facts = self.turn_facts(outcome);
        facts.note = note;
        self.gate.log.append(Event::new(facts)).await?;
        Ok(())
    }

    fn turn_facts(&self, outcome: &str) -> Facts {
        let mut facts = Facts::new(Kind::Keys, "gateway", TURN, self.gate.view.snapshot.hash());
        facts.outcomes = vec![outcome.to_owned()];
        facts
    }

    /// A crash may have come between a tombstone and its rows.
    async fn remove_again(&self) -> Result<(), Halt> {
        let waits = |s: &erasure::Standing| s.record.is_some_and(|record| record.destroyed.is_none());
        for standing in self.gate.erasing.register.page(None, ERASURES_MAX, waits) {
            self.go_on()?;
            if let Some(person) = standing.person {
                self.remove_rows(person).await?;
            }
        }
        Ok(())
    }

    /// One walk over the people's keys and the erasures; gives how many rows it moved.
    async fn move_state(&self, active: &Epoch, before: &[Arc<Epoch>], moved: &mut Moved) -> Result<u64, Halt> {
        let (mut count, mut entries) = (0, JoinSet::new());
        moved.unreadable = 0;
        for table in [Table::SubjectLink, Table::Erasure] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let rows = self.gate.state.rows(table, &[], after.as_deref(), ERASURE_PAGE_ROWS)?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                let effects = self.effects(table, active, before, &rows, moved);
                // A key is put at one place and removed at the other; an erasure keeps its place.
                count += effects.iter().filter(|effect| effect.value.is_some()).count() as u64;
                let each = match table {
                    // Rows with holds are larger than keys.
                    Table::Erasure => 1,
                    _ => 2 * KEYS_MOVED_PER_ENTRY_MAX,
                };
                for some in effects.chunks(each) {
                    self.go_on()?;
                    self.record(&mut entries, some.to_vec()).await?;
                }
            }
        }
        while let Some(recorded) = entries.join_next().await {
            recorded.map_err(|e| AppError::Server(e.to_string()))??;
        }
        moved.keys += count;
        Ok(count)
    }

    fn effects(
        &self,
        table: Table,
        active: &Epoch,
        before: &[Arc<Epoch>],
        rows: &[Row],
        moved: &mut Moved,
    ) -> Vec<Effect> {
        let rng = &*self.gate.rng;
        let mut effects = Vec::new();
        for row in rows {
            let found = match table {
                Table::Erasure => erasure::moved(rng, before, active, row).map(|e| e.into_iter().collect()),
                _ => person::moved(rng, before, active, &row.0, &row.1),
            };
            match found {
                Ok(found) => effects.extend::<Vec<Effect>>(found),
                Err(_) => moved.unreadable += 1,
            }
        }
        effects
    }

    async fn record(
        &self,
        entries: &mut JoinSet<Result<(), crate::refusal::NotRecorded>>,
        effects: Vec<Effect>,
    ) -> Result<(), Halt> {
        if entries.len() >= ENTRIES_AT_ONCE
            && let Some(recorded) = entries.join_next().await
        {
            recorded.map_err(|e| AppError::Server(e.to_string()))??;
        }
        let mut facts = self.turn_facts("keys-moved");
        facts.effects = effects;
        let log = self.gate.log.clone();
        entries.spawn(async move { log.append(Event::new(facts)).await.map(drop) });
        Ok(())
    }

    /// One walk over the vault; gives how many rows it moved.
    async fn move_records(&self, moved: &mut Moved) -> Result<u64, Halt> {
        let mut walk = Walk::default();
        while !walk.done {
            self.go_on()?;
            let vault = Arc::clone(&self.gate.vault);
            let stepped = tokio::task::spawn_blocking(move || {
                vault.rewrap(&mut walk, TURN_ROWS)?;
                Ok::<_, crate::source::VaultError>(walk)
            });
            walk = stepped.await.map_err(|e| AppError::Server(e.to_string()))??;
            if !walk.done {
                tokio::time::sleep(Duration::from_millis(TURN_REST_MS)).await;
            }
        }
        moved.records += walk.moved;
        Ok(walk.moved)
    }
}
