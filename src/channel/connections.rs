//! Who is connected: bounds, and the means to end a connection.
use super::{
    issuers::SeenIssuers,
    server::{Listener, ServerTls},
};
use crate::{
    clock::Time,
    identity::PeerIdentity,
    limits::{
        CHAIN_BYTES_KEPT_MAX, CHAINS_KEPT_MAX, CONNECTION_AGE_GRACE_S_MAX, CONNECTION_AGE_S_MAX, CONNECTIONS_MAX,
        CONNECTIONS_PER_PEER_MAX, HANDSHAKE_MS_MAX, HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX, STAFF_CONNECTIONS_MAX,
    },
};
use rustls_pki_types::CertificateDer;
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Bounds of an acceptor. The default is `limits.rs`; tests take smaller ones.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Handshakes under way on one listener.
    pub handshakes: usize,
    /// Handshakes under way on one listener from one address.
    pub handshakes_per_address: usize,
    /// Time for a handshake.
    pub handshake_ms: u64,
    /// Open connections of one peer.
    pub per_peer: usize,
    /// Open connections on the partner listener.
    pub total: usize,
    /// Open connections on the staff listener: a flood of partners must not keep staff from the switch that ends it.
    pub staff_total: usize,
    /// A connection is cut at this age. The server in front asks the peer to go earlier, at
    /// `limits::CONNECTION_AGE_S_MAX`, so that no call is lost.
    pub age_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes: HANDSHAKES_MAX,
            handshakes_per_address: HANDSHAKES_PER_ADDRESS_MAX,
            handshake_ms: HANDSHAKE_MS_MAX,
            per_peer: CONNECTIONS_PER_PEER_MAX,
            total: CONNECTIONS_MAX,
            staff_total: STAFF_CONNECTIONS_MAX,
            age_ms: (CONNECTION_AGE_S_MAX + CONNECTION_AGE_GRACE_S_MAX) * 1_000,
        }
    }
}

/// The register of connections of all listeners.
pub struct Connections {
    limits: Limits,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    live: HashMap<u64, Live>,
    per_listener: HashMap<Listener, usize>,
    per_peer: HashMap<Arc<str>, usize>,
    handshakes: HashMap<Listener, usize>,
    per_address: HashMap<(Listener, IpAddr), usize>,
    /// The newest chain of each peer, without its leaf: a peer can fill its own place and no other's.
    issuers: HashMap<Arc<str>, Vec<CertificateDer<'static>>>,
    issuers_generation: u64,
}

impl Inner {
    fn keep_issuers(&mut self, uri: &Arc<str>, chain: &[CertificateDer<'static>]) {
        let above = chain.get(1..).unwrap_or_default();
        let bytes: usize = above.iter().map(|certificate| certificate.len()).sum();
        let known = self.issuers.get(uri);
        let room = known.is_some() || self.issuers.len() < CHAINS_KEPT_MAX;
        if room && bytes <= CHAIN_BYTES_KEPT_MAX && known.is_none_or(|known| known != above) {
            self.issuers.insert(Arc::clone(uri), above.to_vec());
            self.issuers_generation += 1;
        }
    }
}

struct Live {
    peer: Arc<PeerIdentity>,
    listener: Listener,
    chain: Arc<[CertificateDer<'static>]>,
    kill: CancellationToken,
}

impl Connections {
    /// Nobody is connected.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            inner: Mutex::default(),
        })
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Open connections.
    pub fn count(&self) -> usize {
        self.lock().live.len()
    }

    /// Certificates of issuing CAs that came with verified chains.
    pub fn issuers_seen(&self) -> SeenIssuers {
        let inner = self.lock();
        // Peers of one institution come with the same ones.
        let distinct: HashSet<_> = inner.issuers.values().flatten().collect();
        let certificates = distinct.into_iter().cloned().collect();
        SeenIssuers {
            generation: inner.issuers_generation,
            certificates,
        }
    }

    /// Ends every connection of a peer for which `ended` holds, with all its calls and streams; gives the number of those
    /// that were not ended before.
    /// `ended` must not call back into this register.
    pub fn end_where(&self, ended: impl Fn(&PeerIdentity) -> bool) -> usize {
        let inner = self.lock();
        let hit = inner.live.values().filter(|live| ended(&live.peer));
        // One that was ended stays here until its task has let it go.
        let anew = hit.filter(|live| !live.kill.is_cancelled());
        anew.map(|live| live.kill.cancel()).count()
    }

    /// Ends every connection of the listener that its newest configuration would not admit; gives their number.
    pub(super) fn recheck(&self, tls: &ServerTls, now: Time) -> usize {
        // Chains are verified outside the lock: 0.3 ms each.
        let live: Vec<_> = {
            let inner = self.lock();
            let mine = inner.live.values().filter(|live| live.listener == tls.listener());
            mine.map(|live| (Arc::clone(&live.chain), Arc::clone(&live.peer), live.kill.clone()))
                .collect()
        };
        let stale = live
            .iter()
            .filter(|(chain, peer, _)| tls.peer(chain, now).ok().as_ref() != Some(peer.as_ref()));
        stale.map(|(_, _, kill)| kill.cancel()).count()
    }

