//! What a backup says of itself: in it, and in a file beside it that needs no key to be read.
use serde::{Deserialize, Serialize};

/// The form of archive and manifest.
pub const FORMAT: &str = "tollgate-backup/1";

/// What is in a backup. Nothing in it is secret: a checkpoint is for partners too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// The version of the program.
    pub version: String,
    /// The log's name.
    pub origin: String,
    /// Entries under the checkpoint.
    pub entries: u64,
    /// The signed checkpoint that the journal in it leads to.
    pub checkpoint: String,
    /// The shred epochs that open its records: a key file of others does not.
    pub epochs: Vec<String>,
    /// SHA-256 of the `fields.toml` that its records follow, in hexadecimal.
    pub catalogue: String,
}

/// The file beside a backup: what is in it, and how it must arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// As in the backup.
    pub manifest: Manifest,
    /// Sealed records in it.
    pub rows: u64,
    /// Length of the encrypted file.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}
