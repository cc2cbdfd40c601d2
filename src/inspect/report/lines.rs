//! An entry as a line of a report: in parts for programs, in sentences for people.
use crate::{
    domain::{
        AgreementId,
        Language::{Chinese, English},
        SignalId,
    },
    evidence::{Line, Named, Told},
    inspect::{
        Entry,
        words::{self, answer_of, hex},
    },
    pipeline::View,
    wire::{self, v1},
};

/// `2026-11-27T16:24:02Z`.
pub(in crate::inspect) fn time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

fn named(id: &str, english: &str, chinese: &str) -> Named {
    Named {
        id: id.to_owned(),
        en: english.to_owned(),
        zh: chinese.to_owned(),
    }
}

/// The line of an entry.
pub(in crate::inspect) fn line(view: &View, entry: &Entry) -> Line {
    let leaf = &entry.leaf;
    let details = entry.details.as_ref();
    let (x, i) = (details.map(|d| &d.x), details.map(|d| &d.i));
    let purpose = x.map(|x| x.purpose.as_str()).unwrap_or_default();
    let is_question = leaf.kind() == v1::EntryKind::Query;
    let outcomes = i.map(|i| i.outcomes.join(" ")).unwrap_or_default();
    Line {
        entry: leaf.seq,
        time: time(wire::millis(leaf.time.as_ref()).unwrap_or_default()),
        kind: short(leaf.kind().as_str_name(), "ENTRY_KIND_"),
        class: short(leaf.class().as_str_name(), "ENTRY_CLASS_"),
        refusal: leaf.refusal.clone(),
        method: leaf.method.clone(),
        partner: leaf.partner.clone(),
        peer: leaf.peer.clone(),
        agreement: agreement(view, &leaf.agreement),
        purpose: (!purpose.is_empty()).then(|| self::purpose(view, purpose)),
        consent: x.map(|x| hex(&x.consent_id)).unwrap_or_default(),
        signals: signals(view, entry),
        outcome: if is_question { String::new() } else { outcomes },
        fields_read: words::fields(view, entry).map(|(read, _)| read).unwrap_or_default(),
        reference: x.map(|x| x.reference.clone()).unwrap_or_default(),
        words_en: words::words(view, entry, English),
        words_zh: words::words(view, entry, Chinese),
        proven: None,
    }
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

fn agreement(view: &View, id: &str) -> Option<Named> {
    let parsed: AgreementId = id.parse().ok()?;
    let title = view.snapshot.agreements().by_id(&parsed).map(|a| a.title());
    let title = title.unwrap_or_default();
    Some(named(id, title, title))
}

/// A purpose with its titles.
pub(super) fn purpose(view: &View, id: &str) -> Named {
    let known = view.signals.purposes().iter().find(|p| p.id.as_str() == id);
    known.map_or_else(|| named(id, "", ""), |p| named(id, &p.title_en, &p.title_zh))
}

/// What became of each signal, by the entry and the answer that it kept.
fn signals(view: &View, entry: &Entry) -> Vec<Told> {
    let Some(details) = &entry.details else {
        return Vec::new();
    };
    let answer = answer_of(&entry.leaf, &details.i).unwrap_or_default();
    let told = |(place, signal): (usize, &String)| {
        let of_signal = answer.signals.iter().find(|t| t.signal == *signal);
        let band = of_signal.filter(|t| t.outcome() == v1::SignalOutcome::Band);
        let day = |t: Option<&wire::Timestamp>| wire::millis(t).map(time).unwrap_or_default();
        let outcome = match details.i.outcomes.len() == details.x.signals.len() {
            true => details.i.outcomes.get(place),
            // A refusal has one word for the whole question.
            false => details.i.outcomes.first(),
        };
        let outcome = outcome.map(String::as_str).unwrap_or_default();
        let guard = details.i.guards.get(place).filter(|guard| !guard.is_empty());
        Told {
            signal: self::signal(view, signal),
            outcome: named(
                outcome,
                &words::outcome(outcome, English),
                &words::outcome(outcome, Chinese),
            ),
            guard: guard.map(|id| named(id, &words::guard(id, English), &words::guard(id, Chinese))),
            band: band.map(|t| t.band.clone()).unwrap_or_default(),
            as_of: band.map(|t| day(t.as_of.as_ref())).unwrap_or_default(),
            valid_until: band.map(|t| day(t.valid_until.as_ref())).unwrap_or_default(),
            reasons: band
                .map(|t| t.reason_codes.iter().map(|c| reason(view, c)).collect())
                .unwrap_or_default(),
        }
    };
    details.x.signals.iter().enumerate().map(told).collect()
}

fn signal(view: &View, id: &str) -> Named {
    let known = id.parse::<SignalId>().ok().and_then(|id| view.signals.get(&id));
    known.map_or_else(|| named(id, "", ""), |s| named(id, s.meaning_en(), s.meaning_zh()))
}

fn reason(view: &View, code: &str) -> Named {
    let known = view.signals.reasons().iter().find(|r| r.code == code);
    known.map_or_else(|| named(code, "", ""), |r| named(code, &r.text_en, &r.text_zh))
}
