//! Where the case list meets erasure: an open dispute is a hold, and a deletion that is fulfilled orders the erasure.
//!
//! A dispute has no second row that says so: whoever is about to remove something asks the case list, under the person's
//! lock. What it refuses to do: erase because somebody asked. A deletion is ordered when an officer ends the request as
//! fulfilled, as an effect of that entry, for what was ordered is never taken back.
use crate::{
    domain::SubjectToken,
    erasure::{self, Change, Desk, Hold, Reason},
    person::{LinkKey, PersonError},
    pipeline::{Gate, OnceRecorded, persons},
    refusal::Code,
    state::Effect,
    subject_request::{Kind, Outcome, Rows},
};
use tokio::sync::OwnedMutexGuard;

/// The hold of a person's open dispute, the oldest; it has no number, for only its end releases it.
pub(in crate::pipeline) fn dispute(gate: &Gate, link: &LinkKey) -> Result<Option<Hold>, PersonError> {
    let open = Rows(&*gate.state).open_of(link)?;
    let oldest = open.iter().filter(|(_, dispute)| *dispute).map(|(id, _)| id).min();
    Ok(oldest.map(|id| Hold {
        id: 0,
        reason: Reason::Dispute,
        placed: id.opened(),
        until: None,
        case_number: id.to_string(),
        by: String::new(),
    }))
}

/// What the end of a request changes of an erasure.
pub(super) fn ended(gate: &Gate, person: SubjectToken, ends: (Kind, Outcome)) -> Result<Option<Change>, Code> {
    let desk = Desk {
        register: &gate.erasing.register,
        rng: &*gate.rng,
        now: gate.clock.now(),
    };
    match ends {
        (Kind::Deletion, Outcome::Fulfilled) => erasure::request(&desk, person).map(Some),
        _ => Ok(None),
    }
}

/// Puts the change into the entry, and gives what makes it count once that is recorded: an erasure that a dispute held may
/// go on too. The person's lock is held until then.
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
        gate.erasing.wake();
    }))
}
