//! How much a peer may ask for, counted before anything costly. Calls beyond it become counted entries, never one each:
//! neither a stranger nor a partner over its rate can fill the log or take every place in its queue.
use crate::limits::{
    CALLS_UNDER_WAY_PER_PEER_MAX, CHANGES_PER_PEER_PER_S_MAX, ENCAPSULATIONS_PER_PARTNER_PER_S_MAX,
    FOLLOWS_PER_MEMBER_MAX, PAST_CHECKPOINTS_PER_PEER_PER_S_MAX, READS_PER_PARTNER_PER_S_MAX,
    REFUSALS_PER_PEER_AT_ONCE_MAX, REFUSALS_PER_PEER_PER_S_MAX,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a peer with too many refusals is turned away.
const SLOWED: Duration = Duration::from_secs(1);

/// Kinds of calls that are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Costly {
    /// Each costs a key encapsulation: session openings and one-shot requests.
    Encapsulation,
    /// Each costs an entry and gives nothing about a person.
    Read,
    /// Sealed calls other than questions, which the agreement's quota bounds.
    Change,
    /// Each reads a part of the journal.
    Past,
}

/// Rates per peer. Keys are identities of verified certificates, so the tables are as large as the trust domains allow.
pub struct Edge {
    encapsulations: DefaultKeyedRateLimiter<String>,
    reads: DefaultKeyedRateLimiter<String>,
    changes: DefaultKeyedRateLimiter<String>,
    past: DefaultKeyedRateLimiter<String>,
    refusals: DefaultKeyedRateLimiter<String>,
    peers: Mutex<HashMap<String, Peer>>,
}

/// What is known of a peer that has calls under way, or was refused too often.
#[derive(Default)]
struct Peer {
    under_way: usize,
    follows: usize,
    slowed_until: Option<Instant>,
}

impl Peer {
    /// Whether there is nothing to remember.
    fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.follows == 0 && self.slowed_until.is_none()
    }
}

/// A call under way. Goes with the case, not with the caller: who hangs up does not make room.
pub struct UnderWay {
    edge: Arc<Edge>,
    uri: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut peers = self.edge.peers();
        if let Some(peer) = peers.get_mut(&self.uri) {
            peer.under_way = peer.under_way.saturating_sub(1);
            if peer.is_quiet() {
                peers.remove(&self.uri);
            }
        }
    }
}

/// A stream of entries that is open.
pub struct Follow {
    edge: Arc<Edge>,
    uri: String,
}

impl Drop for Follow {
    fn drop(&mut self) {
        let mut peers = self.edge.peers();
        if let Some(peer) = peers.get_mut(&self.uri) {
            peer.follows = peer.follows.saturating_sub(1);
            if peer.is_quiet() {
                peers.remove(&self.uri);
            }
        }
    }
}

impl Default for Edge {
    fn default() -> Self {
        let count = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let per_second = |n: u32| RateLimiter::keyed(Quota::per_second(count(n)));
        let refusals = Quota::per_second(count(REFUSALS_PER_PEER_PER_S_MAX));
        Self {
            encapsulations: per_second(ENCAPSULATIONS_PER_PARTNER_PER_S_MAX),
            reads: per_second(READS_PER_PARTNER_PER_S_MAX),
            changes: per_second(CHANGES_PER_PEER_PER_S_MAX),
            past: per_second(PAST_CHECKPOINTS_PER_PEER_PER_S_MAX),
            refusals: RateLimiter::keyed(refusals.allow_burst(count(REFUSALS_PER_PEER_AT_ONCE_MAX))),
            peers: Mutex::default(),
        }
    }
}

impl Edge {
    /// Whether this peer may make such a call now.
    pub fn allows(&self, uri: &str, what: Costly) -> bool {
        let table = match what {
            Costly::Encapsulation => &self.encapsulations,
            Costly::Read => &self.reads,
            Costly::Change => &self.changes,
            Costly::Past => &self.past,
        };
        table.check_key(&uri.to_owned()).is_ok()
    }

