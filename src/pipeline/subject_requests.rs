//! What officers do with requests of persons: open, look, hand on, close, write. Each is an entry; what changes is an effect
//! in it.
pub(super) mod erasing;

use crate::{
    agreement::{Member, Role},
    audit::Receipt,
    clock::Time,
    crypto::sha256,
    domain::{Language, Method, PartnerId, SubjectRef, SubjectToken},
    facts::{DetailKey, Facts, Kind as About},
    identity::PeerIdentity,
    limits::{
        PEOPLE_PER_STEP, SEARCH_PAGE_DEFAULT, SEARCH_PAGE_MAX, SUBJECT_CONTACT_BYTES_MAX, SUBJECT_REASON_BYTES_MAX,
        SUBJECT_RECEIVED_DAYS_MAX, SUBJECT_REQUESTS_MAX, SUBJECT_REQUESTS_PER_PERSON_MAX, SUBJECT_TEXT_BYTES_MAX,
    },
    person::{self, LinkKey, Person, PersonError},
    pipeline::{Gate, Reading, Seen, StaffCall, staff, staff::staff_holding},
    refusal::Code,
    state::Effect,
    subject_request::{
        Kind, LetterFacts, LetterKind, LetterSent, Outcome, PersonPart, Request, RequestId, Rows, State, html,
        words_fit, write,
    },
};
use std::sync::Arc;

