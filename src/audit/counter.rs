//! Counted entries: failed handshakes and rate-limited calls become one entry per reason, peer and minute.
//!
//! Neither strangers nor a partner over his quota can fill the log: names of peers are bounded in number and length, and
//! what goes beyond is counted as one.
use super::{Event, Log, entry::short_peer};
use crate::{
    clock::{Clock, Time},
    domain::Method,
    facts::{Facts, Kind},
    limits::COUNTED_PEERS_MAX,
    refusal::NotRecorded,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Stands for peers beyond the bound.
const OTHERS: &str = "(others)";
/// The method of counted entries: they belong to no call.
const COUNTED: Method = Method("counted");
const MINUTE_MS: i64 = 60_000;

type Counts = BTreeMap<(&'static str, String), u64>;

/// Counts events and writes the sums once a minute.
pub struct Counter {
    log: Log,
    clock: Arc<dyn Clock>,
    counts: Mutex<(Time, Counts)>,
}

impl Counter {
    /// Nothing counted yet.
    pub fn new(log: Log, clock: Arc<dyn Clock>) -> Self {
        let counts = Mutex::new((clock.now(), Counts::new()));
        Self { log, clock, counts }
    }

    /// One event. Never blocks on the log.
    pub fn count(&self, reason: &'static str, peer: &str) {
        let mut guard = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut guard.1, reason, &short_peer(peer), 1);
    }

    /// Writes what was counted, one entry a reason and peer. What cannot be recorded stays counted.
    pub async fn flush(&self) -> Result<(), NotRecorded> {
        let (since, taken) = {
            let mut guard = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *guard, (self.clock.now(), Counts::new()))
        };
        let seconds = self.clock.now().since(since).max(0) / 1000;
        let mut result = Ok(());
        for ((reason, peer), count) in taken {
            let mut facts = Facts::new(Kind::Counted, peer.clone(), COUNTED, [0; 32]);
            facts.count = count;
            facts.outcomes = vec![reason.to_owned()];
            facts.note = format!("{reason} within {seconds} s");
            if let Err(error) = self.log.append_if_room(Event::new(facts)).await {
                let mut guard = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                add(&mut guard.1, reason, &peer, count);
                guard.0 = guard.0.min(since);
                result = Err(error);
            }
        }
        result
    }

    /// Flushes when a minute is over, until it is dropped. Its owner flushes once more at the end.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let since = self.counts.lock().unwrap_or_else(PoisonError::into_inner).0;
            if self.clock.now().since(since) < MINUTE_MS {
                continue;
            }
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "counted events wait for the log");
            }
        }
    }
}

fn add(counts: &mut Counts, reason: &'static str, peer: &str, n: u64) {
    let full = counts.len() >= COUNTED_PEERS_MAX;
    let key = (reason, peer.to_owned());
    let key = if full && !counts.contains_key(&key) {
        (reason, OTHERS.to_owned())
    } else {
        key
    };
    let sum = counts.entry(key).or_insert(0);
    *sum = sum.saturating_add(n);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_bounded_and_nothing_goes_uncounted() {
        let mut counts = Counts::new();
        for n in 0..10_000 {
            add(&mut counts, "TLS_FAILED", &format!("10.0.{}.{}", n / 256, n % 256), 1);
        }
        add(&mut counts, "TLS_FAILED", "10.0.0.1", 1);
        assert_eq!(counts.len(), COUNTED_PEERS_MAX + 1);
        assert_eq!(counts.values().sum::<u64>(), 10_001);
        assert_eq!(counts[&("TLS_FAILED", "10.0.0.1".to_owned())], 2);
    }
}
