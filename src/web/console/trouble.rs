//! Refusals as pages: the stable code, the fixed text, and what to do about it.
use super::{
    shell::{Place, Sheet},
    visitor::Visitor,
    words::Text,
};
use crate::{
    audit::Recorded,
    inspect,
    refusal::{Code, NotRecorded, Refusal},
    web::reply,
};
use axum::{http::StatusCode, response::Response};
use maud::{Markup, html};

/// Why something cannot be shown: a reason, and what to do where the reason alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) advice: Option<Text>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, advice: None }
    }
}

/// A refusal that is in the log.
pub(super) fn refused(visitor: &Visitor, refusal: &Recorded<Refusal>, advice: Option<Text>) -> Response {
    let code = refusal.value().code();
    let reference = &refusal.value().facts().reference;
    let note = html! { p { (visitor.say(Text::RefusalRecorded)) " " code { (reference) } } };
    page(visitor, reply::status(code), Problem { code, advice }, &note)
}

/// A refusal that is counted: its entry comes with the minute's count.
pub(super) fn counted(visitor: &Visitor, code: Code) -> Response {
    page(visitor, reply::status(code), code.into(), &html! {})
}

/// The log could not take an entry, so nothing is shown.
pub(super) fn not_recorded(visitor: &Visitor, error: NotRecorded) -> Response {
    let code = reply::code_of(error);
    page(visitor, StatusCode::SERVICE_UNAVAILABLE, code.into(), &html! {})
}

/// No page of ours.
pub(super) fn no_such_page(visitor: &Visitor) -> Response {
    let sheet = Sheet {
        title: visitor.say(Text::NotShown).to_owned(),
        place: Place::Elsewhere,
        script: None,
        recorded: None,
    };
    let body = html! { h1 { (visitor.say(Text::NotShown)) } p { (visitor.say(Text::NoSuchPage)) } };
    visitor.page(StatusCode::NOT_FOUND, &sheet, &body)
}

fn page(visitor: &Visitor, status: StatusCode, problem: Problem, note: &Markup) -> Response {
    let sheet = Sheet {
        title: format!("{} {}", visitor.say(Text::NotShown), problem.code.name()),
        place: Place::Elsewhere,
        script: None,
        recorded: None,
    };
    let advice = problem.advice.unwrap_or_else(|| advice(problem.code));
    let body = html! {
        h1 { (visitor.say(Text::NotShown)) }
        div class="panel trouble" role="alert" {
            p { code class="reason" { (problem.code.name()) } }
            p { (inspect::meaning(problem.code.name(), visitor.language)) }
            h2 { (visitor.say(Text::WhatToDo)) }
            p { (visitor.say(advice)) }
            @if problem.code == Code::MethodNotAllowed || problem.code == Code::PeerUnknown {
                p { (visitor.say(Text::RolesNeeded)) ": " (visitor.say(Text::RoleCompliance)) ", "
                    (visitor.say(Text::RoleAuditor)) "." }
                p { (visitor.say(Text::YourCertificate)) " " code { (visitor.peer.uri()) } "." }
            }
            (note)
        }
    };
    visitor.page(status, &sheet, &body)
}

fn advice(code: Code) -> Text {
    match code {
        Code::MethodNotAllowed | Code::PeerUnknown | Code::PartnerSuspended => Text::AskOperator,
        Code::OutOfScope => Text::AskScope,
        Code::LogRange => Text::NoSuchEntry,
        Code::PageTokenInvalid => Text::BeginAgain,
        Code::FieldInvalid => Text::MendFilter,
        Code::SubjectMalformed => Text::MendIdentity,
        Code::RateLimited => Text::SlowDown,
        Code::CrossOrigin => Text::OpenConsole,
        Code::StreamsExhausted => Text::CloseViews,
        _ => Text::TryLater,
    }
}
