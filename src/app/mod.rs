//! Wires the modules together, owns every task, drains on shutdown. Bad configuration ends here, before a port is bound.
mod archive;
mod console;
mod erasing;
mod health;
mod housekeeping;
mod jobs;
mod judge;
mod kept;
mod keys;
mod leaf;
mod log_key;
mod period;
mod pruning;
mod restoring;
mod revocation;
mod running;
pub mod site;
mod start;
mod switch;
#[cfg(test)]
mod testing;
mod witnesses;

pub use archive::{Archived, Deletable, archives, delete_archive, verify_archive};
pub use judge::{check_channel, check_keys, judge_by};
pub use kept::{Kept, create_data, move_keys, origin, verifier_key};
pub use log_key::{LogKeyStep, LogKeys};
pub use period::{Closed, NextLogKey, Step, close_period, close_period_for};
pub use restoring::{Back, Checked, Files, Stage, Told, check_backup, restore_backup};
pub use running::{Running, StopSignals};
pub use start::{start, start_with};
pub use witnesses::{check_witnesses, witness_key};

use crate::{
    audit::OpenError,
    channel::{CredentialError, DenylistError, LeafError, TrustError},
    config::ConfigError,
    crypto::Broken,
    keyring::KeyringError,
    person::PersonError,
    refusal::NotRecorded,
    rotation::KeyringBehind,
    source::{SourceError, VaultError},
    state::StateError,
    store::DataDirError,
    witness::WitnessError,
};

/// Why the gateway does not start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Trust or revocation lists are wrong.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The gateway's own certificate is wrong.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A newer certificate of the gateway's own is not taken.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The denylist cannot be read.
    #[error(transparent)]
    Denylist(#[from] DenylistError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The record store cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The keyring cannot be opened.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The keyring is older than the log.
    #[error(transparent)]
    KeyringBehind(#[from] KeyringBehind),
    /// Keys for development in a gateway that is not.
    #[error(
        "the keyring was made for development: for a real gateway make one with `tollgate init` (without `--dev`); for \
         development set `development = true` under `[gateway]` in the configuration"
    )]
    DevelopmentKeys,
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The records cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log is new, the keys are not.
    #[error(
        "the log is empty, but a gateway has served with this keyring: journal, head and store are missing; restore \
         them from a backup"
    )]
    LogMissing,
    /// The first entries could not be written.
    #[error("the log does not take entries: {0}")]
    NotRecorded(#[from] NotRecorded),
    /// A person's rows.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// What the configuration says of witnesses.
    #[error("{0}")]
    Witness(String),
    /// A witness has seen more of the log, or another one.
    #[error(transparent)]
    BehindWitness(#[from] WitnessError),
    /// The log failed while the gateway ran.
    #[error(
        "the audit log could not be written or read, so nothing is answered any more: start the gateway again, it checks \
         what is on disk and goes on from there; if this comes back, look at the disk"
    )]
    LogFailed,
    /// A period was being closed when the machine or the program stopped.
    #[error("the log's period is being closed: run `tollgate audit close-period --yes` again, it goes on where it was")]
    ClosingUnderWay,
    /// The period cannot be closed, or an archive not be used, now.
    #[error("{0}")]
    Period(String),
    /// A backup cannot be used here.
    #[error("the backup cannot be used: {0}")]
    Backup(String),
    /// A backup is not what was made.
    #[error("the backup does not hold: {0}; use another one")]
    BackupBad(String),
    /// More of the log was seen than a backup has.
    #[error(
        "the backup ends at {entries} entries, and {known} were seen: use a newer one; or, if there is none, begin a new \
         period that says what is lost, with `--accept-loss`"
    )]
    NotReached {
        /// What the backup has.
        entries: u64,
        /// What was seen.
        known: u64,
    },
    /// An archived period is not what was closed.
    #[error("the archive does not hold: {0}; restore it from a backup")]
    ArchiveBad(String),
    /// A key could not be used.
    #[error("a key of the gateway could not be used: {0}")]
    Broken(#[from] Broken),
    /// The network.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// The server ended with an error, or a task did.
    #[error("the server failed: {0}")]
    Server(String),
}
