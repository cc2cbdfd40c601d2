//! The log's keys: one follows another while the log goes on, or with the next period where one is not trusted any more.
//!
//! ```text
//! Prepare: published ── Activate: both sign ── Revoke: the old one's private half is destroyed, its public half stays
//! ```
//!
//! The key that gives way is tainted while both sign: it signs beside the new one, so that whoever knows only one of them
//! still verifies. What a key signed is verified for as long as its periods are listed. A key that somebody may have
//! copied never signs beside another one: the period ends, and the next one begins under a key of its own.
use super::{
    Class, KeyId, Keyring, KeyringError, Ring, State,
    key::{Key, Material},
};
use crate::{
    audit::{
        LogSigners,
        note::{NoteError, VerifierKey, period_origin},
    },
    clock::Time,
    crypto::{Rng, Signer},
    limits::{KEYRING_KEYS_MAX, LOG_KEY_AHEAD_S_MIN, LOG_KEY_OVERLAP_S_MIN, LOG_KEY_STEP_S_MAX, LOG_KEYS_MAX},
};
use std::sync::Arc;

/// How long a new log key is published before it signs, and how long the old one signs beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogKeyTerms {
    ahead_s: i64,
    overlap_s: i64,
}

impl LogKeyTerms {
    /// In seconds, each within its bounds.
    ///
    /// # Errors
    /// Shorter than a key list lives, or longer than ninety days.
    pub fn new(ahead_s: i64, overlap_s: i64) -> Result<Self, KeyringError> {
        let fits = (LOG_KEY_AHEAD_S_MIN..=LOG_KEY_STEP_S_MAX).contains(&ahead_s)
            && (LOG_KEY_OVERLAP_S_MIN..=LOG_KEY_STEP_S_MAX).contains(&overlap_s);
        match fits {
            true => Ok(Self { ahead_s, overlap_s }),
            false => Err(KeyringError::LogKeyTerms),
        }
    }

    /// How long the new key is published before it signs, in seconds.
    pub fn ahead_s(self) -> i64 {
        self.ahead_s
    }

    /// How long the old one signs beside it, in seconds.
    pub fn overlap_s(self) -> i64 {
        self.overlap_s
    }
}

/// One log key, without its private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// Its name.
    pub id: KeyId,
    /// Counts from 1.
    pub version: u32,
    /// Where it stands in its life.
    pub state: State,
    /// Its public half.
    pub public_key: [u8; 32],
    /// When it begins to sign, or began to.
    pub not_before: Time,
    /// Of a tainted key: until when it signs beside its successor.
    pub not_after: Time,
    /// It belongs to the next period: nobody who has a key of this one has to trust it.
    pub of_next_period: bool,
}

impl Keyring {
    /// The keys that sign checkpoints, as they are at any moment.
    pub fn log_signers(&self) -> Arc<LogSigners> {
        Arc::clone(&self.log)
    }

    /// The active one of them.
    pub fn log_signer(&self) -> Result<Arc<dyn Signer>, KeyringError> {
        let ring = self.ring();
        let active = ring.active(Class::Log).and_then(Key::log_signer);
        active.ok_or(KeyringError::Incomplete("there is no active log key"))
    }

    /// The keys that sign the next period: these, or the one that was prepared because these are not trusted any more.
    pub fn next_log_signers(&self) -> Arc<LogSigners> {
        let (ring, next) = (self.ring(), self.period() + 1);
        let of_next = ring.keys.iter().find(|key| begins_with(key, next));
        match of_next.and_then(Key::log_signer) {
            Some(signer) => LogSigners::single(signer),
            None => self.log_signers(),
        }
    }

