//! Certificates, keys and identities that are shut out here, whatever their CA says: looked at in every handshake and on
//! every call.
//!
//! A CA's next list may be a day away; this takes effect on the next call, and is durable through the log. Identities are
//! those of suspended members: which ones is told at the start, and whenever one is suspended or let in again.
use crate::{
    clock::Time,
    crypto::sha256,
    identity::PeerIdentity,
    limits::DENIED_MAX,
    refusal::Code,
    state::{Effect, State, StateError, Table},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

/// Rows read from the store at a time.
const PAGE: usize = 1_024;
/// First byte of a row's key. On disk: never reuse one.
const CERTIFICATE: u8 = 1;
const KEY: u8 = 2;

/// What is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// One certificate.
    Certificate {
        /// DER of the issuer's name.
        issuer: Vec<u8>,
        /// Serial number, big endian, without leading zeros.
        serial: Vec<u8>,
    },
    /// Every certificate over this key.
    Key {
        /// SHA-256 of the subject public key info.
        sha256: [u8; 32],
    },
}

impl Denied {
    /// The certificate of a peer.
    pub fn certificate_of(peer: &PeerIdentity) -> Self {
        Self::Certificate {
            issuer: peer.issuer().to_vec(),
            serial: peer.serial().to_vec(),
        }
    }

    /// The key of a peer.
    pub fn key_of(peer: &PeerIdentity) -> Self {
        Self::Key {
            sha256: *peer.key_sha256(),
        }
    }

    /// Whether this is about `peer`.
    pub fn matches(&self, peer: &PeerIdentity) -> bool {
        match self {
            Self::Certificate { issuer, serial } => issuer == peer.issuer() && serial == peer.serial(),
            Self::Key { sha256 } => sha256 == peer.key_sha256(),
        }
    }

    /// What an entry writes or takes away.
    fn row(&self) -> Vec<u8> {
        match self {
            Self::Certificate { issuer, serial } => certificate_row(issuer, serial),
            Self::Key { sha256 } => key_row(sha256),
        }
    }
}

fn certificate_row(issuer: &[u8], serial: &[u8]) -> Vec<u8> {
    let mut row = vec![CERTIFICATE];
    row.extend_from_slice(&sha256(issuer));
    row.extend_from_slice(serial);
    row
}

fn key_row(sha256: &[u8; 32]) -> Vec<u8> {
    let mut row = vec![KEY];
    row.extend_from_slice(sha256);
    row
}

/// Why nothing could be denied or read.
#[derive(Debug, thiserror::Error)]
pub enum DenylistError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A row that no version has written.
    #[error("a row of the denylist is damaged: restore the store from its journal")]
    Damaged,
    /// Over the bound.
    #[error("the denylist holds {DENIED_MAX} entries: revoke by the CA's list, or remove the CA from the trust file")]
    Full,
}

/// The denylist in memory, as entries of the log have written it.
#[derive(Default)]
pub struct Denylist {
    until: RwLock<HashMap<Vec<u8>, Time>>,
    /// URIs of suspended members.
    suspended: RwLock<HashSet<String>>,
}

