//! The search of officers and auditors.
use super::{
    Scope,
    opening::{Entry, Opener},
    periods::Periods,
    token::Place,
};
use crate::{
    agreement::{Member, Role},
    audit::{Details, Dimension, Query, Receipt, Volume},
    clock::Time,
    crypto::Secret,
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
    /// In which periods of the log.
    pub periods: Periods,
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
    /// The period whose tree it is.
    pub period: u32,
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
        "" => Place {
            size: gate.log.head().size,
            period: asked.periods.numbers(gate).first().copied().unwrap_or(gate.period),
            before: u64::MAX,
        },
        token => Place::open(token, key, &member.uri, &search)?,
    };
    let link = match &asked.person {
        Some(token) => person::load(&*gate.state, &gate.person_keys.epochs, token).map_err(|_| Code::Internal)?,
        None => None,
    };
    let (from, until) = scope.period(asked.from, asked.until)?;
    let looking = Looking {
        gate,
        scope: &scope,
        asked: &Conditions {
            from,
            until,
            ..asked.clone()
        },
        details: link.as_ref().map(|link| link.details()),
    };
    // Before anything is looked at: an archive that is missing must not look like the end.
    let log_size = asked.periods.size(gate, place.size)?;
    let found = looking.through(place, limit, page.prove)?;
    let count = found.entries.len() as u64;
    let page = Page {
        entries: found.entries,
        next: found
            .next
            .map(|next| next.seal(key, &member.uri, &search))
            .unwrap_or_default(),
        log_size,
        proofs: found.proofs,
    };
    Ok(Seen {
        note: format!("{}{}", asked.note(), asked.periods.note(gate)),
        count,
        person: asked
            .person
            .zip(link)
            .map(|(token, link)| (token, DetailKey::Person(link.details()))),
        ..Seen::of(page, "searched")
    })
}

/// A search under way.
struct Looking<'a> {
    gate: &'a Gate,
    scope: &'a Scope,
    /// Within the scope.
    asked: &'a Conditions,
    /// The key of the person's details.
    details: Option<Secret<32>>,
}

#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    next: Option<Place>,
    proofs: Option<Proofs>,
}

impl Looking<'_> {
    /// Period by period, the newest first, until the page is full or the work of one call is done. With proofs a page ends
    /// with the period, or a second checkpoint would have to prove the rest.
    fn through(&self, place: Place, limit: usize, prove: bool) -> Result<Found, Code> {
        let numbers = self.asked.periods.numbers(self.gate);
        let mut periods = numbers
            .into_iter()
            .skip_while(|period| *period != place.period)
            .peekable();
        // Its archive was deleted meanwhile: that must not look like the end.
        if periods.peek().is_none() {
            return Err(Code::PageTokenInvalid);
        }
        let (mut found, mut steps, mut at) = (Found::default(), SEARCH_STEPS_MAX, place);
        while let Some(period) = periods.next() {
            let volume = self.gate.volume(period)?;
            let size = match period == self.gate.period {
                true => place.size,
                false => volume.log.head().size,
            };
            let before = at.before.min(size);
            if let Some(before) = self.within(&volume, before, limit, &mut steps, &mut found.entries)? {
                found.next = Some(Place { before, ..at });
            }
            let (ended, older) = (found.next.is_none(), periods.peek().copied());
            let older = older.filter(|_| ended && !self.begins_before(&volume));
            let Some(older) = older else {
                found.proofs = prove.then(|| self::prove(&volume, &found.entries)).transpose()?;
                break;
            };
            at = Place {
                period: older,
                before: u64::MAX,
                ..at
            };
            if steps == 0 || found.entries.len() >= limit || (prove && !found.entries.is_empty()) {
                found.next = Some(at);
                found.proofs = prove.then(|| self::prove(&volume, &found.entries)).transpose()?;
                break;
            }
        }
        Ok(found)
    }

    /// Whether all that is asked for lies within this period and later ones: older archives are not opened for nothing.
    fn begins_before(&self, volume: &Volume) -> bool {
        let began = volume.log.continues_since().ok().flatten();
        self.asked.from.zip(began).is_some_and(|(from, began)| began <= from)
    }

    /// One period, as far as `steps` last. Gives where to go on in it.
    fn within(
        &self,
        volume: &Volume,
        before: u64,
        limit: usize,
        steps: &mut usize,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<u64>, Code> {
        let query = Query {
            from: self.asked.from,
            until: self.asked.until,
            terms: self.asked.terms.clone(),
            person: self
                .asked
                .person
                .as_ref()
                .map(|token| volume.log.whom(token, self.details.as_ref())),
        };
        let mut opener = Opener::new(self.gate, volume, self.details.clone());
        let mut before = Some(before);
        while let Some(at) = before.filter(|_| *steps > 0 && entries.len() < limit) {
            *steps -= 1;
            let found = volume.log.search(&query, at, limit - entries.len());
            let found = found.map_err(|_| Code::Internal)?;
            for index in found.entries {
                let entry = opener.open(index)?;
                if self.scope.covers(&entry.leaf) && self.asked.confirmed(&entry) {
                    entries.push(entry);
                }
            }
            before = found.next;
        }
        Ok(before)
    }
}

fn prove(volume: &Volume, entries: &[Entry]) -> Result<Proofs, Code> {
    let indexes: Vec<u64> = entries.iter().map(|entry| entry.leaf.seq).collect();
    let inclusions = volume.log.prove_inclusions(&indexes).map_err(|_| Code::Internal)?;
    let head = inclusions
        .first()
        .map_or_else(|| volume.log.head(), |i| Arc::clone(&i.head));
    Ok(Proofs {
        period: volume.period,
        checkpoint: Arc::clone(&head.note),
        inclusions: inclusions.into_iter().map(|inclusion| inclusion.proof).collect(),
    })
}

impl Conditions {
    /// Bytes that are equal for equal conditions.
    fn canonical(&self) -> Vec<u8> {
        let number = |t: Option<Time>| t.map_or([0; 8], |t| t.0.to_be_bytes());
        let mut out = [&self.periods.canonical()[..], &number(self.from), &number(self.until)].concat();
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
