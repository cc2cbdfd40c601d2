//! What there is to say of keys, and the rotation that people order. Never the keys themselves.
use super::{Class, KeyId, Keyring, KeyringError, Rotation, State, rotation};
use crate::{
    clock::Time,
    crypto::{Rng, Suite},
};

/// One key, without its material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// What it is for.
    pub class: Class,
    /// Its name.
    pub id: KeyId,
    /// Counts from 1 within its class, of exchange keys within its suite.
    pub version: u32,
    /// Where it stands in its life.
    pub state: State,
    /// Of exchange keys.
    pub suite: Option<Suite>,
    /// When it was made.
    pub created: Time,
    /// Start of its use.
    pub not_before: Time,
    /// End of sealing to it, where it ends by time.
    pub not_after: Option<Time>,
}

impl Keyring {
    /// Every key, in the order of the file.
    pub fn status(&self) -> Vec<KeyStatus> {
        let at = |seconds: i64| Time(seconds.saturating_mul(1_000));
        let ring = self.ring();
        let status = ring.keys.iter().map(|key| KeyStatus {
            class: key.class,
            id: key.id,
            version: key.version,
            state: key.state,
            suite: key.suite(),
            created: at(key.created_s),
            not_before: at(key.not_before_s),
            not_after: (key.not_after_s != 0).then(|| at(key.not_after_s)),
        });
        status.collect()
    }

    /// The exchange keys that are in use.
    pub fn exchange_keys_in_use(&self) -> Vec<KeyId> {
        let all = self.status().into_iter();
        let used = all.filter(|key| key.class == Class::Exchange && key.state == State::Active);
        used.map(|key| key.id).collect()
    }

    /// Whether this is an exchange key that still does something.
    pub fn may_revoke(&self, id: &KeyId) -> bool {
        let mut all = self.status().into_iter();
        all.any(|key| key.id == *id && key.class == Class::Exchange && key.state != State::Revoked)
    }

    /// The exchange keys of these ids that are in use give way to new ones, and open what is under way. `None` if none
    /// of them is in use any more: then it was done before. On disk before this returns; sign a new key list after it.
    pub fn retire_exchange(&self, ids: &[KeyId], now: Time, rng: &dyn Rng) -> Result<Option<Rotation>, KeyringError> {
        self.change(rng, |ring| {
            let mut changes = rotation::retire(&mut ring.keys, ids, now);
            if changes.is_empty() {
                return Ok(None);
            }
            changes.extend(rotation::sweep(&mut ring.keys, now, rng)?);
            Ok(Some(Rotation { changes }))
        })
    }
}
