//! One key: its class, its state, and what both allow.
use super::{
    KeyringError,
    root::{RootError, Token, TokenSigner},
};
use crate::{
    clock::Time,
    crypto::{Broken, Ed25519Signer, KemKeyPair, Label, Rng, Secret, Signer, Suite, SystemRng, ctx},
    limits::{EXCHANGE_KEY_OPENS_S, SKEW_MS_MAX},
    wire::store::v1,
};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

const NONCE: usize = 12;

/// Eight random bytes, shown in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Signs checkpoints.
    Log,
    /// Opens requests.
    Exchange,
    /// Makes pseudonyms.
    Pseudonym,
    /// Wraps the keys of persons.
    ShredEpoch,
    /// Seals details of entries without a person.
    PeriodDetail,
}

impl Class {
    const ALL: [Class; 5] = [
        Class::Log,
        Class::Exchange,
        Class::Pseudonym,
        Class::ShredEpoch,
        Class::PeriodDetail,
    ];

    /// The name in the file and in entries.
    pub fn name(self) -> &'static str {
        match self {
            Class::Log => "log",
            Class::Exchange => "exchange",
            Class::Pseudonym => "pseudonym",
            Class::ShredEpoch => "shred-epoch",
            Class::PeriodDetail => "period-detail",
        }
    }
}

/// Where a key stands in its life. A destroyed key is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Published, so that partners are ready; not yet sealed to.
    Prepared,
    /// In use.
    Active,
    /// Still opens, never seals.
    Tainted,
    /// Does nothing any more.
    Revoked,
}

impl State {
    /// The name in entries.
    pub fn name(self) -> &'static str {
        match self {
            State::Prepared => "prepared",
            State::Active => "active",
            State::Tainted => "tainted",
            State::Revoked => "revoked",
        }
    }
}

#[derive(Clone)]
pub(super) enum Material {
    Log(Arc<Ed25519Signer>),
    /// What is left of a log key that signs no more.
    LogPublic([u8; 32]),
    /// A log key in a token, by its id there.
    TokenLog(Vec<u8>, Arc<TokenSigner>),
    Exchange(Arc<KemKeyPair>),
    Secret(Secret<32>),
    /// A secret that a key in a token wraps: `nonce ‖ AES-256-GCM`. Without that key these bytes are nothing.
    Wrapped {
        token_key: Vec<u8>,
        sealed: Vec<u8>,
        secret: Secret<32>,
    },
}

impl Material {
    /// Secret bytes that are used as they are.
    pub(super) fn secret(&self) -> Option<&Secret<32>> {
        match self {
            Material::Secret(secret) | Material::Wrapped { secret, .. } => Some(secret),
            Material::Log(_) | Material::LogPublic(_) | Material::TokenLog(..) | Material::Exchange(_) => None,
        }
    }

    pub(super) fn signer(&self) -> Option<Arc<dyn Signer>> {
        match self {
            Material::Log(signer) => Some(signer.clone()),
            Material::TokenLog(_, signer) => Some(signer.clone()),
            Material::LogPublic(_) | Material::Exchange(_) | Material::Secret(_) | Material::Wrapped { .. } => None,
        }
    }

    /// The id of the token's key that it needs.
    pub(super) fn token_key(&self) -> Option<&[u8]> {
        match self {
            Material::TokenLog(id, _) | Material::Wrapped { token_key: id, .. } => Some(id),
            Material::Log(_) | Material::LogPublic(_) | Material::Exchange(_) | Material::Secret(_) => None,
        }
    }
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) class: Class,
    pub(super) id: KeyId,
    pub(super) version: u32,
    pub(super) state: State,
    pub(super) created_s: i64,
    pub(super) not_before_s: i64,
    pub(super) not_after_s: i64,
    /// Of a log key: the periods of the log that it signs. 0: from the first one on, and no last one yet.
    pub(super) first_period: u32,
    pub(super) last_period: u32,
    pub(super) material: Material,
}

