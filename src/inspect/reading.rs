//! One entry with its proof, and what the log itself says: its head, and that it goes on as it was.
use super::{
    Scope,
    opening::{Entry, open},
};
use crate::{
    agreement::Role,
    audit::{Details, Head, Inclusion, ProofError, Receipt},
    domain::{Method, SubjectToken},
    facts::{DetailKey, Kind},
    identity::PeerIdentity,
    person,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
};
use std::sync::Arc;

/// `GetEntry`.
pub const GET_ENTRY: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/GetEntry"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// An entry with the proof that it is in the log.
pub struct Proven {
    /// The entry.
    pub entry: Entry,
    /// In the newest tree.
    pub inclusion: Inclusion,
}

/// Entry `index` within the caller's scope. Who looked at an entry about a person is recorded under that person's key.
///
/// # Errors
/// `LOG_RANGE` if there is no such entry, `OUT_OF_SCOPE` if the caller may not see it.
pub async fn entry(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, index: u64) -> Reading<(Proven, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        let scope = Scope::of(member, gate.clock.now())?;
        let entry = open(gate, index)?;
        if !scope.covers(&entry.leaf) {
            return Err(Code::OutOfScope);
        }
        let inclusion = gate.log.prove_inclusion(index).map_err(refusal)?;
        let person = entry.details.as_ref().and_then(|details| whom(gate, details));
        Ok(Seen {
            person,
            count: 1,
            note: format!("entry {index}"),
            ..Seen::of(Proven { entry, inclusion }, "shown")
        })
    })
    .await
}

/// The person whom an entry is about, while their key is there.
fn whom(gate: &Gate, details: &Details) -> Option<(SubjectToken, DetailKey)> {
    let token = SubjectToken(details.i.subject.as_slice().try_into().ok()?);
    let link = person::load(&*gate.state, &gate.person_keys.epoch, &token).ok()??;
    Some((token, DetailKey::Person(link.details())))
}

/// The newest checkpoint.
pub async fn head(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall) -> Reading<(Arc<Head>, Receipt)> {
    staff(gate, peer, call, |gate, member| {
        Scope::of(member, gate.clock.now())?;
        Ok(Seen::of(gate.log.head(), "shown"))
    })
    .await
}

/// That the tree of `to` begins with the tree of `from`.
///
/// # Errors
/// `LOG_RANGE` if the log never had these sizes.
pub async fn continuation(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    from: u64,
    to: u64,
) -> Reading<(Vec<[u8; 32]>, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        Scope::of(member, gate.clock.now())?;
        let (proof, _) = gate.log.prove_consistency(from, to).map_err(refusal)?;
        Ok(Seen {
            note: format!("continuation from {from} to {to}"),
            ..Seen::of(proof, "proven")
        })
    })
    .await
}

fn refusal(error: ProofError) -> Code {
    match error {
        ProofError::Range => Code::LogRange,
        ProofError::Store => Code::Internal,
    }
}
