//! Consents as a report tells them.
use super::lines::{purpose, time};
use crate::{
    clock::Time,
    consent::{self, EventKind, Record, Status},
    evidence::{ConsentEvent, Consented, Named},
    inspect::words::hex,
    limits::REPORT_CONSENTS_MAX,
    person::LinkKey,
    pipeline::{Gate, View},
    refusal::Code,
};

/// Consents of one person, as they stand.
pub(in crate::inspect) fn of(gate: &Gate, link: &LinkKey, now: Time) -> Result<Vec<Consented>, Code> {
    let records = consent::of_person(&*gate.state, link, REPORT_CONSENTS_MAX).map_err(|_| Code::Internal)?;
    Ok(records
        .iter()
        .map(|record| consented(&gate.view, record, now))
        .collect())
}

/// One consent.
pub(in crate::inspect) fn consented(view: &View, record: &Record, now: Time) -> Consented {
    let terms = record.terms();
    let event = |event: &consent::Event| ConsentEvent {
        what: what(event.kind),
        time: time(event.at.0),
        by: event.by.clone(),
    };
    Consented {
        consent: record.id().to_string(),
        recipient: terms.recipient.to_string(),
        status: status(record.status(now)),
        purposes: terms.purposes.iter().map(|p| purpose(view, p.as_str())).collect(),
        families: terms
            .families
            .iter()
            .map(|(f, finest)| format!("{f}:{finest}"))
            .collect(),
        not_after: time(terms.not_after.0),
        notice_version: terms.notice_version.clone(),
        notice_sha256: hex(&terms.notice_sha256),
        evidence_sha256: hex(&terms.evidence_sha256),
        separate: terms.separate,
        events: record.events().iter().map(event).collect(),
    }
}

fn named(id: &str, chinese: &str) -> Named {
    Named {
        id: id.to_owned(),
        en: id.to_owned(),
        zh: chinese.to_owned(),
    }
}

fn status(status: Status) -> Named {
    match status {
        Status::Pending => named("pending", "待确认"),
        Status::Active => named("active", "有效"),
        Status::Withdrawn => named("withdrawn", "已撤回"),
        Status::Expired => named("expired", "已到期"),
    }
}

fn what(kind: EventKind) -> Named {
    match kind {
        EventKind::Granted => named("granted", "登记"),
        EventKind::Confirmed => named("confirmed", "确认"),
        EventKind::Withdrawn => named("withdrawn", "撤回"),
    }
}
