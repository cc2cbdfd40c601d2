//! The log's key is rotated while the gateway serves: takes the steps that are due, and sees to it that each is in the log
//! and in a key list before the next.
use super::{AppError, keys::Publisher};
use crate::{
    audit::{Event, Log, Opened, note::VerifierKey},
    clock::{Clock, Time},
    crypto::Rng,
    domain::Method,
    facts::{Facts, Kind},
    keyring::{Keyring, KeyringError, LogKey, LogKeyTerms, State},
    limits::KEYRING_KEYS_MAX,
    rotation::{self, Due},
    state::{State as Rows, Table},
};
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};

/// Method name of entries that no call leads to.
const ROTATE: Method = Method("/tollgate.internal/RotateLogKey");
/// Steps of one look: after a long sleep of the machine more than one may be due.
const STEPS_AT_ONCE: usize = 4;
/// Steps that a follower may lag behind.
const EVENTS_HELD: usize = 16;

/// A step that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyStep {
    /// The key, as it is now.
    pub key: LogKey,
    /// When it was recorded.
    pub at: Time,
}

/// Rotates the log's key, for whoever may order that.
#[derive(Clone)]
pub struct LogKeys {
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    wake: Arc<Notify>,
    steps: broadcast::Sender<LogKeyStep>,
}

impl LogKeys {
    pub(super) fn new(keyring: Arc<Keyring>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self {
            keyring,
            clock,
            rng,
            wake: Arc::default(),
            steps: broadcast::channel(EVENTS_HELD).0,
        }
    }

    /// Begins: a new key is prepared, in the keyring when this returns, and published, signs and replaces the old one when
    /// its time has come.
    ///
    /// # Errors
    /// A rotation is under way.
    pub fn begin(&self, terms: LogKeyTerms) -> Result<(), KeyringError> {
        let keys = self.keyring.log_keys();
        let active = keys.iter().find(|key| key.state == State::Active);
        let active = active.ok_or(KeyringError::LogKeyGaveWay)?.id;
        self.keyring
            .prepare_log_key(active, terms, self.clock.now(), &*self.rng)?;
        self.look();
        Ok(())
    }

    /// Takes the prepared key back before it signs. Whether there was one.
    ///
    /// # Errors
    /// The keyring cannot be written.
    pub fn withdraw(&self) -> Result<bool, KeyringError> {
        let withdrawn = self.keyring.withdraw_log_key(&*self.rng)?;
        self.look();
        Ok(withdrawn)
    }

    /// Every key of the log, the oldest first.
    pub fn keys(&self) -> Vec<LogKey> {
        self.keyring.log_keys()
    }

    /// What is to be done next.
    pub fn due(&self) -> Due {
        rotation::due(&self.keys(), self.clock.now())
    }

    /// Each step from here on, once it is in the log.
    pub fn follow(&self) -> broadcast::Receiver<LogKeyStep> {
        self.steps.subscribe()
    }

    /// Takes what is due now, instead of within half a minute.
    pub fn look(&self) {
        self.wake.notify_one();
    }

    /// When somebody has asked to look.
    pub(super) async fn asked(&self) {
        self.wake.notified().await;
    }
}

/// The gateway's own part of it.
pub(super) struct LogKeyRotation {
    pub(super) keys: LogKeys,
    pub(super) state: Arc<dyn Rows>,
    pub(super) log: Log,
    pub(super) snapshot: [u8; 32],
}

impl LogKeyRotation {
    /// Records what the keyring has, publishes it, takes the next step, and again until nothing is due.
    pub(super) async fn keep_current(&self, publisher: &mut Publisher) -> Result<(), AppError> {
        let (now, rng) = (self.keys.clock.now(), &*self.keys.rng);
        for _ in 0..STEPS_AT_ONCE {
            if self.record().await? {
                publisher.renew_now();
            }
            publisher.keep_current().await?;
            let taken = match rotation::due(&self.keys.keys(), now) {
                Due::Activate => self.keys.keyring.activate_log_key(now, rng)?,
                Due::Retire => self.keys.keyring.retire_log_key(now, rng)?,
                Due::Nothing | Due::ActivateAt(_) | Due::RetireAt(_) => false,
            };
            if !taken {
                break;
            }
        }
        Ok(())
    }

    fn unrecorded(&self) -> Result<Vec<LogKey>, AppError> {
        unrecorded(&self.keys.keyring, &*self.state)
    }

    /// One entry for what has changed since the last. Whether anything has.
    async fn record(&self) -> Result<bool, AppError> {
        let new = self.unrecorded()?;
        if new.is_empty() {
            return Ok(false);
        }
        let mut facts = Facts::new(Kind::Keys, "gateway", ROTATE, self.snapshot);
        let said = new.iter().map(|key| self.said(key));
        facts.note = said.collect::<Vec<_>>().join("; ");
        facts.key_ids = new.iter().map(|key| key.id.to_string()).collect();
        facts.effects = new.iter().map(rotation::row).collect();
        self.log.append(Event::new(facts)).await?;
        tracing::info!(steps = new.len(), "the log key is being rotated");
        let at = self.keys.clock.now();
        for key in new {
            // Nobody may be following.
            let _ = self.keys.steps.send(LogKeyStep { key, at });
        }
        Ok(true)
    }

    fn said(&self, key: &LogKey) -> String {
        let (id, state) = (key.id, key.state.name());
        match key.state {
            // Whoever reads this in the log has it from the key that signs today.
            State::Prepared => {
                let verifier = VerifierKey::encode(self.log.origin(), &key.public_key);
                format!("log key {id} {state}: {verifier}")
            }
            _ => format!("log key {id} {state}"),
        }
    }
}

fn unrecorded(keyring: &Keyring, state: &dyn Rows) -> Result<Vec<LogKey>, AppError> {
    let rows = state.rows(Table::LogKey, &[], None, KEYRING_KEYS_MAX)?;
    Ok(rotation::unrecorded(&keyring.log_keys(), &rows)?)
}

/// Refuses a keyring that is older than the log, before anything is appended or anybody is answered.
pub(super) fn fits(keyring: &Keyring, opened: Opened) -> Result<Opened, AppError> {
    let Err(error) = unrecorded(keyring, &*opened.state) else {
        return Ok(opened);
    };
    // Whoever mends it finds the directory free.
    drop((opened.log, opened.state));
    match opened.worker.close() {
        Ok(()) => Err(error),
        Err(panicked) => Err(AppError::Server(format!("{error}; and {panicked}"))),
    }
}

#[cfg(test)]
mod tests;
