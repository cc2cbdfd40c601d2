//! The signed key list: what a client seals to and verifies the log with. The same for every partner.
use super::{Keyring, KeyringError, State, key::Material};
use crate::{
    audit::note::{VerifierKey, period_origin},
    clock::Time,
    crypto::{Broken, Rng, Signer},
    limits::{KEY_LIST_BYTES_MAX, KEY_LIST_DELEGATION_S, KEY_LIST_S, KEY_LISTS_SKIPPED, LOG_PERIODS_LISTED_MAX},
    seal::frame,
    wire::{Message, timestamp, v1},
};

/// Minor versions of `tollgate/v1` that this gateway serves.
const PROTOCOL_MINORS: [u32; 1] = [0];

/// Who signs a key list, and for which log.
pub struct KeyListTerms<'a> {
    /// Our SPIFFE URI.
    pub gateway: &'a str,
    /// Name of the log: the origin line of its first period.
    pub origin: &'a str,
    /// The online key.
    pub online: &'a dyn Signer,
    /// What the gateway-identity key signed for it.
    pub delegation: &'a v1::KeyListDelegation,
}

/// A key list, ready to be sent.
#[derive(Debug, Clone)]
pub struct SignedKeyList {
    /// As sent.
    pub response: v1::GetKeyListResponse,
    /// Rises with every list.
    pub serial: u64,
    /// Sign another well before: half its life is a good time.
    pub not_after: Time,
}

impl Keyring {
    /// Signs a new list under the next serial, which is on disk before the list is returned.
    pub fn key_list(&self, terms: &KeyListTerms<'_>, now: Time, rng: &dyn Rng) -> Result<SignedKeyList, KeyringError> {
        let now_s = u64::try_from(now.seconds()).map_err(|_| KeyringError::Delegation)?;
        let delegation = terms.delegation;
        let valid = (delegation.not_before_s..delegation.not_after_s).contains(&now_s);
        if !valid || delegation.public_key != terms.online.public_key() {
            return Err(KeyringError::Delegation);
        }
        let delegated_until_s = i64::try_from(delegation.not_after_s).unwrap_or(i64::MAX);
        let not_after_s = (now.seconds() + KEY_LIST_S).min(delegated_until_s);
        let signed = self.change(rng, |ring| {
            ring.key_list_serial = ring.key_list_serial.saturating_add(1);
            let list = v1::KeyList {
                serial: ring.key_list_serial,
                gateway: terms.gateway.to_owned(),
                not_before: Some(timestamp(now.seconds() * 1000)),
                not_after: Some(timestamp(not_after_s * 1000)),
                exchange_keys: ring.keys.iter().filter_map(published).collect(),
                log_keys: log_keys(ring, terms.origin),
                protocol_minors: PROTOCOL_MINORS.to_vec(),
            };
            let key_list = list.encode_to_vec();
            if key_list.len() > KEY_LIST_BYTES_MAX {
                return Err(KeyringError::ListTooLarge);
            }
            let signature = terms
                .online
                .sign(&frame::key_list(terms.gateway, list.serial, &key_list))?;
            Ok(Some(SignedKeyList {
                response: v1::GetKeyListResponse {
                    key_list,
                    signature: signature.to_vec(),
                    delegation: Some(delegation.clone()),
                },
                serial: list.serial,
                not_after: Time(not_after_s * 1000),
            }))
        })?;
        signed.ok_or(KeyringError::Broken(Broken))
    }
}

impl Keyring {
    /// After a restore: lists that were signed since these keys were kept are not known, and partners take none whose serial
    /// is not beyond what they saw.
    pub fn skip_serials(&self, rng: &dyn Rng) -> Result<(), KeyringError> {
        let skipped = self.change(rng, |ring| {
            ring.key_list_serial = ring.key_list_serial.saturating_add(KEY_LISTS_SKIPPED);
            Ok(Some(()))
        })?;
        skipped.ok_or(KeyringError::Broken(Broken))
    }
}

/// Delegates key-list signing to an online key, for 30 days at most.
pub fn delegate(
    identity: &dyn Signer,
    gateway: &str,
    online_public_key: &[u8; 32],
    not_before: Time,
    life_s: u64,
) -> Result<v1::KeyListDelegation, Broken> {
    let not_before_s = u64::try_from(not_before.seconds()).map_err(|_| Broken)?;
    let not_after_s = not_before_s + life_s.min(KEY_LIST_DELEGATION_S);
    let input = frame::key_list_delegate(gateway, online_public_key, not_before_s, not_after_s);
    Ok(v1::KeyListDelegation {
        public_key: online_public_key.to_vec(),
        not_before_s,
        not_after_s,
        signature: identity.sign(&input)?.to_vec(),
    })
}

fn published(key: &super::Key) -> Option<v1::ExchangeKey> {
    let Material::Exchange(pair) = &key.material else {
        return None;
    };
    if !matches!(key.state, State::Active | State::Prepared) {
        return None;
    }
    let (kem, kdf, aead) = pair.suite().ids();
    Some(v1::ExchangeKey {
        key_id: key.id.0.to_vec(),
        suite: Some(v1::Suite {
            kem: kem.into(),
            kdf: kdf.into(),
            aead: aead.into(),
        }),
        public_key: pair.public().to_vec(),
        not_before: Some(timestamp(key.not_before_s * 1000)),
        not_after: Some(timestamp(key.not_after_s * 1000)),
    })
}

/// The newest period first, each with the keys that sign it or did. Verifier keys of retired log keys stay, and so do the
/// origins of periods that are over, also when their archive is deleted: what they signed must still verify. A key that
/// is not trusted any more is listed for no period after its last.
fn log_keys(ring: &super::Ring, name: &str) -> Vec<v1::LogKey> {
    let period = ring.active(super::Class::PeriodDetail).map_or(1, |key| key.version);
    let periods = (1..=period).rev().take(LOG_PERIODS_LISTED_MAX);
    let of_period = |period: u32| {
        let origin = period_origin(name, period);
        let keys = ring.keys.iter().filter_map(move |key| key.log_public_in(period));
        keys.map(move |public| v1::LogKey {
            verifier_key: VerifierKey::encode(&origin, &public),
            origin: origin.clone(),
        })
    };
    periods.flat_map(of_period).collect()
}
