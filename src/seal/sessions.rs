//! Open sessions: in memory only, bound to partner and certificate identity. After a restart there are none.
use super::{frame::SessionKeys, window::Window};
use crate::{
    clock::Time,
    crypto::Suite,
    domain::PartnerId,
    limits::{
        OPENS_REMEMBERED_MAX, OPENS_REMEMBERED_PER_PARTNER_MAX, SESSION_MESSAGES_MAX, SESSION_MS_MAX, SESSIONS_MAX,
        SESSIONS_PER_PARTNER_MAX, SKEW_MS_MAX,
    },
    refusal::Code,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

/// One session. It answers nothing before its acceptance is sealed, which sets the keys.
pub(super) struct Session {
    pub(super) id: [u8; 16],
    pub(super) partner: PartnerId,
    pub(super) uri: String,
    pub(super) suite: Suite,
    /// Only the opening was signed, so messages need no signature.
    pub(super) opening_is_evidence: bool,
    pub(super) expires: Time,
    /// The exchange key that the opening was sealed to, as entries name it.
    pub(super) exchange_key: String,
    keys: OnceLock<SessionKeys>,
    window: Mutex<Window>,
}

/// What a session is made of.
pub(super) struct Terms {
    pub(super) id: [u8; 16],
    pub(super) partner: PartnerId,
    pub(super) uri: String,
    pub(super) suite: Suite,
    pub(super) opening_is_evidence: bool,
    pub(super) exchange_key: String,
}

impl Session {
    /// Whether `seq` could be taken: a look, before the cost of opening.
    pub(super) fn check(&self, seq: u64, now: Time) -> Result<&SessionKeys, Code> {
        let window = lock(&self.window);
        if now >= self.expires || window.taken() >= SESSION_MESSAGES_MAX {
            return Err(Code::SessionExpired);
        }
        if !window.is_fresh(seq) {
            return Err(Code::Replayed);
        }
        self.keys.get().ok_or(Code::SessionUnknown)
    }

    /// Takes `seq`, atomically: of two who opened the same number, one gets `Replayed`.
    pub(super) fn take(&self, seq: u64) -> Result<(), Code> {
        let mut window = lock(&self.window);
        if window.taken() >= SESSION_MESSAGES_MAX {
            return Err(Code::SessionExpired);
        }
        window.take(seq).then_some(()).ok_or(Code::Replayed)
    }
}

/// All sessions of a gateway, and the digests of openings that were accepted lately.
#[derive(Default)]
pub struct Sessions {
    table: RwLock<Table>,
    openings: Mutex<Openings>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<[u8; 16], Arc<Session>>,
    per_partner: HashMap<PartnerId, usize>,
}

impl Table {
    fn remove_where(&mut self, gone: impl Fn(&Session) -> bool) -> usize {
        let before = self.sessions.len();
        let per_partner = &mut self.per_partner;
        self.sessions.retain(|_, session| {
            let ends = gone(session);
            if ends && let Some(count) = per_partner.get_mut(&session.partner) {
                *count = count.saturating_sub(1);
            }
            !ends
        });
        self.per_partner.retain(|_, count| *count > 0);
        before - self.sessions.len()
    }
}

impl Sessions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends sessions whose time is over. To be called every minute; also runs by itself when there is no room.
    pub fn sweep(&self, now: Time) -> usize {
        self.write(|table| table.remove_where(|session| now >= session.expires))
    }

    /// Ends every session that `gone` names by partner and certificate identity: suspension and revocation.
    pub fn end_where(&self, gone: impl Fn(&PartnerId, &str) -> bool) -> usize {
        self.write(|table| table.remove_where(|session| gone(&session.partner, &session.uri)))
    }

    /// Forgets the keys of one session of this partner now. Replies to requests that already opened still go out.
    pub fn close(&self, partner: &PartnerId, id: &[u8; 16]) -> bool {
        self.write(|table| table.remove_where(|session| session.id == *id && session.partner == *partner)) > 0
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.table.read().unwrap_or_else(PoisonError::into_inner).sessions.len()
    }

    /// The session of this id, if it is this peer's; to anyone else it does not exist.
    pub(super) fn find(&self, id: &[u8; 16], partner: &PartnerId, uri: &str) -> Option<Arc<Session>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let session = table.sessions.get(id)?;
        (session.partner == *partner && session.uri == uri).then(|| session.clone())
    }

    /// Takes a place for a session that has no keys yet. Dropping the place gives it back.
    pub(super) fn place(self: &Arc<Self>, terms: Terms, now: Time) -> Result<Place, Code> {
        let session = Arc::new(Session {
            id: terms.id,
            partner: terms.partner,
            uri: terms.uri,
            suite: terms.suite,
            opening_is_evidence: terms.opening_is_evidence,
            expires: now.plus_ms(SESSION_MS_MAX),
            exchange_key: terms.exchange_key,
            keys: OnceLock::new(),
            window: Mutex::new(Window::new()),
        });
        self.write(|table| {
            let held = |table: &Table| table.per_partner.get(&session.partner).copied().unwrap_or(0);
            if held(table) >= SESSIONS_PER_PARTNER_MAX || table.sessions.len() >= SESSIONS_MAX {
                table.remove_where(|other| now >= other.expires);
            }
            let full = held(table) >= SESSIONS_PER_PARTNER_MAX || table.sessions.len() >= SESSIONS_MAX;
            // 16 random bytes do not repeat; if they did, the older session must not be replaced.
            if full || table.sessions.contains_key(&session.id) {
                return Err(Code::SessionsExhausted);
            }
            *table.per_partner.entry(session.partner.clone()).or_default() += 1;
            table.sessions.insert(session.id, session.clone());
            Ok(())
        })?;
        Ok(Place {
            sessions: self.clone(),
            session,
        })
    }

    /// Remembers the digest of an opening; refuses one that was accepted within the freshness window.
    pub(super) fn accept_once(&self, partner: &PartnerId, open_sha256: [u8; 32], now: Time) -> Result<(), Code> {
        lock(&self.openings).accept_once(partner, open_sha256, now)
    }

    fn write<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place in the table, given back on drop unless the session was started.
