//! Legal holds on the log: what a court, an authority or a dispute needs may not be deleted, whatever its age.
//!
//! A hold stands on a period of the log or on a partner. One on a partner holds every archive: which of them name the
//! partner is not looked for. Holds on persons stand with their erasure. A hold is a row that an entry put, and is taken away
//! by another: it never ends by itself.
use crate::{
    domain::PartnerId,
    limits::{HOLD_BYTES_MAX, HOLDS_MAX},
    state::{Effect, State, StateError, Table},
};
use std::fmt;

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// One period of the log, by its number.
    Period(u32),
    /// Everything about a partner.
    Partner(PartnerId),
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What.
    pub held: Held,
    /// The number under which the institution keeps the reason; free of names.
    pub case_number: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Period(period) => write!(f, "period {period}"),
            Held::Partner(partner) => write!(f, "partner {partner}"),
        }
    }
}

impl Held {
    fn key(&self) -> Vec<u8> {
        match self {
            Held::Period(period) => [&[0][..], &period.to_be_bytes()].concat(),
            Held::Partner(partner) => [&[1], partner.as_str().as_bytes()].concat(),
        }
    }

    fn read(key: &[u8]) -> Option<Self> {
        match key.split_first()? {
            (0, period) => Some(Held::Period(u32::from_be_bytes(period.try_into().ok()?))),
            (1, name) => Some(Held::Partner(std::str::from_utf8(name).ok()?.parse().ok()?)),
            _ => None,
        }
    }
}

/// All holds.
///
/// # Errors
/// The state cannot be read, or a row is not one of ours: then nothing may be deleted.
pub fn all(state: &dyn State) -> Result<Vec<Hold>, StateError> {
    let rows = state.rows(Table::Hold, &[], None, HOLDS_MAX + 1)?;
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        Some(Hold {
            held: Held::read(&key)?,
            case_number: String::from_utf8(value).ok()?,
        })
    };
    let holds: Option<Vec<_>> = rows.into_iter().map(read).collect();
    holds.ok_or_else(|| StateError("a row of a hold is malformed".to_owned()))
}

/// Whether a case number may stand in a hold.
pub fn case_number_fits(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= HOLD_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Whether there is room for one more.
pub fn has_room(holds: &[Hold]) -> bool {
    holds.len() < HOLDS_MAX
}

/// What places a hold.
pub fn place(hold: &Hold) -> Effect {
    Effect::put(Table::Hold, hold.held.key(), hold.case_number.as_bytes())
}

/// What takes it away.
pub fn release(held: &Held) -> Effect {
    Effect {
        table: Table::Hold,
        key: held.key(),
        value: None,
    }
}

/// The hold that keeps this period of the log, if one does.
///
/// # Errors
/// As [`all`].
pub fn on_period(state: &dyn State, period: u32) -> Result<Option<Hold>, StateError> {
    let holds = all(state)?;
    Ok(holds.into_iter().find(|hold| match hold.held {
        Held::Period(held) => held == period,
        Held::Partner(_) => true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_hostile_ones_are_none() {
        for held in [Held::Period(7), Held::Partner("bank-a".parse().unwrap())] {
            assert_eq!(Held::read(&held.key()), Some(held));
        }
        for bad in [&b""[..], b"\x00", b"\x00abc", b"\x01", b"\x01BANK", b"\x02x"] {
            assert_eq!(Held::read(bad), None);
        }
        assert!(case_number_fits("court 12/2027"));
        for bad in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(!case_number_fits(bad), "{bad:?}");
        }
    }
}
