//! What can be proposed, and who may.
use super::{Target, hex};
use crate::{
    agreement::Role,
    keyring::{KeyId, LogKeyTerms},
    limits::KEYS_PER_ROTATION_MAX,
    wire::{self, Message, v1, v1::change},
};
use std::fmt;

/// A change of the running gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What is shut out is let in again.
    Lift {
        /// Who or what.
        target: Target,
        /// Which suspension of it.
        suspension: [u8; 8],
    },
    /// These exchange keys give way to new ones.
    RotateExchange(Vec<KeyId>),
    /// This log key gives way to a new one.
    RotateLogKey {
        /// Which gives way.
        key: KeyId,
        /// How long the new one is published ahead, and how long both sign.
        terms: LogKeyTerms,
    },
    /// This exchange key opens nothing any more. An emergency: it is not proposed.
    RevokeExchange(KeyId),
}

/// Jobs of one class run one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobClass {
    /// The keyring's exchange keys.
    Exchange,
    /// The log's key.
    LogKey,
}

impl Change {
    /// Whether somebody in this role may propose, approve or reject it. Whatever weakens a defence is for security alone.
    pub fn is_for(&self, role: Role) -> bool {
        match self {
            Change::Lift { .. } | Change::RotateLogKey { .. } | Change::RevokeExchange(_) => role == Role::Security,
            Change::RotateExchange(_) => matches!(role, Role::Security | Role::Operator),
        }
    }

    /// The job that carries it out; `None` where the entry of the approval does.
    pub fn job(&self) -> Option<JobClass> {
        match self {
            Change::Lift { .. } => None,
            Change::RotateExchange(_) | Change::RevokeExchange(_) => Some(JobClass::Exchange),
            Change::RotateLogKey { .. } => Some(JobClass::LogKey),
        }
    }

    /// As sent.
    pub fn to_wire(&self) -> v1::Change {
        let change = match self {
            Change::Lift { target, suspension } => change::Change::Lift(v1::Lift {
                target: Some(target.to_wire()),
                suspension_id: suspension.to_vec(),
            }),
            Change::RotateExchange(keys) => change::Change::RotateExchangeKeys(v1::RotateExchangeKeys {
                key_ids: keys.iter().map(|key| key.0.to_vec()).collect(),
            }),
            Change::RotateLogKey { key, terms } => change::Change::RotateLogKey(v1::RotateLogKey {
                key_id: key.0.to_vec(),
                // Both are bounded by ninety days.
                ahead_s: u32::try_from(terms.ahead_s()).unwrap_or(u32::MAX),
                overlap_s: u32::try_from(terms.overlap_s()).unwrap_or(u32::MAX),
            }),
            Change::RevokeExchange(key) => change::Change::RevokeExchangeKey(v1::RevokeKey { key_id: key.0.to_vec() }),
        };
        v1::Change { change: Some(change) }
    }

    /// The bytes that are approved, and kept.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.to_wire().encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let wire: v1::Change = wire::decode_canonical(bytes).ok()?;
        Some(match wire.change? {
            change::Change::Lift(lift) => Change::Lift {
                target: Target::from_wire(lift.target?)?,
                suspension: lift.suspension_id.try_into().ok()?,
            },
            change::Change::RotateExchangeKeys(rotate) => {
                let keys: Option<Vec<_>> = rotate.key_ids.into_iter().map(key_id).collect();
                Change::RotateExchange(keys.filter(|keys| keys.len() <= KEYS_PER_ROTATION_MAX)?)
            }
            change::Change::RotateLogKey(rotate) => Change::RotateLogKey {
                key: key_id(rotate.key_id)?,
                terms: LogKeyTerms::new(rotate.ahead_s.into(), rotate.overlap_s.into()).ok()?,
            },
            change::Change::RevokeExchangeKey(revoke) => Change::RevokeExchange(key_id(revoke.key_id)?),
        })
    }
}

fn key_id(bytes: Vec<u8>) -> Option<KeyId> {
    bytes.try_into().ok().map(KeyId)
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Lift { target, suspension } => {
                write!(f, "lift the suspension {} of {target}", hex(suspension))
            }
            Change::RotateExchange(keys) => {
                f.write_str("rotate the exchange keys")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Change::RotateLogKey { key, terms } => {
                let (ahead_s, overlap_s) = (terms.ahead_s(), terms.overlap_s());
                write!(
                    f,
                    "rotate the log key {key}: published {ahead_s} s ahead, both sign for {overlap_s} s"
                )
            }
            Change::RevokeExchange(key) => write!(f, "revoke the exchange key {key}"),
        }
    }
}
