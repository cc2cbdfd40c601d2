//! The door to rcgen: makes certificate authorities, certificates, lists of revoked certificates and keys.
//!
//! For development, tests and small installations. It never overwrites a file and never widens a file's mode; keys are
//! 0600 in folders of 0700. An institution with a CA of its own uses that instead.
mod authority;
mod files;
mod init;
mod layout;

pub use authority::{Authority, Issued, LeafPlan, Usage};
pub use init::{Made, MadePartner, PartnerPlan, Plan, STAFF, init};

use crate::{
    clock::Time,
    crypto::{Ed25519Signer, Rng, Signer},
};
use std::path::Path;

/// Why a PKI could not be made or used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// Something is there already.
    #[error("`{0}` already exists: keys are never overwritten; name a new folder, or move the old one away")]
    Exists(String),
    /// A file or folder cannot be written.
    #[error("`{0}` cannot be written: {1}; check owner, mode and free space")]
    Unwritable(String, std::io::Error),
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}; is this the folder of a CA?")]
    Unreadable(String, std::io::Error),
    /// A file is not what it should be.
    #[error("`{0}` is damaged or not a file of a CA: restore it from a backup")]
    Damaged(String),
    /// A name that nothing may have.
    #[error("`{0}` is not accepted: {1}")]
    Name(String, String),
    /// Two institutions of one name.
    #[error("`{0}` is named twice in the plan: give each institution its own id and trust domain")]
    Twice(String),
    /// A date out of range.
    #[error("a date is out of range: check this machine's clock")]
    Date,
    /// The end is before the beginning.
    #[error("the certificate would end before it begins: check its dates")]
    Validity,
    /// rcgen could not.
    #[error("the certificate could not be made: {0}")]
    Certificate(String),
    /// No randomness.
    #[error("this machine gave no random bytes: try again")]
    Randomness,
}

impl From<crate::crypto::Broken> for PkiError {
    fn from(_: crate::crypto::Broken) -> Self {
        Self::Randomness
    }
}

/// Issues a certificate from the CA kept in `ca`, for a fresh P-256 key.
pub fn issue_leaf(ca: &Path, plan: &LeafPlan, rng: &dyn Rng) -> Result<Issued, PkiError> {
    Authority::load(ca)?.issue(plan, rng)
}

/// Makes an Ed25519 key that a witness cosigns with, in a new file for its owner only. Gives its public half.
pub fn witness_key(path: &Path, rng: &dyn Rng) -> Result<[u8; 32], PkiError> {
    let signer = Ed25519Signer::generate(rng)?;
    files::write_new(path, signer.to_pkcs8_pem().as_bytes(), files::Secrecy::Secret)?;
    files::sync(path)?;
    Ok(signer.public_key())
}

/// Revokes a certificate by its serial number, and gives the CA's new lists of revoked certificates in PEM: to be sent
/// to the gateway's operator. The CA's folder remembers the revocation before the lists are given.
pub fn revoke(ca: &Path, serial: &[u8], now: Time) -> Result<String, PkiError> {
    let mut authority = Authority::load(ca)?;
    authority.revoke(serial, now);
    reissue(ca, authority, now)
}

/// New lists of revoked certificates for the CA kept in `ca`, valid seven days from `now`.
pub fn renew_crls(ca: &Path, now: Time) -> Result<String, PkiError> {
    let authority = Authority::load(ca)?;
    reissue(ca, authority, now)
}

fn reissue(ca: &Path, mut authority: Authority, now: Time) -> Result<String, PkiError> {
    let crls = authority.crls_pem(now, now.plus_ms(layout::CRL_MS))?;
    // Numbers are kept before a list leaves: a number that was used twice could hide a revocation.
    authority.save_state(ca)?;
    Ok(crls)
}
