//! Refusals as pages: the stable code, the fixed text, and what to do about it.
use super::{
    desk::{LOG, Manner},
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
pub(super) fn refused(visitor: &Visitor, refusal: &Recorded<Refusal>, manner: Manner) -> Response {
    let code = refusal.value().code();
    let reference = &refusal.value().facts().reference;
    let note = html! { p { (visitor.say(Text::RefusalRecorded)) " " code { (reference) } } };
    page(visitor, reply::status(code), manner, code, &note)
}

/// A refusal that is counted: its entry comes with the minute's count.
pub(super) fn counted(visitor: &Visitor, code: Code) -> Response {
    page(visitor, reply::status(code), LOG, code, &html! {})
}

/// The log could not take an entry, so nothing is shown.
pub(super) fn not_recorded(visitor: &Visitor, error: NotRecorded) -> Response {
    let code = reply::code_of(error);
    page(visitor, StatusCode::SERVICE_UNAVAILABLE, LOG, code, &html! {})
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

fn page(visitor: &Visitor, status: StatusCode, manner: Manner, code: Code, note: &Markup) -> Response {
    let title = visitor.say(manner.title);
    let sheet = Sheet {
        title: format!("{title} {}", code.name()),
        place: Place::Elsewhere,
        script: None,
        recorded: None,
    };
    // A role or a scope that is missing says more than the field that was wrong beside it.
    let told = manner.advice.filter(|_| code == Code::FieldInvalid);
    let body = html! {
        h1 { (title) }
        div class="panel trouble" role="alert" {
            p { code class="reason" { (code.name()) } }
            p { (inspect::meaning(code.name(), visitor.language)) }
            h2 { (visitor.say(Text::WhatToDo)) }
            p { (visitor.say(told.unwrap_or_else(|| advice(code)))) }
            @if code == Code::MethodNotAllowed || code == Code::PeerUnknown {
                p {
                    (visitor.say(Text::RolesNeeded)) ": "
                    @for (at, role) in manner.roles.iter().enumerate() { @if at > 0 { ", " } (visitor.say(*role)) }
                    "."
                }
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
        Code::PeriodUnknown => Text::NoSuchPeriod,
        Code::ArchiveUnreadable => Text::MendArchive,
        Code::PageTokenInvalid => Text::BeginAgain,
        Code::FieldInvalid => Text::MendFilter,
        Code::SubjectMalformed => Text::MendIdentity,
        Code::SubjectRequestUnknown => Text::ListCases,
        Code::SubjectRequestClosed => Text::CaseIsClosed,
        Code::SubjectRequestsExhausted => Text::CloseCases,
        Code::ErasuresExhausted => Text::ReleaseHolds,
        Code::TooLarge => Text::WriteLess,
        Code::RateLimited => Text::SlowDown,
        Code::CrossOrigin => Text::OpenConsole,
        Code::StreamsExhausted => Text::CloseViews,
        _ => Text::TryLater,
    }
}
