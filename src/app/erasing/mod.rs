//! Erasures on their way: what is due is removed, and within the day the epoch is turned, which ends old bytes.
//!
//! Every step is an entry before it is done, or is done again after a crash: a tombstone is recorded before the first row
//! goes, an erasure counts as done when the epoch that it waits for is no longer in the keyring. A task of its own.
mod provision;
mod turn;

use super::AppError;
use crate::{
    audit::Event,
    consent,
    crypto::Broken,
    domain::{Method, SubjectToken},
    erasure::{Shred, Stage, Standing},
    facts::{Facts, Kind},
    keyring::Keyring,
    limits::{CALL_MS_MAX, EPOCH_TURN_MS, ERASURES_MAX},
    person,
    pipeline::Gate,
    state::{Effect, REMOVED, Table},
    subject_request,
};
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const ERASE: Method = Method("/tollgate.internal/Erase");
/// How often what is due is looked for, beside when something has changed.
const TICK: Duration = Duration::from_secs(30);

/// The task and what it works on.
pub(super) struct Erasing {
    pub(super) gate: Arc<Gate>,
    pub(super) keyring: Arc<Keyring>,
    /// How long what was told stays provable.
    pub(super) provision_ms: i64,
    pub(super) stop: CancellationToken,
}

/// Why a round ended early.
enum Halt {
    /// The gateway stops; the next one goes on.
    Stopping,
    /// It is tried again at the next tick.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Halt::Failed(error.into())
    }
}

