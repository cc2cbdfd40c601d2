//! What is not known after a backup was restored, and is resolved safely until somebody tells it again.
//!
//! Between a backup and the restore consents may have been withdrawn and partners suspended. So a consent that was
//! confirmed before the restore counts for nothing until the withdrawals have been replayed, and partners are suspended
//! until the suspensions have. It is one row, put by an entry at the first start after the restore, taken away by the
//! entries that confirm, and carried from one period of the log to the next.
use crate::{
    clock::Time,
    state::{Effect, State, StateError, Table},
};

const KEY: &[u8] = b"restored";
const VERSION: u8 = 1;
const WITHDRAWALS: u8 = 1;
const SUSPENSIONS: u8 = 2;

/// A restore of which something is still unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// When.
    pub at: Time,
    /// Consents may have been withdrawn that the state takes for given.
    pub withdrawals: bool,
    /// Partners, certificates and keys may have been suspended or denied.
    pub suspensions: bool,
}

impl Restored {
    /// Nothing is known yet.
    pub fn at(at: Time) -> Self {
        Self {
            at,
            withdrawals: true,
            suspensions: true,
        }
    }

    /// The newest restore, if something of it is unknown.
    ///
    /// # Errors
    /// The state cannot be read, or the row is not one of ours: then nothing may be taken for known.
    pub fn load(state: &dyn State) -> Result<Option<Self>, StateError> {
        let row = state.row(Table::Restored, KEY)?;
        let read = |bytes: &[u8]| {
            let (head, rest) = bytes.split_first_chunk::<2>()?;
            let [version, unknown] = *head;
            let at = i64::from_be_bytes(rest.try_into().ok()?);
            (version == VERSION && unknown & !(WITHDRAWALS | SUSPENSIONS) == 0).then_some(Self {
                at: Time(at),
                withdrawals: unknown & WITHDRAWALS != 0,
                suspensions: unknown & SUSPENSIONS != 0,
            })
        };
        let malformed = || StateError("the row of a restore is malformed".to_owned());
        row.map(|bytes| read(&bytes).ok_or_else(malformed)).transpose()
    }

    /// What makes it so. Once nothing is unknown the row goes.
    pub fn effect(&self) -> Effect {
        let unknown = u8::from(self.withdrawals) * WITHDRAWALS + u8::from(self.suspensions) * SUSPENSIONS;
        match unknown {
            0 => Effect::delete(Table::Restored, KEY),
            _ => Effect::put(
                Table::Restored,
                KEY,
                [&[VERSION, unknown][..], &self.at.0.to_be_bytes()].concat(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Row;

    struct One(Option<Vec<u8>>);

    impl State for One {
        fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
            assert_eq!((table, key), (Table::Restored, KEY));
            Ok(self.0.clone())
        }
        fn rows(&self, _: Table, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<Row>, StateError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn the_row_comes_back_and_another_is_an_error() {
        let mut restored = Restored::at(Time(1_780_000_000_000));
        for _ in 0..2 {
            let row = restored.effect().value;
            assert_eq!(Restored::load(&One(row)), Ok(Some(restored)));
            restored.withdrawals = false;
        }
        restored.suspensions = false;
        assert_eq!(restored.effect().value, None);
        assert_eq!(Restored::load(&One(None)), Ok(None));
        for bad in [
            &b""[..],
            b"\x01\x03",
            b"\x02\x03\0\0\0\0\0\0\0\0",
            b"\x01\x04\0\0\0\0\0\0\0\0",
        ] {
            assert!(Restored::load(&One(Some(bad.to_vec()))).is_err());
        }
    }
}
