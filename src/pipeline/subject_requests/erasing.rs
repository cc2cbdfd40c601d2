//! Where the case list meets erasure: an open dispute holds what it is about, and a deletion that is fulfilled orders it.
//! Both are effects of the request's own entry.
//!
//! What it refuses to do: erase because somebody asked. A deletion is ordered when an officer ends the request as
//! fulfilled, for what was ordered is never taken back.
use crate::{
    agreement::Member,
    domain::SubjectToken,
    erasure::{self, Change, Desk, Reason},
    pipeline::{Gate, OnceRecorded, persons},
    refusal::Code,
    state::Effect,
    subject_request::{Kind, Outcome, RequestId},
};
use tokio::sync::OwnedMutexGuard;

fn desk(gate: &Gate) -> Desk<'_> {
    Desk {
        register: &gate.erasing.register,
        rng: &*gate.rng,
        now: gate.clock.now(),
    }
}

/// The case number of the hold: one a person, however many disputes are open.
const CASE_LIST: &str = "case-list";

fn held(gate: &Gate, person: &SubjectToken) -> Option<u32> {
    let holds = gate.erasing.register.of(person)?.holds;
    let held = holds
        .iter()
        .find(|hold| hold.reason == Reason::Dispute && hold.case_number == CASE_LIST);
    held.map(|hold| hold.id)
}

/// The hold of a dispute that is opened, unless another holds already.
pub(super) fn disputed(gate: &Gate, by: &Member, person: SubjectToken) -> Result<Option<Change>, Code> {
    match held(gate, &person) {
        Some(_) => Ok(None),
        None => erasure::hold(&desk(gate), person, Reason::Dispute, None, CASE_LIST, &by.uri).map(Some),
    }
}

/// What the end of a request changes. `open` are the person's other requests: the last dispute takes the hold with it,
/// unless an officer has released that before.
pub(super) fn ended(
    gate: &Gate,
    person: SubjectToken,
    (kind, outcome): (Kind, Outcome),
    open: &[(RequestId, bool)],
) -> Result<Option<Change>, Code> {
    match (kind, outcome) {
        (Kind::Dispute, _) if open.iter().any(|(_, dispute)| *dispute) => Ok(None),
        (Kind::Dispute, _) => {
            let hold = held(gate, &person);
            hold.map(|hold| erasure::release(&desk(gate), person, hold)).transpose()
        }
        (Kind::Deletion, Outcome::Fulfilled) => erasure::request(&desk(gate), person).map(Some),
        _ => Ok(None),
    }
}

/// Puts the change into the entry, and gives what makes it count once that is recorded. The person's lock is held until
/// then.
pub(super) fn with(
    gate: &Gate,
    change: Option<Change>,
    effects: &mut Vec<Effect>,
    lock: Option<OwnedMutexGuard<()>>,
) -> Result<OnceRecorded, Code> {
    let change = change.filter(|change| change.changed);
    if let Some(change) = &change {
        effects.push(persons::row(gate, change).map_err(|_| Code::Internal)?);
    }
    Ok(Box::new(move |gate| {
        if let Some(change) = change {
            gate.stands(&change.standing, change.is_empty());
        }
        drop(lock);
    }))
}
