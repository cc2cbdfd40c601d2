//! Calls of the institution's own people: role → do → record → reply. Their channel ends in this gateway, so nothing is
//! sealed a second time; everything else is as for a partner. Reading the log is an entry in the log.
use crate::{
    agreement::{self, Member, Partner, Role},
    audit::{Auditable, Class, Receipt},
    case::{After, Case},
    domain::{Method, SubjectToken},
    facts::{DetailKey, Facts, Kind},
    identity::PeerIdentity,
    pipeline::{Gate, OnceRecorded, read::Reading},
    refusal::{Code, NotRecorded, Refusal},
    state::Effect,
};
use std::sync::Arc;

/// One method that staff call.
#[derive(Debug, Clone, Copy)]
pub struct StaffCall {
    /// The method; the console's pages have one each too.
    pub method: Method,
    /// What its entry is about.
    pub kind: Kind,
    /// Who may call it.
    pub roles: &'static [Role],
}

/// What a call saw or did, and what its entry will say of that.
pub struct Seen<T> {
    /// What is handed on once the entry is recorded.
    pub value: T,
    /// The document that leaves, if one does: the receipt then proves its bytes. The entry keeps its digest only.
    pub answer: Option<Vec<u8>>,
    /// What changes with the entry.
    pub effects: Vec<Effect>,
    /// One word for the institution's side of the entry.
    pub outcome: &'static str,
    /// The person it was about, and the key of the entry's details.
    pub person: Option<(SubjectToken, DetailKey)>,
    /// What was asked for, free of values.
    pub note: String,
    /// How many entries or rows were shown or changed.
    pub count: u64,
    /// What follows once the entry is recorded; none of it may fail the call.
    pub once_recorded: Option<OnceRecorded>,
}

impl<T> Seen<T> {
    /// Something that names nobody and changes nothing.
    pub fn of(value: T, outcome: &'static str) -> Self {
        Self {
            value,
            answer: None,
            effects: Vec::new(),
            outcome,
            person: None,
            note: String::new(),
            count: 0,
            once_recorded: None,
        }
    }
}

/// Proof: it was allowed and done, and the entry will say so.
pub struct Attended<T> {
    value: T,
    answer: Option<Vec<u8>>,
    class: Class,
}

impl<T> After<Partner> for Attended<T> {}

impl<T> Auditable for Case<Attended<T>> {
    fn class(&self) -> Class {
        self.proof().class
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        self.proof().answer.as_deref()
    }
    fn keeps_answer(&self) -> bool {
        false
    }
}

/// Does `work` on a thread that may block, records it, and only then hands it on, with the receipt of its entry.
/// Run it on a task of its own, as [`super::serve`]. What changes something about a person waits for a place and is written on
/// a full disk too. A look is not: what is set aside for withdrawals is not for whoever may read, such as an auditor.
pub async fn staff<T: Send + 'static>(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    work: impl FnOnce(&Gate, &Member) -> Result<Seen<T>, Code> + Send + 'static,
) -> Reading<(T, Receipt)> {
    let alone = |gate: &Gate, member: &Member, _: &mut Facts, (): &mut ()| work(gate, member);
    staff_holding(gate, peer, call, std::future::ready(Ok(())), alone).await
}

/// As [`staff`], with something that is waited for first and held to the end, such as a person's lock. It is not waited for
/// before it is known that the caller may call. What `work` notes of it stands in the entry of a refusal too.
pub(super) async fn staff_holding<T: Send + 'static, H: Send + 'static>(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    hold: impl Future<Output = Result<H, Code>> + Send,
    work: impl FnOnce(&Gate, &Member, &mut Facts, &mut H) -> Result<Seen<T>, Code> + Send + 'static,
) -> Reading<(T, Receipt)> {
    let slot = match call.kind {
        Kind::Read => gate.log.reserve(peer.uri(), call.method)?,
        _ => gate.log.reserve_wait(peer.uri(), call.method).await?.urgent(),
    };
    let mut case = match open(&gate, peer, call) {
        Ok(case) => case,
        Err(refusal) => return Ok(Err(slot.append(refusal).await?)),
    };
    let mut held = match hold.await {
        Ok(held) => held,
        Err(code) => return Ok(Err(slot.append(case.refuse(code)).await?)),
    };
    let working = Arc::clone(&gate);
    let worked = tokio::task::spawn_blocking(move || {
        let member = case.proof().member().clone();
        let worked = work(&working, &member, case.note(), &mut held);
        (case, held, worked)
    });
    // A panic in it surfaces there; the slot says that the case was abandoned.
    let (case, _held, worked) = worked.await.map_err(|_| NotRecorded::LogFailed)?;
    match worked {
        Ok(seen) => {
            let (case, once_recorded) = done(case, seen);
            let (case, receipt) = slot.append(case).await?.into_parts();
            if let Some(then) = once_recorded {
                tokio::task::spawn_blocking(move || then(&gate))
                    .await
                    .map_err(|_| NotRecorded::LogFailed)?;
            }
            let (_, attended) = case.close();
            Ok(Ok((attended.value, receipt)))
        }
        Err(code) => Ok(Err(slot.append(case.refuse(code)).await?)),
    }
}

fn open(gate: &Gate, peer: PeerIdentity, call: StaffCall) -> Result<Case<Partner>, Refusal> {
    let view = &*gate.view;
    let mut facts = Facts::new(call.kind, peer.uri(), call.method, view.snapshot.hash());
    facts.reference = gate.reference();
    let case = agreement::authenticate(&view.register, peer, facts, call.roles)?;
    if case.proof().member().has_expired(gate.clock.now()) {
        return Err(case.refuse(Code::OutOfScope));
    }
    Ok(case)
}

fn done<T>(mut case: Case<Partner>, seen: Seen<T>) -> (Case<Attended<T>>, Option<OnceRecorded>) {
    let facts = case.note();
    facts.effects.extend(seen.effects);
    facts.outcomes = vec![seen.outcome.to_owned()];
    facts.note = seen.note;
    facts.count = seen.count;
    if let Some((token, key)) = seen.person {
        facts.subject = Some(token);
        facts.detail_key = key;
    }
    let class = match facts.subject {
        Some(_) => Class::Sealed,
        None => Class::Admin,
    };
    let attended = Attended {
        value: seen.value,
        answer: seen.answer,
        class,
    };
    (case.then(|_| attended), seen.once_recorded)
}
