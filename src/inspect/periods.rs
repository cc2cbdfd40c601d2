//! Which periods of the log a call looks at.
use crate::{pipeline::Gate, refusal::Code};

/// One period or all that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Periods {
    /// One, by its number: 0 is the one that takes entries.
    One(u32),
    /// All, the newest first.
    All,
}

impl Default for Periods {
    fn default() -> Self {
        Periods::One(0)
    }
}

impl Periods {
    /// Their numbers, in the order in which they are looked at.
    pub(super) fn numbers(self, gate: &Gate) -> Vec<u32> {
        match self {
            Periods::One(0) => vec![gate.period],
            Periods::One(period) => vec![period],
            Periods::All => gate.periods(),
        }
    }

    /// Bytes that are equal for equal ones.
    pub(super) fn canonical(self) -> [u8; 5] {
        let (all, [a, b, c, d]) = match self {
            Periods::One(period) => (0, period.to_be_bytes()),
            Periods::All => (1, [0; 4]),
        };
        [all, a, b, c, d]
    }

    /// What the record of a call adds, where it does not look at the period that takes entries.
    pub(super) fn note(self, gate: &Gate) -> String {
        match self {
            Periods::One(0) => String::new(),
            Periods::One(period) => of_period(gate, period),
            Periods::All => " of all periods".to_owned(),
        }
    }

    /// Entries of all of them together; `size` is that of the one that takes entries.
    pub(super) fn size(self, gate: &Gate, size: u64) -> Result<u64, Code> {
        let sizes = self
            .numbers(gate)
            .into_iter()
            .map(|period| match period == gate.period {
                true => Ok(size),
                false => gate.head_of(period).map(|head| head.size),
            });
        sizes.sum()
    }
}

/// ` of period 1`, or nothing where that is the one that takes entries.
pub(super) fn of_period(gate: &Gate, period: u32) -> String {
    match period {
        0 => String::new(),
        same if same == gate.period => String::new(),
        other => format!(" of period {other}"),
    }
}
