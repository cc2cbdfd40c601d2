//! Officers place, release and list legal holds on the log.
use crate::{
    agreement::Role,
    audit::Receipt,
    domain::Method,
    facts::Kind,
    hold::{self, Held, Hold},
    identity::PeerIdentity,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
    state::StateError,
};
use std::sync::Arc;

const fn call(method: &'static str, kind: Kind) -> StaffCall {
    StaffCall {
        method: Method(method),
        kind,
        roles: &[Role::Compliance],
    }
}

/// `PlaceLogHold`.
pub const PLACE: StaffCall = call("/tollgate.v1.LogHoldService/PlaceLogHold", Kind::Configuration);
/// `ReleaseLogHold`.
pub const RELEASE: StaffCall = call("/tollgate.v1.LogHoldService/ReleaseLogHold", Kind::Configuration);
/// `ListLogHolds`.
pub const LIST: StaffCall = call("/tollgate.v1.LogHoldService/ListLogHolds", Kind::Read);

/// Places a hold; again with another number replaces the number.
pub async fn place(gate: Arc<Gate>, peer: PeerIdentity, asked: Result<Hold, Code>) -> Reading<((), Receipt)> {
    staff(gate, peer, PLACE, move |gate, _| {
        let asked = asked?;
        let holds = hold::all(&*gate.state).map_err(internal)?;
        let is_there = holds.iter().any(|held| held.held == asked.held);
        // There is no period that is yet to come, and a partner is one of the register.
        let exists = match &asked.held {
            Held::Period(period) => (1..=gate.period).contains(period),
            Held::Partner(partner) => is_there || gate.view.register.by_id(partner).is_some(),
        };
        let fits = hold::case_number_fits(&asked.case_number) && (is_there || hold::has_room(&holds));
        if !exists || !fits {
            return Err(Code::FieldInvalid);
        }
        Ok(Seen {
            effects: vec![hold::place(&asked)],
            note: format!("{}, {}", asked.held, asked.case_number),
            count: 1,
            ..Seen::of((), "hold_placed")
        })
    })
    .await
}

/// Takes a hold away. Whether there was one.
pub async fn release(gate: Arc<Gate>, peer: PeerIdentity, asked: Result<Held, Code>) -> Reading<(bool, Receipt)> {
    staff(gate, peer, RELEASE, move |gate, _| {
        let asked = asked?;
        let holds = hold::all(&*gate.state).map_err(internal)?;
        let was = holds.into_iter().find(|held| held.held == asked);
        Ok(Seen {
            effects: was.iter().map(|was| hold::release(&was.held)).collect(),
            note: match &was {
                Some(was) => format!("{}, {}", was.held, was.case_number),
                None => format!("{asked}: there was none"),
            },
            count: u64::from(was.is_some()),
            ..Seen::of(was.is_some(), "hold_released")
        })
    })
    .await
}

/// All holds.
pub async fn list(gate: Arc<Gate>, peer: PeerIdentity) -> Reading<(Vec<Hold>, Receipt)> {
    staff(gate, peer, LIST, move |gate, _| {
        let holds = hold::all(&*gate.state).map_err(internal)?;
        Ok(Seen {
            count: holds.len() as u64,
            ..Seen::of(holds, "holds_listed")
        })
    })
    .await
}

fn internal(error: StateError) -> Code {
    tracing::error!(%error, "holds cannot be read");
    Code::Internal
}
