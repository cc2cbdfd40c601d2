//! How it stands with one person, and what may be ordered.
use super::{named, shown};
use crate::{
    erasure::{Reason, Standing, hex},
    limits::CASE_NUMBER_BYTES_MAX,
    pipeline::persons::{GET, Order, order},
    refusal::Code,
    web::console::{
        Console,
        desk::LOOK,
        form, moment,
        shell::{Place, Sheet},
        trouble::Problem,
        visitor::Visitor,
        words::Text,
    },
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Who, as a handle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Whom {
    person: String,
    #[serde(default, rename = "lang")]
    _lang: String,
}

/// Reasons by their names in a form.
pub(super) const REASONS: [(&str, Reason); 3] = [
    ("legal", Reason::Legal),
    ("dispute", Reason::Dispute),
    ("retention", Reason::Retention),
];

pub(in crate::web::console) async fn person(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Whom>, QueryRejection>,
) -> Response {
    let whom = asked
        .map(|Query(whom)| whom.person)
        .map_err(|_| Code::FieldInvalid.into());
    let token = whom.as_ref().map_err(|problem: &Problem| *problem);
    let token = token.and_then(|handle| named(&console, &visitor, handle));
    let manner = LOOK.advising(token.as_ref().err().and_then(|problem| problem.advice));
    let asked = token.map(|token| (token, Order::Look)).map_err(|problem| problem.code);
    let looking = order(Arc::clone(&console.gate), visitor.peer.clone(), GET, asked);
    let (standing, receipt) = match console.attend(&visitor, manner, looking).await {
        Ok(seen) => seen,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::ErasureOfPerson).to_owned(),
        place: Place::Erasures,
        script: None,
        recorded: Some(receipt.index),
    };
    let handle = whom.unwrap_or_default();
    let requested = standing.as_ref().is_some_and(|standing| standing.requested.is_some());
    let body = html! {
        h1 { (visitor.say(Text::ErasureOfPerson)) }
        p class="panel named" {
            (visitor.say(Text::PersonStandsHere)) " " a href="/erasures" { (visitor.say(Text::BackToErasures)) }
        }
        (stands(&console, &visitor, standing.as_ref(), &handle))
        @if !requested { (requesting(&visitor, &handle)) }
        (holding(&console, &visitor, &handle))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

fn stands(console: &Console, visitor: &Visitor, standing: Option<&Standing>, handle: &str) -> Markup {
    let (say, now) = (|text| visitor.say(text), console.gate.clock.now());
    let at = |label: Text, at: Option<crate::clock::Time>| {
        html! { @if let Some(at) = at { div { dt { (say(label)) } dd { (moment::stamp(at)) } } } }
    };
    html! {
        section class="panel" aria-labelledby="stands" {
            h2 id="stands" { (say(Text::HowItStands)) }
            @match standing {
                None => p { (say(Text::NothingOrdered)) },
                Some(standing) => {
                    p { strong { (say(shown::stage(standing))) } }
                    dl class="facts" {
                        div { dt { (say(Text::ErasureId)) } dd { code { (hex(&standing.id)) } } }
                        (at(Text::Requested, standing.requested))
                        (at(Text::RecordRemoved, standing.record.map(|record| record.removed)))
                        (at(Text::RecordErased, standing.record.and_then(|record| record.destroyed)))
                        (at(Text::ProvableUntil, standing.link_until))
                        div { dt { (say(Text::WhatNext)) } dd { (shown::next(visitor, standing, now)) } }
                    }
                    h3 id="against" { (say(Text::HeldBy)) }
                    @if standing.holds.is_empty() { p { (say(Text::HeldByNothing)) } }
                    @else { (holds(visitor, standing, now, handle)) }
                }
            }
        }
    }
}

fn holds(visitor: &Visitor, standing: &Standing, now: crate::clock::Time, handle: &str) -> Markup {
    let say = |text| visitor.say(text);
    html! {
        div class="scroll" tabindex="0" role="region" aria-labelledby="against" {
            table class="wide" {
                thead { tr {
                    @for head in [Text::Reason, Text::CaseNumber, Text::HoldUntil, Text::HoldPlaced, Text::HoldPlacedBy] {
                        th scope="col" { (say(head)) }
                    }
                    th scope="col" class="acts" { (say(Text::ReleaseHold)) }
                } }
                tbody { @for hold in &standing.holds { tr {
                    th scope="row" { (say(shown::reason(hold.reason))) }
                    td { (shown::number(hold)) }
                    td { (shown::until(visitor, hold, now)) }
                    td { (moment::stamp(hold.placed)) }
                    td { @if hold.by.is_empty() { "–" } @else { code { (hold.by) } } }
                    td class="acts" {
                        @if shown::is_dispute_case(hold) { (say(Text::EndsWithCase)) }
                        @else {
                            form method="post" action="/erasures/release" {
                                input type="hidden" name="person" value=(handle);
                                input type="hidden" name="hold" value=(hold.id);
                                button type="submit" { (say(Text::ReleaseHold)) }
                            }
                        }
                    }
                } } }
            }
        }
    }
}

fn requesting(visitor: &Visitor, handle: &str) -> Markup {
    html! {
        form class="panel acts" method="post" action="/erasures/request" {
            h2 { (visitor.say(Text::RequestErasure)) }
            p class="note" { (visitor.say(Text::RequestExplained)) }
            input type="hidden" name="person" value=(handle);
            (form::certain(visitor, "r"))
            p class="actions" { button type="submit" { (visitor.say(Text::RequestErasure)) } }
        }
    }
}

fn holding(console: &Console, visitor: &Visitor, handle: &str) -> Markup {
    let reasons = REASONS.map(|(name, reason)| (name, visitor.say(shown::reason(reason)), false));
    html! {
        form class="panel acts" method="post" action="/erasures/hold" autocomplete="off" {
            h2 { (visitor.say(Text::KeepPerson)) }
            p class="note" { (visitor.say(Text::KeepExplained)) }
            input type="hidden" name="person" value=(handle);
            div class="fields" {
                (form::choice(visitor, "k", "reason", Text::Reason, reasons))
                (form::field(visitor, "k", "until", Text::KeepUntil, html! {
                    input id="k-until" name="until" type="datetime-local" min=(moment::field(console.gate.clock.now()));
                }))
                (form::field(visitor, "k", "case", Text::CaseNumber, html! {
                    input id="k-case" name="case" maxlength=(CASE_NUMBER_BYTES_MAX) pattern="[!-~]*" autocomplete="off"
                        spellcheck="false";
                }))
            }
            p class="note" { (visitor.say(Text::CaseNumberPlain)) }
            p class="actions" { button type="submit" { (visitor.say(Text::PlaceHold)) } }
        }
    }
}
