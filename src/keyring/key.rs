//! One key: its class, its state, and what both allow.
use super::KeyringError;
use crate::{
    clock::Time,
    crypto::{Broken, Ed25519Signer, KemKeyPair, Rng, Secret, Signer, Suite},
    limits::{EXCHANGE_KEY_OPENS_S, SKEW_MS_MAX},
    wire::store::v1,
};
use std::{fmt, sync::Arc};

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
    Exchange(Arc<KemKeyPair>),
    Secret(Secret<32>),
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
    /// A key of a class of which there is one in use, active at once.
    pub(super) fn single(class: Class, now: Time, rng: &dyn Rng) -> Result<Self, Broken> {
        let secret = Secret::random(rng)?;
        let material = match class {
            Class::Log => Material::Log(Arc::new(Ed25519Signer::from_seed(secret)?)),
            _ => Material::Secret(secret),
        };
        Ok(Self {
            class,
            id: random_id(rng)?,
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
            public_key: match &self.material {
                Material::LogPublic(public) => public.to_vec(),
                _ => Vec::new(),
            },
        }
    }

    /// Everything must be known: a keyring of a newer version is refused, not half used.
    pub(super) fn from_wire(wire: &v1::Key) -> Result<Self, KeyringError> {
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
        let secret = || Secret::<32>::from_slice(&wire.secret).map_err(|_| unknown());
        let material = match (class, wire.public_key.as_slice()) {
            (Class::Log, []) => Material::Log(Arc::new(Ed25519Signer::from_seed(secret()?)?)),
            (Class::Log, public) if state == State::Revoked && wire.secret.is_empty() => {
                Material::LogPublic(public.try_into().map_err(|_| unknown())?)
            }
            (Class::Exchange, []) => {
                let suite = Suite::from_ids(wire.algorithm, 1, 2).ok_or_else(unknown)?;
                Material::Exchange(Arc::new(KemKeyPair::from_secret(suite, secret()?.expose())?))
            }
            (_, []) => Material::Secret(secret()?),
            _ => return Err(unknown()),
        };
        Ok(Self {
            class,
            id: KeyId(wire.key_id.as_slice().try_into().map_err(|_| unknown())?),
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
            Material::Log(signer) => Some(signer.public_key()),
            Material::LogPublic(public) => Some(*public),
            _ => None,
        }
    }

    /// The same, if the key signs in this period of the log, or did.
    pub(super) fn log_public_in(&self, period: u32) -> Option<[u8; 32]> {
        let signs = self.first_period <= period && (self.last_period == 0 || period <= self.last_period);
        self.log_public().filter(|_| signs)
    }

    pub(super) fn log_signer(&self) -> Option<Arc<dyn Signer>> {
        match &self.material {
            Material::Log(signer) => Some(Arc::clone(signer) as _),
            _ => None,
        }
    }
}

fn random_id(rng: &dyn Rng) -> Result<KeyId, Broken> {
    let mut id = [0; 8];
    rng.fill(&mut id)?;
    Ok(KeyId(id))
}
