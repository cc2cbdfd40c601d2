//! What can be done with a consent. Each act is pure: it reads rows and gives effects, and the log makes them true.
//!
//! Who the person is was found before, and the entry names them. The caller of a change holds the person's lock from the
//! act until its effects are recorded.
use super::{
    cover,
    record::{Record, Status},
    rows::{Rows, View},
    terms::{Known, Terms},
};
use crate::{
    agreement::{Agreements, Member, Role},
    clock::Time,
    crypto::Rng,
    domain::{AgreementId, ConsentId},
    limits::{ANSWER_BYTES_MAX, CONSENTS_PER_SUBJECT_AND_PARTNER_MAX},
    person::{LinkKey, PersonError},
    refusal::Code,
    state::{Effect, State},
    wire::{Message, v1},
};

/// What every act needs.
pub struct Desk<'a> {
    /// The rows.
    pub state: &'a dyn State,
    /// The person's key.
    pub link: &'a LinkKey,
    /// For ids and seals.
    pub rng: &'a dyn Rng,
    /// Now.
    pub now: Time,
}

/// What terms can speak of.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Purposes and families of this gateway.
    pub known: &'a Known,
    /// What was agreed with whom.
    pub agreements: &'a Agreements,
}

/// What an act did. The effects are not yet true: they are once the entry that carries them is recorded.
pub struct Change {
    /// What changes; empty where nothing does.
    pub effects: Vec<Effect>,
    /// The serialised answer: the same shape whether there was anything or not.
    pub answer: Vec<u8>,
    /// The consent that was made or named.
    pub consent: Option<ConsentId>,
    /// The agreement that a grant counts against.
    pub agreement: Option<AgreementId>,
    /// One word for the entry: what was truly done.
    pub outcome: &'static str,
}

/// Grants: pending until the provider confirms. The answer is the same for a person that nobody knows.
///
/// # Errors
/// `METHOD_NOT_ALLOWED` unless a partner calls, `CONSENT_TERMS_INVALID`, `CONSENTS_EXHAUSTED`, `INTERNAL`; where no agreement
/// of the caller covers the terms, `AGREEMENT_UNKNOWN`, `AGREEMENT_NOT_IN_FORCE`, `PURPOSE_NOT_AGREED`, `SIGNAL_NOT_AGREED` or
/// `GRANULARITY_TOO_FINE`. None of them depends on the person, but for `CONSENTS_EXHAUSTED` on what the caller granted itself.
pub fn grant(desk: &Desk<'_>, caller: &Member, terms: &v1::ConsentTerms, scope: Scope<'_>) -> Result<Change, Code> {
    if caller.role != Role::Partner {
        return Err(Code::MethodNotAllowed);
    }
    let terms = Terms::from_wire(terms)?;
    terms.check(scope.known, &caller.id, desk.now)?;
    let agreement = cover::covering(scope.agreements, &caller.id, &terms, desk.now)?;
    let rows = Rows::new(desk.state, desk.link);
    let mut effects: Vec<Effect> = room(&rows, caller, desk.now)?.into_iter().collect();
    let mut id = [0; 16];
    desk.rng.fill(&mut id).map_err(internal)?;
    let record = Record::granted(ConsentId(id), terms, desk.now, &caller.uri);
    effects.push(rows.put(desk.rng, &record).map_err(internal)?);
    let answer = v1::ConsentGranted {
        consent_id: id.to_vec(),
        status: v1::ConsentStatus::Pending as i32,
    };
    Ok(Change {
        effects,
        answer: answer.encode_to_vec(),
        consent: Some(record.id()),
        agreement: Some(agreement.id().clone()),
        outcome: "granted",
    })
}

/// Confirms a pending consent whose terms have this digest. Again, or too late, changes nothing and tells how it stands.
///
/// # Errors
/// `METHOD_NOT_ALLOWED` unless the provider calls, `FIELD_INVALID` where the terms are others than those confirmed (the
/// provider sees every consent, so this tells it nothing), `INTERNAL`.
pub fn confirm(desk: &Desk<'_>, caller: &Member, id: ConsentId, terms_sha256: [u8; 32]) -> Result<Change, Code> {
    if caller.role != Role::Provider {
        return Err(Code::MethodNotAllowed);
    }
    let act = |record: &mut Record| match record.terms().sha256() == terms_sha256 {
        true => Ok(record.confirm(desk.now, &caller.uri).then_some("confirmed")),
        false => Err(Code::FieldInvalid),
    };
    desk.on_one(caller, id, act)
}

/// Withdraws: by the recipient, or by the provider for the person. Counts from the next decision, and for ever.
///
/// # Errors
/// `METHOD_NOT_ALLOWED` for staff, `INTERNAL`.
pub fn withdraw(desk: &Desk<'_>, caller: &Member, id: ConsentId) -> Result<Change, Code> {
    let act = |record: &mut Record| Ok(record.withdraw(desk.now, &caller.uri).then_some("withdrawn"));
    desk.on_one(caller, id, act)
}

