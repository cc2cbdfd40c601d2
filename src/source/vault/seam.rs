//! What the vault needs of a store, what it is opened with, and what it answers.
use crate::{
    clock::Clock,
    crypto::{Broken, Rng},
    domain::SubjectToken,
    keyring::Epochs,
    limits::{BATCHES_MAX, LOAD_LOW_WATER_BYTES, OPEN_BATCHES_MAX},
    source::{Catalogue, Row, SourceError},
    state::{Row as Pair, State},
};
use std::{ops::ControlFlow, sync::Arc};

/// Called with key and value, until it breaks.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// Ordered rows and small notes, durable after [`RecordStore::sync`]. Rows and notes written before are durable before.
pub trait RecordStore: Send + Sync {
    /// Inserts unless the key is taken; gives back what holds it.
    fn insert_new(&self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, SourceError>;
    /// One row.
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError>;
    /// Rows whose key begins with `prefix`, the greatest key first, until told to stop.
    fn newest_first(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), SourceError>;
    /// Keys from `first` on, ascending, until told to stop.
    fn keys_from(&self, first: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), SourceError>;
    /// Removes a row; absent is fine.
    fn remove(&self, key: &[u8]) -> Result<(), SourceError>;
    /// One note.
    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError>;
    /// Notes whose key begins with `prefix`.
    fn notes(&self, prefix: &[u8]) -> Result<Vec<Pair>, SourceError>;
    /// Writes or removes a note.
    fn set_note(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), SourceError>;
    /// Bytes that are free where the rows are.
    fn room(&self) -> Result<u64, SourceError>;
    /// Returns once everything written before is on disk.
    fn sync(&self) -> Result<(), SourceError>;
}

/// What to do when the log names records that the vault does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossRule {
    /// Do not open.
    Refuse,
    /// Open without them, so that they can be loaded again: see `Vault::forget_lost`.
    Accept,
}

/// What a vault is opened with.
pub struct VaultSetup<'a> {
    /// Where the rows are.
    pub store: Box<dyn RecordStore>,
    /// What the rows are ordered by.
    pub catalogue: Arc<Catalogue>,
    /// The shred-epoch keys.
    pub epochs: Arc<Epochs>,
    /// Randomness for record keys.
    pub rng: Arc<dyn Rng>,
    /// Time, for loads that were left alone.
    pub clock: Arc<dyn Clock>,
    /// Which batches the log made visible.
    pub state: &'a dyn State,
    /// What a loss does.
    pub on_loss: LossRule,
}

/// Why the vault does not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The store failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
    /// The log made more visible than the vault holds.
    #[error(
        "the record vault is shorter than the log says (batch `{0}`): restore it from a backup, or load every file again, the first with `tollgate ingest --accept-loss`"
    )]
    Shorter(String),
    /// Visible records follow another catalogue.
    #[error("batch `{0}` follows another `fields.toml`: put that file back, or load again")]
    OtherCatalogue(String),
    /// A batch id that is empty, too long, or has other characters than A-Z, a-z, 0-9, `.`, `_`, `-`, `/`.
    #[error("a batch id has 1 to 128 characters of A-Z, a-z, 0-9, `.`, `_`, `-` or `/`")]
    BatchId,
    /// The rows do not continue where the batch stands.
    #[error("the rows do not begin where the batch ends: continue from row {rows_held}")]
    OutOfOrder {
        /// Rows of the batch that are held.
        rows_held: u64,
    },
    /// Too many unfinished loads of one provider, none of them left alone for long.
    #[error("{OPEN_BATCHES_MAX} loads are unfinished: finish one, or leave one alone for ten minutes")]
    TooManyOpen,
    /// The batch is being made visible: nothing can be added to it.
    #[error("the batch is being made visible")]
    Closing,
    /// What is free on the disk is kept for the log.
    #[error("the disk has less than {} MiB free: make room, then load again", LOAD_LOW_WATER_BYTES >> 20)]
    DiskFull,
    /// No unfinished batch of this id.
    #[error("no unfinished batch has this id")]
    NoSuchBatch,
    /// More batches than the state may name.
    #[error("the log names {BATCHES_MAX} batches: load everything anew as one")]
    TooManyBatches,
    /// A record that is longer than the store takes.
    #[error("row {0} is longer than a sealed record may be")]
    RecordTooLong(u64),
}

impl From<Broken> for VaultError {
    fn from(_: Broken) -> Self {
        VaultError::Source(SourceError("a record could not be sealed".to_owned()))
    }
}

/// A record and whose it is.
pub struct TokenRow {
    /// The person's pseudonym.
    pub token: SubjectToken,
    /// The values.
    pub row: Row,
}

/// What `Vault::stage` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Rows of the batch that are held, duplicates included. On disk after `Vault::sync`.
    pub rows_held: u64,
    /// Rows that were left out.
    pub left_out: LeftOut,
    /// The batch is visible already: nothing was done.
    pub visible: bool,
}

/// Rows of a chunk that are not in the vault, by their index within the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Their person occurs before in the batch.
    pub duplicates: Vec<u64>,
    /// Their person's record is blocked or erased.
    pub blocked: Vec<u64>,
}

/// What `Vault::prune` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Rows that were removed.
    pub removed: usize,
    /// Nothing is left to look at.
    pub done: bool,
}