impl Key {
    /// A key of a class of which there is one in use, active at once. In the token, where the configuration says so.
    pub(super) fn single(
        class: Class,
        now: Time,
        rng: &dyn Rng,
        token: Option<&Arc<Token>>,
    ) -> Result<Self, KeyringError> {
        let id = random_id(rng)?;
        let log = token.and_then(|token| Some((token, token.log_label()?)));
        let epoch = token.filter(|token| token.holds_epochs());
        let material = match (class, log, epoch) {
            (Class::Log, Some((token, label)), _) => {
                let (key_id, public) = token.new_log_key(label, rng)?;
                let signer = Arc::clone(token).log_signer(&key_id, &public)?;
                Material::TokenLog(key_id, Arc::new(signer))
            }
            (Class::Log, None, _) => Material::Log(Arc::new(Ed25519Signer::generate(rng)?)),
            (Class::ShredEpoch, _, Some(token)) => wrapped(&id, token, rng)?,
            _ => Material::Secret(Secret::random(rng)?.held()),
        };
        Ok(Self {
            class,
            id,
            version: 1,
            state: State::Active,
            created_s: now.seconds(),
            not_before_s: now.seconds(),
            not_after_s: 0,
            first_period: 0,
            last_period: 0,
            material,
        })
    }

    /// An exchange key that is sealed to between the two times.
    pub(super) fn exchange(
        suite: Suite,
        version: u32,
        state: State,
        now: Time,
        (not_before_s, not_after_s): (i64, i64),
        rng: &dyn Rng,
    ) -> Result<Self, Broken> {
        Ok(Self {
            class: Class::Exchange,
            id: random_id(rng)?,
            version,
            state,
            created_s: now.seconds(),
            not_before_s,
            not_after_s,
            first_period: 0,
            last_period: 0,
            material: Material::Exchange(Arc::new(KemKeyPair::generate(suite, rng)?)),
        })
    }

    pub(super) fn suite(&self) -> Option<Suite> {
        match &self.material {
            Material::Exchange(pair) => Some(pair.suite()),
            _ => None,
        }
    }

    /// May a client seal to it: what the key list shows as current.
    pub(super) fn may_seal(&self, now: Time) -> bool {
        self.state == State::Active && (self.not_before_s..self.not_after_s).contains(&now.seconds())
    }

    /// May it open. The times hold even when the rotation is late, so a key never outlives its promise. A prepared key
    /// opens a little early, for clients whose clock is ahead.
    pub(super) fn may_open(&self, now: Time) -> bool {
        let early_s = SKEW_MS_MAX / 1000;
        let in_time = now.seconds() >= self.not_before_s - early_s && !self.is_over(now);
        self.state != State::Revoked && in_time
    }

    /// Past the last moment at which it opens.
    pub(super) fn is_over(&self, now: Time) -> bool {
        now.seconds() >= self.not_after_s.saturating_add(EXCHANGE_KEY_OPENS_S)
    }

    pub(super) fn to_wire(&self) -> v1::Key {
        let (algorithm, secret) = match &self.material {
            Material::Log(signer) => (0, signer.seed().expose().to_vec()),
            Material::LogPublic(_) => (0, Vec::new()),
            Material::TokenLog(..) => (0, Vec::new()),
            Material::Wrapped { sealed, .. } => (0, sealed.clone()),
            Material::Exchange(pair) => (u32::from(pair.suite().ids().0), pair.secret().expose().to_vec()),
            Material::Secret(secret) => (0, secret.expose().to_vec()),
        };
        let state = match self.state {
            State::Prepared => v1::KeyState::Prepared,
            State::Active => v1::KeyState::Active,
            State::Tainted => v1::KeyState::Tainted,
            State::Revoked => v1::KeyState::Revoked,
        };
        v1::Key {
            class: self.class.name().to_owned(),
            key_id: self.id.0.to_vec(),
            version: self.version,
            state: state.into(),
            created_s: self.created_s,
            not_after_s: self.not_after_s,
            algorithm,
            secret,
            not_before_s: self.not_before_s,
            first_period: self.first_period,
            last_period: self.last_period,
            token_key: self.material.token_key().unwrap_or_default().to_vec(),
            public_key: match &self.material {
                Material::LogPublic(public) => public.to_vec(),
                Material::TokenLog(_, signer) => signer.public_key().to_vec(),
                _ => Vec::new(),
            },
        }
    }

