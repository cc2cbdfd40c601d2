//! The gateway's own certificate while it runs: its files are read anew from time to time and on SIGHUP, and a newer leaf of
//! the same identity is used from the next handshake on, on all listeners or none. Connections are not cut.
use super::{
    AppError,
    revocation::{Revocation, off_the_answering_threads},
};
use crate::{
    audit::Event,
    channel::{Credential, LeafError},
    domain::Method,
    facts::{Facts, Kind},
};
use std::{path::PathBuf, sync::Arc};

const RENEW: Method = Method("/tollgate.internal/RenewCertificate");

/// Where the gateway's own certificate is, and what was said of it last.
pub(super) struct OwnFiles {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
    /// The same is not said, and not recorded, every half minute.
    pub(super) told: String,
}

impl OwnFiles {
    pub(super) fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self {
            chain,
            key,
            told: String::new(),
        }
    }
}

impl Revocation {
    /// Takes a newer certificate into use, or says once why not and leaves everything as it was.
    pub(super) async fn keep_certificate_current(&mut self) {
        match self.renew_certificate().await {
            Ok(()) => self.files.told.clear(),
            Err(error) => {
                let text = error.to_string();
                if text == self.files.told {
                    return;
                }
                tracing::warn!(error = %text, "the gateway's certificate stays what it was");
                let note = format!("the gateway's certificate stays what it was: {text}");
                if self.say(RENEW, &note).await {
                    self.files.told = text;
                }
            }
        }
    }

    pub(super) async fn renew_certificate(&mut self) -> Result<(), AppError> {
        let (current, trust) = (Arc::clone(&self.credential), Arc::clone(&self.trust));
        let (chain, key) = (self.files.chain.clone(), self.files.key.clone());
        let now = self.clock.now();
        let fresh = off_the_answering_threads(move || {
            let fresh = Credential::load(&chain, &key).map_err(LeafError::from)?;
            if fresh.is_same(&current) {
                return Ok(None);
            }
            let validity = trust.may_follow(&current, &fresh, now)?;
            Ok(Some((Arc::new(fresh), validity)))
        });
        let Some((fresh, validity)) = fresh.await? else {
            return Ok(());
        };
        let mut ready = Vec::new();
        for swap in &self.swaps {
            let listener = swap.current().listener();
            ready.push((swap.clone(), self.tls_with(&self.trust, listener, &fresh)?));
        }
        let days = validity.not_after.since(now) / 86_400_000;
        let mut facts = Facts::new(Kind::Configuration, "gateway", RENEW, self.snapshot);
        facts.note = format!("the gateway's certificate is renewed, days left: {days}");
        self.log.append(Event::new(facts)).await?;
        self.credential = fresh;
        off_the_answering_threads(move || {
            for (swap, tls) in ready {
                swap.swap(tls).map_err(|e| AppError::Server(e.to_string()))?;
            }
            Ok(())
        })
        .await?;
        tracing::info!(days_left = days, "the gateway's certificate is renewed");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
