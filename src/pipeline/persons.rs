//! What staff order about one person: erasures and what holds them. Entries like all others, under the person's key.
//!
//! These calls have no envelope: the staff listener's TLS ends in this process, and nobody lies between.
use super::{Gate, read::Reading};
use crate::{
    agreement::{self, Partner, Role},
    audit::{Auditable, Class},
    case::{After, Case},
    clock::Time,
    crypto::Broken,
    domain::{Method, SubjectRef},
    erasure::{self, Change, Reason, Register, Stage, Standing},
    facts::{Facts, Kind},
    identity::PeerIdentity,
    refusal::{Code, Refusal},
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

/// Proof: the order may be given, and its entry will say so.
pub struct Ordered {
    standing: Option<Standing>,
    /// Nothing is left to be kept.
    empty: bool,
    changed: bool,
}

impl After<Partner> for Ordered {}

impl Auditable for Case<Ordered> {
    fn class(&self) -> Class {
        Class::Sealed
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        None
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
    let slot = gate.log.reserve(peer.uri(), method)?;
    let view = &*gate.view;
    let mut facts = Facts::new(Kind::Records, peer.uri(), method, view.snapshot.hash());
    facts.reference = gate.reference();
    let mut case = match agreement::authenticate(&view.register, peer, facts, &OFFICERS) {
        Ok(case) => case,
        Err(refusal) => return Ok(Err(slot.append(refusal).await?)),
    };
    let (subject, order) = match asked {
        Ok(asked) => asked,
        Err(code) => return Ok(Err(slot.append(case.refuse(code)).await?)),
    };
    let token = subject.token(&gate.person_keys.pseudonym);
    // Held until the entry is recorded and what follows from it is done.
    let mut person = match gate.person(token, true).await {
        Ok(person) => person,
        Err(error) => {
            tracing::error!(%error, "a person's key could not be read");
            return Ok(Err(slot.append(case.refuse(Code::Internal)).await?));
        }
    };
    person.known.note(case.note());
    let case = match carry_out(&gate, case, &person.known, &order) {
        Ok(case) => case,
        Err(refusal) => return Ok(Err(slot.append(refusal).await?)),
    };
    let (case, _receipt) = slot.append(case).await?.into_parts();
    let (_, ordered) = case.close();
    if let (Some(standing), true) = (&ordered.standing, ordered.changed) {
        gate.stands(standing, ordered.empty);
    }
    Ok(Ok(ordered.standing))
}

fn carry_out(
    gate: &Gate,
    mut case: Case<Partner>,
    person: &crate::person::Person,
    order: &Order,
) -> Result<Case<Ordered>, Refusal> {
    let desk = erasure::Desk {
        register: &gate.erasing.register,
        rng: &*gate.rng,
        now: gate.clock.now(),
    };
    let by = case.proof().member().uri.clone();
    let change = match order {
        Order::Look => Ok(None),
        Order::Request => erasure::request(&desk, person.token).map(Some),
        Order::Hold {
            reason,
            until,
            case_number,
        } => erasure::hold(&desk, person.token, *reason, *until, case_number, &by).map(Some),
        Order::Release(hold) => erasure::release(&desk, person.token, *hold).map(Some),
    };
    let kept = match change {
        Ok(None) => Ok((gate.erasing.register.of(&person.token), None)),
        Ok(Some(change)) => match row(gate, &change) {
            Ok(effect) => Ok((Some(change.standing.clone()), Some((change, effect)))),
            Err(Broken) => Err(Code::Internal),
        },
        Err(code) => Err(code),
    };
    let (standing, change) = match kept {
        Ok(kept) => kept,
        Err(code) => return Err(case.refuse(code)),
    };
    let facts = case.note();
    facts.outcomes = vec![order.word().to_owned()];
    let (mut empty, mut changed) = (false, false);
    if let Some((change, effect)) = change {
        (empty, changed) = (change.is_empty(), change.changed);
        facts.note = change.note;
        facts.effects.extend(changed.then_some(effect));
    }
    Ok(case.then(|_| Ordered {
        standing,
        empty,
        changed,
    }))
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