    /// Begins a call, unless the peer has too many under way or was refused too often just now.
    pub fn begin(self: &Arc<Self>, uri: &str) -> Option<UnderWay> {
        let mut peers = self.peers();
        // A name is copied for the first of a peer's calls only.
        if !peers.contains_key(uri) {
            peers.insert(uri.to_owned(), Peer::default());
        }
        let peer = peers.get_mut(uri)?;
        if peer.slowed_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        peer.slowed_until = None;
        if peer.under_way >= CALLS_UNDER_WAY_PER_PEER_MAX {
            return None;
        }
        peer.under_way += 1;
        Some(UnderWay {
            edge: Arc::clone(self),
            uri: uri.to_owned(),
        })
    }

    /// Begins a stream of entries, unless the peer has as many open as it may.
    pub fn begin_follow(self: &Arc<Self>, uri: &str) -> Option<Follow> {
        let mut peers = self.peers();
        let peer = peers.entry(uri.to_owned()).or_default();
        if peer.follows >= FOLLOWS_PER_MEMBER_MAX {
            return None;
        }
        peer.follows += 1;
        Some(Follow {
            edge: Arc::clone(self),
            uri: uri.to_owned(),
        })
    }

    /// A call of this peer was refused, and the refusal is an entry. Too many, and the peer is turned away for a while.
    pub fn refused(&self, uri: &str) {
        if self.refusals.check_key(&uri.to_owned()).is_err() {
            let mut peers = self.peers();
            peers.entry(uri.to_owned()).or_default().slowed_until = Some(Instant::now() + SLOWED);
        }
    }

    /// Forgets peers that have been quiet. Called every half minute.
    pub fn sweep(&self) {
        for table in [
            &self.encapsulations,
            &self.reads,
            &self.changes,
            &self.past,
            &self.refusals,
        ] {
            table.retain_recent();
        }
        let now = Instant::now();
        self.peers().retain(|_, peer| {
            let busy = peer.under_way > 0 || peer.follows > 0;
            busy || peer.slowed_until.is_some_and(|until| now < until)
        });
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<String, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_peer_is_slowed_and_another_is_not() {
        let edge = Edge::default();
        let allowed = (0..10_000).filter(|_| edge.allows("a", Costly::Read)).count();
        assert!(allowed < 1_000, "{allowed}");
        assert!(edge.allows("b", Costly::Read));
        assert!(edge.allows("a", Costly::Encapsulation));
    }

    #[test]
    fn one_peer_never_has_more_calls_under_way_than_its_share() {
        let edge = Arc::new(Edge::default());
        let mut held: Vec<UnderWay> = (0..CALLS_UNDER_WAY_PER_PEER_MAX)
            .filter_map(|_| edge.begin("a"))
            .collect();
        assert_eq!(held.len(), CALLS_UNDER_WAY_PER_PEER_MAX);
        assert!(edge.begin("a").is_none());
        assert!(edge.begin("b").is_some());
        held.pop();
        assert!(edge.begin("a").is_some());
        drop(held);
        assert!(edge.peers().is_empty(), "nothing is remembered of peers without calls");
    }

    #[test]
    fn one_member_never_has_more_streams_than_its_share() {
        let edge = Arc::new(Edge::default());
        let mut held: Vec<Follow> = (0..FOLLOWS_PER_MEMBER_MAX)
            .filter_map(|_| edge.begin_follow("a"))
            .collect();
        assert_eq!(held.len(), FOLLOWS_PER_MEMBER_MAX);
        assert!(edge.begin_follow("a").is_none());
        assert!(edge.begin_follow("b").is_some());
        // Calls are counted by themselves, and what is open is not swept.
        drop(edge.begin("a"));
        edge.sweep();
        assert!(edge.begin_follow("a").is_none());
        held.pop();
        assert!(edge.begin_follow("a").is_some());
        drop(held);
        assert!(
            edge.peers().is_empty(),
            "nothing is remembered of members without streams"
        );
    }

    #[test]
    fn a_peer_that_is_refused_too_often_is_turned_away_and_forgotten_later() {
        let edge = Arc::new(Edge::default());
        for _ in 0..=REFUSALS_PER_PEER_AT_ONCE_MAX {
            assert!(edge.begin("a").is_some());
            edge.refused("a");
        }
        assert!(edge.begin("a").is_none());
        assert!(edge.begin("b").is_some());
        edge.peers()
            .values_mut()
            .for_each(|p| p.slowed_until = Some(Instant::now()));
        assert!(edge.begin("a").is_some());
        edge.sweep();
        assert!(edge.peers().is_empty());
    }
}