pub(super) struct Place {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
}

impl Place {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// From here on the session answers.
    pub(super) fn start(self, keys: SessionKeys) {
        // A place starts once: `start` consumes it.
        let _ = self.session.keys.set(keys);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.session.keys.get().is_none() {
            self.sessions.close(&self.session.partner, &self.session.id);
        }
    }
}

/// An opening is fresh for at most `SKEW_MS_MAX` before and after its `issued_at`, so its digest is kept twice as long.
#[derive(Default)]
struct Openings {
    seen: HashMap<[u8; 32], ()>,
    order: VecDeque<(Time, PartnerId, [u8; 32])>,
    per_partner: HashMap<PartnerId, usize>,
}

impl Openings {
    fn accept_once(&mut self, partner: &PartnerId, digest: [u8; 32], now: Time) -> Result<(), Code> {
        while self.order.front().is_some_and(|(until, _, _)| *until < now) {
            if let Some((_, of, old)) = self.order.pop_front() {
                self.seen.remove(&old);
                if let Some(count) = self.per_partner.get_mut(&of) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.per_partner.remove(&of);
                    }
                }
            }
        }
        if self.seen.contains_key(&digest) {
            return Err(Code::Replayed);
        }
        let held = self.per_partner.get(partner).copied().unwrap_or(0);
        if held >= OPENS_REMEMBERED_PER_PARTNER_MAX || self.order.len() >= OPENS_REMEMBERED_MAX {
            return Err(Code::SessionsExhausted);
        }
        self.seen.insert(digest, ());
        self.order
            .push_back((now.plus_ms(2 * SKEW_MS_MAX), partner.clone(), digest));
        *self.per_partner.entry(partner.clone()).or_default() += 1;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;

    fn terms(n: u32, partner: &str) -> Terms {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        Terms {
            id,
            partner: partner.parse().unwrap(),
            uri: format!("spiffe://x.test/partner/{partner}"),
            suite: Suite::X25519,
            opening_is_evidence: false,
            exchange_key: String::new(),
        }
    }

    fn keys() -> SessionKeys {
        SessionKeys {
            c2s: Secret::from([1; 32]),
            s2c: Secret::from([2; 32]),
        }
    }

    #[test]
    fn a_place_that_is_not_started_is_given_back_and_answers_nothing() {
        let sessions = Arc::new(Sessions::new());
        let place = sessions.place(terms(1, "bank-a"), Time(0)).unwrap();
        assert_eq!(sessions.count(), 1);
        assert_eq!(place.session().check(0, Time(0)).err(), Some(Code::SessionUnknown));
        drop(place);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn one_partner_cannot_take_every_place_and_time_gives_them_back() {
        let sessions = Arc::new(Sessions::new());
        for n in 0..SESSIONS_PER_PARTNER_MAX as u32 {
            sessions.place(terms(n, "bank-a"), Time(0)).unwrap().start(keys());
        }
        let full = sessions.place(terms(9_999, "bank-a"), Time(0)).err();
        assert_eq!(full, Some(Code::SessionsExhausted));
        sessions.place(terms(9_998, "bank-b"), Time(0)).unwrap().start(keys());
        let later = Time(SESSION_MS_MAX);
        sessions.place(terms(9_999, "bank-a"), later).unwrap().start(keys());
        assert_eq!(sessions.count(), 1);
    }

    #[test]
    fn a_session_ends_with_its_last_message() {
        let sessions = Arc::new(Sessions::new());
        let place = sessions.place(terms(1, "bank-a"), Time(0)).unwrap();
        let session = place.session.clone();
        place.start(keys());
        for seq in 0..SESSION_MESSAGES_MAX {
            assert_eq!(session.take(seq), Ok(()));
        }
        let after = SESSION_MESSAGES_MAX;
        assert_eq!(session.check(after, Time(0)).err(), Some(Code::SessionExpired));
        assert_eq!(session.take(after), Err(Code::SessionExpired));
    }

    #[test]
    fn a_session_belongs_to_partner_and_certificate() {
        let sessions = Arc::new(Sessions::new());
        let terms = terms(1, "bank-a");
        let (id, uri, a) = (terms.id, terms.uri.clone(), terms.partner.clone());
        let b: PartnerId = "bank-b".parse().unwrap();
        sessions.place(terms, Time(0)).unwrap().start(keys());
        assert!(sessions.find(&id, &a, &uri).is_some());
        assert!(sessions.find(&id, &b, &uri).is_none());
        assert!(sessions.find(&id, &a, "spiffe://x.test/partner/other").is_none());
        assert!(!sessions.close(&b, &id));
        assert_eq!(sessions.end_where(|_, u| u == uri), 1);
        assert!(sessions.find(&id, &a, &uri).is_none());
    }

    #[test]
    fn an_opening_is_accepted_once_while_it_is_fresh() {
        let sessions = Sessions::new();
        let a: PartnerId = "bank-a".parse().unwrap();
        assert_eq!(sessions.accept_once(&a, [1; 32], Time(0)), Ok(()));
        let still = Time(2 * SKEW_MS_MAX);
        assert_eq!(sessions.accept_once(&a, [1; 32], still), Err(Code::Replayed));
        assert_eq!(sessions.accept_once(&a, [1; 32], still.plus_ms(1)), Ok(()));
    }

    #[test]
    fn remembered_openings_are_bounded_per_partner() {
        let sessions = Sessions::new();
        let (a, b): (PartnerId, PartnerId) = ("bank-a".parse().unwrap(), "bank-b".parse().unwrap());
        let digest = |n: usize| crate::crypto::sha256(&n.to_be_bytes());
        for n in 0..OPENS_REMEMBERED_PER_PARTNER_MAX {
            assert_eq!(sessions.accept_once(&a, digest(n), Time(0)), Ok(()));
        }
        let over = sessions.accept_once(&a, digest(usize::MAX), Time(0));
        assert_eq!(over, Err(Code::SessionsExhausted));
        assert_eq!(sessions.accept_once(&b, digest(usize::MAX), Time(0)), Ok(()));
    }
}
