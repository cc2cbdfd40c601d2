//! Every other sealed call has one shape: role → open → do → record → seal.
use crate::{
    agreement::{self, Role},
    audit::{Auditable, Class},
    case::{After, Case},
    clock::Time,
    crypto::Broken,
    domain::{ConsentId, Method, SubjectToken},
    facts::{DetailKey, Facts, Kind},
    identity::PeerIdentity,
    person::Person,
    pipeline::{Claim, Gate, Reply, Subject},
    refusal::{Code, NotRecorded, Refusal},
    seal::{self, Answered, Envelope, Opened, Outgoing, ReplyKeys, payload::Payload},
    state::Effect,
};
use std::{future::Future, sync::Arc};

/// What a call did.
pub struct Done {
    /// The answer, canonical bytes.
    pub answer: Vec<u8>,
    /// What changes with the entry.
    pub effects: Vec<Effect>,
    /// One word for the institution's side of the entry.
    pub outcome: &'static str,
    /// The consent that was made or named, for the institution's side of the entry.
    pub consent: Option<ConsentId>,
    /// What it was done to, for the institution's side of the entry; empty where nothing else needs saying.
    pub note: String,
    /// How many of them.
    pub count: u64,
    /// What follows once the entry is recorded; none of it may fail the call.
    pub once_recorded: Option<OnceRecorded>,
}

/// Runs after the entry is durable.
pub type OnceRecorded = Box<dyn FnOnce(&Gate) + Send>;

/// One method.
pub trait Action: Send + Sync {
    /// What the envelope holds.
    type Payload: Payload + Send;
    /// The method.
    fn method(&self) -> Method;
    /// What its entry is about.
    fn kind(&self) -> Kind;
    /// Who may call it.
    fn roles(&self) -> &'static [Role];
    /// Whether it changes something. Then it needs a signature of its own, also in a session whose opening stands for
    /// questions, and the person's rows are locked until the entry is recorded.
    fn changes(&self) -> bool {
        true
    }
    /// Whether it must be possible under load and on a full disk.
    fn urgent(&self) -> bool {
        false
    }
    /// The person it is about.
    fn person(&self, gate: &Gate, payload: &Self::Payload) -> Option<SubjectToken>;
    /// Does it. No effect happens here: effects happen with the entry, which names the person already.
    fn run(
        &self,
        gate: &Gate,
        person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        now: Time,
    ) -> impl Future<Output = Result<Done, Code>> + Send;
}

/// Proof: it was done, and the entry will say so.
pub struct Acted {
    answer: Vec<u8>,
    class: Class,
    keys: ReplyKeys,
}

impl<P> After<Opened<P>> for Acted {}

impl Auditable for Case<Acted> {
    fn class(&self) -> Class {
        self.proof().class
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        Some(&self.proof().answer)
    }
}

impl Answered for Case<Acted> {
    fn into_reply(self) -> Outgoing {
        let (facts, acted) = self.close();
        Outgoing {
            answer: acted.answer,
            reference: facts.reference,
            keys: acted.keys,
        }
    }
}

/// Runs one call. On a task of its own, as [`super::serve`].
pub async fn act<A: Action>(
    gate: Arc<Gate>,
    action: A,
    peer: PeerIdentity,
    envelope: Envelope,
) -> Result<Reply, NotRecorded> {
    // A withdrawal waits for a place: it must get through when all else is turned away.
    let slot = if action.urgent() {
        gate.log.reserve_wait(peer.uri(), action.method()).await?
    } else {
        gate.log.reserve(peer.uri(), action.method())?
    };
    let now = gate.clock.now();
    let opened = match open(&gate, &action, peer, envelope, now) {
        Ok(opened) => opened,
        Err(refusal) => return Ok(Reply::Refused(slot.append(refusal).await?)),
    };
    let (opened, person) = match find(&gate, &action, opened).await {
        Ok(found) => found,
        Err(refusal) => return Ok(Reply::Refused(slot.append(refusal).await?)),
    };
    let known = person.as_ref().map(|person| &person.known);
    let claim = gate.recent.claim(opened.proof().key(action.method()), now).await;
    match perform(&gate, &action, known, opened, &claim, now).await {
        Ok((acted, once_recorded)) => {
            let slot = if action.urgent() { slot.urgent() } else { slot };
            let recorded = slot.append(acted).await?;
            if let Claim::First(first) = claim {
                first.answered(recorded.receipt().index);
            }
            if let Some(then) = once_recorded {
                let gate = Arc::clone(&gate);
                // It may wait for a lock that a load holds; a panic in it is the program's, and surfaces there.
                tokio::task::spawn_blocking(move || then(&gate))
                    .await
                    .map_err(|_| NotRecorded::LogFailed)?;
            }
            seal::seal(recorded, &*gate.rng)
                .map(Reply::Answer)
                .map_err(|_| NotRecorded::LogFailed)
        }
        Err(refusal) => Ok(Reply::Refused(slot.append(refusal).await?)),
    }
}

