//! Requests of the last ten minutes: the same request twice is one question.
//!
//! Requests that changed something are remembered durably, with their entry: after a crash the same bytes sent again
//! change nothing twice. Questions are remembered in memory: one that is sent again after a crash is decided anew.
use crate::{
    clock::Time,
    crypto::sha256,
    domain::{PartnerId, RequestId},
    limits::{IDEMPOTENCY_ENTRIES_MAX, IDEMPOTENCY_MS},
    seal::RequestKey,
    state::{Effect, State, StateError, Table},
};
use lru::LruCache;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Rows read from the store at a time.
const PAGE: usize = 1_024;
/// Rows past their time that an entry takes away: more than it adds.
const SWEPT_PER_ENTRY: usize = 2;

/// What the table knows of a request.
#[derive(Clone)]
struct Known {
    what: [u8; 32],
    at: Time,
    /// Tells this claim from a later one under the same id.
    claim: u64,
    entry: Entry,
}

/// The entry that answers it. A channel is several hundred bytes, so it is kept only while somebody may wait.
#[derive(Clone)]
enum Entry {
    UnderWay(watch::Receiver<Option<u64>>),
    Answered(u64),
}

#[derive(Default)]
struct Requests {
    by_partner: HashMap<PartnerId, LruCache<RequestId, Known>>,
    count: usize,
    claims: u64,
    /// Rows in the store, oldest first.
    rows: VecDeque<(Time, Vec<u8>)>,
}

/// Remembers requests. Bounded; whoever fills the table loses its own oldest, and a request that is forgotten is decided
/// anew.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<Requests>>);

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
    key: RequestKey,
    at: Time,
    claim: u64,
    entry: watch::Sender<Option<u64>>,
}

/// Method and content in one.
fn what(key: &RequestKey) -> [u8; 32] {
    sha256(&[key.method.path().as_bytes(), &[0], &key.digest].concat())
}

fn row_key(partner: &PartnerId, id: &RequestId) -> Vec<u8> {
    [partner.as_str().as_bytes(), &[0], &id.0].concat()
}

impl Recent {
    /// What entries have remembered.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn load(state: &dyn State, now: Time) -> Result<Self, StateError> {
        let mut requests = Requests::default();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = state.rows(Table::Request, &[], after.as_deref(), PAGE)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (row, value) in rows {
                let read = read(&row, &value).ok_or_else(|| StateError("a request row is malformed".to_owned()))?;
                let (partner, id, known) = read;
                requests.rows.push_back((known.at, row));
                if now.since(known.at) <= IDEMPOTENCY_MS {
                    requests.insert(partner, id, known);
                }
            }
        }
        requests.rows.make_contiguous().sort_by_key(|(at, _)| *at);
        Ok(Self(Arc::new(Mutex::new(requests))))
    }

    /// When the newest request came that entries have remembered.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn newest(state: &dyn State) -> Result<Option<Time>, StateError> {
        let (mut newest, mut after) = (None, None::<Vec<u8>>);
        loop {
            let rows = state.rows(Table::Request, &[], after.as_deref(), PAGE)?;
            let Some((last, _)) = rows.last() else {
                return Ok(newest);
            };
            after = Some(last.clone());
            for (row, value) in &rows {
                let read = read(row, value).ok_or_else(|| StateError("a request row is malformed".to_owned()))?;
                newest = newest.max(Some(read.2.at));
            }
        }
    }

    /// Claims an id. A second claim with the same content waits until the first is answered or gives up.
    pub async fn claim(&self, key: RequestKey, now: Time) -> Claim {
        loop {
            let known = match self.look(&key, now) {
                Ok(first) => return Claim::First(first),
                Err(known) if known.what != what(&key) => return Claim::OtherContent,
                Err(known) => known,
            };
            let mut entry = match known.entry {
                Entry::Answered(index) => return Claim::Repeat(index),
                Entry::UnderWay(entry) => entry,
            };
            match entry.wait_for(Option::is_some).await.map(|index| *index) {
                Ok(Some(index)) => return Claim::Repeat(index),
                // The first gave up without an answer: forget it, then try to be the first.
                Ok(None) | Err(_) => self.requests().forget(&key, known.claim),
            }
        }
    }

    fn look(&self, key: &RequestKey, now: Time) -> Result<First, Known> {
        let mut requests = self.requests();
        let known = requests
            .by_partner
            .get_mut(&key.partner)
            .and_then(|own| own.get(&key.id));
        if let Some(known) = known.filter(|k| now.since(k.at) <= IDEMPOTENCY_MS) {
            return Err(known.clone());
        }
        let (entry, receiver) = watch::channel(None);
        requests.claims += 1;
        let claim = requests.claims;
        let known = Known {
            what: what(key),
            at: now,
            claim,
            entry: Entry::UnderWay(receiver),
        };
        requests.insert(key.partner.clone(), key.id, known);
        Ok(First {
            table: self.clone(),
            key: key.clone(),
            at: now,
            claim,
            entry,
        })
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    fn insert(&mut self, partner: PartnerId, id: RequestId, known: Known) {
        if self.count >= IDEMPOTENCY_ENTRIES_MAX {
            let own = self.by_partner.get_mut(&partner).filter(|own| !own.is_empty());
            let full = match own {
                Some(own) => Some(own),
                None => self.by_partner.values_mut().max_by_key(|table| table.len()),
            };
            if full.and_then(LruCache::pop_lru).is_some() {
                self.count -= 1;
            }
        }
        let own = self.by_partner.entry(partner).or_insert_with(LruCache::unbounded);
        if own.put(id, known).is_none() {
            self.count += 1;
        }
    }

    fn answered(&mut self, key: &RequestKey, claim: u64, index: u64) {
        let own = self.by_partner.get_mut(&key.partner);
        if let Some(known) = own.and_then(|own| own.peek_mut(&key.id)).filter(|k| k.claim == claim) {
            known.entry = Entry::Answered(index);
        }
    }

    fn forget(&mut self, key: &RequestKey, claim: u64) {
        let Some(own) = self.by_partner.get_mut(&key.partner) else {
            return;
        };
        if own.peek(&key.id).is_some_and(|known| known.claim == claim) {
            own.pop(&key.id);
            self.count -= 1;
        }
    }
}

