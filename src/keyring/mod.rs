//! The gateway's own keys: which there are, in what state, and who may seal, open and sign with them.
//!
//! They lie in one file, sealed under a root that is outside the store: a file, a passphrase, a credential or a token. A
//! change is on disk before it is used. This module refuses a root key that others can read, a second keyring in one place,
//! and a keyring that lacks a key. Replacing the file is not erasure: a disk may keep old blocks, which is why the root can
//! be elsewhere, and the keys of epochs in a token.
mod epochs;
mod file;
mod key;
mod list;
mod log_keys;
mod moving;
mod published;
mod root;
mod rotation;
mod status;

pub use epochs::{Epoch, Epochs};
pub use key::{Class, KeyId, State};
pub use list::{KeyListTerms, SignedKeyList, delegate};
pub use log_keys::{LogKey, LogKeyTerms};
pub use moving::{Moved, move_root};
pub use published::{Ends, PublishedKeys};
pub use root::{Form, RootError, RootSource, TokenError, TokenSource, end_tokens};
pub use rotation::{Change, Rotation};
pub use status::KeyStatus;

use crate::{
    audit::LogSigners,
    clock::Time,
    crypto::{Broken, KemKeyPair, Rng, Secret, unlocked},
    limits::KEYRING_KEYS_MAX,
};
use key::{Key, Material};
use root::Root;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// Why a keyring cannot be made, opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is one already.
    #[error("`{0}` exists: a keyring is never overwritten; choose an empty directory, or move the old one away")]
    Exists(PathBuf),
    /// A file is not there.
    #[error("`{0}` is missing: restore it from the key backup, or point the configuration at it")]
    Missing(PathBuf),
    /// Others can read the root key.
    #[error("`{0}` can be read by others: run `chmod 600` on it, and replace the keys if anyone could have copied it")]
    RootReadable(PathBuf),
    /// Not 32 bytes.
    #[error("`{0}` is not a root key: it must hold exactly 32 bytes")]
    RootMalformed(PathBuf),
    /// The keyring does not open under this root key.
    #[error("`{0}` does not open: it is damaged, or the root key is another one; restore both from one backup")]
    Damaged(PathBuf),
    /// Opened, and not a complete keyring.
    #[error("the keyring is not complete: {0}; restore it from a backup")]
    Incomplete(&'static str),
    /// More keys than a keyring holds.
    #[error("the keyring holds too many keys: destroy retired ones first")]
    Full,
    /// No such key, or none that this can be done to.
    #[error("no exchange key of this id can be revoked: list the keys and choose one that is not revoked yet")]
    KeyUnknown,
    /// A key of the log is named that is not the active one.
    #[error("this is not the log key that is in use: list the keys and name the active one")]
    LogKeyGaveWay,
    /// One rotation of the log key at a time.
    #[error("the log key is being rotated already: wait until the old one is retired, or withdraw the prepared one")]
    LogKeyRotating,
    /// A token makes and holds it.
    #[error("the log key is in a token: another one is made there, and nothing else takes its place")]
    LogKeyInToken,
    /// A new log key would be published or accompanied for too short or too long a time.
    #[error(
        "a new log key is published at least a day before it signs, the old one signs beside it for at least a day, and either \
         takes ninety days at most: say other times"
    )]
    LogKeyTerms,
    /// The delegation does not fit the online key, or is not valid now.
    #[error(
        "the key-list delegation is not valid now, or is for another online key: sign a new one with the gateway-identity key"
    )]
    Delegation,
    /// The key list would be larger than any client takes.
    #[error("the key list is too large: destroy exchange keys that are not needed any more")]
    ListTooLarge,
    /// The file system.
    #[error("`{path}`: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The root does not open.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Randomness or a key operation failed.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// The keys of one gateway.
pub struct Keyring {
    path: PathBuf,
    root: Root,
    singles: Singles,
    log: Arc<LogSigners>,
    epochs: Arc<Epochs>,
    ring: RwLock<Arc<Ring>>,
    /// One change at a time; readers go on while it is written.
    changing: Mutex<()>,
}