fn open<A: Action>(
    gate: &Gate,
    action: &A,
    peer: PeerIdentity,
    envelope: Envelope,
    now: Time,
) -> Result<Case<Opened<A::Payload>>, Refusal> {
    let view = &*gate.view;
    let mut facts = Facts::new(action.kind(), peer.uri(), action.method(), view.snapshot.hash());
    facts.reference = gate.reference();
    let partner = agreement::authenticate(&view.register, peer, facts, action.roles())?;
    let opened = seal::open::<A::Payload>(&gate.opener, partner, envelope, action.method(), now)?;
    if action.changes() && opened.facts().signature.is_empty() {
        return Err(opened.refuse(Code::SignatureRequired));
    }
    Ok(opened)
}

/// Finds the person, whom the entry names from here on, whatever becomes of the call.
async fn find<A: Action>(
    gate: &Gate,
    action: &A,
    mut case: Case<Opened<A::Payload>>,
) -> Result<(Case<Opened<A::Payload>>, Option<Subject>), Refusal> {
    let Some(token) = action.person(gate, case.proof().payload()) else {
        return Ok((case, None));
    };
    match gate.person(token, action.changes()).await {
        Ok(mut subject) => {
            subject.known.note(case.note());
            Ok((case, Some(subject)))
        }
        Err(error) => {
            tracing::error!(%error, "a person's key could not be read");
            Err(case.refuse(Code::Internal))
        }
    }
}

async fn perform<A: Action>(
    gate: &Gate,
    action: &A,
    person: Option<&Person>,
    mut case: Case<Opened<A::Payload>>,
    claim: &Claim,
    now: Time,
) -> Result<(Case<Acted>, Option<OnceRecorded>), Refusal> {
    let ran = match claim {
        Claim::OtherContent => Err(Code::RequestIdReused),
        Claim::Repeat(index) => match repeat(gate, &case.facts().detail_key, *index) {
            // A look is looked anew. A change whose answer is gone (the person was erased since) is not made up.
            Ok(None) if !action.changes() => action.run(gate, person, case.proof(), now).await,
            Ok(done) => done.ok_or(Code::Internal),
            Err(Broken) => Err(Code::Internal),
        },
        Claim::First(_) => action.run(gate, person, case.proof(), now).await,
    };
    let done = match ran {
        Ok(done) => done,
        Err(code) => return Err(case.refuse(code)),
    };
    let remembered = match claim {
        Claim::First(first) if action.changes() => first.effects(),
        _ => Vec::new(),
    };
    let class = if person.is_some() { Class::Sealed } else { Class::Admin };
    let facts = case.note();
    facts.effects.extend(done.effects);
    facts.effects.extend(remembered);
    facts.outcomes = vec![done.outcome.to_owned()];
    facts.note = done.note;
    facts.count = done.count;
    if let Some(id) = done.consent {
        // Not `facts.consent`: that is what the request named, and the partner rebuilds it from the request.
        facts.note = format!("consent {id}");
    }
    let acted = case.then(|opened| {
        let (_, _, keys) = opened.into_parts();
        Acted {
            answer: done.answer,
            class,
            keys,
        }
    });
    Ok((acted, done.once_recorded))
}

/// The same request once more: what was answered is answered again, and nothing is done twice.
fn repeat(gate: &Gate, key: &DetailKey, index: u64) -> Result<Option<Done>, Broken> {
    let answer = gate.stored_answer(key, index)?;
    Ok(answer.map(|answer| Done {
        answer,
        effects: Vec::new(),
        outcome: "repeated",
        consent: None,
        note: String::new(),
        count: 0,
        once_recorded: None,
    }))
}
