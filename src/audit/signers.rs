//! The keys that sign a log's checkpoints: one, or two while one follows another.
//!
//! Everybody who signs or checks holds the same one, so a rotation counts everywhere at once. A key that is retired signs
//! nothing here, and what it signed still verifies.
use super::note::{self, NoteError, VerifierKey};
use crate::crypto::{Broken, Signer};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The keys of one log, as they are now.
pub struct LogSigners(ArcSwap<Keys>);

struct Keys {
    /// The active one first.
    signing: Vec<Arc<dyn Signer>>,
    /// Public halves of those that will sign, or did.
    silent: Vec<[u8; 32]>,
}

impl LogSigners {
    /// Those that sign, the active one first, and the public halves of those that do not sign yet or any more.
    pub fn new(signing: Vec<Arc<dyn Signer>>, silent: Vec<[u8; 32]>) -> Self {
        Self(ArcSwap::from_pointee(Keys { signing, silent }))
    }

    /// One key alone.
    pub fn single(signer: Arc<dyn Signer>) -> Arc<Self> {
        Arc::new(Self::new(vec![signer], Vec::new()))
    }

    /// The keys of `with` instead of these.
    pub fn replace(&self, with: &Self) {
        self.0.store(with.0.load_full());
    }

    /// The whole note under this body, with a signature by each key that signs.
    pub(crate) fn sign(&self, name: &str, body: &str) -> Result<String, Broken> {
        let keys = self.0.load();
        let (first, more) = keys.signing.split_first().ok_or(Broken)?;
        let mut note = note::sign(&**first, name, body)?;
        for signer in more {
            note.push_str(&note::signature_of(&**signer, name, body)?);
        }
        Ok(note)
    }

    /// What a head must be signed by: the keys that sign now.
    ///
    /// # Errors
    /// `name` cannot name a log.
    pub fn signing(&self, name: &str) -> Result<VerifierKey, NoteError> {
        let keys: Vec<_> = self.0.load().signing.iter().map(|key| key.public_key()).collect();
        VerifierKey::of_keys(name, &keys)
    }

    /// What any checkpoint of the log may be signed by.
    ///
    /// # Errors
    /// `name` cannot name a log.
    pub fn verifier(&self, name: &str) -> Result<VerifierKey, NoteError> {
        VerifierKey::of_keys(name, &self.public())
    }

    /// The same in writing, a line for each key, the active one first.
    pub fn text(&self, name: &str) -> String {
        let lines = self.public().into_iter().map(|key| VerifierKey::encode(name, &key));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Whether one of the keys has this public half.
    pub fn has(&self, public_key: &[u8; 32]) -> bool {
        self.public().contains(public_key)
    }

    fn public(&self) -> Vec<[u8; 32]> {
        let keys = self.0.load();
        let signing = keys.signing.iter().map(|key| key.public_key());
        signing.chain(keys.silent.iter().copied()).collect()
    }
}
