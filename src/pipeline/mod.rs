//! The request path on one screen.
//!
//! ```text
//! certificate ─ authenticate ─ open ─ look_up ─ decide ─┬─ fetch ─ derive ─ keep ─┐
//!   PeerIdentity   Partner     Opened   Asked           ├─ (a repeat) ── again ───┼─ append ── seal ── reply
//!                                                       └─ (nothing) ── nothing ──┤  Recorded  Sealed
//!                                            any step may refuse ─────────────────┘
//! ```
//!
//! Each step takes the proof of the step before by value. Both arms end in the log, and nothing is sent that is not in
//! it. This module sees no protobuf, no store and no network.
//!
//! # What does not compile
//!
//! A step cannot be skipped: records are fetched with a permit, not with a question.
//! ```compile_fail,E0308
//! use tollgate::{case::Case, consent::Asked, refusal::Refusal, source::{self, Raw, RecordSource}};
//! async fn skip(s: &dyn RecordSource, case: Case<Asked>) -> Result<Case<Raw>, Refusal> { source::fetch(s, case).await }
//! ```
//! ```
//! use tollgate::{case::Case, policy::Permit, refusal::Refusal, source::{self, Raw, RecordSource}};
//! async fn skip(s: &dyn RecordSource, case: Case<Permit>) -> Result<Case<Raw>, Refusal> { source::fetch(s, case).await }
//! ```
//! A proof cannot be used twice.
//! ```compile_fail,E0382
//! use tollgate::{case::Case, policy::Permit};
//! fn take(_: Case<Permit>) {}
//! fn twice(case: Case<Permit>) { take(case); take(case) }
//! ```
//! ```
//! use tollgate::{case::Case, policy::Permit};
//! fn take(_: Case<Permit>) {}
//! fn once(case: Case<Permit>) { take(case) }
//! ```
//! Raw values cannot be printed.
//! ```compile_fail,E0277
//! fn show(r: &tollgate::source::Raw) -> String { format!("{r:?}") }
//! ```
//! ```
//! fn show(r: &tollgate::refusal::Code) -> String { format!("{r:?}") }
//! ```
//! Raw values cannot be copied.
//! ```compile_fail,E0277
//! fn copy(r: &tollgate::source::Raw) -> tollgate::source::Raw { Clone::clone(r) }
//! ```
//! ```
//! fn copy(r: &tollgate::refusal::Code) -> tollgate::refusal::Code { Clone::clone(r) }
//! ```
//! A refusal that is not recorded cannot be sent.
//! ```compile_fail,E0308
//! fn send(r: tollgate::refusal::Refusal) -> tonic::Status { tollgate::rpc::status::refused(&r) }
//! ```
//! ```
//! use tollgate::{audit::Recorded, refusal::Refusal};
//! fn send(r: Recorded<Refusal>) -> tonic::Status { tollgate::rpc::status::refused(&r) }
//! ```
//! An answer that is not recorded cannot be sealed.
//! ```compile_fail,E0308
//! use tollgate::{case::Case, crypto::{Broken, Rng}, minimise::Minimised, seal::{self, Sealed}};
//! fn send(c: Case<Minimised>, rng: &dyn Rng) -> Result<Sealed, Broken> { seal::seal(c, rng) }
//! ```
//! ```
//! use tollgate::{audit::Recorded, case::Case, crypto::{Broken, Rng}, minimise::Minimised, seal::{self, Sealed}};
//! fn send(c: Recorded<Case<Minimised>>, rng: &dyn Rng) -> Result<Sealed, Broken> { seal::seal(c, rng) }
//! ```
//! `Recorded` cannot be forged.
//! ```compile_fail,E0451
//! use tollgate::{audit::{Receipt, Recorded}, refusal::Refusal};
//! fn forge(value: Refusal, receipt: Receipt) -> Recorded<Refusal> { Recorded { value, receipt } }
//! ```
//! ```
//! use tollgate::{audit::Recorded, refusal::{Code, Refusal}};
//! fn read(r: &Recorded<Refusal>) -> Code { r.value().code() }
//! ```
mod act;
pub mod admin;
pub mod calls;
mod due;
mod gate;
pub mod log_holds;
pub mod notices;
pub mod persons;
mod read;
mod recent;
pub mod records;
mod session;
mod staff;
pub mod subject_requests;

pub use act::{Acted, Action, Done, OnceRecorded, act};
pub use due::{Due, PeriodBound};
pub use gate::{Gate, PersonLocks, Subject, View};
pub use read::{READERS, Reading, read_as};
pub use recent::{Claim, Recent};
pub use session::open_session;
pub use staff::{Attended, Seen, StaffCall, staff};

use crate::{
    agreement::{self, Charge, Role, Spent},
    audit::Recorded,
    case::Case,
    clock::Time,
    consent,
    domain::Method,
    facts::{Facts, Kind},
    identity::PeerIdentity,
    minimise::{self, Minimised},
    policy::{self, Decided, Permit},
    refusal::{Code, NotRecorded, Refusal},
    seal::{self, Envelope, Sealed, payload::Question},
    signal, source,
};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// `Query`.
pub const QUERY: Method = Method("/tollgate.v1.ExchangeService/Query");

/// A reply is an answer that is in the log, or a refusal that is in the log.
pub enum Reply {
    /// Sealed, padded, with its receipt.
    Answer(Sealed),
    /// A status.
    Refused(Recorded<Refusal>),
}

