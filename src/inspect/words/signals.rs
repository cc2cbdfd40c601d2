//! What became of each signal, in words.
use super::{day, phrases, say};
use crate::{
    audit::Details,
    domain::{Language, SignalId},
    pipeline::View,
    wire::{self, store::v1::InstitutionDetail, v1},
};

/// The answer that an entry kept, if it is an answer to a question.
pub(in crate::inspect) fn answer_of(leaf: &v1::Leaf, i: &InstitutionDetail) -> Option<v1::Answer> {
    let of_question = leaf.kind() == v1::EntryKind::Query && !i.answer.is_empty();
    of_question.then(|| wire::decode_canonical(&i.answer).ok()).flatten()
}

/// A sentence a signal.
pub(super) fn sentences(view: &View, details: &Details, language: Language) -> Vec<String> {
    let (x, i) = (&details.x, &details.i);
    if x.signals.is_empty() || i.outcomes.len() != x.signals.len() {
        return Vec::new();
    }
    let answer: Option<v1::Answer> = wire::decode_canonical(&i.answer).ok();
    let told = answer.map(|a| a.signals).unwrap_or_default();
    let line = |(place, (signal, outcome)): (usize, (&String, &String))| {
        let of_signal = told.iter().find(|t| t.signal == *signal);
        let guard = i.guards.get(place).map(String::as_str).unwrap_or_default();
        sentence(view, signal, outcome, of_signal, guard, language)
    };
    x.signals.iter().zip(&i.outcomes).enumerate().map(line).collect()
}

fn sentence(
    view: &View,
    signal: &str,
    outcome: &str,
    told: Option<&v1::SignalAnswer>,
    guard: &str,
    language: Language,
) -> String {
    let known = signal.parse::<SignalId>().ok().and_then(|id| view.signals.get(&id));
    let meaning = known.map_or(String::new(), |s| {
        let meaning = language.pick(s.meaning_en(), s.meaning_zh());
        say!(language, " ({meaning})", "（{meaning}）")
    });
    let outcome_words = phrases::outcome(outcome, language);
    let Some(told) = told.filter(|t| t.outcome() == v1::SignalOutcome::Band) else {
        return match guard {
            "" => say!(
                language,
                "{signal}{meaning}: {outcome_words}.",
                "{signal}{meaning}：{outcome_words}。"
            ),
            _ => {
                let why = phrases::guard(guard, language);
                say!(
                    language,
                    "{signal}{meaning}: {outcome_words}. The guard that decided, {guard}: {why}.",
                    "{signal}{meaning}：{outcome_words}。作出决定的平台规则 {guard}：{why}。"
                )
            }
        };
    };
    let band = &told.band;
    let as_of = day(wire::millis(told.as_of.as_ref()).unwrap_or_default());
    let until = day(wire::millis(told.valid_until.as_ref()).unwrap_or_default());
    let reasons = reasons(view, &told.reason_codes, language);
    say!(
        language,
        "{signal}{meaning}: the band \"{band}\" went out, as of {as_of}, to be relied on until {until}.{reasons}",
        "{signal}{meaning}：给出分档“{band}”，数据日期 {as_of}，有效期至 {until}。{reasons}"
    )
}

/// Ranked, with their meaning; nothing where there are none.
fn reasons(view: &View, codes: &[String], language: Language) -> String {
    if codes.is_empty() {
        return String::new();
    }
    let one = |(rank, code): (usize, &String)| {
        let rank = rank + 1;
        match reason(view, code, language) {
            Some(text) => say!(language, "{rank}. {code}, {text}", "{rank}. {code} {text}"),
            None => format!("{rank}. {code}"),
        }
    };
    let list: Vec<String> = codes.iter().enumerate().map(one).collect();
    let list = list.join(language.pick("; ", "；"));
    say!(
        language,
        " Reasons, the weightiest first: {list}.",
        "主要原因（按重要性排序）：{list}。"
    )
}

/// What a reason code means.
pub(in crate::inspect) fn reason(view: &View, code: &str, language: Language) -> Option<String> {
    let known = view.signals.reasons().iter().find(|r| r.code == code)?;
    Some(language.pick(&known.text_en, &known.text_zh).clone())
}