macro_rules! calls {
    ($($(#[doc = $doc:literal])* $name:ident = $method:literal;)*) => {$(
        $(#[doc = $doc])*
        pub const $name: StaffCall = StaffCall {
            method: Method(concat!("/tollgate.v1.SubjectRequestService/", $method)),
            kind: About::SubjectRequest,
            roles: &[Role::Compliance],
        };
    )*};
}

calls! {
    /// `OpenSubjectRequest`.
    OPEN = "OpenSubjectRequest";
    /// `GetSubjectRequest`.
    GET = "GetSubjectRequest";
    /// `ListSubjectRequests`.
    LIST = "ListSubjectRequests";
    /// `AssignSubjectRequest`.
    ASSIGN = "AssignSubjectRequest";
    /// `CloseSubjectRequest`.
    CLOSE = "CloseSubjectRequest";
    /// `WriteSubjectLetter`.
    LETTER = "WriteSubjectLetter";
}

/// A request that came in.
pub struct Opening {
    /// Who asks.
    pub subject: SubjectRef,
    /// What.
    pub kind: Kind,
    /// When it arrived; `None` means now.
    pub received: Option<Time>,
    /// Where letters go.
    pub contact: String,
    /// In their words.
    pub text: String,
    /// Who answers for it; `None` means the caller.
    pub owner: Option<PartnerId>,
}

/// Which requests are listed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In this state.
    pub state: Option<State>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Not closed.
    pub pending: bool,
    /// Past their deadline.
    pub overdue: bool,
    /// Of this officer.
    pub owner: Option<PartnerId>,
    /// On a page; 0 means the default.
    pub size: usize,
    /// After this one, as [`Listed::next`] gave it.
    pub after: Option<(Time, RequestId)>,
}

/// A page of the case list.
pub struct Listed {
    /// Nearest deadline first.
    pub requests: Vec<Request>,
    /// Where to go on; `None` at the end.
    pub next: Option<(Time, RequestId)>,
    /// Requests that are not closed, in all.
    pub open: usize,
    /// Of these, past their deadline.
    pub overdue: usize,
}

/// A letter that was written.
pub struct Written {
    /// Which.
    pub kind: LetterKind,
    /// Its words.
    pub text: String,
    /// Its bytes: the words, or a page of them.
    pub document: Vec<u8>,
}

/// Whatever is wrong with the caller's fields is refused on record, after the role.
pub type Asked<T> = Result<T, Code>;

/// Takes in a request and starts its clock.
pub async fn open(gate: Arc<Gate>, peer: PeerIdentity, asked: Asked<Opening>) -> Reading<(Request, Receipt)> {
    let list = Arc::clone(&gate);
    let _one_at_a_time = list.case_list.lock().await;
    let locking = Arc::clone(&gate);
    // A key may be made for the person here, and nowhere else at the same time.
    let person = async move {
        let asked = asked?;
        let person = locking.person(asked.subject.token(&locking.person_keys.pseudonym), true);
        Ok((person.await.map_err(internal)?, asked))
    };
    staff_holding(gate, peer, OPEN, person, |gate, member, facts, (person, asked)| {
        opened(gate, member, facts, &mut person.known, asked)
    })
    .await
}

fn opened(
    gate: &Gate,
    member: &Member,
    facts: &mut Facts,
    person: &mut Person,
    asked: &Opening,
) -> Result<Seen<Request>, Code> {
    let now = gate.clock.now();
    let received = asked.received.unwrap_or(now);
    let days = now.since(received) / 86_400_000;
    let fits = words_fit(&asked.contact, SUBJECT_CONTACT_BYTES_MAX) && words_fit(&asked.text, SUBJECT_TEXT_BYTES_MAX);
    if received > now || days > SUBJECT_RECEIVED_DAYS_MAX || !fits {
        return Err(Code::FieldInvalid);
    }
    let owner = asked.owner.as_ref().unwrap_or(&member.id).clone();
    is_officer(gate, &owner)?;
    let rows = Rows(&*gate.state);
    let mut effects: Vec<Effect> = room(&rows)?.into_iter().flatten().collect();
    let link = &person.link;
    if rows.open_of(link).map_err(internal)?.len() >= SUBJECT_REQUESTS_PER_PERSON_MAX {
        return Err(Code::SubjectRequestsExhausted);
    }
    let mut random = [0; 10];
    gate.rng.fill(&mut random).map_err(internal)?;
    let request = Request {
        id: RequestId::new(now, random),
        kind: asked.kind,
        state: State::Open,
        owner,
        received,
        due: gate.deadlines.due(asked.kind, received),
        ended: None,
        reference: gate.reference(),
        letters: Vec::new(),
    };
    let words = PersonPart {
        contact: asked.contact.clone(),
        text: asked.text.clone(),
        reason: String::new(),
    };
    effects.push(words.put(&*gate.rng, link, request.id).map_err(internal)?);
    effects.push(rows.note(&*gate.rng, link, &request).map_err(internal)?);
    effects.push(rows.put(&request));
    person.note(facts);
    Ok(Seen {
        effects,
        note: noted(&request),
        count: 1,
        ..Seen::of(request, "subject_request_opened")
    })
}

/// Room for one more: where the list is full, the oldest that is closed makes room. Its entries stay.
fn room(rows: &Rows<'_>) -> Result<Option<[Effect; 2]>, Code> {
    let (mut held, mut oldest) = (0, None);
    let scanned = rows.each(|request| {
        held += 1;
        if request.state == State::Closed {
            oldest.get_or_insert(request.id);
        }
    });
    scanned.map_err(internal)?;
    if held < SUBJECT_REQUESTS_MAX {
        return Ok(None);
    }
    oldest
        .map(|id| Some(rows.delete(id)))
        .ok_or(Code::SubjectRequestsExhausted)
}

/// One request, and what names the person if their key is still there.
pub async fn get(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    id: Asked<RequestId>,
) -> Reading<((Request, Option<(SubjectToken, PersonPart)>), Receipt)> {
    staff(gate, peer, GET, move |gate, _| {
        let (request, known) = find(gate, id?)?;
        let person = known.as_ref().map(Known::named);
        Ok(Seen {
            person,
            note: noted(&request),
            count: 1,
            ..Seen::of((request, known.map(|k| (k.token, k.words))), "subject_request_read")
        })
    })
    .await
}

/// The case list.
pub async fn list(gate: Arc<Gate>, peer: PeerIdentity, wanted: Asked<Wanted>) -> Reading<(Listed, Receipt)> {
    staff(gate, peer, LIST, move |gate, _| {
        let listed = listed(gate, &wanted?)?;
        let count = listed.requests.len() as u64;
        Ok(Seen {
            count,
            ..Seen::of(listed, "subject_requests_listed")
        })
    })
    .await
}

fn listed(gate: &Gate, wanted: &Wanted) -> Result<Listed, Code> {
    let now = gate.clock.now();
    let size = match wanted.size {
        0 => SEARCH_PAGE_DEFAULT,
        n => n.min(SEARCH_PAGE_MAX),
    };
    let mut all = Listed {
        requests: Vec::new(),
        next: None,
        open: 0,
        overdue: 0,
    };
    let take = |request: Request| {
        all.open += usize::from(request.state != State::Closed);
        all.overdue += usize::from(request.is_overdue(now));
        let fits = wanted.state.is_none_or(|state| state == request.state)
            && wanted.kind.is_none_or(|kind| kind == request.kind)
            && (!wanted.pending || request.state != State::Closed)
            && (!wanted.overdue || request.is_overdue(now))
            && wanted.owner.as_ref().is_none_or(|owner| *owner == request.owner)
            && wanted.after.is_none_or(|after| (request.due, request.id) > after);
        if fits {
            all.requests.push(request);
        }
    };
    Rows(&*gate.state).each(take).map_err(internal)?;
    all.requests.sort_by_key(|request| (request.due, request.id));
    let more = all.requests.len() > size;
    all.requests.truncate(size);
    all.next = all.requests.last().filter(|_| more).map(|last| (last.due, last.id));
    Ok(all)
}

/// Hands a request on, and says whether it waits.
pub async fn assign(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Asked<(RequestId, Option<PartnerId>, Option<State>)>,
) -> Reading<(Request, Receipt)> {
    let list = Arc::clone(&gate);
    let _one_at_a_time = list.case_list.lock().await;
    staff(gate, peer, ASSIGN, move |gate, _| {
        let (id, owner, state) = asked?;
        let (mut request, known) = find_open(gate, id)?;
        if state == Some(State::Closed) || (owner.is_none() && state.is_none()) {
            return Err(Code::FieldInvalid);
        }
        if let Some(owner) = owner {
            is_officer(gate, &owner)?;
            request.owner = owner;
        }
        request.state = state.unwrap_or(request.state);
        Ok(Seen {
            effects: vec![Rows(&*gate.state).put(&request)],
            person: known.as_ref().map(Known::named),
            note: noted(&request),
            count: 1,
            ..Seen::of(request, "subject_request_assigned")
        })
    })
    .await
}

/// Ends a request. The end of a dispute ends the mark on answers and the hold on an erasure; a deletion that is fulfilled orders the erasure.
pub async fn close(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Asked<(RequestId, Outcome, String)>,
) -> Reading<(Request, Receipt)> {
    let list = Arc::clone(&gate);
    let _one_at_a_time = list.case_list.lock().await;
    staff(gate, peer, CLOSE, move |gate, _| {
        let (id, outcome, reason) = asked?;
        let (mut request, known) = find_open(gate, id)?;
        if !words_fit(&reason, SUBJECT_REASON_BYTES_MAX) || (outcome.needs_reason() && reason.trim().is_empty()) {
            return Err(Code::FieldInvalid);
        }
        // The person's words are not written again then, so that the order of the erasure fits the entry.
        if !reason.is_empty() && (request.kind, outcome) == (Kind::Deletion, Outcome::Fulfilled) {
            return Err(Code::FieldInvalid);
        }
        request.state = State::Closed;
        request.ended = Some((gate.clock.now(), outcome));
        let rows = Rows(&*gate.state);
        let mut effects = vec![rows.put(&request)];
        let lock = known.as_ref().and_then(|known| gate.people.wait(&known.token));
        // Their key may have gone while the lock was waited for.
        let known = known.filter(|known| known.is_there(gate));
        let mut change = None;
        if let Some(Known { token, link, words }) = &known {
            if !reason.is_empty() {
                let words = PersonPart {
                    reason,
                    ..words.clone()
                };
                effects.push(words.put(&*gate.rng, link, id).map_err(internal)?);
            }
            effects.push(rows.note(&*gate.rng, link, &request).map_err(internal)?);
            change = erasing::ended(gate, *token, (request.kind, outcome))?;
        }
        let once_recorded = erasing::with(gate, change, &mut effects, lock)?;
        Ok(Seen {
            effects,
            once_recorded: Some(once_recorded),
            person: known.as_ref().map(Known::named),
            note: format!("{}: {}", noted(&request), outcome.word()),
            count: 1,
            ..Seen::of(request, "subject_request_closed")
        })
    })
    .await
}

/// Writes the letter that is due. Its entry proves its bytes.
pub async fn letter(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    institution: String,
    asked: Asked<(RequestId, Language, bool)>,
) -> Reading<(Written, Receipt)> {
    let list = Arc::clone(&gate);
    let _one_at_a_time = list.case_list.lock().await;
    staff(gate, peer, LETTER, move |gate, _| {
        let (id, language, as_page) = asked?;
        let (mut request, known) = find(gate, id)?;
        let now = gate.clock.now();
        let outcome = request.ended.map(|(_, outcome)| outcome);
        let kind = LetterKind::due(request.state, outcome, request.is_overdue(now));
        let words = known.as_ref().map(|k| &k.words);
        let facts = LetterFacts {
            institution: &institution,
            contact: words.map_or("", |w| &w.contact),
            reference: &request.reference,
            kind: request.kind,
            received: request.received,
            due: request.due,
            outcome,
            reason: words.map_or("", |w| &w.reason),
            now,
        };
        let text = write(kind, language, &facts);
        let document = match as_page {
            true => html(&text, language),
            false => text.clone(),
        };
        let document = document.into_bytes();
        request.wrote(LetterSent {
            kind,
            at: now,
            sha256: sha256(&document),
            chinese: language == Language::Chinese,
        });
        let written = Written {
            kind,
            text,
            document: document.clone(),
        };
        Ok(Seen {
            answer: Some(document),
            effects: vec![Rows(&*gate.state).put(&request)],
            person: known.as_ref().map(Known::named),
            note: format!("{}: {}", noted(&request), kind.word()),
            count: 1,
            ..Seen::of(written, "subject_letter_written")
        })
    })
    .await
}

/// The person of a request.
struct Known {
    token: SubjectToken,
    link: LinkKey,
    words: PersonPart,
}

impl Known {
    fn named(&self) -> (SubjectToken, DetailKey) {
        (self.token, DetailKey::Person(self.link.details()))
    }

    fn is_there(&self, gate: &Gate) -> bool {
        let link = person::load(&*gate.state, &gate.person_keys.epochs, &self.token);
        link.is_ok_and(|link| link.is_some_and(|link| link.details().expose() == self.link.details().expose()))
    }
}

fn find_open(gate: &Gate, id: RequestId) -> Result<(Request, Option<Known>), Code> {
    let found = find(gate, id)?;
    match found.0.state {
        State::Closed => Err(Code::SubjectRequestClosed),
        State::Open | State::Waiting => Ok(found),
    }
}

/// The request, and its person while their key is there. A line does not say whose it is: the keys of everybody are
/// tried, ten microseconds each, and only officers wait for it.
fn find(gate: &Gate, id: RequestId) -> Result<(Request, Option<Known>), Code> {
    let rows = Rows(&*gate.state);
    let request = rows.find(id).map_err(internal)?.ok_or(Code::SubjectRequestUnknown)?;
    let Some(sealed) = rows.words(id).map_err(internal)? else {
        return Ok((request, None));
    };
    let known = match whose(gate, id, &sealed)? {
        // While an epoch is turned a key moves once: who passed between its two places finds it at the new one.
        None if gate.person_keys.epochs.is_turning() => whose(gate, id, &sealed)?,
        known => known,
    };
    Ok((request, known))
}

fn whose(gate: &Gate, id: RequestId, sealed: &[u8]) -> Result<Option<Known>, Code> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let people = person::page(
            &*gate.state,
            &gate.person_keys.epochs,
            None,
            after.as_deref(),
            PEOPLE_PER_STEP,
        );
        let people = people.map_err(internal)?;
        let opened = people.iter().find_map(|(_, token, link)| {
            let words = PersonPart::open(link, id, sealed).ok()?;
            Some(Known {
                token: *token,
                link: link.clone(),
                words,
            })
        });
        match (opened, people.last()) {
            (Some(known), _) => return Ok(Some(known)),
            (None, Some((row, ..))) if people.len() == PEOPLE_PER_STEP => after = Some(row.clone()),
            (None, _) => return Ok(None),
        }
    }
}

/// Free of values: which request, of which kind, whose.
fn noted(request: &Request) -> String {
    format!("{} {} of {}", request.kind.word(), request.id, request.owner)
}

fn is_officer(gate: &Gate, owner: &PartnerId) -> Result<(), Code> {
    let member = gate.view.register.by_id(owner);
    match member.is_some_and(|m| m.role == Role::Compliance && !m.suspended) {
        true => Ok(()),
        false => Err(Code::FieldInvalid),
    }
}

fn internal(error: impl Into<PersonError>) -> Code {
    tracing::error!(error = %error.into(), "the case list failed");
    Code::Internal
}