/// Answers one question. Runs on a task of its own: a caller that hangs up cannot stop a case between reading and
/// recording.
pub async fn serve(gate: Arc<Gate>, peer: PeerIdentity, envelope: Envelope) -> Result<Reply, NotRecorded> {
    // No room in the log: nothing is opened, nothing is read.
    let slot = gate.log.reserve(peer.uri(), QUERY)?;
    let mut under_way = UnderWay::default();
    match decide(&gate, peer, envelope, gate.clock.now(), &mut under_way).await {
        Ok(answer) => {
            let recorded = slot.append(answer).await?;
            under_way.recorded(&gate, recorded.receipt().index);
            seal::seal(recorded, &*gate.rng)
                .map(Reply::Answer)
                .map_err(|_| NotRecorded::LogFailed)
        }
        Err(refusal) => Ok(Reply::Refused(slot.append(refusal).await?)),
    }
}

/// What waits for the entry. A charge that is dropped without one, or with a refusal, is given back; a person whose key
/// it makes is free for others once it stands.
#[derive(Default)]
struct UnderWay {
    claim: Option<Claim>,
    charge: Option<Charge>,
    person: Option<OwnedMutexGuard<()>>,
}

impl UnderWay {
    fn recorded(self, gate: &Gate, index: u64) {
        if let Some(Claim::First(first)) = self.claim {
            first.answered(index);
        }
        if let Some(charge) = self.charge {
            gate.quotas.recorded(charge);
        }
    }
}

async fn decide(
    gate: &Gate,
    peer: PeerIdentity,
    envelope: Envelope,
    now: Time,
    under_way: &mut UnderWay,
) -> Result<Case<Minimised>, Refusal> {
    let view = &*gate.view;
    let mut facts = Facts::new(Kind::Query, peer.uri(), QUERY, view.snapshot.hash());
    facts.reference = gate.reference();
    let partner = agreement::authenticate(&view.register, peer, facts, &[Role::Partner])?;
    let opened = seal::open::<Question>(&gate.opener, partner, envelope, QUERY, now)?;
    let opened = known_before(gate, opened, under_way).await?;
    let asked = match consent::look_up(&*gate.state, &gate.person_keys, opened, now)? {
        Ok(asked) => asked,
        Err(opened) => first_of_person(gate, opened, now, under_way).await?,
    };
    match policy::decide(&view.snapshot, asked, now)? {
        Decided::Withheld(case) => Ok(minimise::nothing(charge(gate, case, now, under_way)?, &view.snapshot)),
        Decided::Permit(case) => {
            let case = charge(gate, case, now, under_way)?;
            let (case, blocked) = blocked(gate, case);
            let case = match under_way.claim {
                Some(Claim::Repeat(index)) if !blocked => match again(gate, case, index)? {
                    Ok(answer) => return Ok(answer),
                    Err(case) => case,
                },
                _ => case,
            };
            let raw = source::fetch(&*gate.records, case).await?;
            let derived = signal::derive(&view.signals, raw, now)?;
            minimise::keep(derived, &view.snapshot)
        }
    }
}

/// The first entry that names a person makes their key: one at a time, until it is recorded.
async fn first_of_person(
    gate: &Gate,
    case: Case<seal::Opened<Question>>,
    now: Time,
    under_way: &mut UnderWay,
) -> Result<Case<consent::Asked>, Refusal> {
    let token = case.proof().payload().subject.token(&gate.person_keys.pseudonym);
    under_way.person = gate.people.lock(&token).await;
    consent::meet(&*gate.state, &gate.person_keys, &*gate.rng, case, now)
}

/// The same request twice is one question. Its id with other content is refused; while the first is under way, the
/// second waits for it.
async fn known_before(
    gate: &Gate,
    case: Case<seal::Opened<Question>>,
    under_way: &mut UnderWay,
) -> Result<Case<seal::Opened<Question>>, Refusal> {
    let key = case.proof().key(QUERY);
    match gate.recent.claim(key, gate.clock.now()).await {
        Claim::OtherContent => Err(case.refuse(Code::RequestIdReused)),
        claimed => {
            under_way.claim = Some(claimed);
            Ok(case)
        }
    }
}

/// Whether the person's record is stored and not used. Then the answer is what it is for somebody without a record, and
/// nothing that was told before is told again; only the entry says why.
fn blocked(gate: &Gate, mut case: Case<Permit>) -> (Case<Permit>, bool) {
    let blocked = case
        .facts()
        .subject
        .is_some_and(|person| gate.vault.is_blocked(&person));
    if blocked {
        case.note().note = "the record is blocked".to_owned();
    }
    (case, blocked)
}

/// Counts the question against the agreement's day, whatever the answer will be: a count that depended on it would tell
/// of the person. A repeat is an entry too, and counts.
fn charge<S>(gate: &Gate, mut case: Case<S>, now: Time, under_way: &mut UnderWay) -> Result<Case<S>, Refusal> {
    let agreements = gate.view.snapshot.agreements();
    let agreement = case.facts().agreement.as_ref().and_then(|id| agreements.by_id(id));
    let Some(agreement) = agreement else {
        return Err(case.refuse(Code::Internal));
    };
    match gate.quotas.charge(agreement, now) {
        Ok(charge) => {
            case.note().effects.extend(charge.effect());
            under_way.charge = Some(charge);
            Ok(case)
        }
        Err(Spent) => Err(case.refuse(Code::QuotaSpent)),
    }
}

/// The stored answer of an earlier entry goes out again, if what it tells is still permitted now.
fn again(gate: &Gate, case: Case<Permit>, index: u64) -> Result<Result<Case<Minimised>, Case<Permit>>, Refusal> {
    match gate.stored_answer(&case.facts().detail_key, index) {
        Ok(Some(answer)) => Ok(minimise::again(case, &answer, &gate.view.snapshot).map(|mut case| {
            case.note().note = format!("repeats entry {index}");
            case
        })),
        Ok(None) => Ok(Err(case)),
        Err(_) => Err(case.refuse(Code::Internal)),
    }
}
