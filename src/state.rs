//! Durable state outside the log's own bytes: rows that only entries of the log may change.
//!
//! Every change is an [`Effect`] inside an entry. The journal makes it durable with the entry, and it is applied again
//! after a crash; without that a power cut would bring a withdrawn consent back to life.

macro_rules! tables {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal,)+) => {
        /// Which table a row is in. The numbers are on disk: never reuse one (6 was never written).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Table {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Table {
            /// All tables.
            pub const ALL: [Table; [$($number),+].len()] = [$(Table::$name),+];
        }
    };
}

tables! {
    /// HMAC of the subject token under the shred-epoch key → token and audit-link key, wrapped under it.
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
    /// What a witness knows of other logs: a byte of kind and the log's name → the newest checkpoint that was cosigned, or
    /// the newest one that contradicts it.
    Witnessed = 9,
    /// Erasure id → a person's holds and their erasure, sealed under the shred-epoch key.
    Erasure = 10,
    /// [`REMOVED`] → how many people's records were removed.
    Shredding = 11,
    /// Partner, time, correction and part → a notice, sealed under the period's key; or a correction that is recorded.
    Notice = 12,
    /// Requests of persons: the lines of the case list, and under each person's key which of theirs are not closed.
    SubjectRequest = 13,
    /// Period or partner → the case number of a legal hold.
    Hold = 14,
    /// Proposal id → a change that was proposed, and what became of it; emergencies too.
    Proposal = 15,
    /// Member, certificate or key → who shut it out, since when and why.
    Suspended = 16,
    /// [`crate::restored`]: when a backup was restored, and what is still to be told again.
    Restored = 17,
    /// Id of a log key → how far it has come.
    LogKey = 20,
}

/// The one row of [`Table::Shredding`].
pub const REMOVED: &[u8] = b"removed";

impl Table {
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

    /// Takes a row away; one that is not there is fine.
    pub fn delete(table: Table, key: impl Into<Vec<u8>>) -> Self {
        Self {
            table,
            key: key.into(),
            value: None,
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
