//! The age file format (C2SP `age`, version 1), recipients of type X25519 only: what a backup is encrypted in, so that
//! tools of others open it.
//!
//! `age` encrypts to a public key whose private half is nowhere near the gateway. It says nothing of who wrote a file:
//! whoever reads one must know by other means that its content is true. What this module refuses: other recipient types,
//! a header that is longer than any of ours, a key of small order, anything behind the last chunk.
mod bech32;
mod header;
mod stream;

pub use stream::{Decryptor, Encryptor};

use super::{Broken, Rng, Secret};
use std::{fmt, str::FromStr};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";

/// Whom a file is encrypted to: `age1...`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

impl FromStr for Recipient {
    type Err = Broken;
    fn from_str(text: &str) -> Result<Self, Broken> {
        let bytes = bech32::decode(RECIPIENT, text).ok_or(Broken)?;
        Ok(Self(bytes.as_slice().try_into().map_err(|_| Broken)?))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

/// What opens files: `AGE-SECRET-KEY-1...`. It is kept offline; a gateway never has one.
pub struct Identity(Secret<32>);

impl Identity {
    /// A new one.
    pub fn random(rng: &dyn Rng) -> Result<Self, Broken> {
        Ok(Self(Secret::random(rng)?))
    }

    /// Reads a file as `age-keygen` writes it: one identity, and lines that begin with `#`.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let mut lines = text.lines().map(str::trim);
        let mut lines = lines.by_ref().filter(|l| !l.is_empty() && !l.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(Broken);
        };
        // Either case, never both: bech32 says so.
        if line.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err(Broken);
        }
        let lower = Zeroizing::new(line.to_ascii_lowercase());
        let bytes = Zeroizing::new(bech32::decode(IDENTITY, &lower).ok_or(Broken)?);
        Ok(Self(Secret::from_slice(&bytes)?))
    }

    /// What [`Identity::parse`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = bech32::encode(IDENTITY, self.0.expose());
        text.make_ascii_uppercase();
        Zeroizing::new(text)
    }

    /// Whom to encrypt to.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.key()).to_bytes())
    }

    fn key(&self) -> StaticSecret {
        StaticSecret::from(*self.0.expose())
    }

    /// The secret shared with the owner of `public`.
    fn agree(&self, public: &[u8; 32]) -> Result<Secret<32>, Broken> {
        agree(&self.key(), public)
    }
}

/// Refuses a public key of small order: the secret would be no secret.
fn agree(key: &StaticSecret, public: &[u8; 32]) -> Result<Secret<32>, Broken> {
    let shared = key.diffie_hellman(&PublicKey::from(*public));
    match shared.was_contributory() {
        true => Secret::from_slice(shared.as_bytes()),
        false => Err(Broken),
    }
}

/// A fresh key, and the secret shared with `public`: `(our public half, secret)`.
fn encapsulate(rng: &dyn Rng, public: &[u8; 32]) -> Result<([u8; 32], Secret<32>), Broken> {
    let mut bytes = [0; 32];
    rng.fill(&mut bytes)?;
    let key = StaticSecret::from(bytes);
    bytes.zeroize();
    Ok((PublicKey::from(&key).to_bytes(), agree(&key, public)?))
}

#[cfg(test)]
mod tests;
