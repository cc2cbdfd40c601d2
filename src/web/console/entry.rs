//! One entry: what it says in words, what its leaf and its details say, and its proof, which the browser verifies itself.
use super::{
    Console, assets, by,
    link::link,
    moment, names,
    shell::{Place, Sheet},
    thelog, trouble,
    visitor::Visitor,
    words::Text,
};
use crate::{
    audit::Details,
    clock::Time,
    inspect::{self, At, GET_ENTRY, Shown},
    pipeline::{Gate, StaffCall},
    refusal::Code,
    wire::{self, v1::Leaf},
};
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::{fmt::Write as _, sync::Arc};

const CALL: StaffCall = by("/tollgate.console/Entry", GET_ENTRY);
const PROOF: StaffCall = by("/tollgate.console/Proof", GET_ENTRY);

/// What the address of an entry says beside its number.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Of {
    /// The period of the log; 0 is the one that takes entries.
    period: u32,
    /// Read by the visitor.
    #[serde(rename = "lang")]
    _lang: String,
}

/// The address of an entry.
pub(super) fn address(console: &Console, period: u32, number: u64) -> String {
    of_period(console, &format!("/entry/{number}"), period)
}

fn of_period(console: &Console, path: &str, period: u32) -> String {
    match period == console.gate.period {
        true => path.to_owned(),
        false => link(path, [("period", period.to_string().as_str())]),
    }
}

/// What checkpoints of the period are verified with.
fn verifier_key(console: &Console, period: u32) -> String {
    let over = console.gate.archives.kept().iter().find(|kept| kept.period == period);
    over.map_or_else(|| (console.verifier_key)(), |kept| kept.verifier.text())
}

