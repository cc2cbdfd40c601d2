//! Shred epochs: the keys that wrap people's keys, and under which the rows of people are found.
//!
//! One is active: what is new is wrapped with it. While an epoch is turned, the one before still opens. Destroying a
//! tainted one ends whatever was not wrapped anew: that is how somebody is erased.
use super::KeyId;
use crate::{
    crypto::{Broken, Label, Rng, Secret, ctx, hmac, open_boxed, seal_boxed},
    domain::SubjectToken,
};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// One shred-epoch key.
pub struct Epoch {
    id: KeyId,
    key: Secret<32>,
}

impl Epoch {
    /// A key under its id.
    pub fn new(id: KeyId, key: Secret<32>) -> Self {
        Self { id, key }
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself.
    pub fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// 32 bytes that stand for the person in `table`, and mean nothing without this epoch's key: a key of a row outlives
    /// the row in files and journals.
    pub fn row_key(&self, table: &[u8], token: &SubjectToken) -> [u8; 32] {
        hmac(self.key.expose(), &ctx(Label::RowKey, &[b"epoch", table, &token.0]))
    }

    /// Seals to a place.
    pub fn seal(&self, rng: &dyn Rng, place: &[u8], plain: Vec<u8>) -> Result<Vec<u8>, Broken> {
        seal_boxed(rng, self.key.expose(), place, plain)
    }

    /// Opens what [`Epoch::seal`] sealed to this place. The caller wipes what is secret.
    pub fn open(&self, place: &[u8], boxed: &[u8]) -> Result<Vec<u8>, Broken> {
        open_boxed(self.key.expose(), place, boxed)
    }
}

/// The epochs that open, as they are now. Everybody who wraps or opens holds the same one, so a turn counts everywhere
/// at once.
pub struct Epochs(ArcSwap<Vec<Arc<Epoch>>>);

impl Epochs {
    /// The active one, then those that only open, the newest first.
    pub fn new(active: Epoch, tainted: Vec<Epoch>) -> Self {
        let all = std::iter::once(active).chain(tainted).map(Arc::new).collect();
        Self(ArcSwap::from_pointee(all))
    }

    /// One key alone, for tools and tests that have no keyring.
    pub fn single(key: Secret<32>) -> Arc<Self> {
        Arc::new(Self::new(Epoch::new(KeyId([0; 8]), key), Vec::new()))
    }

    /// All that open, the active one first.
    pub fn all(&self) -> Arc<Vec<Arc<Epoch>>> {
        self.0.load_full()
    }

    /// The one that wraps.
    ///
    /// # Errors
    /// Never: a keyring without one does not open.
    pub fn active(&self) -> Result<Arc<Epoch>, Broken> {
        self.0.load().first().cloned().ok_or(Broken)
    }

    /// Whether something may still be wrapped by an epoch before.
    pub fn is_turning(&self) -> bool {
        self.0.load().len() > 1
    }

    pub(super) fn replace(&self, with: &Self) {
        self.0.store(with.all());
    }
}
