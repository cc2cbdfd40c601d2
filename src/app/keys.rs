//! The key list that is served: signed anew at half its life and when a key changes, each serial an entry.
use super::AppError;
use crate::{
    audit::{Event, Log},
    clock::{Clock, Time},
    config::{Config, read_text},
    crypto::{Ed25519Signer, Rng},
    domain::Method,
    facts::{Facts, Kind},
    keyring::{Change, KeyListTerms, Keyring, KeyringError, PublishedKeys, Rotation},
    wire::{decode_canonical, v1},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::Arc;

/// Method name of entries that no call leads to.
const PUBLISH: Method = Method("/tollgate.internal/PublishKeyList");

/// Signs and publishes key lists.
pub(super) struct Publisher {
    pub(super) keyring: Arc<Keyring>,
    pub(super) published: Arc<PublishedKeys>,
    pub(super) log: Log,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) snapshot: [u8; 32],
    gateway: String,
    origin: String,
    online: Ed25519Signer,
    delegation: v1::KeyListDelegation,
    renew_at: Time,
    /// What has changed in the keyring and is not yet in the log and in the published list.
    pending: Vec<Change>,
}

impl Publisher {
    pub(super) fn new(
        config: &Config,
        keyring: Arc<Keyring>,
        log: Log,
        snapshot: [u8; 32],
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, AppError> {
        let online = Ed25519Signer::from_pkcs8_pem(&read_text(&config.key_list.online_key)?)?;
        let delegation = STANDARD
            .decode(read_text(&config.key_list.delegation)?.trim())
            .ok()
            .and_then(|bytes| decode_canonical(&bytes).ok())
            .ok_or(KeyringError::Delegation)?;
        Ok(Self {
            keyring,
            published: Arc::default(),
            log,
            clock,
            rng,
            snapshot,
            gateway: config.gateway.uri.clone(),
            origin: config.gateway.log_origin.clone(),
            online,
            delegation,
            renew_at: Time(0),
            pending: Vec::new(),
        })
    }

    /// The next look signs a new list, whatever the time.
    pub(super) fn renew_now(&mut self) {
        self.renew_at = Time(0);
    }

    /// What a job changed in the keyring: in the log and in a new list before anything else is.
    pub(super) fn note(&mut self, rotation: Option<Rotation>) {
        self.pending.extend(rotation.into_iter().flat_map(|done| done.changes));
    }

    /// Signs and publishes a new list now.
    pub(super) async fn publish(&mut self) -> Result<(), AppError> {
        self.renew_now();
        self.keep_current().await
    }

    /// Does what is due: rotates exchange keys, signs a new list. Nothing is published that is not in the log.
    pub(super) async fn keep_current(&mut self) -> Result<(), AppError> {
        let now = self.clock.now();
        // The keyring has turned before anything below can fail, and tells so only once.
        if let Some(rotated) = self.keyring.rotate_exchange_if_due(now, &*self.rng)? {
            self.pending.extend(rotated.changes);
        }
        if self.pending.is_empty() && now < self.renew_at {
            return Ok(());
        }
        let terms = KeyListTerms {
            gateway: &self.gateway,
            origin: &self.origin,
            online: &self.online,
            delegation: &self.delegation,
        };
        let signed = self.keyring.key_list(&terms, now, &*self.rng)?;
        let mut facts = Facts::new(Kind::Keys, "gateway", PUBLISH, self.snapshot);
        facts.note = format!("key list {}", signed.serial);
        if !self.pending.is_empty() {
            let changes = self.pending.clone();
            facts.note = format!("{}; {}", facts.note, Rotation { changes });
        }
        self.log.append(Event::new(facts)).await?;
        self.renew_at = Time(now.0 / 2 + signed.not_after.0 / 2);
        self.published.publish(signed);
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
