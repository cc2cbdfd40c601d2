//! Lists of revoked certificates while the gateway runs: read anew from time to time and on SIGHUP, taken into use only
//! when all of them are sound, none is older than before, and the entry that says so is in the log.
use super::{AppError, leaf::OwnFiles};
use crate::{
    audit::{Event, Log},
    channel::{Connections, Credential, CrlMemory, Listener, ServerTls, Swap, Trust, server_config},
    clock::Clock,
    domain::Method,
    facts::{Facts, Kind},
    limits::CRL_NUMBERS_PER_ENTRY_MAX,
    state::Effect,
};
use std::sync::Arc;

const RENEW: Method = Method("/tollgate.internal/RenewRevocationLists");
/// CAs that an entry names; it counts the rest.
const NAMED_MAX: usize = 8;
/// What an entry says of why a file is not taken; the rest is in the gateway's own output.
const NOTE_CHARS_MAX: usize = 400;

/// What is needed to take new lists into use.
pub(super) struct Revocation {
    pub(super) trust: Arc<Trust>,
    pub(super) memory: CrlMemory,
    pub(super) credential: Arc<Credential>,
    pub(super) files: OwnFiles,
    pub(super) connections: Arc<Connections>,
    /// Of each listener.
    pub(super) swaps: Vec<Swap>,
    pub(super) log: Log,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) snapshot: [u8; 32],
    /// Up to where the certificates of issuing CAs have been looked at.
    pub(super) seen: u64,
    /// What was said last: the same is not said every half minute.
    pub(super) told: String,
}

impl Revocation {
    /// Takes new lists into use, or says once why not and leaves everything as it was.
    pub(super) async fn keep_current(&mut self) {
        match self.renew().await {
            Ok(()) => self.told.clear(),
            Err(error) => {
                let text = error.to_string();
                if text == self.told {
                    return;
                }
                tracing::warn!(error = %text, "the lists of revoked certificates stay what they were");
                let note = format!("the lists of revoked certificates stay what they were: {text}");
                if self.say(RENEW, &note).await {
                    self.told = text;
                }
            }
        }
    }

    pub(super) async fn renew(&mut self) -> Result<(), AppError> {
        let trust = Arc::clone(&self.trust);
        let (fresh, differ) = off_the_answering_threads(move || {
            let fresh = trust.with_lists_read_anew()?;
            let differ = fresh.lists_that_differ(&trust);
            Ok((Arc::new(fresh), differ))
        })
        .await?;
        let seen = self.connections.issuers_seen();
        if differ.is_empty() && seen.generation() == self.seen {
            return Ok(());
        }
        let effects = fresh.crl_effects(&self.memory, &seen)?;
        let mut ready = Vec::new();
        if !differ.is_empty() {
            for swap in &self.swaps {
                ready.push((swap.clone(), self.tls(&fresh, swap.current().listener())?));
            }
        }
        self.record(&differ, &effects).await?;
        self.memory.apply(&effects);
        self.seen = seen.generation();
        self.trust = fresh;
        let ended = off_the_answering_threads(move || {
            let mut ended = 0;
            for (swap, tls) in ready {
                ended += swap.swap(tls).map_err(|e| AppError::Server(e.to_string()))?;
            }
            Ok(ended)
        })
        .await?;
        if !differ.is_empty() {
            tracing::info!(
                lists = differ.len(),
                ended,
                "new lists of revoked certificates are in use"
            );
        }
        Ok(())
    }

    fn tls(&self, trust: &Trust, listener: Listener) -> Result<Arc<ServerTls>, AppError> {
        self.tls_with(trust, listener, &self.credential)
    }

    pub(super) fn tls_with(
        &self,
        trust: &Trust,
        listener: Listener,
        credential: &Credential,
    ) -> Result<Arc<ServerTls>, AppError> {
        let clock = Arc::clone(&self.clock);
        Ok(server_config(trust, listener, credential, clock, &self.memory)?)
    }

    /// Whether it is in the log that something stays what it was.
    pub(super) async fn say(&self, method: Method, note: &str) -> bool {
        let mut facts = Facts::new(Kind::Configuration, "gateway", method, self.snapshot);
        facts.note = note.chars().take(NOTE_CHARS_MAX).collect();
        // A file that somebody keeps writing must not fill the disk to the last byte.
        self.log.append_if_room(Event::new(facts)).await.is_ok()
    }

    async fn record(&self, differ: &[String], effects: &[Effect]) -> Result<(), AppError> {
        let facts = || Facts::new(Kind::Configuration, "gateway", RENEW, self.snapshot);
        if !differ.is_empty() {
            let mut facts = facts();
            let named = differ.get(..NAMED_MAX).unwrap_or(differ).join(", ");
            let more = differ.len().saturating_sub(NAMED_MAX);
            facts.note = format!("lists of revoked certificates in use: {named}; {more} more");
            self.log.append(Event::new(facts)).await?;
        }
        record_numbers(&self.log, effects, facts).await
    }
}

/// The numbers that the memory learns, in as many entries as it takes.
pub(super) async fn record_numbers(log: &Log, effects: &[Effect], facts: impl Fn() -> Facts) -> Result<(), AppError> {
    for some in effects.chunks(CRL_NUMBERS_PER_ENTRY_MAX) {
        let mut facts = facts();
        facts.note = format!("{} CRL numbers remembered", some.len());
        facts.effects = some.to_vec();
        log.append(Event::new(facts)).await?;
    }
    Ok(())
}

/// Files are read, signatures and live chains verified: up to a second.
pub(super) async fn off_the_answering_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| AppError::Server(e.to_string()))?
}

#[cfg(test)]
pub(super) mod tests;
