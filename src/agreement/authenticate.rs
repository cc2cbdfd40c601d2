//! The step from a verified certificate to a registered member.
use super::{
    member::{Partner, Role},
    register::Register,
};
use crate::{
    case::Case,
    facts::Facts,
    identity::PeerIdentity,
    refusal::{Code, Refusal},
};

/// Opens the case of a registered member that is not suspended and whose role is one of `roles`: those that the method
/// allows. Whether the agreement is in force is decided with the question, which names it.
///
/// # Errors
/// `PEER_UNKNOWN`, `PARTNER_SUSPENDED`, `METHOD_NOT_ALLOWED`.
pub fn authenticate(
    register: &Register,
    peer: PeerIdentity,
    mut facts: Facts,
    roles: &[Role],
) -> Result<Case<Partner>, Refusal> {
    let Some(member) = register.by_uri(peer.uri()) else {
        return Err(Refusal::new(Box::new(facts), Code::PeerUnknown));
    };
    facts.partner = Some(member.id.clone());
    if register.is_suspended(member) {
        return Err(Refusal::new(Box::new(facts), Code::PartnerSuspended));
    }
    if !roles.contains(&member.role) {
        return Err(Refusal::new(Box::new(facts), Code::MethodNotAllowed));
    }
    let partner = Partner::new(member.clone(), peer);
    Ok(Case::open(facts, partner))
}