/// What is in the file.
#[derive(Clone)]
struct Ring {
    keys: Vec<Key>,
    key_list_serial: u64,
    development: bool,
}

/// Keys of which there is exactly one in use.
struct Singles {
    pseudonym: Secret<32>,
    period_detail: Secret<32>,
}

impl Keyring {
    /// Whether a gateway has served with these keys: it signs a key list first.
    pub fn has_served(&self) -> bool {
        self.ring().key_list_serial > 0
    }

    /// Makes `keyring.sealed` in `dir`, which must hold none, and its root: under a file `root.key` beside it.
    pub fn create(
        dir: &Path,
        root: &RootSource,
        now: Time,
        rng: &dyn Rng,
        development: bool,
    ) -> Result<Self, KeyringError> {
        let path = dir.join(file::SEALED);
        if path.exists() {
            return Err(KeyringError::Exists(path));
        }
        file::make_dir(dir)?;
        let root = Root::create(dir, root, rng)?;
        let mut keys = Vec::new();
        for class in [Class::Log, Class::Pseudonym, Class::ShredEpoch, Class::PeriodDetail] {
            keys.push(Key::single(class, now, rng, root.token())?);
        }
        rotation::sweep(&mut keys, now, rng)?;
        let ring = Ring {
            keys,
            key_list_serial: 0,
            development,
        };
        file::write(&path, &root, &ring, rng)?;
        Self::with(path, root, ring)
    }

    /// Opens the keyring of [`Keyring::create`]. After weeks its exchange keys are past their time: rotate before serving.
    pub fn open(dir: &Path, root: &RootSource) -> Result<Self, KeyringError> {
        let path = dir.join(file::SEALED);
        let (root, ring) = file::read(&path, root)?;
        Self::with(path, root, ring)
    }

    fn with(path: PathBuf, root: Root, ring: Ring) -> Result<Self, KeyringError> {
        let (singles, epochs) = (ring.singles()?, Arc::new(ring.epochs()?));
        Ok(Self {
            log: Arc::new(ring.log_signers()?),
            epochs,
            path,
            root,
            singles,
            ring: RwLock::new(Arc::new(ring)),
            changing: Mutex::new(()),
        })
    }

    /// Made for development; a gateway serves with it only when told so.
    pub fn is_development(&self) -> bool {
        self.ring().development
    }

    /// Turns identities into pseudonyms.
    pub fn pseudonym(&self) -> Secret<32> {
        self.singles.pseudonym.clone()
    }

    /// Wrap the keys of persons; destroying one erases whom it alone still wraps.
    pub fn epochs(&self) -> Arc<Epochs> {
        Arc::clone(&self.epochs)
    }

    /// A new shred epoch, active at once; the one before opens and never wraps again. On disk before this returns. Where
    /// an epoch before is still there, nothing changes: its turn comes first.
    pub fn turn_epoch(&self, now: Time, rng: &dyn Rng) -> Result<Option<KeyId>, KeyringError> {
        self.change(rng, |ring| {
            if ring.keys.iter().any(is_former_epoch) {
                return Ok(None);
            }
            if ring.keys.len() >= KEYRING_KEYS_MAX {
                return Err(KeyringError::Full);
            }
            let mut next = Key::single(Class::ShredEpoch, now, rng, self.root.token())?;
            for before in ring.keys.iter_mut().filter(|key| is_epoch(key, State::Active)) {
                before.state = State::Tainted;
                next.version = before.version.saturating_add(1);
            }
            let id = next.id;
            ring.keys.push(next);
            Ok(Some(id))
        })
    }

