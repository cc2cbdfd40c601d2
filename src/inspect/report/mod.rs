//! The report about one person: everything that was asked, and what left, from the entries alone.
mod consents;
mod lines;
mod looks;

pub(super) use consents::consented;
pub(super) use lines::{line, time};

use super::{Entry, Scope};
use crate::{
    agreement::{Member, Role},
    audit::{Query, Receipt, Volume, open_details},
    clock::Time,
    crypto::Secret,
    domain::{Method, SubjectRef, SubjectToken},
    evidence::{DocumentProof, Line, LineProof, LookedThrough, REPORT_FORMAT, SubjectReport},
    facts::{DetailKey, Kind},
    identity::PeerIdentity,
    limits::{REASON_BYTES_MAX, REPORT_ENTRIES_MAX, SEARCH_PAGE_MAX},
    person,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::{Code, NotRecorded},
    wire,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::Arc;

/// `ReportSubject`. An auditor is refused on record: of a person everything is told or nothing.
pub const REPORT_SUBJECT: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/ReportSubject"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

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
    let known = link.is_some() || !found.lines.is_empty();
    let (looked, looked_cut) = looks::looks(gate, &found)?;
    let kept = gate.periods();
    let deleted_periods = (1..gate.period).filter(|period| !kept.contains(period)).collect();
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
        entries: found.lines.into_iter().map(|(_, line)| line).collect(),
        looked,
        looked_cut,
        periods: found.periods,
        deleted_periods,
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
    lines: Vec<(Time, Line)>,
    periods: Vec<LookedThrough>,
    earlier_until: Option<Time>,
}

/// In all periods that are kept, under the person's own key, and under the period's from before they had one.
fn find(gate: &Gate, token: &SubjectToken, key: Option<&Secret<32>>, asked: &ReportRequest) -> Result<Found, Code> {
    let mut found = Found::default();
    for period in gate.periods() {
        // One more than fits, to know where to cut.
        if found.lines.len() > REPORT_ENTRIES_MAX {
            break;
        }
        let volume = gate.volume(period)?;
        let entries = within(&volume, token, key, asked, REPORT_ENTRIES_MAX + 1 - found.lines.len())?;
        found.add(gate, &volume, entries)?;
        let began = volume.log.continues_since().map_err(|_| Code::Internal)?;
        if asked.from.zip(began).is_some_and(|(from, began)| began <= from) {
            break;
        }
    }
    if found.lines.len() > REPORT_ENTRIES_MAX {
        let cut = found
            .lines
            .get(REPORT_ENTRIES_MAX)
            .map(|(at, _)| *at)
            .unwrap_or_default();
        // At a time, as the next report is asked for by time: none is told twice, none is left out.
        found.lines.truncate(REPORT_ENTRIES_MAX);
        found.lines.retain(|(at, _)| *at > cut);
        found.earlier_until = Some(cut.plus_ms(1));
    }
    found.lines.reverse();
    Ok(found)
}

/// Those in one period, newest first.
fn within(
    volume: &Volume,
    token: &SubjectToken,
    key: Option<&Secret<32>>,
    asked: &ReportRequest,
    limit: usize,
) -> Result<Vec<Entry>, Code> {
    let query = Query {
        from: asked.from,
        until: asked.until,
        terms: Vec::new(),
        person: Some(volume.log.whom(token, key)),
    };
    let keys: Vec<&Secret<32>> = key.into_iter().chain([&volume.key]).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut before = Some(volume.log.head().size);
    while let Some(at) = before.filter(|_| entries.len() < limit) {
        let page = volume
            .log
            .search(&query, at, SEARCH_PAGE_MAX)
            .map_err(|_| Code::Internal)?;
        before = page.next;
        for index in page.entries {
            let stored = volume
                .log
                .entry(index)
                .map_err(|_| Code::Internal)?
                .ok_or(Code::Internal)?;
            // Both commitments of the leaf are checked here: what is told is what was recorded.
            let mut opened = keys
                .iter()
                .filter_map(|key| open_details(key, volume.log.origin(), &stored.leaf, &stored.details).ok());
            let Some(details) = opened.next().filter(|d| d.i.subject == token.0) else {
                continue;
            };
            entries.push(Entry {
                period: volume.period,
                leaf: wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?,
                bytes: stored.leaf,
                details: Some(details),
            });
        }
    }
    Ok(entries)
}

impl Found {
    /// Each entry as a line, with its proof under one checkpoint of its period.
    fn add(&mut self, gate: &Gate, volume: &Volume, entries: Vec<Entry>) -> Result<(), Code> {
        let indexes: Vec<u64> = entries.iter().map(|entry| entry.leaf.seq).collect();
        let proofs = volume.log.prove_inclusions(&indexes).map_err(|_| Code::Internal)?;
        let head = proofs
            .first()
            .map_or_else(|| volume.log.head(), |proof| Arc::clone(&proof.head));
        for (entry, inclusion) in entries.iter().zip(proofs) {
            let proof = LineProof {
                period: volume.period,
                leaf: STANDARD.encode(&entry.bytes),
                inclusion: inclusion.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
            };
            let line = Line {
                proven: Some(proof),
                ..lines::line(&gate.view, entry)
            };
            self.lines.push((at(entry), line));
        }
        self.periods.push(LookedThrough {
            period: volume.period,
            log: volume.log.origin().to_owned(),
            checkpoint: head.note.to_string(),
        });
        Ok(())
    }
}

fn at(entry: &Entry) -> Time {
    Time(wire::millis(entry.leaf.time.as_ref()).unwrap_or_default())
}
