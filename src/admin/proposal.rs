//! A change that somebody proposed, and what became of it.
use super::{Change, hex};
use crate::{
    agreement::{Member, Role},
    clock::Time,
    crypto::{Label, ctx, sha256},
    domain::{OfficerId, PartnerId},
    limits::{PROPOSAL_MS_MAX, PROPOSALS_KEPT_MAX},
    state::{Effect, State, StateError, Table},
    wire::{self, Message, store, v1},
};
use std::fmt;

/// Time and eight random bytes: in their order proposals are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProposalId(pub [u8; 16]);

impl ProposalId {
    /// The id of one that is proposed now.
    pub fn new(now: Time, random: [u8; 8]) -> Self {
        let mut id = [0; 16];
        let bytes = now.0.to_be_bytes().into_iter().chain(random);
        id.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Somebody of staff, as the register and their certificate were when they spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// The line of the register.
    pub member: PartnerId,
    /// Who it is, whatever the line.
    pub person: OfficerId,
    /// In which role.
    pub role: Role,
    /// The identity in the certificate.
    pub uri: String,
    /// What the denylist would know certificate and key by.
    pub marks: Vec<Vec<u8>>,
}

impl Officer {
    /// `None` for a member that is nobody: the register lets no one who may propose be that.
    pub fn of(member: &Member, marks: Vec<Vec<u8>>) -> Option<Self> {
        Some(Self {
            member: member.id.clone(),
            person: member.person.clone()?,
            role: member.role,
            uri: member.uri.clone(),
            marks,
        })
    }

    /// As shown.
    pub fn to_wire(&self) -> v1::Officer {
        v1::Officer {
            member: self.member.to_string(),
            person: self.person.to_string(),
            role: self.role.name().to_owned(),
        }
    }

    pub(super) fn to_row(&self) -> store::v1::Officer {
        store::v1::Officer {
            member: self.member.to_string(),
            person: self.person.to_string(),
            role: self.role.name().to_owned(),
            uri: self.uri.clone(),
            marks: self.marks.clone(),
        }
    }

    pub(super) fn from_row(row: store::v1::Officer) -> Option<Self> {
        let role = [Role::Security, Role::Operator].into_iter();
        Some(Self {
            member: row.member.parse().ok()?,
            person: row.person.parse().ok()?,
            role: role.into_iter().find(|role| role.name() == row.role)?,
            uri: row.uri,
            marks: row.marks,
        })
    }
}

/// What is written of a proposal's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// May be approved, until it expires.
    Open,
    /// Approved, and its job is not done.
    Approved,
    /// Carried out.
    Done,
    /// Somebody said no.
    Rejected,
    /// Approved, and not carried out.
    RolledBack,
    /// Nobody approved it in time. Never written: time says so.
    Expired,
}

impl ProposalState {
    fn to_wire(self) -> v1::ProposalState {
        match self {
            ProposalState::Open => v1::ProposalState::Open,
            ProposalState::Approved => v1::ProposalState::Approved,
            ProposalState::Done => v1::ProposalState::Done,
            ProposalState::Rejected => v1::ProposalState::Rejected,
            ProposalState::RolledBack => v1::ProposalState::RolledBack,
            ProposalState::Expired => v1::ProposalState::Expired,
        }
    }

    fn from_row(number: i32) -> Option<Self> {
        let written = [
            ProposalState::Open,
            ProposalState::Approved,
            ProposalState::Done,
            ProposalState::Rejected,
            ProposalState::RolledBack,
        ];
        written.into_iter().find(|state| state.to_wire() as i32 == number)
    }
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its name.
    pub id: ProposalId,
    /// What.
    pub change: Change,
    /// Why.
    pub reason: String,
    /// As written; see [`Proposal::state`].
    state: ProposalState,
    /// Who proposed it, or did it in an emergency.
    pub proposer: Officer,
    /// Who approved or rejected it.
    pub decider: Option<Officer>,
    /// When it was proposed.
    pub proposed: Time,
    /// From here on nobody may approve it.
    pub expires: Time,
    /// When it was approved or rejected.
    pub decided: Option<Time>,
    /// What the gateway decided by then: it covers the register.
    pub snapshot: [u8; 32],
    /// By one person.
    pub emergency: bool,
}

impl Proposal {
    /// A proposal that is open from now on.
    pub fn open(id: ProposalId, change: Change, reason: String, by: Officer, now: Time, snapshot: [u8; 32]) -> Self {
        Self {
            id,
            change,
            reason,
            state: ProposalState::Open,
            proposer: by,
            decider: None,
            proposed: now,
            expires: now.plus_ms(PROPOSAL_MS_MAX),
            decided: None,
            snapshot,
            emergency: false,
        }
    }

