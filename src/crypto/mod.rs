//! The door to ring, hpke and argon2: hashes, keyed derivation, authenticated encryption, HPKE, signatures, randomness.
//!
//! Tollgate writes no primitive. This module fixes which ones are used and how their inputs are framed
//! (`ctx`, `docs/protocol.md`), and refuses everything else. All failures are one opaque [`Broken`]:
//! what went wrong inside a decryption is of use only to an attacker.
mod aead;
mod context;
mod hash;
mod hpke;
mod memory;
#[cfg(feature = "gateway")]
mod passphrase;
mod pem;
mod random;
mod secret;
mod sign;

pub use aead::{BOX_OVERHEAD_BYTES, open, open_boxed, seal, seal_boxed};
pub use context::{Label, ctx};
pub use hash::{hkdf, hmac, sha256, sha256_parts};
pub use hpke::{KemKeyPair, Suite};
#[cfg(feature = "gateway")]
pub use memory::refuse_dumps;
pub use memory::unlocked;
#[cfg(feature = "gateway")]
pub use passphrase::{Passphrase, Stretch};
pub use pem::ed25519_public_pem;
pub use random::{Rng, SeededRng, SystemRng};
pub use secret::Secret;
pub use sign::{Ed25519Signer, Signer, VerifyKey};

/// A cryptographic operation failed. Deliberately says nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cryptographic operation failed")]
pub struct Broken;
