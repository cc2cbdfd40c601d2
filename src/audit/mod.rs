//! The audit log: durable before the reply, provable after it.
//!
//! `Log::reserve` takes a place, `Slot::append` gives `Recorded<T>` once the entry is on disk, and the receipt in it
//! proves that to anybody who has the log's key. The log never answers for what it did not write: a full queue, a full
//! disk and a failed log are refusals. Why it commits as it does: `docs/decisions/0003-the-logs-commit-rule.md`.
mod commitment;
pub mod cosignature;
pub mod note;
pub mod proof;
#[cfg(feature = "gateway")]
mod recorded;

#[cfg(feature = "gateway")]
mod abreast;
#[cfg(feature = "gateway")]
mod archive;
#[cfg(feature = "gateway")]
mod archives;
#[cfg(feature = "gateway")]
mod bytes;
#[cfg(feature = "gateway")]
mod committer;
#[cfg(feature = "gateway")]
mod copying;
#[cfg(feature = "gateway")]
mod counter;
#[cfg(feature = "gateway")]
mod disk;
#[cfg(feature = "gateway")]
mod entry;
#[cfg(feature = "gateway")]
mod event;
#[cfg(feature = "gateway")]
mod export;
#[cfg(feature = "gateway")]
mod frame;
#[cfg(feature = "gateway")]
mod index;
#[cfg(feature = "gateway")]
mod journal;
#[cfg(feature = "gateway")]
mod log;
#[cfg(feature = "gateway")]
mod log_reader;
#[cfg(feature = "gateway")]
mod lookup;
#[cfg(feature = "gateway")]
mod marks;
#[cfg(feature = "gateway")]
mod ocsf;
#[cfg(feature = "gateway")]
mod open;
#[cfg(feature = "gateway")]
mod overview;
#[cfg(feature = "gateway")]
mod past;
#[cfg(feature = "gateway")]
mod position;
#[cfg(feature = "gateway")]
mod reader;
#[cfg(feature = "gateway")]
mod restore;
#[cfg(feature = "gateway")]
mod search;
#[cfg(feature = "gateway")]
mod shared;
#[cfg(feature = "gateway")]
mod signers;
#[cfg(feature = "gateway")]
mod slots;
#[cfg(feature = "gateway")]
mod spreadsheet;
#[cfg(feature = "gateway")]
mod stored;
#[cfg(feature = "gateway")]
mod syncer;
#[cfg(feature = "gateway")]
mod tip;
#[cfg(feature = "gateway")]
mod tree;
#[cfg(feature = "gateway")]
pub mod verify;

#[cfg(test)]
#[cfg(feature = "gateway")]
mod tests;

pub use commitment::x_commit;
#[cfg(feature = "gateway")]
pub use recorded::{Auditable, Class, Receipt, Recorded};
#[cfg(feature = "gateway")]
pub use {
    archive::FINAL_CHECKPOINT,
    archives::{ArchiveError, Archives, Kept, Volume},
    commitment::{Details, i_commit, open_details},
    copying::{JournalCopy, JournalPart, put_head, put_segment},
    counter::Counter,
    event::Event,
    export::{ExportError, ExportForm, export},
    index::{PersonTag, Whom},
    log::{Log, Slot, Worker, WorkerPanicked},
    log_reader::LogReader,
    ocsf::{SCHEMA as OCSF_SCHEMA, ocsf},
    open::{OpenError, Opened, Recovery, Setup},
    overview::{Count, Span},
    reader::{Head, Inclusion, ProofError, StoredEntry},
    search::{Dimension, Found, Query},
    signers::LogSigners,
    spreadsheet::row as csv_row,
};
