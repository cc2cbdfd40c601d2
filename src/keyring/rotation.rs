//! The calendar of exchange keys, as a pure sweep: Prepare → Activate → Taint → Destroy, or Revoke at once.
//!
//! At any time each suite has one active key. Its successor is published `EXCHANGE_KEY_PREPARE_S` before it takes over;
//! the old one opens `EXCHANGE_KEY_OPENS_S` longer and is then destroyed.
use super::{Class, KeyId, KeyringError, State, key::Key};
use crate::{
    clock::Time,
    crypto::{Rng, Suite},
    limits::{EXCHANGE_KEY_ACTIVE_S, EXCHANGE_KEY_PREPARE_S, KEYRING_KEYS_MAX},
};
use std::fmt;

/// What a rotation did, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// In order.
    pub changes: Vec<Change>,
}

/// One key's step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which key.
    pub key_id: KeyId,
    /// Its suite.
    pub suite: Suite,
    /// Its new state; `None`: destroyed.
    pub state: Option<State>,
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, change) in self.changes.iter().enumerate() {
            let state = change.state.map_or("destroyed", State::name);
            let comma = if n == 0 { "" } else { ", " };
            write!(
                f,
                "{comma}exchange key {} ({}) {state}",
                change.key_id,
                change.suite.name()
            )?;
        }
        Ok(())
    }
}

/// Brings every key to the state that `now` asks for. Twice at one time changes nothing the second time.
pub(super) fn sweep(keys: &mut Vec<Key>, now: Time, rng: &dyn Rng) -> Result<Vec<Change>, KeyringError> {
    let mut changes = Vec::new();
    destroy_what_is_over(keys, now, &mut changes);
    for suite in [Suite::XWing, Suite::X25519] {
        taint_and_activate(keys, suite, now, &mut changes);
        let end_s = match keys.iter().find(|key| key.suite() == Some(suite) && key.may_seal(now)) {
            Some(active) => active.not_after_s,
            None => {
                let span = (now.seconds(), now.seconds() + EXCHANGE_KEY_ACTIVE_S);
                add(keys, suite, State::Active, now, span, rng, &mut changes)?;
                span.1
            }
        };
        let prepared = keys.iter().any(|key| is(key, suite, State::Prepared));
        if !prepared && now.seconds() >= end_s - EXCHANGE_KEY_PREPARE_S {
            let span = (end_s, end_s + EXCHANGE_KEY_ACTIVE_S);
            add(keys, suite, State::Prepared, now, span, rng, &mut changes)?;
        }
    }
    Ok(changes)
}

/// `None` if there is no such exchange key that is not revoked already.
pub(super) fn revoke(keys: &mut [Key], key_id: &KeyId) -> Option<Vec<Change>> {
    let key = keys
        .iter_mut()
        .find(|key| key.id == *key_id && key.class == Class::Exchange && key.state != State::Revoked)?;
    key.state = State::Revoked;
    Some(vec![change(key, Some(State::Revoked))?])
}

/// The keys of these ids that are in use give way now: what was prepared, or a new one, takes over with the next sweep.
/// They open for as long after this moment as after any other end. Twice changes nothing the second time.
pub(super) fn retire(keys: &mut [Key], ids: &[KeyId], now: Time) -> Vec<Change> {
    let (mut changes, mut suites) = (Vec::new(), Vec::new());
    for key in keys.iter_mut().filter(|key| ids.contains(&key.id)) {
        if let Some(suite) = key.suite().filter(|suite| is(key, *suite, State::Active)) {
            key.state = State::Tainted;
            key.not_after_s = key.not_after_s.min(now.seconds());
            changes.extend(change(key, Some(State::Tainted)));
            suites.push(suite);
        }
    }
    for key in keys.iter_mut().filter(|key| key.state == State::Prepared) {
        if key.suite().is_some_and(|suite| suites.contains(&suite)) {
            key.not_before_s = key.not_before_s.min(now.seconds());
        }
    }
    changes
}

fn destroy_what_is_over(keys: &mut Vec<Key>, now: Time, changes: &mut Vec<Change>) {
    let over = |key: &Key| {
        key.class == Class::Exchange
            && (key.is_over(now) || key.state == State::Revoked && key.not_after_s <= now.seconds())
    };
    changes.extend(keys.iter().filter(|key| over(key)).filter_map(|key| change(key, None)));
    keys.retain(|key| !over(key));
}

fn taint_and_activate(keys: &mut [Key], suite: Suite, now: Time, changes: &mut Vec<Change>) {
    for key in keys.iter_mut() {
        let next = if is(key, suite, State::Active) && key.not_after_s <= now.seconds() {
            State::Tainted
        } else if is(key, suite, State::Prepared) && key.not_before_s <= now.seconds() {
            // A key that slept through its time is only good for opening what was sealed to it.
            if key.not_after_s <= now.seconds() {
                State::Tainted
            } else {
                State::Active
            }
        } else {
            continue;
        };
        key.state = next;
        changes.extend(change(key, Some(next)));
    }
}

fn add(
    keys: &mut Vec<Key>,
    suite: Suite,
    state: State,
    now: Time,
    span: (i64, i64),
    rng: &dyn Rng,
    changes: &mut Vec<Change>,
) -> Result<(), KeyringError> {
    if keys.len() >= KEYRING_KEYS_MAX {
        return Err(KeyringError::Full);
    }
    let newest = keys
        .iter()
        .filter(|key| key.suite() == Some(suite))
        .map(|key| key.version);
    let version = newest.max().unwrap_or(0).saturating_add(1);
    let key = Key::exchange(suite, version, state, now, span, rng)?;
    changes.extend(change(&key, Some(state)));
    keys.push(key);
    Ok(())
}

fn is(key: &Key, suite: Suite, state: State) -> bool {
    key.suite() == Some(suite) && key.state == state
}

fn change(key: &Key, state: Option<State>) -> Option<Change> {
    Some(Change {
        key_id: key.id,
        suite: key.suite()?,
        state,
    })
}
