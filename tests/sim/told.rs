//! What a run came to.
use std::fmt;

/// What came out of a run, so that one that tests nothing is noticed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Told {
    pub(super) calls: u64,
    pub(super) bands: u64,
    pub(super) no_file: u64,
    pub(super) withheld: u64,
    pub(super) refused: u64,
    pub(super) restarts: u64,
    pub(super) corrections: u64,
    pub(super) repeats: u64,
}

impl Told {
    pub(super) fn is_varied(&self) -> bool {
        self.bands > 0 && self.withheld > 0 && self.refused > 0 && self.restarts > 0
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
