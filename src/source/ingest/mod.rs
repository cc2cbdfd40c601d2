//! Foreign files become records of the catalogue: CSV, JSON Lines, Parquet, by a mapping file.
//!
//! A row is loaded or rejected with line, column and reason; nothing is lost silently and no value is in any text.
mod convert;
#[cfg(test)]
mod hostile;
mod lines;
mod mapping;
mod open;
mod parquet;
#[cfg(test)]
mod tests;

pub use convert::test_identity;
pub use mapping::{Mapping, MappingError};
pub use open::{Format, OpenError, Rows, open};

use crate::domain::SubjectRef;
use crate::source::Row;

/// A row that fits the catalogue.
pub struct MappedRow {
    /// Line of the file, or row of a Parquet file; counts from 1.
    pub line: u64,
    /// Whose it is.
    pub subject: SubjectRef,
    /// The values.
    pub row: Row,
}

/// A row that does not, and why. Never carries a value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reject {
    /// Line of the file, or row of a Parquet file; counts from 1.
    pub line: u64,
    /// The column, where it is one column's fault.
    pub column: Option<String>,
    /// What is wrong, and what was expected.
    pub reason: String,
}

impl Reject {
    pub(super) fn new(line: u64, column: Option<&str>, reason: impl Into<String>) -> Self {
        Self {
            line,
            column: column.map(str::to_owned),
            reason: reason.into(),
        }
    }
}

/// A value as a file has it.
pub(super) enum Cell {
    /// Empty or null.
    Missing,
    /// A whole number.
    Whole(i64),
    /// Anything else, as text.
    Text(String),
}

impl Drop for Cell {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        match self {
            Cell::Missing => {}
            Cell::Whole(number) => number.zeroize(),
            Cell::Text(text) => text.zeroize(),
        }
    }
}
