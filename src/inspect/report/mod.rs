//! The report about one person: everything that was asked, and what left, from the entries alone.
mod consents;
mod lines;

pub(super) use consents::consented;
pub(super) use lines::{line, time};

use super::{Entry, Scope};
use crate::{
    agreement::{Member, Role},
    audit::{Dimension, Query, Receipt, open_details},
    clock::Time,
    crypto::Secret,
    domain::{Method, SubjectRef, SubjectToken},
    evidence::{DocumentProof, Looked, REPORT_FORMAT, SubjectReport},
    facts::{DetailKey, Kind},
    identity::PeerIdentity,
    limits::{REASON_BYTES_MAX, REPORT_ENTRIES_MAX, REPORT_LOOKS_MAX, SEARCH_PAGE_MAX},
    person,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::{Code, NotRecorded},
    wire,
};
use std::{collections::HashSet, sync::Arc};

/// `ReportSubject`. An auditor is refused on record: of a person everything is told or nothing.
pub const REPORT_SUBJECT: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/ReportSubject"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// Methods that show one entry by itself.
const LOOKS: [&str; 2] = ["/tollgate.v1.AuditService/GetEntry", "/tollgate.console/Entry"];

/// About whom, and why.
pub struct ReportRequest {
    /// Whom.
    pub subject: SubjectRef,
    /// From here on.
    pub from: Option<Time>,
    /// Before this.
    pub until: Option<Time>,
    /// The officer's reason, for the entry.
    pub reason: String,
}

/// A report that is in the log.
pub struct Report {
    /// JSON: see `docs/formats/subject-report.md`.
    pub document: Vec<u8>,
    /// That the log stands behind it.
    pub proof: DocumentProof,
}

/// Makes the report, and records that it was made, for whom under the person's own key.
///
/// # Errors
/// `OUT_OF_SCOPE` for auditors, `FIELD_INVALID` for a reason that is none, `INTERNAL` if the store fails.
pub async fn report(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, asked: ReportRequest) -> Reading<Report> {
    let reading = staff(Arc::clone(&gate), peer, call, move |gate, member| {
        make(gate, member, &asked)
    })
    .await?;
    let ((document, key), receipt) = match reading {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let proof = document_proof(&gate, &receipt, key.as_ref()).ok_or(NotRecorded::LogFailed)?;
    Ok(Ok(Report { document, proof }))
}

/// What opens the commitment of an entry that was just recorded, under the person's key or the period's.
pub(super) fn document_proof(gate: &Gate, receipt: &Receipt, key: Option<&Secret<32>>) -> Option<DocumentProof> {
    let stored = gate.log.entry(receipt.index).ok()??;
    let key = key.unwrap_or(&gate.period_key);
    let details = open_details(key, gate.log.origin(), &stored.leaf, &stored.details).ok()?;
    Some(DocumentProof::new(receipt, &details.x, details.x_key))
}

type Made = (Vec<u8>, Option<Secret<32>>);

fn make(gate: &Gate, member: &Member, asked: &ReportRequest) -> Result<Seen<Made>, Code> {
    let now = gate.clock.now();
    if !Scope::of(member, now)?.is_whole() {
        return Err(Code::OutOfScope);
    }
    if asked.reason.len() > REASON_BYTES_MAX || asked.reason.chars().any(char::is_control) {
        return Err(Code::FieldInvalid);
    }
    let token = asked.subject.token(&gate.person_keys.pseudonym);
    let link = person::load(&*gate.state, &gate.person_keys.epochs, &token).map_err(|_| Code::Internal)?;
    let key = link.as_ref().map(|link| link.details());
    let log_size = gate.log.head().size;
    let found = find(gate, &token, key.as_ref(), asked)?;
    let known = link.is_some() || !found.entries.is_empty();
    let (looked, looked_cut) = looks(gate, &found)?;
    let time = |t: Option<Time>| t.map(|t| lines::time(t.0));
    let report = SubjectReport {
        format: REPORT_FORMAT.to_owned(),
        log: gate.log.origin().to_owned(),
        log_size,
        made_at: lines::time(now.0),
        subject: asked.subject.masked(),
        known,
        from: time(asked.from),
        until: time(asked.until),
        earlier_until: time(found.earlier_until),
        consents: match &link {
            Some(link) => consents::of(gate, link, now)?,
            None => Vec::new(),
        },
        entries: found
            .entries
            .iter()
            .map(|entry| lines::line(&gate.view, entry))
            .collect(),
        looked,
        looked_cut,
    };
    let document = report.to_bytes().map_err(|_| Code::Internal)?;
    let reason = match asked.reason.as_str() {
        "" => "no reason given",
        reason => reason,
    };
    Ok(Seen {
        answer: Some(document.clone()),
        note: format!("report about a person: {reason}"),
        count: report.entries.len() as u64,
        person: key.clone().map(|key| (token, DetailKey::Person(key))),
        ..Seen::of(
            (document, key),
            if link.is_some() {
                "report-made"
            } else {
                "person-unknown"
            },
        )
    })
}

/// Entries about the person, oldest first.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    earlier_until: Option<Time>,
}