    /// What the log of one period is verified with, also when it is over. `name` is that of the first period.
    ///
    /// # Errors
    /// `name` cannot name a log, or no key signed that period.
    pub fn log_verifier(&self, name: &str, period: u32) -> Result<VerifierKey, NoteError> {
        let ring = self.ring();
        let keys: Vec<_> = ring.keys.iter().filter_map(|key| key.log_public_in(period)).collect();
        VerifierKey::of_keys(&period_origin(name, period), &keys)
    }

    /// Every log key, the oldest first.
    pub fn log_keys(&self) -> Vec<LogKey> {
        let at = |seconds: i64| Time(seconds.saturating_mul(1_000));
        let (ring, period) = (self.ring(), self.period());
        let keys = ring.keys.iter().filter_map(|key| {
            Some(LogKey {
                public_key: key.log_public()?,
                id: key.id,
                version: key.version,
                state: key.state,
                not_before: at(key.not_before_s),
                not_after: at(key.not_after_s),
                of_next_period: key.first_period > period,
            })
        });
        keys.collect()
    }

    /// A new log key, to be published, that follows the active key `giving_way`. On disk before this returns.
    ///
    /// # Errors
    /// `giving_way` is not the active one, or a rotation is under way: then nothing is changed.
    pub fn prepare_log_key(
        &self,
        giving_way: KeyId,
        terms: LogKeyTerms,
        now: Time,
        rng: &dyn Rng,
    ) -> Result<(), KeyringError> {
        let period = self.period();
        self.change(rng, |ring| {
            if ring.active(Class::Log).is_none_or(|key| key.id != giving_way) {
                return Err(KeyringError::LogKeyGaveWay);
            }
            if ring.log_key(State::Prepared).is_some() || ring.log_key(State::Tainted).is_some() {
                return Err(KeyringError::LogKeyRotating);
            }
            let mut next = ring.next_log_key(period, now, rng)?;
            next.not_before_s = now.seconds().saturating_add(terms.ahead_s);
            next.not_after_s = next.not_before_s.saturating_add(terms.overlap_s);
            ring.keys.push(next);
            Ok(Some(()))
        })
        .map(drop)
    }

    /// The prepared key signs from now on, and the one before signs beside it. Whether it was time for that.
    pub fn activate_log_key(&self, now: Time, rng: &dyn Rng) -> Result<bool, KeyringError> {
        let period = self.period();
        let changed = self.change(rng, |ring| {
            let due = |key: &Key| key.first_period <= period && key.not_before_s <= now.seconds();
            let Some(id) = ring.log_key(State::Prepared).filter(|key| due(key)).map(|key| key.id) else {
                return Ok(None);
            };
            let mut overlap_s = LOG_KEY_OVERLAP_S_MIN;
            for key in ring.keys.iter_mut().filter(|key| key.id == id) {
                overlap_s = overlap_s.max(key.not_after_s.saturating_sub(key.not_before_s));
                (key.state, key.not_before_s, key.not_after_s) = (State::Active, now.seconds(), 0);
            }
            let before = |key: &&mut Key| key.is(Class::Log, State::Active) && key.id != id;
            for key in ring.keys.iter_mut().filter(before) {
                key.state = State::Tainted;
                key.not_after_s = now.seconds().saturating_add(overlap_s);
            }
            Ok(Some(()))
        });
        Ok(changed?.is_some())
    }

    /// Destroys the private half of the key that signed beside the active one. Whether it was time for that.
    pub fn retire_log_key(&self, now: Time, rng: &dyn Rng) -> Result<bool, KeyringError> {
        self.silence(rng, |key| {
            key.state == State::Tainted && key.not_after_s <= now.seconds()
        })
    }

    /// Takes a prepared key back before it has signed anything. Whether there was one.
    pub fn withdraw_log_key(&self, rng: &dyn Rng) -> Result<bool, KeyringError> {
        let period = self.period();
        self.silence(rng, |key| key.state == State::Prepared && key.first_period <= period)
    }