    /// What one person does in an emergency: a job that is to be carried out, whoever else is there.
    pub fn emergency(self) -> Self {
        Self {
            state: ProposalState::Approved,
            emergency: true,
            ..self
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Time) -> ProposalState {
        match self.state {
            ProposalState::Open if now >= self.expires => ProposalState::Expired,
            state => state,
        }
    }

    /// Somebody approved or rejected it.
    pub fn decided(self, state: ProposalState, by: Officer, now: Time) -> Self {
        Self {
            state,
            decider: Some(by),
            decided: Some(now),
            ..self
        }
    }

    /// What became of an approved one.
    pub fn ended(self, state: ProposalState) -> Self {
        Self { state, ..self }
    }

    /// SHA-256 of everything that an approval is of. Whatever of it were another would be another proposal.
    pub fn digest(&self) -> [u8; 32] {
        let by = &self.proposer;
        sha256(&ctx(
            Label::Proposal,
            &[
                &self.id.0,
                &self.change.encode(),
                self.reason.as_bytes(),
                by.member.as_str().as_bytes(),
                by.person.as_str().as_bytes(),
                by.role.name().as_bytes(),
                by.uri.as_bytes(),
                &self.proposed.0.to_be_bytes(),
                &self.expires.0.to_be_bytes(),
                &self.snapshot,
            ],
        ))
    }

    /// What writes it.
    pub fn put(&self) -> Effect {
        let row = store::v1::Proposal {
            id: self.id.0.to_vec(),
            change: self.change.encode(),
            reason: self.reason.clone(),
            state: self.state.to_wire() as i32,
            proposer: Some(self.proposer.to_row()),
            decider: self.decider.as_ref().map(Officer::to_row),
            proposed_ms: self.proposed.0,
            expires_ms: self.expires.0,
            decided_ms: self.decided.map_or(0, |time| time.0),
            snapshot: self.snapshot.to_vec(),
            emergency: self.emergency,
        };
        Effect::put(Table::Proposal, self.id.0, row.encode_to_vec())
    }

    /// What forgets it: the log still tells of it.
    pub fn delete(&self) -> Effect {
        Effect::delete(Table::Proposal, self.id.0)
    }

    /// The proposal of this id.
    pub fn find(state: &dyn State, id: ProposalId) -> Result<Option<Self>, StateError> {
        let row = state.row(Table::Proposal, &id.0)?;
        row.map(|row| Self::from_row(&row).ok_or_else(damaged)).transpose()
    }

    /// As shown at `now`.
    pub fn to_wire(&self, now: Time) -> v1::Proposal {
        v1::Proposal {
            id: self.id.0.to_vec(),
            change: Some(self.change.to_wire()),
            reason: self.reason.clone(),
            state: self.state(now).to_wire() as i32,
            proposer: Some(self.proposer.to_wire()),
            decider: self.decider.as_ref().map(Officer::to_wire),
            proposed: Some(wire::timestamp(self.proposed.0)),
            expires: Some(wire::timestamp(self.expires.0)),
            decided: self.decided.map(|time| wire::timestamp(time.0)),
            digest: self.digest().to_vec(),
            emergency: self.emergency,
        }
    }

    fn from_row(row: &[u8]) -> Option<Self> {
        let row: store::v1::Proposal = wire::decode_canonical(row).ok()?;
        let decider = match row.decider {
            Some(decider) => Some(Officer::from_row(decider)?),
            None => None,
        };
        Some(Self {
            id: ProposalId(row.id.try_into().ok()?),
            change: Change::decode(&row.change)?,
            reason: row.reason,
            state: ProposalState::from_row(row.state)?,
            proposer: Officer::from_row(row.proposer?)?,
            decider,
            proposed: Time(row.proposed_ms),
            expires: Time(row.expires_ms),
            decided: (row.decided_ms != 0).then_some(Time(row.decided_ms)),
            snapshot: row.snapshot.try_into().ok()?,
            emergency: row.emergency,
        })
    }
}

/// All proposals that are kept, oldest first.
///
/// # Errors
/// The state cannot be read, or a row is not one of ours: then nothing may be approved.
pub fn proposals(state: &dyn State) -> Result<Vec<Proposal>, StateError> {
    // Emergencies may go beyond the bound: nobody's proposals stand in their way.
    let rows = state.rows(Table::Proposal, &[], None, 2 * PROPOSALS_KEPT_MAX)?;
    let read = |(_, row): (Vec<u8>, Vec<u8>)| Proposal::from_row(&row).ok_or_else(damaged);
    rows.into_iter().map(read).collect()
}

fn damaged() -> StateError {
    StateError("a row of a proposal is malformed".to_owned())
}
