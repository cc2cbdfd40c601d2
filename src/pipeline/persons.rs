//! What staff order about one person: erasures and what holds them. Entries like all others, under the person's key.
//!
//! These calls have no envelope: the staff listener's TLS ends in this process, and nobody lies between.
use super::{
    Gate,
    read::Reading,
    staff::{Seen, StaffCall, staff, staff_holding},
    subject_requests,
};
use crate::{
    agreement::Role,
    audit::Receipt,
    clock::Time,
    crypto::Broken,
    domain::{Method, SubjectToken},
    erasure::{self, Change, Reason, Register, Stage, Standing},
    facts::Kind,
    identity::PeerIdentity,
    limits::ERASURES_PER_PAGE_MAX,
    person::{self, LinkKey, Person, PersonError},
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

macro_rules! methods {
    ($($(#[doc = $doc:literal])* $name:ident = $method:literal;)*) => {$(
        $(#[doc = $doc])*
        pub const $name: Method = Method(concat!("/tollgate.v1.PersonsService/", $method));
    )*};
}

methods! {
    /// `RequestErasure`.
    REQUEST = "RequestErasure";
    /// `GetErasure`.
    GET = "GetErasure";
    /// `PlaceHold`.
    PLACE = "PlaceHold";
    /// `ReleaseHold`.
    RELEASE = "ReleaseHold";
    /// `ListErasures`.
    LIST = "ListErasures";
    /// `RunErasures`.
    RUN = "RunErasures";
}

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
    asked: Result<(SubjectToken, Order), Code>,
) -> Reading<(Option<Standing>, Receipt)> {
    let call = StaffCall {
        method,
        kind: Kind::Records,
        roles: &OFFICERS,
    };
    let locking = Arc::clone(&gate);
    // Held until the entry is recorded and what follows from it is done.
    let person = async move {
        let (token, order) = asked?;
        match locking.person(token, true).await {
            Ok(person) => Ok((person, order)),
            Err(error) => {
                tracing::error!(%error, "a person's key could not be read");
                Err(Code::Internal)
            }
        }
    };
    staff_holding(gate, peer, call, person, |gate, member, facts, (person, order)| {
        person.known.note(facts);
        carry_out(gate, &member.uri, &person.known, order)
    })
    .await
}

fn carry_out(gate: &Gate, by: &str, known: &Person, order: &Order) -> Result<Seen<Option<Standing>>, Code> {
    let mut seen = carried_out(gate, by, known.token, order)?;
    if let Some(standing) = &mut seen.value {
        tell_dispute(gate, standing, &known.link).map_err(internal)?;
    }
    Ok(seen)
}

/// Told, and not kept: it stands in the case list.
fn tell_dispute(gate: &Gate, standing: &mut Standing, link: &LinkKey) -> Result<(), PersonError> {
    standing.holds.extend(subject_requests::erasing::dispute(gate, link)?);
    Ok(())
}

fn internal(error: PersonError) -> Code {
    tracing::error!(%error, "the case list could not be read");
    Code::Internal
}

/// Where a page of erasures begins and how long it is: after this id; 0 means the most that a page has.
pub type Wanted = (Option<[u8; 16]>, usize);

/// A page of erasures.
pub struct Listed {
    /// In the order of their ids, each with what holds it.
    pub standings: Vec<Standing>,
    /// Where to go on; `None` at the end.
    pub next: Option<[u8; 16]>,
}

/// All that are not complete, without the person.
pub async fn list(gate: Arc<Gate>, peer: PeerIdentity, wanted: Result<Wanted, Code>) -> Reading<(Listed, Receipt)> {
    let call = StaffCall {
        method: LIST,
        kind: Kind::Read,
        roles: &OFFICERS,
    };
    staff(gate, peer, call, move |gate, _| {
        let listed = listed(gate, wanted?)?;
        let count = listed.standings.len() as u64;
        Ok(Seen {
            count,
            ..Seen::of(listed, "erasures-listed")
        })
    })
    .await
}

fn listed(gate: &Gate, (after, size): Wanted) -> Result<Listed, Code> {
    let size = match size {
        0 => ERASURES_PER_PAGE_MAX,
        size if size <= ERASURES_PER_PAGE_MAX => size,
        _ => return Err(Code::FieldInvalid),
    };
    // One more than asked for tells whether there is a next page.
    let mut standings = gate.erasing.register.page(after, size + 1, |_| true);
    let more = standings.len() > size;
    standings.truncate(size);
    for standing in &mut standings {
        let Some(token) = standing.person else { continue };
        let link = person::load(&*gate.state, &gate.person_keys.epochs, &token).map_err(internal)?;
        if let Some(link) = link {
            tell_dispute(gate, standing, &link).map_err(internal)?;
        }
    }
    let next = standings.last().filter(|_| more).map(|last| last.id);
    Ok(Listed { standings, next })
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
