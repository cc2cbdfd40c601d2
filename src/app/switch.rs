//! Shuts out and lets in: the one place that knows denylist, connections and sessions together.
use super::AppError;
use crate::{
    admin::{Officer, Target, suspensions},
    agreement::Register,
    channel::{Connections, Denied, Denylist, DenylistError, Listener, Swap},
    clock::{Clock, Time},
    identity::PeerIdentity,
    keyring::PublishedKeys,
    pipeline::{
        View,
        admin::{ListInUse, Shut, Switch, SwitchStatus},
    },
    refusal::Code,
    seal::Sessions,
    state::{Effect, State},
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::Notify;

/// For ever: what one person shut out, two let in again, and no time does.
const FOR_EVER: Time = Time(i64::MAX);

/// What it switches.
pub(super) struct Machine {
    pub(super) view: Arc<View>,
    pub(super) denylist: Arc<Denylist>,
    pub(super) connections: Arc<Connections>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Arc<PublishedKeys>,
    /// Housekeeping carries jobs out.
    pub(super) jobs: Arc<Notify>,
    /// Of each listener; known once they are bound.
    pub(super) swaps: OnceLock<Vec<Swap>>,
}

impl Machine {
    /// Shuts out whoever entries of the log have shut out, before anybody connects. A member is found by its id: another
    /// URI in the register does not let it in.
    pub(super) fn load(&self, state: &dyn State) -> Result<(), AppError> {
        for suspension in suspensions(state)? {
            match &suspension.target {
                Target::Member(_) => self.uri(&suspension.target).into_iter().for_each(|uri| {
                    self.denylist.suspend(&uri);
                }),
                // They stand in the denylist's own rows, and one that were not there would be let in.
                target => drop(self.denied(target).map(|what| self.deny(&what)).transpose()?),
            }
        }
        Ok(())
    }

    fn uri(&self, target: &Target) -> Option<String> {
        let Target::Member(id) = target else { return None };
        let register: &Register = &self.view.register;
        register.by_id(id).map(|member| member.uri.clone())
    }

    fn denied(&self, target: &Target) -> Option<Denied> {
        match target {
            Target::Member(_) => None,
            Target::Certificate { issuer, serial } => Some(Denied::Certificate {
                issuer: issuer.clone(),
                serial: serial.clone(),
            }),
            Target::Key(sha256) => Some(Denied::Key { sha256: *sha256 }),
        }
    }

    fn deny(&self, what: &Denied) -> Result<Effect, DenylistError> {
        self.denylist.add(what, FOR_EVER, self.clock.now())
    }

    /// Ends connections, and the sessions of whoever had one.
    fn end(&self, is_meant: impl Fn(&PeerIdentity) -> bool) -> (usize, usize) {
        let uris = Mutex::new(Vec::new());
        let connections = self.connections.end_where(|peer| {
            let meant = is_meant(peer);
            if meant {
                uris.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(peer.uri().to_owned());
            }
            meant
        });
        let uris = uris.into_inner().unwrap_or_else(PoisonError::into_inner);
        let sessions = self.sessions.end_where(|_, uri| uris.iter().any(|ended| ended == uri));
        (connections, sessions)
    }
}

impl Switch for Machine {
    fn shut(&self, target: &Target) -> Result<Shut, Code> {
        let mut effects = Vec::new();
        let (connections, mut sessions) = match (target, self.denied(target)) {
            (Target::Member(_), _) => {
                let uri = self.uri(target).ok_or(Code::TargetUnknown)?;
                self.denylist.suspend(&uri);
                self.end(|peer| peer.uri() == uri)
            }
            (_, Some(what)) => {
                // Whoever is connected goes even if there is no room to keep them out.
                let kept = self.deny(&what);
                let ended = self.end(|peer| what.matches(peer));
                effects.push(kept.map_err(|_| Code::SuspensionsExhausted)?);
                ended
            }
            (_, None) => return Err(Code::Internal),
        };
        if let Target::Member(id) = target {
            // Also those whose connection had gone before.
            sessions += self.sessions.end_where(|partner, _| partner == id);
        }
        Ok(Shut {
            connections,
            sessions,
            effects,
        })
    }

    fn opening(&self, target: &Target) -> Vec<Effect> {
        self.denied(target).iter().map(Denylist::removal).collect()
    }

    fn open(&self, target: &Target) {
        if let (Target::Member(id), Some(uri)) = (target, self.uri(target)) {
            // One that was being opened while its partner was shut out must not come to life now.
            self.sessions.end_where(|partner, _| partner == id);
            self.denylist.resume(&uri);
        }
        if let Some(what) = self.denied(target) {
            self.denylist.remove(&what);
        }
    }

    fn marks(&self, peer: &PeerIdentity) -> Vec<Vec<u8>> {
        Denylist::marks(peer)
    }

    fn bars(&self, officer: &Officer) -> bool {
        self.denylist.bars(&officer.uri, &officer.marks, self.clock.now())
    }

    fn wake(&self) {
        self.jobs.notify_one();
    }

    fn look(&self) -> SwitchStatus {
        let mut status = SwitchStatus::default();
        let mut seen = [false; 2];
        for tls in self.swaps.get().into_iter().flatten().map(Swap::current) {
            let staff = tls.listener() == Listener::Staff;
            // Console and witness judge by the same configuration as one of the two.
            let Some(seen) = seen.get_mut(usize::from(staff)).filter(|seen| !**seen) else {
                continue;
            };
            *seen = true;
            if !staff {
                status.endings.push(("the gateway's certificate", tls.not_after()));
            }
            status.lists.extend(tls.lists().iter().map(|list| ListInUse {
                issuer: list.issuer.clone(),
                number: list.number.clone(),
                next_update: list.next_update,
                staff,
            }));
        }
        if let Some(ends) = self.keys.ends() {
            status.endings.push(("the key list", ends.list));
            status
                .endings
                .push(("the delegation of key-list signing", ends.delegation));
        }
        status
    }
}
