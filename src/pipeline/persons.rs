//! What staff order about one person: erasures and what holds them. Entries like all others, under the person's key.
//!
//! These calls have no envelope: the staff listener's TLS ends in this process, and nobody lies between.
use super::{
    Gate,
    read::Reading,
    staff::{Seen, StaffCall, staff_holding},
    subject_requests,
};
use crate::{
    agreement::Role,
    clock::Time,
    crypto::Broken,
    domain::{Method, SubjectRef, SubjectToken},
    erasure::{self, Change, Reason, Register, Stage, Standing},
    facts::Kind,
    identity::PeerIdentity,
    person::Person,
    refusal::Code,
    state::Effect,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Who may order.
pub const OFFICERS: [Role; 1] = [Role::Compliance];

/// What the request path and the task that erases share.
#[derive(Default)]
pub struct Erasing {
    /// How it stands.
    pub register: Register,
    wake: Notify,
    at_once: AtomicBool,
}

impl Erasing {
    /// Around what entries have recorded.
    pub fn of(register: Register) -> Self {
        Self {
            register,
            ..Self::default()
        }
    }

    /// Something may be due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What was removed waits no longer for the next turn.
    pub fn at_once(&self) {
        self.at_once.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Until something may be due.
    pub async fn awake(&self) {
        self.wake.notified().await;
    }

    /// Whether it was said that nothing waits; only once.
    pub fn take_at_once(&self) -> bool {
        self.at_once.swap(false, Ordering::SeqCst)
    }
}

/// What is ordered.
pub enum Order {
    /// How does it stand?
    Look,
    /// Erase.
    Request,
    /// Keep.
    Hold {
        /// Why.
        reason: Reason,
        /// Until when; `None`: until it is released.
        until: Option<Time>,
        /// The institution's own number for it.
        case_number: String,
    },
    /// Keep no longer.
    Release(u32),
}

impl Order {
    fn word(&self) -> &'static str {
        match self {
            Order::Look => "looked",
            Order::Request => "erasure-requested",
            Order::Hold { .. } => "hold-placed",
            Order::Release(_) => "hold-released",
        }
    }
}

/// Carries out an order about one person, and tells how it stands; `None` where there is nothing to tell. An order that
/// could not be read comes as its refusal.
pub async fn order(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    method: Method,
    asked: Result<(SubjectRef, Order), Code>,
) -> Reading<Option<Standing>> {
    let call = StaffCall {
        method,
        kind: Kind::Records,
        roles: &OFFICERS,
    };
    let locking = Arc::clone(&gate);
    // Held until the entry is recorded and what follows from it is done.
    let person = async move {
        let (subject, order) = asked?;
        let person = locking
            .person(subject.token(&locking.person_keys.pseudonym), true)
            .await;
        match person {
            Ok(person) => Ok((person, order)),
            Err(error) => {
                tracing::error!(%error, "a person's key could not be read");
                Err(Code::Internal)
            }
        }
    };
    let ordered = staff_holding(gate, peer, call, person, |gate, member, facts, (person, order)| {
        person.known.note(facts);
        carry_out(gate, &member.uri, &person.known, order)
    });
    Ok(ordered.await?.map(|(standing, _receipt)| standing))
}

fn carry_out(gate: &Gate, by: &str, known: &Person, order: &Order) -> Result<Seen<Option<Standing>>, Code> {
    let mut seen = carried_out(gate, by, known.token, order)?;
    let dispute = subject_requests::erasing::dispute(gate, &known.link).map_err(|error| {
        tracing::error!(%error, "the case list could not be read");
        Code::Internal
    })?;
    // Told, and not kept: it stands in the case list.
    if let (Some(standing), Some(dispute)) = (&mut seen.value, dispute) {
        standing.holds.push(dispute);
    }
    Ok(seen)
}

fn carried_out(gate: &Gate, by: &str, person: SubjectToken, order: &Order) -> Result<Seen<Option<Standing>>, Code> {
    let desk = erasure::Desk {
        register: &gate.erasing.register,
        rng: &*gate.rng,
        now: gate.clock.now(),
    };
    let change = match order {
        Order::Look => return Ok(Seen::of(gate.erasing.register.of(&person), order.word())),
        Order::Request => erasure::request(&desk, person)?,
        Order::Hold {
            reason,
            until,
            case_number,
        } => erasure::hold(&desk, person, *reason, *until, case_number, by)?,
        Order::Release(hold) => erasure::release(&desk, person, *hold)?,
    };
    let mut seen = Seen::of(Some(change.standing.clone()), order.word());
    if change.changed {
        seen.effects = vec![row(gate, &change).map_err(|Broken| Code::Internal)?];
        let (standing, gone) = (change.standing.clone(), change.is_empty());
        seen.once_recorded = Some(Box::new(move |gate| gate.stands(&standing, gone)));
    }
    seen.note = change.note;
    Ok(seen)
}

/// What makes the change true.
pub(super) fn row(gate: &Gate, change: &Change) -> Result<Effect, Broken> {
    match change.is_empty() {
        true => Ok(change.standing.gone()),
        false => change.standing.row(&*gate.rng, &*gate.person_keys.epochs.active()?),
    }
}

impl Gate {
    /// What an entry has recorded of a standing counts from here on.
    pub fn stands(&self, standing: &Standing, gone: bool) {
        if standing.stage() != Stage::Free {
            self.vault.block(standing.person);
        }
        match gone {
            true => self.erasing.register.remove(&standing.id),
            false => self.erasing.register.put(standing.clone()),
        }
        self.erasing.wake();
    }
}
