//! One case: what is known of it, what happened, and what may be done next.
use super::{clock, kind, letter_name, officers, outcome, state};
use crate::{
    clock::Time,
    domain::{Language, PartnerId},
    limits::SUBJECT_REASON_BYTES_MAX,
    pipeline::subject_requests::{self as acts, Asked},
    refusal::Code,
    subject_request::{Kind, LetterKind, Outcome, PersonPart, Request, RequestId, State},
    web::console::{
        Console,
        desk::LOOK,
        form,
        link::link,
        moment,
        shell::{Place, Sheet},
        visitor::Visitor,
        words::Text,
    },
};
use axum::{
    extract::{Path, State as Of, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use std::sync::Arc;

/// The id in an address. What is none is a request that the list does not have.
pub(super) fn id(path: Result<Path<String>, PathRejection>) -> Asked<RequestId> {
    let Path(text) = path.map_err(|_| Code::SubjectRequestUnknown)?;
    text.parse().map_err(|_| Code::SubjectRequestUnknown)
}

pub(in crate::web::console) async fn one(
    Of(console): Of<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
) -> Response {
    let getting = acts::get(Arc::clone(&console.gate), visitor.peer.clone(), id(path));
    let ((request, person), receipt) = match console.attend(&visitor, LOOK, getting).await {
        Ok(found) => found,
        Err(page) => return page,
    };
    let title = format!("{} {}", visitor.say(Text::CaseTitle), request.reference);
    let sheet = Sheet {
        title: title.clone(),
        place: Place::Cases,
        script: None,
        recorded: Some(receipt.index),
    };
    // Where no handle can be given there are no links; the case itself is shown.
    let handle = person
        .as_ref()
        .and_then(|(token, _)| console.handle(&visitor, token).ok());
    let words = person.as_ref().map(|(_, words)| words);
    let body = html! {
        h1 { (title) }
        (facts(&console, &visitor, &request, words))
        (history(&visitor, &request, handle.as_deref()))
        (next(&console, &visitor, &request))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

fn facts(console: &Console, visitor: &Visitor, request: &Request, words: Option<&PersonPart>) -> Markup {
    let say = |text| visitor.say(text);
    let said = |label: Text, text: &str| {
        html! { @if !text.is_empty() { div { dt { (say(label)) } dd class="said" { (text) } } } }
    };
    html! {
        section class="panel" aria-labelledby="facts" {
            h2 id="facts" { (say(kind(request.kind))) " " (clock(visitor, request, console.gate.clock.now())) }
            dl class="facts" {
                div { dt { (say(Text::CaseState)) } dd { (say(state(request.state))) } }
                div { dt { (say(Text::CaseOwner)) } dd { code { (request.owner) } } }
                div { dt { (say(Text::CaseReceived)) } dd { (moment::stamp(request.received)) } }
                div { dt { (say(Text::CaseDue)) } dd { (moment::stamp(request.due)) } }
                div { dt { (say(Text::CaseId)) } dd { code { (request.id) } } }
            }
            @match words {
                None => p { (say(Text::PersonErased)) },
                Some(words) => dl class="facts wide" {
                    (said(Text::Contact, &words.contact))
                    (said(Text::CaseWords, &words.text))
                    (said(Text::CaseReason, &words.reason))
                },
            }
        }
    }
}

fn history(visitor: &Visitor, request: &Request, handle: Option<&str>) -> Markup {
    let say = |text| visitor.say(text);
    let mut events: Vec<(Time, Markup)> = vec![
        (request.received, html! { (say(Text::EventReceived)) }),
        (request.id.opened(), html! { (say(Text::EventOpened)) }),
    ];
    events.extend(request.letters.iter().map(|letter| {
        let language = if letter.chinese {
            Language::Chinese
        } else {
            Language::English
        };
        let what = html! {
            (say(Text::EventLetter)) " " (say(letter_name(letter.kind))) " (" (language.tag()) ") · SHA-256 "
            code { @for byte in letter.sha256 { (format!("{byte:02x}")) } }
        };
        (letter.at, what)
    }));
    events.extend(
        request
            .ended
            .map(|(at, ended)| (at, html! { (say(Text::EventClosed)) " " (say(outcome(ended))) })),
    );
    events.sort_by_key(|(at, _)| *at);
    html! {
        section class="panel" aria-labelledby="history" {
            h2 id="history" { (say(Text::CaseHistory)) }
            div class="scroll" tabindex="0" role="region" aria-labelledby="history" {
                table class="events" {
                    thead { tr { @for head in [Text::Time, Text::Event] { th scope="col" { (say(head)) } } } }
                    tbody { @for (at, what) in &events {
                        tr { th scope="row" { time datetime=(moment::machine(*at)) { (moment::stamp(*at)) } } td class="long" { (what) } }
                    } }
                }
            }
            @if let Some(person) = handle {
                p class="note" { (say(Text::HistoryExplained)) }
                p class="actions" {
                    a href=(link("/search", [("kind", "subject-request"), ("person", person)])) { (say(Text::StepsInLog)) }
                    a href=(link("/erasures/person", [("person", person)])) { (say(Text::ErasureOfPerson)) }
                    @if request.kind == Kind::Correction {
                        a href=(link("/search", [("outcome", "recipient-told"), ("person", person)])) { (say(Text::RecipientsTold)) }
                    }
                }
            }
        }
    }
}

/// What may be done now: nothing but a letter once it is closed.
fn next(console: &Console, visitor: &Visitor, request: &Request) -> Markup {
    let at = format!("/cases/{}", request.id);
    html! {
        section class="panel acts" aria-labelledby="next" {
            h2 id="next" { (visitor.say(Text::WhatNext)) }
            @if request.state != State::Closed { (assigning(console, visitor, request, &at)) }
            (writing(console, visitor, request, &at))
            @if request.state != State::Closed {
                @if request.kind == Kind::Deletion { (granting(visitor, &at)) }
                (closing(visitor, request, &at))
            }
        }
    }
}

fn assigning(console: &Console, visitor: &Visitor, request: &Request, at: &str) -> Markup {
    let officers = officers(console, visitor);
    let is_owner = |id: &PartnerId| *id == request.owner;
    let me = officers.iter().find(|(id, mine)| *mine && !is_owner(id));
    let owners = officers.iter().map(|(id, _)| (id.as_str(), id.as_str(), is_owner(id)));
    let open = [State::Open, State::Waiting].map(|s| (s.word(), visitor.say(state(s)), s == request.state));
    html! {
        @if let Some((me, _)) = me {
            form method="post" action={ (at) "/assign" } {
                input type="hidden" name="owner" value=(me);
                p class="actions" { button type="submit" { (visitor.say(Text::TakeCase)) } }
            }
        }
        form method="post" action={ (at) "/assign" } {
            h3 { (visitor.say(Text::HandOn)) }
            div class="fields" {
                (form::choice(visitor, "a", "owner", Text::CaseOwner, owners))
                (form::choice(visitor, "a", "state", Text::CaseState, open))
            }
            p class="note" { (visitor.say(Text::ClockGoesOn)) }
            p class="actions" { button type="submit" { (visitor.say(Text::HandOnNow)) } }
        }
    }
}

fn writing(console: &Console, visitor: &Visitor, request: &Request, at: &str) -> Markup {
    let ended = request.ended.map(|(_, outcome)| outcome);
    let due = LetterKind::due(request.state, ended, request.is_overdue(console.gate.clock.now()));
    let languages = [(Language::Chinese, "中文"), (Language::English, "English")]
        .map(|(language, name)| (language.tag(), name, language == visitor.language));
    html! {
        form method="post" action={ (at) "/letter" } {
            h3 { (visitor.say(Text::WriteLetter)) " · " (visitor.say(letter_name(due))) }
            div class="fields" { (form::choice(visitor, "l", "language", Text::LetterLanguage, languages)) }
            p class="note" { (visitor.say(Text::LetterExplained)) }
            p class="actions" { button type="submit" { (visitor.say(Text::WriteLetterNow)) } }
        }
    }
}

/// A deletion that is granted orders the erasure.
fn granting(visitor: &Visitor, at: &str) -> Markup {
    html! {
        form method="post" action={ (at) "/close" } {
            h3 { (visitor.say(Text::GrantDeletion)) }
            p class="note" { (visitor.say(Text::GrantExplained)) }
            input type="hidden" name="outcome" value=(Outcome::Fulfilled.word());
            (form::certain(visitor, "g"))
            p class="actions" { button type="submit" { (visitor.say(Text::GrantDeletion)) } }
        }
    }
}

/// What needs a reason has a form of its own, so that a browser asks for it before anything is sent.
fn closing(visitor: &Visitor, request: &Request, at: &str) -> Markup {
    let is_granting = |o: Outcome| (request.kind, o) == (Kind::Deletion, Outcome::Fulfilled);
    let all = |needs_reason| {
        let fits = move |o: &&Outcome| o.needs_reason() == needs_reason && !is_granting(**o);
        let outcomes = Outcome::ALL.iter().filter(fits);
        outcomes.map(|o| (o.word(), visitor.say(outcome(*o)), false))
    };
    html! {
        form method="post" action={ (at) "/close" } {
            h3 { (visitor.say(Text::CloseCase)) }
            div class="fields" { (form::choice(visitor, "c", "outcome", Text::CaseOutcome, all(false))) }
            p class="actions" { button type="submit" { (visitor.say(Text::CloseNow)) } }
        }
        form method="post" action={ (at) "/close" } {
            h3 { (visitor.say(Text::CloseWithReason)) }
            div class="fields" { (form::choice(visitor, "d", "outcome", Text::CaseOutcome, all(true))) }
            (form::field(visitor, "d", "reason", Text::ReasonForPerson, html! {
                textarea id="d-reason" name="reason" rows="3" required maxlength=(SUBJECT_REASON_BYTES_MAX) {}
            }))
            p class="note" { (visitor.say(Text::CloseExplained)) }
            p class="actions" { button type="submit" { (visitor.say(Text::CloseWithReason)) } }
        }
    }
}