impl Denylist {
    /// What entries of the log have written. Fails rather than to begin with a part.
    pub fn load(state: &dyn State) -> Result<Self, DenylistError> {
        let mut until = HashMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = state.rows(Table::Denied, &[], after.as_deref(), PAGE)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (row, value) in rows {
                let ms: [u8; 8] = value.as_slice().try_into().map_err(|_| DenylistError::Damaged)?;
                until.insert(row, Time(i64::from_be_bytes(ms)));
            }
            if until.len() > DENIED_MAX {
                return Err(DenylistError::Full);
            }
        }
        Ok(Self {
            until: RwLock::new(until),
            suspended: RwLock::default(),
        })
    }

    /// Nobody with this identity is let in from now on. Bounded by the register, whose members these are.
    pub fn suspend(&self, uri: &str) {
        let mut all = self.suspended.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(uri.to_owned());
    }

    /// Lets the identity in again.
    pub fn resume(&self, uri: &str) {
        let mut all = self.suspended.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(uri);
    }

    /// What takes a denial away, once it is recorded: then [`Denylist::remove`].
    pub fn removal(what: &Denied) -> Effect {
        Effect::delete(Table::Denied, what.row())
    }

    /// Lets `what` in again.
    pub fn remove(&self, what: &Denied) {
        let mut all = self.until.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(&what.row());
    }

    /// What a peer's certificate and key are known by: to be asked with [`Denylist::bars`] when the peer is gone.
    pub fn marks(peer: &PeerIdentity) -> Vec<Vec<u8>> {
        vec![
            certificate_row(peer.issuer(), peer.serial()),
            key_row(peer.key_sha256()),
        ]
    }

    /// Whether somebody with this identity, or with one of these marks, is shut out at `now`.
    pub fn bars(&self, uri: &str, marks: &[Vec<u8>], now: Time) -> bool {
        if self.is_suspended(uri) {
            return true;
        }
        let all = self.until.read().unwrap_or_else(PoisonError::into_inner);
        marks.iter().any(|row| all.get(row).is_some_and(|end| now <= *end))
    }

    fn is_suspended(&self, uri: &str) -> bool {
        let all = self.suspended.read().unwrap_or_else(PoisonError::into_inner);
        all.contains(uri)
    }

    /// Denies `what` until `until` (the end of the certificate's validity; `Time(i64::MAX)` for ever), at once. The
    /// effect is to be recorded; if that fails the denial still holds in this process.
    pub fn add(&self, what: &Denied, until: Time, now: Time) -> Result<Effect, DenylistError> {
        let row = what.row();
        let mut all = self.until.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= DENIED_MAX {
            all.retain(|_, end| *end >= now);
        }
        if all.len() >= DENIED_MAX && !all.contains_key(&row) {
            return Err(DenylistError::Full);
        }
        // A second denial never shortens the first.
        let end = all.get(&row).map_or(until, |known| until.max(*known));
        all.insert(row.clone(), end);
        Ok(Effect::put(Table::Denied, row, end.0.to_be_bytes()))
    }

    /// Whether a peer's certificate or key is denied at `now`, or the peer suspended.
    pub fn is_denied(&self, peer: &PeerIdentity, now: Time) -> bool {
        self.is_suspended(peer.uri()) || self.knows(peer, now)
    }

    fn knows(&self, peer: &PeerIdentity, now: Time) -> bool {
        let all = self.until.read().unwrap_or_else(PoisonError::into_inner);
        // Rows cost a hash each; mostly nothing is denied.
        if all.is_empty() {
            return false;
        }
        let rows = Self::marks(peer);
        rows.iter().any(|row| all.get(row).is_some_and(|end| now <= *end))
    }

    /// What every call asks before anything else: is the peer's certificate still good?
    pub fn check(&self, peer: &PeerIdentity, now: Time) -> Result<(), Code> {
        if peer.not_after() < now {
            Err(Code::CertificateExpired)
        } else if self.is_suspended(peer.uri()) {
            Err(Code::PartnerSuspended)
        } else if self.knows(peer, now) {
            Err(Code::PeerRevoked)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, sync::Mutex};

    #[derive(Default)]
    struct Rows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl State for Rows {
        fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
            Ok(self.0.lock().unwrap().get(key).cloned())
        }
        fn rows(
            &self,
            _: Table,
            _: &[u8],
            after: Option<&[u8]>,
            limit: usize,
        ) -> Result<Vec<crate::state::Row>, StateError> {
            let all = self.0.lock().unwrap();
            let later = all
                .iter()
                .filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after));
            Ok(later.take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
    }

    #[test]
    fn a_denial_survives_a_restart_and_ends_when_it_said() {
        let peer = PeerIdentity::for_tests("spiffe://a.example/partner/a");
        let list = Denylist::default();
        assert_eq!(list.check(&peer, Time(5)), Ok(()));
        let effect = list.add(&Denied::certificate_of(&peer), Time(10), Time(5)).unwrap();
        assert_eq!(list.check(&peer, Time(5)), Err(Code::PeerRevoked));
        let rows = Rows::default();
        rows.0.lock().unwrap().insert(effect.key, effect.value.unwrap());
        let again = Denylist::load(&rows).unwrap();
        assert!(again.is_denied(&peer, Time(10)) && !again.is_denied(&peer, Time(11)));
    }

    #[test]
    fn a_denied_key_denies_every_certificate_over_it() {
        let peer = PeerIdentity::for_tests("spiffe://a.example/partner/a");
        let list = Denylist::default();
        list.add(&Denied::key_of(&peer), Time(i64::MAX), Time(0)).unwrap();
        assert!(list.is_denied(&PeerIdentity::for_tests("spiffe://a.example/partner/b"), Time(1)));
        assert!(Denied::key_of(&peer).matches(&peer));
    }

    #[test]
    fn a_suspended_identity_and_the_marks_of_somebody_who_left_are_barred() {
        let peer = PeerIdentity::for_tests("spiffe://a.example/partner/a");
        let list = Denylist::default();
        list.suspend(peer.uri());
        assert_eq!(list.check(&peer, Time(1)), Err(Code::PartnerSuspended));
        assert!(list.is_denied(&peer, Time(1)) && list.bars(peer.uri(), &[], Time(1)));
        list.resume(peer.uri());
        assert_eq!(list.check(&peer, Time(1)), Ok(()));
        let marks = Denylist::marks(&peer);
        assert!(!list.bars(peer.uri(), &marks, Time(1)));
        list.add(&Denied::key_of(&peer), Time(i64::MAX), Time(0)).unwrap();
        assert!(list.bars(peer.uri(), &marks, Time(1)));
        list.remove(&Denied::key_of(&peer));
        assert!(!list.bars(peer.uri(), &marks, Time(1)));
        assert!(Denylist::removal(&Denied::key_of(&peer)).value.is_none());
    }

    #[test]
    fn a_second_denial_never_shortens_the_first() {
        let peer = PeerIdentity::for_tests("spiffe://a.example/partner/a");
        let list = Denylist::default();
        list.add(&Denied::key_of(&peer), Time(10), Time(0)).unwrap();
        list.add(&Denied::key_of(&peer), Time(5), Time(0)).unwrap();
        assert!(list.is_denied(&peer, Time(9)));
    }

    #[test]
    fn a_damaged_row_is_an_error_and_not_an_absence() {
        let rows = Rows::default();
        rows.0.lock().unwrap().insert(vec![KEY; 33], vec![1]);
        assert!(matches!(Denylist::load(&rows), Err(DenylistError::Damaged)));
    }
}
