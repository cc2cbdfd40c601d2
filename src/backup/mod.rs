//! Backups: what is in one, how it is written while the gateway serves, and how it is read again.
//!
//! A backup is an archive (ustar) in an encrypted file (C2SP age): the journal up to a signed checkpoint, and the sealed
//! records. Everything else is built again from the journal. The keys are a file of their own, of which only the newest is
//! kept: an older one would undo erasures. Why so: `docs/decisions/0018-backup.md`; byte for byte: `docs/formats/backup.md`.
//! What this module refuses: to encrypt to nobody, to hand on a backup of people who were being erased, and to read
//! anything that it would not have written. That what it reads is *true* is for the log's signatures and the records' seals
//! to say: whoever knows the recipient can encrypt to it.
mod archive;
mod keys;
mod make;
mod manifest;
mod read;

pub use archive::{Entry, Reader, Writer};
pub use keys::{pack_keys, unpack_keys};
pub use make::{Made, Sink, make};
pub use manifest::{FORMAT, Listed, Manifest};
pub use read::{Onto, Progress, unpack};

use crate::{audit::ProofError, crypto::Broken, source::VaultError};
use std::io;

/// Why a backup is not made or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// An epoch is being turned, or somebody was erased meanwhile.
    #[error("people are being erased, or another backup is being made: try again in some minutes")]
    NotNow,
    /// Nobody is named to encrypt to.
    #[error("the configuration names no recipient")]
    Nobody,
    /// Nobody reads it any more, or the gateway stops.
    #[error("the reader has gone")]
    Gone,
    /// The journal.
    #[error(transparent)]
    Journal(#[from] ProofError),
    /// The records.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Encryption failed.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The files that are read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not open.
    #[error("it does not open: it is damaged or cut off, or it was encrypted to another recipient")]
    Closed,
    /// It opens and is not what a backup is.
    #[error("it is not a backup of this form: {0}")]
    Form(&'static str),
}

impl BackupError {
    /// An error while an encrypted file is read: what the format says is damage, and a cut file, look alike to who reads it.
    fn reading(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => BackupError::Closed,
            _ => BackupError::Io(error),
        }
    }
}

#[cfg(test)]
mod tests;