    /// Room for one more handshake from this address.
    pub(super) fn begin(self: &Arc<Self>, listener: Listener, address: IpAddr) -> Option<Handshake> {
        let mut inner = self.lock();
        let all = count(&inner.handshakes, &listener);
        let here = count(&inner.per_address, &(listener, address));
        if all >= self.limits.handshakes || here >= self.limits.handshakes_per_address {
            return None;
        }
        inner.handshakes.insert(listener, all + 1);
        inner.per_address.insert((listener, address), here + 1);
        Some(Handshake {
            connections: Arc::clone(self),
            place: (listener, address),
        })
    }

    /// Room for one more connection of this peer.
    pub(super) fn admit(
        self: &Arc<Self>,
        peer: Arc<PeerIdentity>,
        listener: Listener,
        chain: Arc<[CertificateDer<'static>]>,
    ) -> Option<Place> {
        let mut inner = self.lock();
        let uri: Arc<str> = peer.uri().into();
        let (all, held) = (count(&inner.per_listener, &listener), count(&inner.per_peer, &uri));
        let total = match listener {
            Listener::Partner => self.limits.total,
            Listener::Staff => self.limits.staff_total,
        };
        if all >= total || held >= self.limits.per_peer {
            return None;
        }
        inner.per_listener.insert(listener, all + 1);
        inner.per_peer.insert(Arc::clone(&uri), held + 1);
        inner.keep_issuers(&uri, &chain);
        let number = inner.next;
        inner.next += 1;
        let kill = CancellationToken::new();
        let live = Live {
            peer,
            listener,
            chain,
            kill: kill.clone(),
        };
        inner.live.insert(number, live);
        Some(Place {
            connections: Arc::clone(self),
            number,
            listener,
            uri,
            kill,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change below leaves the counts consistent before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handshake under way; dropped when it is over.
pub(super) struct Handshake {
    connections: Arc<Connections>,
    place: (Listener, IpAddr),
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut inner = self.connections.lock();
        lower(&mut inner.handshakes, &self.place.0);
        lower(&mut inner.per_address, &self.place);
    }
}

/// An open connection's place; dropped when it is closed.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    listener: Listener,
    uri: Arc<str>,
    kill: CancellationToken,
}

impl Place {
    pub(super) fn kill_token(&self) -> CancellationToken {
        self.kill.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever still holds the connection's info sees that it is over.
        self.kill.cancel();
        let mut inner = self.connections.lock();
        inner.live.remove(&self.number);
        lower(&mut inner.per_listener, &self.listener);
        lower(&mut inner.per_peer, &self.uri);
    }
}

fn count<K: Hash + Eq>(counts: &HashMap<K, usize>, key: &K) -> usize {
    counts.get(key).copied().unwrap_or(0)
}

/// One less; nothing is kept for zero, so the map holds only who is here.
fn lower<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    let left = counts.get_mut(key).map(|count| {
        *count = count.saturating_sub(1);
        *count
    });
    if left == Some(0) {
        counts.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(all: &Arc<Connections>, uri: &str) -> Option<Place> {
        all.admit(Arc::new(PeerIdentity::for_tests(uri)), Listener::Partner, Arc::from([]))
    }

    #[test]
    fn places_are_bounded_per_peer_and_in_all_and_come_back() {
        let limits = Limits {
            per_peer: 2,
            total: 3,
            ..Limits::default()
        };
        let all = Connections::new(limits);
        let first = admit(&all, "a").unwrap();
        let _second = admit(&all, "a").unwrap();
        assert!(admit(&all, "a").is_none());
        let _third = admit(&all, "b").unwrap();
        assert!(admit(&all, "c").is_none());
        let officer = Arc::new(PeerIdentity::for_tests("d"));
        assert!(
            all.admit(officer, Listener::Staff, Arc::from([])).is_some(),
            "staff are not kept out"
        );
        drop(first);
        assert!(admit(&all, "c").is_some());
        assert_eq!(all.count(), 2);
        assert_eq!(all.lock().per_peer.len(), 2, "nothing is kept of those who left");
    }

    #[test]
    fn one_address_cannot_take_all_handshakes() {
        let limits = Limits {
            handshakes: 3,
            handshakes_per_address: 2,
            ..Limits::default()
        };
        let all = Connections::new(limits);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held: Vec<_> = (0..2).map(|_| all.begin(Listener::Partner, a).unwrap()).collect();
        assert!(all.begin(Listener::Partner, a).is_none());
        let other = all.begin(Listener::Partner, b).unwrap();
        assert!(all.begin(Listener::Partner, b).is_none(), "three in all");
        assert!(all.begin(Listener::Staff, b).is_some(), "staff are not kept out");
        drop((held, other));
        assert!(all.begin(Listener::Partner, a).is_some());
        assert!(all.lock().per_address.is_empty());
    }

    #[test]
    fn ending_cancels_exactly_those_meant() {
        let all = Connections::new(Limits::default());
        let (a, b) = (admit(&all, "a").unwrap(), admit(&all, "b").unwrap());
        assert_eq!(all.end_where(|peer| peer.uri() == "a"), 1);
        assert_eq!(all.end_where(|peer| peer.uri() == "a"), 0, "nobody is ended twice");
        assert!(a.kill_token().is_cancelled() && !b.kill_token().is_cancelled());
    }
}