/// Under the person's own key, and under the period's from before they had one.
fn find(gate: &Gate, token: &SubjectToken, key: Option<&Secret<32>>, asked: &ReportRequest) -> Result<Found, Code> {
    let query = Query {
        from: asked.from,
        until: asked.until,
        terms: Vec::new(),
        person: Some(gate.log.whom(token, key)),
    };
    let keys: Vec<&Secret<32>> = key.into_iter().chain([&gate.period_key]).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut before = Some(gate.log.head().size);
    // One more than fits, to know where to cut.
    while let Some(at) = before.filter(|_| entries.len() <= REPORT_ENTRIES_MAX) {
        let page = gate
            .log
            .search(&query, at, SEARCH_PAGE_MAX)
            .map_err(|_| Code::Internal)?;
        before = page.next;
        for index in page.entries {
            let stored = gate
                .log
                .entry(index)
                .map_err(|_| Code::Internal)?
                .ok_or(Code::Internal)?;
            // Both commitments of the leaf are checked here: what is told is what was recorded.
            let mut opened = keys
                .iter()
                .filter_map(|key| open_details(key, gate.log.origin(), &stored.leaf, &stored.details).ok());
            let Some(details) = opened.next().filter(|d| d.i.subject == token.0) else {
                continue;
            };
            entries.push(Entry {
                leaf: wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?,
                bytes: stored.leaf,
                details: Some(details),
            });
        }
    }
    let mut earlier_until = None;
    if entries.len() > REPORT_ENTRIES_MAX {
        let cut = entries.get(REPORT_ENTRIES_MAX).map(at).unwrap_or_default();
        // At a time, as the next report is asked for by time: none is told twice, none is left out.
        entries.truncate(REPORT_ENTRIES_MAX);
        entries.retain(|entry| at(entry) > cut);
        earlier_until = Some(cut.plus_ms(1));
    }
    entries.reverse();
    Ok(Found { entries, earlier_until })
}

fn at(entry: &Entry) -> Time {
    Time(wire::millis(entry.leaf.time.as_ref()).unwrap_or_default())
}

/// Who opened one of these entries by itself. Those entries name a number, not the person.
fn looks(gate: &Gate, found: &Found) -> Result<(Vec<Looked>, bool), Code> {
    let numbers: HashSet<u64> = found.entries.iter().map(|entry| entry.leaf.seq).collect();
    let Some(from) = found.entries.first().map(at) else {
        return Ok((Vec::new(), false));
    };
    let (mut looks, mut cut) = (Vec::new(), false);
    for method in LOOKS {
        let query = Query {
            from: Some(from),
            until: None,
            terms: vec![(Dimension::Method, method.as_bytes().to_vec())],
            person: None,
        };
        let mut left = REPORT_LOOKS_MAX;
        let mut before = Some(gate.log.head().size);
        while let Some(place) = before {
            if left == 0 {
                cut = true;
                break;
            }
            let page = gate.log.search(&query, place, left.min(SEARCH_PAGE_MAX));
            let page = page.map_err(|_| Code::Internal)?;
            before = page.next;
            left -= page.entries.len().min(left);
            for index in page.entries {
                looks.extend(look(gate, index, &numbers)?);
            }
        }
    }
    looks.sort_by_key(|look| look.entry);
    Ok((looks, cut))
}

fn look(gate: &Gate, index: u64, numbers: &HashSet<u64>) -> Result<Option<Looked>, Code> {
    let stored = gate
        .log
        .entry(index)
        .map_err(|_| Code::Internal)?
        .ok_or(Code::Internal)?;
    let Ok(details) = open_details(&gate.period_key, gate.log.origin(), &stored.leaf, &stored.details) else {
        return Ok(None);
    };
    let number = details.i.note.strip_prefix("entry ").and_then(|n| n.parse().ok());
    let Some(number) = number.filter(|n| numbers.contains(n)) else {
        return Ok(None);
    };
    let leaf: wire::v1::Leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
    Ok(Some(Looked {
        entry: index,
        time: lines::time(wire::millis(leaf.time.as_ref()).unwrap_or_default()),
        peer: leaf.peer,
        at: number,
    }))
}
