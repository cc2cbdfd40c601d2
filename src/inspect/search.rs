//! The search of officers and auditors.
use super::{
    Scope,
    opening::{Entry, Opener},
    token::Place,
};
use crate::{
    agreement::{Member, Role},
    audit::{Details, Dimension, Query, Receipt},
    clock::Time,
    domain::{Method, SubjectToken},
    facts::{DetailKey, Kind},
    identity::PeerIdentity,
    limits::{SEARCH_PAGE_DEFAULT, SEARCH_PAGE_MAX, SEARCH_STEPS_MAX},
    person,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
};
use std::sync::Arc;

/// Who may read the log.
pub(super) const READERS_OF_THE_LOG: &[Role] = &[Role::Compliance, Role::Auditor];

/// `Search`.
pub const SEARCH: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/Search"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
};

/// What is looked for. All must hold.
#[derive(Clone, Default)]
pub struct Conditions {
    /// Entries from here on.
    pub from: Option<Time>,
    /// Entries before this.
    pub until: Option<Time>,
    /// What entries must say.
    pub terms: Vec<(Dimension, Vec<u8>)>,
    /// Whom they are about.
    pub person: Option<SubjectToken>,
}

/// Which part of what was found.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// Entries; 0 means the default.
    pub size: usize,
    /// Of the page before; empty for the first.
    pub token: String,
    /// Each entry with its proof.
    pub prove: bool,
}

/// A page of entries, newest first.
pub struct Page {
    /// What was found.
    pub entries: Vec<Entry>,
    /// For the next page; empty at the end.
    pub next: String,
    /// Entries of the log that this search looks at.
    pub log_size: u64,
    /// If they were asked for.
    pub proofs: Option<Proofs>,
}

/// That the entries of a page are in one tree.
pub struct Proofs {
    /// The signed checkpoint of the tree.
    pub checkpoint: Arc<str>,
    /// Hashes of each entry's proof, in the order of the entries.
    pub inclusions: Vec<Vec<[u8; 32]>>,
}

/// Finds entries within the caller's scope, and records that it was looked for. Of the person the entry tells only what
/// is sealed under the person's own key.
pub async fn search(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    asked: Conditions,
    page: PageRequest,
) -> Reading<(Page, Receipt)> {
    staff(gate, peer, call, move |gate, member| look(gate, member, &asked, &page)).await
}

pub(super) fn look(gate: &Gate, member: &Member, asked: &Conditions, page: &PageRequest) -> Result<Seen<Page>, Code> {
    let scope = Scope::of(member, gate.clock.now())?;
    // Of one person everything is shown or nothing: an auditor of one partner would learn of the others.
    if asked.person.is_some() && !scope.is_whole() {
        return Err(Code::OutOfScope);
    }
    // Asked for by name it is refused: no hit would look as if there were none.
    let partners = asked.terms.iter().filter(|(d, _)| *d == Dimension::Partner);
    if !partners.into_iter().all(|(_, partner)| scope.covers_partner(partner)) {
        return Err(Code::OutOfScope);
    }
    let limit = match page.size {
        0 => SEARCH_PAGE_DEFAULT,
        n => n.min(SEARCH_PAGE_MAX),
    };
    let search = asked.canonical();
    let key = &gate.period_key;
    let place = match page.token.as_str() {
        "" => {
            let size = gate.log.head().size;
            Place { size, before: size }
        }
        token => Place::open(token, key, &member.uri, &search)?,
    };
    let link = match &asked.person {
        Some(token) => person::load(&*gate.state, &gate.person_keys.epochs, token).map_err(|_| Code::Internal)?,
        None => None,
    };
    let (from, until) = scope.period(asked.from, asked.until)?;
    let query = Query {
        from,
        until,
        terms: asked.terms.clone(),
        person: asked.person.as_ref().map(|token| {
            let key = link.as_ref().map(|link| link.details());
            gate.log.whom(token, key.as_ref())
        }),
    };
    let mut entries = Vec::new();
    let mut opener = Opener::new(gate, link.as_ref().map(|link| link.details()));
    let (mut before, mut steps) = (Some(place.before), 0);
    while let Some(at) = before.filter(|_| steps < SEARCH_STEPS_MAX) {
        steps += 1;
        let found = gate.log.search(&query, at, limit - entries.len());
        let found = found.map_err(|_| Code::Internal)?;
        for index in found.entries {
            let entry = opener.open(index)?;
            if scope.covers(&entry.leaf) && asked.confirmed(&entry) {
                entries.push(entry);
            }
        }
        before = found.next;
        if entries.len() >= limit {
            break;
        }
    }
    let next = before.map(|before| Place { before, ..place }.seal(key, &member.uri, &search));
    let count = entries.len() as u64;
    let proofs = page.prove.then(|| prove(gate, &entries)).transpose()?;
    let page = Page {
        entries,
        next: next.unwrap_or_default(),
        log_size: place.size,
        proofs,
    };
    Ok(Seen {
        note: asked.note(),
        count,
        person: asked
            .person
            .zip(link)
            .map(|(token, link)| (token, DetailKey::Person(link.details()))),
        ..Seen::of(page, "searched")
    })
}