impl Erasing {
    /// Until the stop.
    pub(super) async fn run(self) -> Result<(), AppError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.gate.erasing.awake() => {}
                () = self.stop.cancelled() => return Ok(()),
            }
            match self.round().await {
                Ok(()) => {}
                Err(Halt::Stopping) => return Ok(()),
                // Whoever is to be erased stays blocked meanwhile.
                Err(Halt::Failed(error)) => tracing::error!(%error, "an erasure did not go on; it is tried again"),
            }
        }
    }

    async fn round(&self) -> Result<(), Halt> {
        let at_once = self.gate.erasing.take_at_once();
        if self.gate.person_keys.epochs.is_turning() {
            self.turn().await?;
        }
        self.finish().await?;
        self.each(|s, now| s.record_is_due(now.clock.now()), Self::remove_record)
            .await?;
        self.each(Self::wants_provision, Self::find_provision).await?;
        self.each(|s, now| s.link_is_due(now.clock.now()), Self::remove_link)
            .await?;
        let Some(since) = self.gate.erasing.register.waits_since() else {
            return Ok(());
        };
        if at_once || self.gate.clock.now().since(since) >= EPOCH_TURN_MS {
            self.turn().await?;
            self.finish().await?;
        }
        Ok(())
    }

    /// One after the other, each under the person's lock and as it stands then.
    async fn each(
        &self,
        due: impl Fn(&Standing, &Gate) -> bool,
        step: impl AsyncFn(&Self, SubjectToken, Standing) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let register = &self.gate.erasing.register;
        for standing in register.page(None, ERASURES_MAX, |standing| due(standing, &self.gate)) {
            self.go_on()?;
            let Some(person) = standing.person else { continue };
            let _lock = self.gate.people.lock(&person).await;
            if let Some(standing) = register.of(&person).filter(|standing| due(standing, &self.gate)) {
                step(self, person, standing).await?;
            }
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), Halt> {
        match self.stop.is_cancelled() {
            true => Err(Halt::Stopping),
            false => Ok(()),
        }
    }

    /// An open dispute holds what it is about. Asked under the person's lock, which its opening takes too.
    fn is_disputed(&self, person: &SubjectToken) -> Result<bool, Halt> {
        let link = person::load(&*self.gate.state, &self.gate.person_keys.epochs, person)?;
        let disputed = link.map(|link| subject_request::is_disputed(&*self.gate.state, &link));
        Ok(disputed.transpose()?.unwrap_or(false))
    }

    /// The tombstone first: once it is recorded, a start does not miss the rows.
    async fn remove_record(&self, person: SubjectToken, mut standing: Standing) -> Result<(), Halt> {
        if self.is_disputed(&person)? {
            return Ok(());
        }
        standing.record = Some(self.shred()?);
        let count = self.gate.state.row(Table::Shredding, REMOVED)?;
        let count = count
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_be_bytes);
        let counted = Effect::put(Table::Shredding, REMOVED, count.saturating_add(1).to_be_bytes());
        let mut facts = self.facts("record-removed", &standing);
        self.name(&mut facts, person)?;
        self.keep(facts, &standing, vec![counted]).await?;
        self.remove_rows(person).await
    }

    async fn remove_rows(&self, person: SubjectToken) -> Result<(), Halt> {
        let vault = Arc::clone(&self.gate.vault);
        let removed = tokio::task::spawn_blocking(move || vault.remove(&person)).await;
        removed.map_err(|e| AppError::Server(e.to_string()))??;
        Ok(())
    }

    /// Calls that were under way when it was requested have ended, so no provision is missed.
    fn wants_provision(standing: &Standing, gate: &Gate) -> bool {
        let removed = matches!(standing.stage(), Stage::RecordRemoved | Stage::RecordErased);
        let over = |at| gate.clock.now().since(at) >= CALL_MS_MAX.cast_signed();
        removed && standing.link_until.is_none() && standing.requested.is_some_and(over)
    }

    async fn find_provision(&self, person: SubjectToken, mut standing: Standing) -> Result<(), Halt> {
        let Some(link) = person::load(&*self.gate.state, &self.gate.person_keys.epochs, &person)? else {
            return Err(Halt::from(Broken));
        };
        let last = self.last_provision(person, &link.details()).await?;
        let now = self.gate.clock.now();
        standing.link_until = Some(last.map_or(now, |last| last.plus_ms(self.provision_ms)));
        let mut facts = self.facts("provision-found", &standing);
        facts.note = match last {
            Some(_) => format!(
                "{}: the link is kept until what was told need not be provable",
                facts.note
            ),
            None => format!("{}: nothing was told that must be provable", facts.note),
        };
        self.name(&mut facts, person)?;
        self.keep(facts, &standing, Vec::new()).await
    }

    /// Consents, then the key that they, and all entries about the person, are under. From here on nobody is named.
    async fn remove_link(&self, person: SubjectToken, mut standing: Standing) -> Result<(), Halt> {
        if self.is_disputed(&person)? {
            return Ok(());
        }
        let epochs = &self.gate.person_keys.epochs;
        while let Some(link) = person::load(&*self.gate.state, epochs, &person)? {
            let gone = consent::forget(&*self.gate.state, &link)?;
            if gone.is_empty() {
                break;
            }
            let mut facts = self.facts("consents-removed", &standing);
            facts.effects = gone;
            self.gate.log.append(Event::new(facts)).await?;
            self.go_on()?;
        }
        standing.link = Some(self.shred()?);
        standing.person = None;
        standing.holds.clear();
        let facts = self.facts("link-removed", &standing);
        self.keep(facts, &standing, person::remove(epochs, &person)).await?;
        self.gate.vault.unblock(&person);
        Ok(())
    }

    /// What waited for an epoch that is gone is erased: the `Erased` entry, which names nobody.
    async fn finish(&self) -> Result<(), Halt> {
        let epochs = self.gate.person_keys.epochs.all();
        let now = self.gate.clock.now();
        let over = |shred: &Shred| shred.destroyed.is_none() && epochs.iter().all(|epoch| epoch.id() != shred.epoch);
        let ended = |s: &Standing| [s.record, s.link].iter().flatten().any(over);
        let register = &self.gate.erasing.register;
        for mut standing in register.page(None, ERASURES_MAX, ended) {
            self.go_on()?;
            // Nobody else changes a standing whose person is gone; those with a person are changed under their lock.
            let _lock = match standing.person {
                Some(person) => self.gate.people.lock(&person).await,
                None => None,
            };
            standing = match standing.person {
                Some(person) => register.of(&person).unwrap_or(standing),
                None => standing,
            };
            let mut what = Vec::new();
            let mut by = String::new();
            for (shred, name) in [(&mut standing.record, "record"), (&mut standing.link, "link")] {
                if let Some(shred) = shred.as_mut().filter(|shred| over(shred)) {
                    shred.destroyed = Some(now);
                    by = shred.epoch.to_string();
                    what.push(name);
                }
            }
            let mut facts = self.facts("erased", &standing);
            facts.note = format!(
                "{}: {} erased, shred epoch {by} is destroyed",
                facts.note,
                what.join(" and ")
            );
            facts.count = 1;
            self.keep(facts, &standing, Vec::new()).await?;
        }
        Ok(())
    }

    fn shred(&self) -> Result<Shred, Broken> {
        Ok(Shred {
            removed: self.gate.clock.now(),
            epoch: self.gate.person_keys.epochs.active()?.id(),
            destroyed: None,
        })
    }

    fn facts(&self, outcome: &str, standing: &Standing) -> Facts {
        let id: String = standing.id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut facts = Facts::new(Kind::Records, "gateway", ERASE, self.gate.view.snapshot.hash());
        facts.outcomes = vec![outcome.to_owned()];
        facts.note = format!("erasure {id}");
        facts
    }

    /// The person's own key holds what names them.
    fn name(&self, facts: &mut Facts, person: SubjectToken) -> Result<(), Halt> {
        let gate = &self.gate;
        person::know(&*gate.state, &gate.person_keys.epochs, &*gate.rng, person)?.note(facts);
        Ok(())
    }

    /// Records how it stands, then lets it count.
    async fn keep(&self, mut facts: Facts, standing: &Standing, also: Vec<Effect>) -> Result<(), Halt> {
        let complete = standing.link.is_some_and(|link| link.destroyed.is_some());
        let row = match complete {
            true => standing.gone(),
            false => standing.row(&*self.gate.rng, &*self.gate.person_keys.epochs.active()?)?,
        };
        facts.effects.extend(also);
        facts.effects.push(row);
        self.gate.log.append(Event::new(facts)).await?;
        self.gate.stands(standing, complete);
        Ok(())
    }
}