    /// A key for the next period alone, because those of this one are not trusted any more. Twice makes it once.
    pub fn prepare_log_key_of_next_period(&self, now: Time, rng: &dyn Rng) -> Result<(), KeyringError> {
        let next = self.period() + 1;
        self.change(rng, |ring| {
            if ring.keys.iter().any(|key| begins_with(key, next)) {
                return Ok(None);
            }
            let key = ring.next_log_key(next, now, rng)?;
            ring.keys.push(key);
            Ok(Some(()))
        })
        .map(drop)
    }

    fn silence(&self, rng: &dyn Rng, which: impl Fn(&Key) -> bool) -> Result<bool, KeyringError> {
        let period = self.period();
        let changed = self.change(rng, |ring| {
            let mut any = false;
            for key in ring.keys.iter_mut().filter(|key| key.class == Class::Log && which(key)) {
                any |= silence(key, period);
            }
            Ok(any.then_some(()))
        });
        Ok(changed?.is_some())
    }
}

impl Ring {
    /// The active key first, then the one that signs beside it; and who else is of this period.
    pub(super) fn log_signers(&self) -> Result<LogSigners, KeyringError> {
        let active = self.active(Class::Log).and_then(Key::log_signer);
        let active = active.ok_or(KeyringError::Incomplete("there is no active log key"))?;
        let beside = self.keys.iter().filter(|key| key.is(Class::Log, State::Tainted));
        let signing = std::iter::once(active).chain(beside.filter_map(Key::log_signer));
        let period = self.active(Class::PeriodDetail).map_or(1, |key| key.version);
        let silent = self
            .keys
            .iter()
            .filter(|key| matches!(key.state, State::Prepared | State::Revoked));
        let silent = silent.filter_map(|key| key.log_public_in(period));
        Ok(LogSigners::new(signing.collect(), silent.collect()))
    }

    /// With the period of its own, a key that was prepared for it takes over, and no other one signs any more.
    pub(super) fn log_key_takes_over(&mut self, period: u32) {
        let Some(id) = self.keys.iter().find(|key| begins_with(key, period)).map(|key| key.id) else {
            return;
        };
        for key in self.keys.iter_mut().filter(|key| key.class == Class::Log) {
            match key.id == id {
                true => key.state = State::Active,
                false => drop(silence(key, period.saturating_sub(1))),
            }
        }
    }

    fn log_key(&self, state: State) -> Option<&Key> {
        self.keys.iter().find(|key| key.is(Class::Log, state))
    }

    /// Prepared, from this period on.
    fn next_log_key(&self, first_period: u32, now: Time, rng: &dyn Rng) -> Result<Key, KeyringError> {
        // A key that can be copied never follows one that cannot.
        if self
            .active(Class::Log)
            .is_some_and(|key| key.material.token_key().is_some())
        {
            return Err(KeyringError::LogKeyInToken);
        }
        let of_log = || self.keys.iter().filter(|key| key.class == Class::Log);
        let of_period = of_log().filter(|key| key.log_public_in(first_period).is_some());
        if self.keys.len() >= KEYRING_KEYS_MAX || of_period.count() >= LOG_KEYS_MAX {
            return Err(KeyringError::Full);
        }
        let newest = of_log().map(|key| key.version).max().unwrap_or(0);
        let mut key = Key::single(Class::Log, now, rng, None)?;
        (key.state, key.version, key.first_period) = (State::Prepared, newest.saturating_add(1), first_period);
        Ok(key)
    }
}

fn begins_with(key: &Key, period: u32) -> bool {
    key.is(Class::Log, State::Prepared) && key.first_period == period
}

/// Nothing can sign with it from here on. Whether anything could before.
fn silence(key: &mut Key, last_period: u32) -> bool {
    let Some(public) = key.log_public().filter(|_| key.state != State::Revoked) else {
        return false;
    };
    (key.state, key.last_period) = (State::Revoked, last_period);
    key.material = Material::LogPublic(public);
    true
}

#[cfg(test)]
mod tests;
