//! Security staff and operators: emergencies by one person, everything else by two.
//!
//! What an emergency does it does in memory before it is recorded, so that no slow disk lets somebody go on, and tells
//! only once it is recorded. What two people do happens with the entry, or after it as a job. See
//! `docs/decisions/0016-two-people.md`.
mod decide;
mod emergency;
mod look;

pub use decide::{Asked, approve, propose, reject, still_valid};
pub use emergency::{ShutOut, revoke_exchange_key, suspend};
pub use look::{Looked, list, status};

use crate::{
    admin::{Change, Officer, Proposal, ProposalState, Target, proposals},
    agreement::{Member, Role},
    clock::Time,
    crypto::Broken,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    keyring::Keyring,
    limits::PROPOSALS_KEPT_MAX,
    pipeline::{Gate, StaffCall},
    refusal::Code,
    state::{Effect, StateError},
};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

const fn call(method: &'static str, kind: Kind, roles: &'static [Role]) -> StaffCall {
    StaffCall {
        method: Method(method),
        kind,
        roles,
    }
}

const PROPOSERS: &[Role] = &[Role::Security, Role::Operator];
const LOOKERS: &[Role] = &[Role::Security, Role::Operator, Role::Compliance];

/// `Propose`.
pub const PROPOSE: StaffCall = call("/tollgate.v1.AdminService/Propose", Kind::Configuration, PROPOSERS);
/// `Approve`.
pub const APPROVE: StaffCall = call("/tollgate.v1.AdminService/Approve", Kind::Configuration, PROPOSERS);
/// `Reject`.
pub const REJECT: StaffCall = call("/tollgate.v1.AdminService/Reject", Kind::Configuration, PROPOSERS);
/// `ListProposals`.
pub const LIST: StaffCall = call("/tollgate.v1.AdminService/ListProposals", Kind::Read, LOOKERS);
/// `GetStatus`.
pub const STATUS: StaffCall = call("/tollgate.v1.AdminService/GetStatus", Kind::Read, LOOKERS);
/// `Suspend`.
pub const SUSPEND: StaffCall = call(
    "/tollgate.v1.AdminService/Suspend",
    Kind::Configuration,
    &[Role::Security],
);
/// `RevokeExchangeKey`.
pub const REVOKE: StaffCall = call(
    "/tollgate.v1.AdminService/RevokeExchangeKey",
    Kind::Keys,
    &[Role::Security],
);

/// What shuts out and lets in again, and says how things stand: connections, sessions and handshakes are not the
/// pipeline's.
pub trait Switch: Send + Sync {
    /// Nobody of this kind is let in from now on; live connections and sessions end. Again: the same.
    fn shut(&self, target: &Target) -> Result<Shut, Code>;
    /// What an entry takes away so that `target` stays let in over a restart; then [`Switch::open`].
    fn opening(&self, target: &Target) -> Vec<Effect>;
    /// Lets in again.
    fn open(&self, target: &Target);
    /// What a peer's certificate and key are known by.
    fn marks(&self, peer: &PeerIdentity) -> Vec<Vec<u8>>;
    /// Whether this officer is shut out.
    fn bars(&self, officer: &Officer) -> bool;
    /// There is a job to be carried out.
    fn wake(&self);
    /// Lists of revoked certificates, and what ends by itself.
    fn look(&self) -> SwitchStatus;
}

/// What was ended, and what is to be recorded of it beside.
#[derive(Default)]
pub struct Shut {
    /// Live connections.
    pub connections: usize,
    /// Sealed sessions.
    pub sessions: usize,
    /// What keeps it over a restart.
    pub effects: Vec<Effect>,
}

/// How it stands with what the channel judges by.
#[derive(Default)]
pub struct SwitchStatus {
    /// Lists of revoked certificates in use.
    pub lists: Vec<ListInUse>,
    /// What ends, and when.
    pub endings: Vec<(&'static str, Time)>,
}

/// A list of revoked certificates.
pub struct ListInUse {
    /// Whose.
    pub issuer: String,
    /// Hexadecimal.
    pub number: String,
    /// Until when it is current.
    pub next_update: Time,
    /// It is about staff.
    pub staff: bool,
}

/// What the calls of this module work with.
pub struct Admin {
    /// Connections, sessions, handshakes.
    pub switch: Arc<dyn Switch>,
    /// The gateway's keys: to be looked at. Jobs change them.
    pub keyring: Arc<Keyring>,
    /// One change at a time: what is read, decided and recorded is not overtaken.
    lock: Arc<Mutex<()>>,
}

impl Admin {
    /// Nothing is under way.
    pub fn new(switch: Arc<dyn Switch>, keyring: Arc<Keyring>) -> Self {
        Self {
            switch,
            keyring,
            lock: Arc::default(),
        }
    }

    /// Held until the entry is recorded.
    pub async fn alone(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.lock).lock_owned().await
    }
}

/// The later of the clock and the newest entry: what has expired stays so when a clock is moved back.
fn now(gate: &Gate) -> Result<Time, Code> {
    Ok(gate.clock.now().max(gate.log.newest_time().map_err(internal)?))
}

fn random(gate: &Gate) -> Result<[u8; 8], Code> {
    let mut bytes = [0; 8];
    gate.rng.fill(&mut bytes).map_err(|Broken| Code::Internal)?;
    Ok(bytes)
}

/// The register lets nobody without a person be of these roles; if it did, they could do nothing here.
fn officer(member: &Member, marks: Vec<Vec<u8>>) -> Result<Officer, Code> {
    Officer::of(member, marks).ok_or(Code::MethodNotAllowed)
}

fn may(change: &Change, member: &Member) -> Result<(), Code> {
    change.is_for(member.role).then_some(()).ok_or(Code::MethodNotAllowed)
}

/// What makes room for one more: the oldest that have ended give way.
fn room(all: &[Proposal], now: Time) -> Vec<Effect> {
    let over = (all.len() + 1).saturating_sub(PROPOSALS_KEPT_MAX);
    let is_over = |p: &&Proposal| !matches!(p.state(now), ProposalState::Open | ProposalState::Approved);
    let ended = all.iter().filter(is_over);
    // A few at a time: an entry has its bound.
    ended.take(over.min(4)).map(Proposal::delete).collect()
}

fn all(gate: &Gate) -> Result<Vec<Proposal>, Code> {
    proposals(&*gate.state).map_err(internal)
}

fn internal(error: StateError) -> Code {
    tracing::error!(%error, "proposals or suspensions cannot be read");
    Code::Internal
}