    /// Destroys the epochs that no longer wrap. What they alone wrap opens no more, for nobody. Gives their ids; on disk
    /// before this returns. Where a token wraps them they are revoked on disk first, then destroyed in the token, then
    /// dropped: cut off between, they open nothing and the next turn goes on here.
    pub fn destroy_epochs(&self, rng: &dyn Rng) -> Result<Vec<KeyId>, KeyringError> {
        if let Some(token) = self.root.token() {
            self.change(rng, |ring| {
                let tainted = |key: &&mut Key| is_epoch(key, State::Tainted) && key.material.token_key().is_some();
                let revoked = ring
                    .keys
                    .iter_mut()
                    .filter(tainted)
                    .map(|key| key.state = State::Revoked);
                Ok((revoked.count() > 0).then_some(()))
            })?;
            let ring = self.ring();
            let active = ring.active(Class::ShredEpoch).and_then(|key| key.material.token_key());
            let beside = active.or(self.root.token_key());
            for key in ring.keys.iter().filter(|key| is_epoch(key, State::Revoked)) {
                token.destroy(key.material.token_key().unwrap_or_default(), beside, rng)?;
            }
        }
        let destroyed = self.change(rng, |ring| {
            let over = ring.keys.iter().filter(|key| is_former_epoch(key));
            let ids: Vec<KeyId> = over.map(|key| key.id).collect();
            ring.keys.retain(|key| !is_former_epoch(key));
            Ok((!ids.is_empty()).then_some(ids))
        })?;
        Ok(destroyed.unwrap_or_default())
    }

    /// Seals the details of entries that have no person.
    pub fn period_detail(&self) -> Secret<32> {
        self.singles.period_detail.clone()
    }

    /// The period of the log: each has a key of its own for the details of entries that have no person.
    pub fn period(&self) -> u32 {
        self.ring().active(Class::PeriodDetail).map_or(1, |key| key.version)
    }

    /// The key of one period, if it is not destroyed.
    pub fn period_detail_of(&self, period: u32) -> Option<Secret<32>> {
        let ring = self.ring();
        let key = ring
            .keys
            .iter()
            .find(|key| key.class == Class::PeriodDetail && key.version == period)?;
        key.material.secret().cloned()
    }

    /// Makes the key of the next period, if there is none yet, and gives it with the period's number.
    pub fn prepare_period(&self, now: Time, rng: &dyn Rng) -> Result<(u32, Secret<32>), KeyringError> {
        let next = self.period() + 1;
        self.change(rng, |ring| {
            if ring.keys.iter().any(|key| key.is_of_period(next)) {
                return Ok(None);
            }
            if ring.keys.len() >= KEYRING_KEYS_MAX {
                return Err(KeyringError::Full);
            }
            let mut key = Key::single(Class::PeriodDetail, now, rng, None)?;
            (key.version, key.state) = (next, State::Prepared);
            ring.keys.push(key);
            Ok(Some(()))
        })?;
        let key = self.period_detail_of(next);
        let key = key.ok_or(KeyringError::Incomplete("the next period's key could not be made"))?;
        Ok((next, key))
    }

    /// Makes the prepared `period` the one that is used; the one before opens what it sealed, until it is destroyed. Open
    /// the keyring anew after it. Twice changes nothing the second time.
    pub fn activate_period(&self, period: u32, rng: &dyn Rng) -> Result<(), KeyringError> {
        self.change(rng, |ring| {
            if ring
                .active(Class::PeriodDetail)
                .is_some_and(|key| key.version == period)
            {
                return Ok(None);
            }
            if !ring.keys.iter().any(|key| key.is_of_period(period)) {
                return Err(KeyringError::Incomplete("the next period's key is missing"));
            }
            for key in ring.keys.iter_mut().filter(|key| key.class == Class::PeriodDetail) {
                match (key.version == period, key.state) {
                    (true, _) => key.state = State::Active,
                    (false, State::Active) => key.state = State::Tainted,
                    (false, _) => {}
                }
            }
            ring.log_key_takes_over(period);
            Ok(Some(()))
        })
        .map(drop)
    }

    /// Destroys the key of a period that is over: its details are then closed for good. Whether there was one.
    pub fn destroy_period(&self, period: u32, rng: &dyn Rng) -> Result<bool, KeyringError> {
        let destroyed = self.change(rng, |ring| {
            let before = ring.keys.len();
            ring.keys
                .retain(|key| !(key.is_of_period(period) && key.state == State::Tainted));
            Ok((ring.keys.len() < before).then_some(()))
        })?;
        Ok(destroyed.is_some())
    }