fn prove(gate: &Gate, entries: &[Entry]) -> Result<Proofs, Code> {
    let indexes: Vec<u64> = entries.iter().map(|entry| entry.leaf.seq).collect();
    let inclusions = gate.log.prove_inclusions(&indexes).map_err(|_| Code::Internal)?;
    let head = inclusions
        .first()
        .map_or_else(|| gate.log.head(), |i| Arc::clone(&i.head));
    Ok(Proofs {
        checkpoint: Arc::clone(&head.note),
        inclusions: inclusions.into_iter().map(|inclusion| inclusion.proof).collect(),
    })
}

impl Conditions {
    /// Bytes that are equal for equal conditions.
    fn canonical(&self) -> Vec<u8> {
        let number = |t: Option<Time>| t.map_or([0; 8], |t| t.0.to_be_bytes());
        let mut out = [number(self.from), number(self.until)].concat();
        for (dimension, value) in &self.terms {
            out.push(*dimension as u8);
            out.extend_from_slice(&(value.len() as u64).to_be_bytes());
            out.extend_from_slice(value);
        }
        if let Some(person) = &self.person {
            out.extend_from_slice(&person.0);
        }
        out
    }

    /// Names of the conditions; their values may name people's consents and requests.
    fn note(&self) -> String {
        let mut names: Vec<String> = self
            .terms
            .iter()
            .map(|(d, _)| format!("{d:?}").to_lowercase())
            .collect();
        let rest = [
            (self.from.is_some(), "from"),
            (self.until.is_some(), "until"),
            (self.person.is_some(), "subject"),
        ];
        names.extend(
            rest.iter()
                .filter(|(given, _)| *given)
                .map(|(_, name)| (*name).to_owned()),
        );
        format!(
            "search by {}",
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        )
    }

    /// Whether what is sealed in the entry fits too. What cannot be opened any more is no hit of a sealed condition.
    fn confirmed(&self, entry: &Entry) -> bool {
        let sealed = |d: Dimension| {
            matches!(
                d,
                Dimension::Purpose | Dimension::Outcome | Dimension::Signal | Dimension::Consent | Dimension::Request
            )
        };
        let mut needed = self.terms.iter().filter(|(d, _)| sealed(*d));
        let Some(details) = &entry.details else {
            return self.person.is_none() && needed.next().is_none();
        };
        let of_person = self.person.as_ref().is_none_or(|token| details.i.subject == token.0);
        of_person && needed.all(|(dimension, value)| says(details, *dimension, value))
    }
}

fn says(details: &Details, dimension: Dimension, value: &[u8]) -> bool {
    let is = |text: &String| text.as_bytes() == value;
    match dimension {
        Dimension::Purpose => is(&details.x.purpose),
        Dimension::Outcome => details.i.outcomes.iter().any(is),
        Dimension::Signal => details.x.signals.iter().any(is),
        Dimension::Consent => details.x.consent_id == value,
        Dimension::Request => details.x.request_id == value,
        _ => true,
    }
}
