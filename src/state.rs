//! Durable state outside the log's own bytes: rows that only entries of the log may change.
//!
//! Every change is an [`Effect`] inside an entry. The journal makes it durable with the entry, and it is applied again
//! after a crash; without that a power cut would bring a withdrawn consent back to life.

/// Which table a row is in. The numbers are on disk: never reuse one (6 was never written).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Table {
    /// Subject token → the person's audit-link key, wrapped under the shred-epoch key.
    SubjectLink = 1,
    /// HMAC under the audit-link key → a consent, sealed under it.
    Consent = 2,
    /// Batch id → the batch of records that became visible.
    RecordBatch = 3,
    /// Denied certificates and keys, with their expiry.
    Denied = 4,
    /// CA → highest CRL number seen.
    CrlNumber = 5,
    /// Agreement and block → day and questions charged.
    Quota = 7,
    /// Partner and request id → method and content, time. The log adds the number of the entry to the value.
    Request = 8,
    /// Requests of persons: the lines of the case list, and under each person's key which of theirs are not closed.
    SubjectRequest = 13,
    /// Period or partner → the case number of a legal hold.
    Hold = 14,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 9] = [
        Table::SubjectLink,
        Table::Consent,
        Table::RecordBatch,
        Table::Denied,
        Table::CrlNumber,
        Table::Quota,
        Table::Request,
        Table::SubjectRequest,
        Table::Hold,
    ];

    /// The table with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|t| u32::from(*t as u8) == number)
    }
}

/// One idempotent change: put, or delete where `value` is `None`.
#[derive(Clone, PartialEq, Eq)]
pub struct Effect {
    /// Where.
    pub table: Table,
    /// The row's key.
    pub key: Vec<u8>,
    /// The row's new value.
    pub value: Option<Vec<u8>>,
}

impl Effect {
    /// Writes a row.
    pub fn put(table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            table,
            key: key.into(),
            value: Some(value.into()),
        }
    }
}

/// The store could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store could not be read: {0}")]
pub struct StateError(pub String);

/// A row: its key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Reads what entries have written. What an entry changed can be read once the entry is recorded.
pub trait State: Send + Sync {
    /// One row.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
    /// Rows whose key begins with `prefix`, in key order, at most `limit`, after the key `after`.
    fn rows(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError>;
}