impl First {
    /// The answer is in the log.
    pub fn answered(self, index: u64) {
        self.entry.send_replace(Some(index));
        self.table.requests().answered(&self.key, self.claim, index);
    }

    /// Goes into the entry of a request that changes something; the store adds the entry's number to the row.
    pub fn effects(&self) -> Vec<Effect> {
        let row = row_key(&self.key.partner, &self.key.id);
        let value = [what(&self.key).as_slice(), &self.at.0.to_be_bytes()].concat();
        let mut requests = self.table.requests();
        let mut effects = vec![Effect::put(Table::Request, row.clone(), value)];
        for _ in 0..SWEPT_PER_ENTRY {
            let old = requests
                .rows
                .front()
                .filter(|(at, _)| self.at.since(*at) > IDEMPOTENCY_MS);
            let Some((_, key)) = old.cloned() else { break };
            requests.rows.pop_front();
            // An id may have been used again after its time: then its row is the new one.
            if key != row {
                effects.push(Effect {
                    table: Table::Request,
                    key,
                    value: None,
                });
            }
        }
        requests.rows.push_back((self.at, row));
        effects
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if self.entry.borrow().is_none() {
            self.table.requests().forget(&self.key, self.claim);
        }
    }
}

/// Partner, request id, and what is known of it.
fn read(row: &[u8], value: &[u8]) -> Option<(PartnerId, RequestId, Known)> {
    let (name, id) = row.split_last_chunk::<16>()?;
    let partner = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?.parse().ok()?;
    let (what, rest) = value.split_first_chunk::<32>()?;
    let (at, index) = rest.split_first_chunk::<8>()?;
    let index = u64::from_be_bytes(index.try_into().ok()?);
    let known = Known {
        what: *what,
        at: Time(i64::from_be_bytes(*at)),
        claim: 0,
        entry: Entry::Answered(index),
    };
    Some((partner, RequestId(*id), known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Method, state::Row};
    use std::{collections::BTreeMap, time::Duration};

    fn key(content: u8) -> RequestKey {
        RequestKey {
            partner: "bank-a".parse().unwrap(),
            id: RequestId([1; 16]),
            method: Method("/m"),
            digest: [content; 32],
        }
    }

    async fn first(recent: &Recent, key: RequestKey, now: Time) -> First {
        match recent.claim(key, now).await {
            Claim::First(first) => first,
            _ => panic!("not the first"),
        }
    }

    #[tokio::test]
    async fn a_repeat_is_told_the_entry_and_other_content_is_refused() {
        let recent = Recent::default();
        first(&recent, key(1), Time(0)).await.answered(42);
        assert!(matches!(recent.claim(key(1), Time(9)).await, Claim::Repeat(42)));
        assert!(matches!(recent.claim(key(2), Time(9)).await, Claim::OtherContent));
        let later = Time(IDEMPOTENCY_MS + 1);
        assert!(matches!(recent.claim(key(2), later).await, Claim::First(_)));
    }

    /// Get and Withdraw of one consent have the same bytes: a look once stood for a withdrawal that never happened.
    #[tokio::test]
    async fn the_same_bytes_under_another_method_are_another_request() {
        let recent = Recent::default();
        first(&recent, key(1), Time(0)).await.answered(42);
        let withdraw = RequestKey {
            method: Method("/withdraw"),
            ..key(1)
        };
        assert!(matches!(recent.claim(withdraw, Time(9)).await, Claim::OtherContent));
    }

    #[tokio::test]
    async fn a_second_waits_for_the_first_and_takes_over_if_it_gives_up() {
        let recent = Recent::default();
        let held = first(&recent, key(1), Time(0)).await;
        let other = recent.clone();
        let second = tokio::spawn(async move { other.claim(key(1), Time(1)).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished());
        drop(held);
        assert!(matches!(second.await.unwrap(), Claim::First(_)));
    }

    /// A first that was pushed out and is dropped late once took its successor with it.
    #[tokio::test]
    async fn a_late_first_does_not_take_its_successor_with_it() {
        let recent = Recent::default();
        let late = first(&recent, key(1), Time(0)).await;
        let after = Time(IDEMPOTENCY_MS + 1);
        let successor = first(&recent, key(1), after).await;
        drop(late);
        successor.answered(7);
        assert!(matches!(recent.claim(key(1), after).await, Claim::Repeat(7)));
    }

    #[tokio::test]
    async fn who_fills_the_table_loses_its_own() {
        let recent = Recent::default();
        let other = RequestKey {
            partner: "bank-b".parse().unwrap(),
            ..key(9)
        };
        first(&recent, other.clone(), Time(0)).await.answered(1);
        for n in 0..u64::try_from(IDEMPOTENCY_ENTRIES_MAX).unwrap() {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let key = RequestKey {
                id: RequestId(id),
                ..key(1)
            };
            first(&recent, key, Time(1)).await.answered(n);
        }
        assert_eq!(recent.requests().count, IDEMPOTENCY_ENTRIES_MAX);
        assert!(matches!(recent.claim(other, Time(2)).await, Claim::Repeat(1)));
    }

    #[derive(Default)]
    struct Rows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl Rows {
        /// As the log does: with the number of the entry.
        fn apply(&self, effects: &[Effect], index: u64) {
            let mut rows = self.0.lock().unwrap();
            for effect in effects {
                match &effect.value {
                    Some(value) => rows.insert(effect.key.clone(), [value.as_slice(), &index.to_be_bytes()].concat()),
                    None => rows.remove(&effect.key),
                };
            }
        }
    }

    impl State for Rows {
        fn row(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
            Ok(None)
        }
        fn rows(&self, _: Table, _: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
            let rows = self.0.lock().unwrap();
            let later = rows.iter().filter(|(key, _)| after.is_none_or(|a| key.as_slice() > a));
            Ok(later.take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
    }

    #[tokio::test]
    async fn a_change_is_known_after_a_restart_and_its_row_goes_in_time() {
        let rows = Rows::default();
        let recent = Recent::default();
        let change = first(&recent, key(1), Time(0)).await;
        rows.apply(&change.effects(), 42);
        change.answered(42);

        let again = Recent::load(&rows, Time(5)).unwrap();
        assert!(matches!(again.claim(key(1), Time(5)).await, Claim::Repeat(42)));
        let later = Time(IDEMPOTENCY_MS + 1);
        let again = Recent::load(&rows, later).unwrap();
        let other = RequestKey {
            id: RequestId([2; 16]),
            ..key(1)
        };
        let next = first(&again, other, later).await;
        rows.apply(&next.effects(), 43);
        assert_eq!(rows.0.lock().unwrap().len(), 1, "the old row went with the entry");
    }
}