async fn shown(
    console: &Console,
    visitor: &Visitor,
    call: StaffCall,
    index: Result<Path<u64>, PathRejection>,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<(Shown, u64), Response> {
    // A number that is none is an entry that the log does not have.
    let Ok(Path(index)) = index else {
        return Err(console.refuse(visitor, call, Code::LogRange.into()).await);
    };
    let Ok(Query(Of { period, .. })) = of else {
        return Err(console.refuse(visitor, call, Code::FieldInvalid.into()).await);
    };
    let at = At { period, index };
    let reading = inspect::entry(Arc::clone(&console.gate), visitor.peer.clone(), call, at);
    let (shown, receipt) = console.read(visitor, reading).await?;
    Ok((shown, receipt.index))
}

/// The proof as a file that `tollgate audit verify` reads.
pub(super) async fn proof_file(
    State(console): State<Console>,
    visitor: Visitor,
    index: Result<Path<u64>, PathRejection>,
    of: Result<Query<Of>, QueryRejection>,
) -> Response {
    let shown = match shown(&console, &visitor, PROOF, index, of).await {
        Ok((shown, _)) => shown,
        Err(page) => return page,
    };
    let name = format!("attachment; filename=\"entry-{}.tlog-proof\"", shown.entry.leaf.seq);
    let Ok(name) = HeaderValue::from_str(&name) else {
        return trouble::counted(&visitor, Code::Internal);
    };
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    (headers, shown.proof).into_response()
}

pub(super) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    index: Result<Path<u64>, PathRejection>,
    of: Result<Query<Of>, QueryRejection>,
) -> Response {
    let (shown, recorded) = match shown(&console, &visitor, CALL, index, of).await {
        Ok(shown) => shown,
        Err(page) => return page,
    };
    let (number, period) = (shown.entry.leaf.seq, shown.entry.period);
    let title = match period == console.gate.period {
        true => number.to_string(),
        false => format!("{number} ({} {period})", visitor.say(Text::LogPeriod)),
    };
    let sheet = Sheet {
        title: format!("{} {title}", visitor.say(Text::EntryTitle)),
        place: Place::Search,
        script: Some(&assets::ENTRY),
        recorded: Some(recorded),
    };
    let words = inspect::words(&console.gate.view, &shown.entry, visitor.language);
    let body = html! {
        h1 { (visitor.say(Text::EntryTitle)) " " (title) }
        // Above what is shown: who sees that a proof failed should not have read the rest before.
        p id="verdict" class="verdict" role="alert" data-no=(visitor.say(Text::StepFailed)) {}
        @if !words.is_empty() {
            section class="panel words" aria-labelledby="words" {
                h2 id="words" { (visitor.say(Text::InWords)) }
                @for sentence in words { p { (sentence) } }
            }
        }
        (verification(&console, &visitor, &shown))
        (leaf(&visitor, &shown.entry.leaf))
        (details(&console.gate, &visitor, &shown))
        p class="actions" {
            @if let Some(before) = number.checked_sub(1) {
                a rel="prev" href=(address(&console, period, before)) { (visitor.say(Text::EntryBefore)) }
            }
            @if console.gate.head_of(period).is_ok_and(|head| number + 1 < head.size) {
                a rel="next" href=(address(&console, period, number + 1)) { (visitor.say(Text::EntryAfter)) }
            }
        }
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// The steps that the script takes, with what it says of each. What it needs is in this part of the page.
fn verification(console: &Console, visitor: &Visitor, shown: &Shown) -> Markup {
    let say = |text| visitor.say(text);
    let steps = [
        ("leaf", Text::LeafYes, Text::LeafNo, None),
        ("root", Text::RootYes, Text::RootNo, None),
        ("note", Text::NoteYes, Text::NoteNo, Some(Text::NoteSkip)),
        ("shown", Text::ShownYes, Text::ShownNo, None),
        ("seen", Text::SeenYes, Text::SeenNo, Some(Text::SeenSkip)),
    ];
    html! {
        section class="panel verification" aria-labelledby="verified" id="verification"
            data-vkey=(verifier_key(console, shown.entry.period)) data-period=(shown.entry.period) data-first=(say(Text::SeenFirst)) {
            h2 id="verified" { (say(Text::Verified)) }
            p class="note" { (say(Text::VerifiedExplained)) }
            noscript { p { (say(Text::NeedsScript)) } }
            ol class="steps" id="steps" aria-live="polite" {
                @for (name, yes, no, skip) in steps {
                    li data-step=(name) data-yes=(say(yes)) data-no=(say(no)) data-skip=[skip.map(say)] {
                        span class="mark" aria-hidden="true" { "·" } " " span class="said" { (say(Text::Checking)) "…" }
                    }
                }
            }
            p class="actions" {
                button type="button" id="again" { (say(Text::VerifyAgain)) }
                a href=(of_period(console, &format!("/entry/{}/proof", shown.entry.leaf.seq), shown.entry.period)) download { (say(Text::ProofFile)) }
            }
            details {
                summary { (say(Text::ProofAsWritten)) }
                p class="note" { (visitor.write(Text::ProofExplained)) }
                pre id="proof" tabindex="0" { (shown.proof) }
            }
            (thelog::key_panel(visitor, &verifier_key(console, shown.entry.period)))
        }
    }
}

/// The facts of the leaf. The script compares each `data-leaf` with the leaf that is proven.
fn leaf(visitor: &Visitor, leaf: &Leaf) -> Markup {
    let time = Time(wire::millis(leaf.time.as_ref()).unwrap_or_default());
    let (class, class_text) = names::class(leaf.class());
    let fact = |name: &str, label: Text, value: &str, shown: Markup| {
        html! { div { dt { (visitor.say(label)) } dd data-leaf=(name) data-value=(value) { (shown) } } }
    };
    let plain = |name: &str, label: Text, value: &str| {
        html! { @if !value.is_empty() { (fact(name, label, value, html! { code { (value) } })) } }
    };
    html! {
        section class="panel" aria-labelledby="leaf" {
            h2 id="leaf" { (visitor.say(Text::WhatLeafSays)) }
            p class="note" { (visitor.say(Text::LeafExplained)) }
            dl class="facts" id="leaf-facts" {
                (fact("seq", Text::Number, &leaf.seq.to_string(), html! { (leaf.seq) }))
                (fact("time", Text::Time, &time.0.to_string(), html! {
                    time datetime=(moment::machine(time)) { (moment::stamp(time)) }
                }))
                (fact("kind", Text::Kind, &leaf.kind.to_string(), html! { (visitor.say(names::kind(leaf.kind()))) }))
                (fact("class", Text::Class, &leaf.class.to_string(), html! {
                    span class={ "badge " (class) } { (visitor.say(class_text)) }
                }))
                (plain("refusal", Text::Refusal, &leaf.refusal))
                (plain("peer", Text::Peer, &leaf.peer))
                (plain("partner", Text::Partner, &leaf.partner))
                (plain("agreement", Text::Agreement, &leaf.agreement))
                (plain("method", Text::Method, &leaf.method))
                (plain("policyHash", Text::Policy, &hex(&leaf.policy_hash)))
                (plain("keyIds", Text::KeyIds, &leaf.key_ids.join(" ")))
                (plain("xCommit", Text::XCommit, &hex(&leaf.x_commit)))
                (plain("iCommit", Text::ICommit, &hex(&leaf.i_commit)))
                (fact("version", Text::Version, &leaf.version.to_string(), html! { (leaf.version) }))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn details(gate: &Gate, visitor: &Visitor, shown: &Shown) -> Markup {
    html! {
        section class="panel" aria-labelledby="details" {
            h2 id="details" { (visitor.say(Text::WhatIsSealed)) }
            @match &shown.entry.details {
                None => p { (visitor.say(Text::CannotBeOpened)) },
                Some(details) => {
                    p class="note" { (visitor.say(Text::SealedExplained)) }
                    (opened(gate, visitor, shown, details))
                }
            }
        }
    }
}

fn opened(gate: &Gate, visitor: &Visitor, shown: &Shown, details: &Details) -> Markup {
    let (x, i) = (&details.x, &details.i);
    let fact = |label: Text, values: Vec<String>| {
        html! {
            @if !values.is_empty() {
                div { dt { (visitor.say(label)) } dd { @for value in values { code { (value) } " " } } }
            }
        }
    };
    let one = |text: &str| {
        if text.is_empty() {
            Vec::new()
        } else {
            vec![text.to_owned()]
        }
    };
    let named = |names: Vec<String>| {
        if names.is_empty() {
            one(visitor.say(Text::None))
        } else {
            names
        }
    };
    let (read, withheld) = match inspect::fields(&gate.view, &shown.entry) {
        Some((read, withheld)) => (named(read), named(withheld)),
        None => (one(visitor.say(Text::OtherCatalogue)), Vec::new()),
    };
    let asked = !x.signals.is_empty();
    html! {
        dl class="facts" {
            (fact(Text::Reference, one(&x.reference)))
            (fact(Text::Purpose, one(&x.purpose)))
            (fact(Text::Signals, x.signals.clone()))
            (fact(Text::Outcomes, names::counted(&i.outcomes)))
            @if asked {
                (fact(Text::FieldsRead, read))
                (fact(Text::FieldsWithheld, withheld))
            }
            (fact(Text::ConsentId, one(&hex(&x.consent_id))))
            (fact(Text::RequestId, one(&hex(&x.request_id))))
            (fact(Text::SignedBy, one(&x.signing_key_id)))
            @if i.count > 0 { (fact(Text::RowsOrEvents, vec![i.count.to_string()])) }
            (fact(Text::Note, one(&i.note)))
        }
    }
}
