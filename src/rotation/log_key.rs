//! The log's key, while the log goes on.
//!
//! ```text
//! prepare ── at least a day, published ── activate ── at least a day, both sign ── retire
//! ```
//!
//! A step is a write of the keyring's file, then an entry with a row that says so, then a key list. The next step is taken
//! only when the entry of the last one is in the log, so whatever stops a step on its way, the next start finds it in the
//! keyring and records it. The other way round does not happen: a log that has recorded more than the keyring holds means
//! that an older keyring was put in its place, and nothing is served with that.
use crate::{
    clock::Time,
    keyring::{KeyId, LogKey, State},
    state::{Effect, Row, Table},
};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing is under way.
    Nothing,
    /// The prepared key signs from then on.
    ActivateAt(Time),
    /// The prepared key signs from now on.
    Activate,
    /// The key that gives way signs until then.
    RetireAt(Time),
    /// The key that gave way signs no more.
    Retire,
}

/// The step that `now` asks for.
pub fn due(keys: &[LogKey], now: Time) -> Due {
    let find = |state| keys.iter().find(|key| key.state == state && !key.of_next_period);
    if let Some(old) = find(State::Tainted) {
        return match old.not_after <= now {
            true => Due::Retire,
            false => Due::RetireAt(old.not_after),
        };
    }
    match find(State::Prepared) {
        Some(new) if new.not_before <= now => Due::Activate,
        Some(new) => Due::ActivateAt(new.not_before),
        None => Due::Nothing,
    }
}

/// The keyring is not the one that the log's entries tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the keyring is older than the log: an entry says that the log key {0} went further than the keyring knows; restore the \
     newest copy of `keyring/`"
)]
pub struct KeyringBehind(pub KeyId);

/// The keys whose state is not in the log yet, of which `rows` are all rows.
///
/// # Errors
/// The log knows a key, or a state of one, that the keyring does not.
pub fn unrecorded(keys: &[LogKey], rows: &[Row]) -> Result<Vec<LogKey>, KeyringBehind> {
    let mut rows: Vec<(KeyId, u8)> = rows.iter().filter_map(read).collect();
    let mut new = Vec::new();
    for key in keys.iter().filter(|key| !key.of_next_period) {
        let known = rows.iter().position(|(id, _)| *id == key.id);
        let known = match known {
            Some(at) => rows.swap_remove(at).1,
            // It signed before anything was recorded of log keys.
            None if key.version == 1 => rank(State::Active),
            None => 0,
        };
        match rank(key.state) {
            rank if rank < known => return Err(KeyringBehind(key.id)),
            rank if rank > known => new.push(key.clone()),
            _ => {}
        }
    }
    match rows.first() {
        Some((id, _)) => Err(KeyringBehind(*id)),
        None => Ok(new),
    }
}

/// What the entry about this key writes.
pub fn row(key: &LogKey) -> Effect {
    Effect::put(Table::LogKey, key.id.0, [rank(key.state)])
}

/// How far a key has come. On disk: never change one.
fn rank(state: State) -> u8 {
    match state {
        State::Prepared => 1,
        State::Active => 2,
        State::Tainted => 3,
        State::Revoked => 4,
    }
}

fn read((key, value): &Row) -> Option<(KeyId, u8)> {
    let id = key.as_slice().try_into().ok()?;
    Some((KeyId(id), *value.first()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8, version: u32, state: State) -> LogKey {
        LogKey {
            id: KeyId([n; 8]),
            version,
            state,
            public_key: [n; 32],
            not_before: Time(1_000),
            not_after: Time(2_000),
            of_next_period: false,
        }
    }

    fn rows(keys: &[LogKey]) -> Vec<Row> {
        let put = keys.iter().map(row);
        put.map(|effect| (effect.key, effect.value.unwrap())).collect()
    }

    #[test]
    fn each_step_has_its_time() {
        let (prepared, active) = (key(2, 2, State::Prepared), key(1, 1, State::Active));
        let keys = [active.clone(), prepared];
        assert_eq!(due(&keys[..1], Time(9_000)), Due::Nothing);
        assert_eq!(due(&keys, Time(999)), Due::ActivateAt(Time(1_000)));
        assert_eq!(due(&keys, Time(1_000)), Due::Activate);
        let keys = [key(1, 1, State::Tainted), key(2, 2, State::Active)];
        assert_eq!(due(&keys, Time(1_999)), Due::RetireAt(Time(2_000)));
        assert_eq!(due(&keys, Time(2_000)), Due::Retire);
        // A clock that goes back takes no step back.
        assert_eq!(due(&keys, Time(0)), Due::RetireAt(Time(2_000)));
        let next = LogKey {
            of_next_period: true,
            ..key(2, 2, State::Prepared)
        };
        assert_eq!(due(&[active, next], Time(9_000)), Due::Nothing);
    }

    #[test]
    fn a_step_that_was_not_recorded_is_and_a_keyring_that_lacks_one_is_refused() {
        let before = [key(1, 1, State::Active)];
        assert_eq!(unrecorded(&before, &[]), Ok(vec![]));
        let prepared = [before[0].clone(), key(2, 2, State::Prepared)];
        assert_eq!(unrecorded(&prepared, &[]), Ok(vec![prepared[1].clone()]));
        assert_eq!(unrecorded(&prepared, &rows(&prepared[1..])), Ok(vec![]));
        let both = [key(1, 1, State::Tainted), key(2, 2, State::Active)];
        assert_eq!(unrecorded(&both, &rows(&prepared[1..])), Ok(both.to_vec()));
        for (older, newer) in [(&before[..], &prepared[..]), (&prepared, &both), (&before, &both)] {
            assert!(unrecorded(older, &rows(newer)).is_err());
        }
    }
}