/// One consent, if it was given to the caller; the provider sees any.
///
/// # Errors
/// `METHOD_NOT_ALLOWED` for staff, `INTERNAL`.
pub fn get(desk: &Desk<'_>, caller: &Member, id: ConsentId) -> Result<Change, Code> {
    desk.on_one(caller, id, |_| Ok(None))
}

/// The consents of one person that were given to the caller; the provider sees all. A page holds what fits one reply
/// block, at most `page_size`, which counts from 1.
///
/// # Errors
/// `METHOD_NOT_ALLOWED` for staff, `FIELD_INVALID` for a page token that is not one of ours, `INTERNAL`.
pub fn list(desk: &Desk<'_>, caller: &Member, page_size: usize, page_token: &str) -> Result<Change, Code> {
    let view = view(caller)?;
    let from = page_from(page_token)?;
    let rows = Rows::new(desk.state, desk.link);
    let after = match from {
        Some(id) => Some(rows.place(view, id).map_err(internal)?.ok_or(Code::FieldInvalid)?),
        None => None,
    };
    // One more than asked for tells whether there is a next page.
    let found = rows.page(view, after.as_deref(), page_size + 1).map_err(internal)?;
    Ok(Change {
        effects: Vec::new(),
        answer: fill_page(&found, page_size, desk.now).encode_to_vec(),
        consent: None,
        agreement: None,
        outcome: "listed",
    })
}

impl Desk<'_> {
    /// Finds one consent, lets `act` change it (it gives the word for the entry if it did), answers how it stands.
    fn on_one(
        &self,
        caller: &Member,
        id: ConsentId,
        act: impl FnOnce(&mut Record) -> Result<Option<&'static str>, Code>,
    ) -> Result<Change, Code> {
        let view = view(caller)?;
        let rows = Rows::new(self.state, self.link);
        let Some(mut record) = rows.find(view, id).map_err(internal)? else {
            return Ok(Change {
                effects: Vec::new(),
                answer: v1::ConsentState::default().encode_to_vec(),
                consent: Some(id),
                agreement: None,
                outcome: "none",
            });
        };
        let done = act(&mut record)?;
        let effects = match done {
            Some(_) => vec![rows.put(self.rng, &record).map_err(internal)?],
            None => Vec::new(),
        };
        Ok(Change {
            effects,
            answer: record.to_wire(self.now).encode_to_vec(),
            consent: Some(id),
            agreement: None,
            outcome: done.unwrap_or("unchanged"),
        })
    }
}

fn view(caller: &Member) -> Result<View<'_>, Code> {
    match caller.role {
        Role::Partner => Ok(View::Recipient(&caller.id)),
        Role::Provider => Ok(View::Person),
        Role::Compliance | Role::Auditor | Role::Security | Role::Operator => Err(Code::MethodNotAllowed),
    }
}

/// Room for one more consent: where the partner holds as many as it may, the one that ended and was granted first makes
/// room. Its events stay in the log.
fn room(rows: &Rows<'_>, caller: &Member, now: Time) -> Result<Option<Effect>, Code> {
    let limit = CONSENTS_PER_SUBJECT_AND_PARTNER_MAX;
    let held = rows.page(View::Recipient(&caller.id), None, limit).map_err(internal)?;
    if held.len() < limit {
        return Ok(None);
    }
    held.iter()
        .filter(|record| matches!(record.status(now), Status::Withdrawn | Status::Expired))
        .min_by_key(|record| record.events().first().map(|e| e.at))
        .map(|record| Some(rows.delete(record)))
        .ok_or(Code::ConsentsExhausted)
}

/// A page token is the id of the last consent of the page before, in hexadecimal.
fn page_from(token: &str) -> Result<Option<ConsentId>, Code> {
    if token.is_empty() {
        return Ok(None);
    }
    if token.len() != 32 || !token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Code::FieldInvalid);
    }
    let id = u128::from_str_radix(token, 16).map_err(|_| Code::FieldInvalid)?;
    Ok(Some(ConsentId(id.to_be_bytes())))
}

/// As many as fit one reply block. The first always does: `CONSENT_TERMS_BYTES_MAX` says so.
fn fill_page(found: &[Record], limit: usize, now: Time) -> v1::ConsentStates {
    let mut page = v1::ConsentStates::default();
    for (index, record) in found.iter().take(limit).enumerate() {
        let before = page.next_page_token.clone();
        page.consents.push(record.to_wire(now));
        page.next_page_token = match index + 1 < found.len() {
            true => format!("{:032x}", u128::from_be_bytes(record.id().0)),
            false => String::new(),
        };
        if index > 0 && page.encoded_len() > ANSWER_BYTES_MAX {
            page.consents.pop();
            page.next_page_token = before;
            break;
        }
    }
    page
}

/// Both mean that our own rows cannot be read or written: nothing of that is the caller's.
fn internal(error: impl Into<PersonError>) -> Code {
    tracing::error!(error = %error.into(), "a person's rows failed");
    Code::Internal
}