    /// The exchange key of this id, if it may open now.
    pub fn exchange(&self, key_id: &[u8], now: Time) -> Option<Arc<KemKeyPair>> {
        let ring = self.ring();
        let key = ring.keys.iter().find(|key| key.id.0 == key_id)?;
        match &key.material {
            Material::Exchange(pair) if key.may_open(now) => Some(pair.clone()),
            _ => None,
        }
    }

    /// Prepares, activates, taints and destroys exchange keys by the calendar. `None` if nothing was due. What changed
    /// belongs into the log, and into a new key list.
    pub fn rotate_exchange_if_due(&self, now: Time, rng: &dyn Rng) -> Result<Option<Rotation>, KeyringError> {
        self.change(rng, |ring| {
            let changes = rotation::sweep(&mut ring.keys, now, rng)?;
            Ok((!changes.is_empty()).then_some(Rotation { changes }))
        })
    }

    /// A compromised exchange key: it opens nothing from now on, and its successor is active at once. Sign a new key
    /// list directly after.
    pub fn revoke_exchange(&self, key_id: &KeyId, now: Time, rng: &dyn Rng) -> Result<Rotation, KeyringError> {
        self.change(rng, |ring| {
            let mut changes = rotation::revoke(&mut ring.keys, key_id).ok_or(KeyringError::KeyUnknown)?;
            changes.extend(rotation::sweep(&mut ring.keys, now, rng)?);
            Ok(Some(Rotation { changes }))
        })?
        .ok_or(KeyringError::KeyUnknown)
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes a copy, writes it, then puts it in place. `None` from `edit` means nothing changed and nothing is written.
    fn change<R>(
        &self,
        rng: &dyn Rng,
        edit: impl FnOnce(&mut Ring) -> Result<Option<R>, KeyringError>,
    ) -> Result<Option<R>, KeyringError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ring = Ring::clone(&self.ring());
        let Some(result) = edit(&mut ring)? else {
            return Ok(None);
        };
        let (log, epochs) = (ring.log_signers()?, ring.epochs()?);
        file::write(&self.path, &self.root, &ring, rng)?;
        self.log.replace(&log);
        self.epochs.replace(&epochs);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(Some(result))
    }
}

impl Ring {
    fn singles(&self) -> Result<Singles, KeyringError> {
        Ok(Singles {
            pseudonym: self.secret(Class::Pseudonym, "there is no active pseudonym key")?,
            period_detail: self.secret(Class::PeriodDetail, "there is no active period-detail key")?,
        })
    }

    /// The active epoch, then the tainted ones, the newest first.
    fn epochs(&self) -> Result<Epochs, KeyringError> {
        let epoch = |key: &Key| Some(Epoch::new(key.id, key.material.secret()?.clone()));
        let active = self.active(Class::ShredEpoch).and_then(epoch);
        let active = active.ok_or(KeyringError::Incomplete("there is no active shred-epoch key"))?;
        let former = self.keys.iter().rev().filter(|key| is_former_epoch(key));
        Ok(Epochs::new(active, former.filter_map(epoch).collect()))
    }

    fn active(&self, class: Class) -> Option<&Key> {
        let of_class = |key: &&Key| key.class == class && key.state == State::Active;
        self.keys.iter().find(of_class)
    }

    fn secret(&self, class: Class, missing: &'static str) -> Result<Secret<32>, KeyringError> {
        let active = self.active(class).and_then(|key| key.material.secret());
        active.cloned().ok_or(KeyringError::Incomplete(missing))
    }
}

/// What health and `check-config` say while keys may be swapped to disk, and what to do about it.
pub fn unlocked_warning() -> Option<String> {
    let count = unlocked();
    let text = || {
        format!(
            "{count} secrets are not locked in memory and may be swapped to disk in clear: raise RLIMIT_MEMLOCK \
             (`LimitMEMLOCK=8M` in the systemd unit, `ulimit -l 8192` in a shell), or turn swap off"
        )
    };
    (count > 0).then(text)
}

fn is_epoch(key: &Key, state: State) -> bool {
    key.is(Class::ShredEpoch, state)
}

/// One that wraps no more and is to be destroyed.
fn is_former_epoch(key: &Key) -> bool {
    is_epoch(key, State::Tainted) || is_epoch(key, State::Revoked)
}

#[cfg(test)]
mod tests;