    /// Everything must be known: a keyring of a newer version is refused, not half used.
    pub(super) fn from_wire(wire: &v1::Key, token: Option<&Arc<Token>>) -> Result<Self, KeyringError> {
        let unknown =
            || KeyringError::Incomplete("it holds a key of a class, state or form that this version does not know");
        let class = Class::ALL.into_iter().find(|c| c.name() == wire.class);
        let class = class.ok_or_else(unknown)?;
        let state = match wire.state() {
            v1::KeyState::Prepared => State::Prepared,
            v1::KeyState::Active => State::Active,
            v1::KeyState::Tainted => State::Tainted,
            v1::KeyState::Revoked => State::Revoked,
            v1::KeyState::Unspecified => return Err(unknown()),
        };
        let id = KeyId(wire.key_id.as_slice().try_into().map_err(|_| unknown())?);
        let in_token = !wire.token_key.is_empty();
        let token = || token.ok_or(RootError::TokenMissing);
        let secret = || Secret::<32>::from_slice(&wire.secret).map_err(|_| unknown());
        let material = match (class, in_token) {
            (Class::Log, false) if state == State::Revoked && !wire.public_key.is_empty() && wire.secret.is_empty() => {
                Material::LogPublic(wire.public_key.as_slice().try_into().map_err(|_| unknown())?)
            }
            (Class::Log, false) => Material::Log(Arc::new(Ed25519Signer::from_seed(secret()?)?)),
            (Class::Log, true) => {
                let signer = Arc::clone(token()?).log_signer(&wire.token_key, &wire.public_key)?;
                Material::TokenLog(wire.token_key.clone(), Arc::new(signer))
            }
            (Class::Exchange, false) => {
                let suite = Suite::from_ids(wire.algorithm, 1, 2).ok_or_else(unknown)?;
                Material::Exchange(Arc::new(KemKeyPair::from_secret(suite, secret()?.expose())?))
            }
            (Class::ShredEpoch, true) => Material::Wrapped {
                token_key: wire.token_key.clone(),
                sealed: wire.secret.clone(),
                // On its way to be destroyed: the token may have done so already. Under a fresh key nothing opens.
                secret: match state {
                    State::Revoked => Secret::random(&SystemRng::default())?,
                    _ => unwrapped(&id, token()?, wire)?,
                }
                .held(),
            },
            (_, false) => Material::Secret(secret()?.held()),
            (_, true) => return Err(unknown()),
        };
        Ok(Self {
            class,
            id,
            version: wire.version,
            state,
            created_s: wire.created_s,
            not_before_s: wire.not_before_s,
            not_after_s: wire.not_after_s,
            first_period: wire.first_period,
            last_period: wire.last_period,
            material,
        })
    }

    /// The key of details in this period of the log.
    pub(super) fn is_of_period(&self, period: u32) -> bool {
        self.class == Class::PeriodDetail && self.version == period
    }

    pub(super) fn is(&self, class: Class, state: State) -> bool {
        self.class == class && self.state == state
    }

    /// The log key's public half.
    pub(super) fn log_public(&self) -> Option<[u8; 32]> {
        match &self.material {
            Material::LogPublic(public) => Some(*public),
            material => material.signer().map(|signer| signer.public_key()),
        }
    }

    /// The same, if the key signs in this period of the log, or did.
    pub(super) fn log_public_in(&self, period: u32) -> Option<[u8; 32]> {
        let signs = self.first_period <= period && (self.last_period == 0 || period <= self.last_period);
        self.log_public().filter(|_| signs)
    }

    pub(super) fn log_signer(&self) -> Option<Arc<dyn Signer>> {
        self.material.signer()
    }
}

/// Binds an epoch that a token wraps to its id.
fn epoch_place(id: &KeyId) -> Vec<u8> {
    ctx(Label::WrappedKey, &[b"epoch", &id.0])
}

fn wrapped(id: &KeyId, token: &Token, rng: &dyn Rng) -> Result<Material, KeyringError> {
    let secret = Secret::random(rng)?.held();
    let token_key = token.new_epoch_key(rng)?;
    let mut nonce = [0; NONCE];
    rng.fill(&mut nonce)?;
    let sealed = token.seal(&token_key, &mut nonce, &epoch_place(id), secret.expose())?;
    Ok(Material::Wrapped {
        token_key,
        sealed: [nonce.as_slice(), &sealed].concat(),
        secret,
    })
}

fn unwrapped(id: &KeyId, token: &Token, wire: &v1::Key) -> Result<Secret<32>, KeyringError> {
    let damaged = KeyringError::Incomplete("a shred epoch that a token wraps is damaged");
    let Some((nonce, sealed)) = wire.secret.split_first_chunk::<NONCE>() else {
        return Err(damaged);
    };
    let opened = token.open_box(&wire.token_key, &mut { *nonce }, &epoch_place(id), sealed)?;
    Secret::from_slice(&Zeroizing::new(opened)).map_err(|_| damaged)
}

fn random_id(rng: &dyn Rng) -> Result<KeyId, Broken> {
    let mut id = [0; 8];
    rng.fill(&mut id)?;
    Ok(KeyId(id))
}
