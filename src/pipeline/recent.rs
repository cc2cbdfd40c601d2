//! Requests of the last ten minutes: the same request twice is one question.
use crate::{
    clock::Time,
    domain::{PartnerId, RequestId},
    limits::{IDEMPOTENCY_ENTRIES_MAX, IDEMPOTENCY_MS},
};
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

type Key = (PartnerId, RequestId);

/// What the table knows of a request.
#[derive(Clone)]
struct Known {
    digest: [u8; 32],
    at: Time,
    entry: watch::Receiver<Option<u64>>,
}

/// Remembers requests. Bounded; the oldest go first, and a request that is forgotten is decided anew.
#[derive(Clone)]
pub struct Recent(Arc<Mutex<LruCache<Key, Known>>>);

/// What a request turned out to be.
pub enum Claim {
    /// The first of its id.
    First(First),
    /// Answered before, in the entry of this index.
    Repeat(u64),
    /// The id is known with other content.
    OtherContent,
}

/// Held by the first; dropped without an answer, it makes room for the next try.
pub struct First {
    table: Recent,
    key: Key,
    entry: watch::Sender<Option<u64>>,
}

impl Default for Recent {
    fn default() -> Self {
        let size = NonZeroUsize::new(IDEMPOTENCY_ENTRIES_MAX).unwrap_or(NonZeroUsize::MIN);
        // Grows as it fills: a fixed table would cost its 26 MiB on an idle gateway.
        let mut cache = LruCache::unbounded();
        cache.resize(size);
        Self(Arc::new(Mutex::new(cache)))
    }
}

impl Recent {
    /// Claims an id. A second claim with the same content waits until the first is answered or gives up.
    pub async fn claim(&self, partner: PartnerId, id: RequestId, digest: [u8; 32], now: Time) -> Claim {
        let key = (partner, id);
        loop {
            let mut known = match self.look(&key, digest, now) {
                Ok(first) => return Claim::First(first),
                Err(known) if known.digest != digest => return Claim::OtherContent,
                Err(known) => known,
            };
            if let Some(index) = *known.entry.borrow() {
                return Claim::Repeat(index);
            }
            if known.entry.changed().await.is_err() {
                // The first gave up without an answer: forget it, then try to be the first.
                self.forget(&key);
            }
        }
    }

    fn look(&self, key: &Key, digest: [u8; 32], now: Time) -> Result<First, Known> {
        let mut table = self.table();
        if let Some(known) = table.get(key).filter(|k| now.since(k.at) <= IDEMPOTENCY_MS) {
            return Err(known.clone());
        }
        let (entry, receiver) = watch::channel(None);
        let known = Known {
            digest,
            at: now,
            entry: receiver,
        };
        table.put(key.clone(), known);
        Ok(First {
            table: self.clone(),
            key: key.clone(),
            entry,
        })
    }

    fn forget(&self, key: &Key) {
        let mut table = self.table();
        if table.peek(key).is_some_and(|k| k.entry.has_changed().is_err()) {
            table.pop(key);
        }
    }

    fn table(&self) -> MutexGuard<'_, LruCache<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl First {
    /// The answer is in the log.
    pub fn answered(self, index: u64) {
        self.entry.send_replace(Some(index));
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if self.entry.borrow().is_none() {
            self.table.table().pop(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn bank() -> PartnerId {
        "bank-a".parse().unwrap()
    }
    const ID: RequestId = RequestId([1; 16]);

    #[tokio::test]
    async fn a_repeat_is_told_the_entry_and_other_content_is_refused() {
        let recent = Recent::default();
        let Claim::First(first) = recent.claim(bank(), ID, [1; 32], Time(0)).await else {
            panic!("first")
        };
        first.answered(42);
        assert!(matches!(
            recent.claim(bank(), ID, [1; 32], Time(9)).await,
            Claim::Repeat(42)
        ));
        assert!(matches!(
            recent.claim(bank(), ID, [2; 32], Time(9)).await,
            Claim::OtherContent
        ));
        let later = Time(IDEMPOTENCY_MS + 1);
        assert!(matches!(
            recent.claim(bank(), ID, [2; 32], later).await,
            Claim::First(_)
        ));
    }

    #[tokio::test]
    async fn a_second_waits_for_the_first_and_takes_over_if_it_gives_up() {
        let recent = Recent::default();
        let Claim::First(first) = recent.claim(bank(), ID, [1; 32], Time(0)).await else {
            panic!("first")
        };
        let other = recent.clone();
        let second = tokio::spawn(async move { other.claim(bank(), ID, [1; 32], Time(1)).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        drop(first);
        assert!(matches!(second.await.unwrap(), Claim::First(_)));
    }
}
