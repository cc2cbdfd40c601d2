//! The case list: whose clock runs out first, with filters in the address, and the form that opens a case.
use super::{clock, kind, officers, state};
use crate::{
    clock::Time,
    limits::{SUBJECT_CONTACT_BYTES_MAX, SUBJECT_TEXT_BYTES_MAX},
    pipeline::subject_requests::{self as acts, Asked, Listed},
    refusal::Code,
    subject_request::{Kind, State, place, token},
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
    extract::{Query, State as Of, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Every case, closed ones too.
const ALL: &str = "all";

/// The filters of an address.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::web::console) struct Filters {
    state: String,
    kind: String,
    owner: String,
    overdue: String,
    page: String,
    #[serde(rename = "lang")]
    _lang: String,
}

impl Filters {
    fn wanted(&self) -> Asked<acts::Wanted> {
        let state = match self.state.as_str() {
            "" | ALL => None,
            word => Some(*named(State::ALL, word, State::word)?),
        };
        let kind = match self.kind.as_str() {
            "" => None,
            word => Some(*named(Kind::ALL, word, Kind::word)?),
        };
        let owner = match self.owner.as_str() {
            "" => None,
            owner => Some(owner.parse().map_err(|_| Code::FieldInvalid)?),
        };
        let after = match self.page.as_str() {
            "" => None,
            token => Some(place(token).ok_or(Code::PageTokenInvalid)?),
        };
        Ok(acts::Wanted {
            state,
            kind,
            pending: self.state.is_empty(),
            overdue: match self.overdue.as_str() {
                "" => false,
                "yes" => true,
                _ => return Err(Code::FieldInvalid),
            },
            owner,
            size: 0,
            after,
        })
    }

    /// The address of another page of the same list.
    fn page(&self, token: &str) -> String {
        let fields = [
            ("state", self.state.as_str()),
            ("kind", &self.kind),
            ("owner", &self.owner),
            ("overdue", &self.overdue),
            ("page", token),
        ];
        link("/cases", fields)
    }
}

/// The one of these with this word.
pub(super) fn named<'a, T: Copy>(all: &'a [T], word: &str, of: fn(T) -> &'static str) -> Asked<&'a T> {
    all.iter().find(|one| of(**one) == word).ok_or(Code::FieldInvalid)
}

pub(in crate::web::console) async fn list(
    Of(console): Of<Console>,
    visitor: Visitor,
    asked: Result<Query<Filters>, QueryRejection>,
) -> Response {
    let filters = asked.map(|Query(filters)| filters).map_err(|_| Code::FieldInvalid);
    let wanted = filters.as_ref().map_err(|code| *code).and_then(Filters::wanted);
    let listing = acts::list(Arc::clone(&console.gate), visitor.peer.clone(), wanted);
    let (listed, receipt) = match console.attend(&visitor, LOOK, listing).await {
        Ok(listed) => listed,
        Err(page) => return page,
    };
    let filters = filters.unwrap_or_default();
    let sheet = Sheet {
        title: visitor.say(Text::Cases).to_owned(),
        place: Place::Cases,
        script: None,
        recorded: Some(receipt.index),
    };
    let body = html! {
        h1 { (visitor.say(Text::Cases)) }
        (chosen(&console, &visitor, &filters))
        (rows(&console, &visitor, &filters, &listed))
        (opening(&console, &visitor))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

fn chosen(console: &Console, visitor: &Visitor, filters: &Filters) -> Markup {
    let officers = officers(console, visitor);
    let any = ("", visitor.say(Text::Any), false);
    let states = State::ALL.iter().map(|s| (s.word(), visitor.say(state(*s))));
    let states = [("", visitor.say(Text::CasePending)), (ALL, visitor.say(Text::Any))]
        .into_iter()
        .chain(states)
        .map(|(word, said)| (word, said, word == filters.state));
    let kinds = Kind::ALL
        .iter()
        .map(|k| (k.word(), visitor.say(kind(*k)), k.word() == filters.kind));
    let owners = officers
        .iter()
        .map(|(id, _)| (id.as_str(), id.as_str(), id.as_str() == filters.owner));
    html! {
        form class="panel filters" method="get" action="/cases" {
            h2 { (visitor.say(Text::Filters)) }
            div class="fields" {
                (form::choice(visitor, "f", "state", Text::CaseState, states))
                (form::choice(visitor, "f", "kind", Text::CaseKind, [any].into_iter().chain(kinds)))
                (form::choice(visitor, "f", "owner", Text::CaseOwner, [any].into_iter().chain(owners)))
                div class="field tick" {
                    input type="checkbox" id="f-overdue" name="overdue" value="yes" checked[!filters.overdue.is_empty()];
                    " " label for="f-overdue" { (visitor.say(Text::OnlyOverdue)) }
                }
            }
            p class="actions" {
                button type="submit" { (visitor.say(Text::ShowCases)) }
                a class="quiet" href="/cases" { (visitor.say(Text::ClearFilters)) }
            }
        }
    }
}

fn rows(console: &Console, visitor: &Visitor, filters: &Filters, listed: &Listed) -> Markup {
    let (say, now) = (|text| visitor.say(text), console.gate.clock.now());
    let heads = [
        Text::Reference,
        Text::CaseClock,
        Text::CaseKind,
        Text::CaseOwner,
        Text::CaseState,
        Text::CaseReceived,
        Text::CaseDue,
        Text::Letters,
    ];
    html! {
        section class="panel" aria-labelledby="listed" {
            h2 id="listed" { (say(Text::NearestFirst)) }
            p {
                (say(Text::CasesPending)) " " (listed.open) " · "
                span class={ "clock " @if listed.overdue > 0 { "late" } } { (say(Text::CasesOverdue)) " " (listed.overdue) }
            }
            @if listed.requests.is_empty() { p { (say(Text::NoCases)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="listed" {
                    table class="wide" {
                        thead { tr { @for head in heads { th scope="col" { (say(head)) } } } }
                        tbody { @for request in &listed.requests { tr {
                            th scope="row" { a href={ "/cases/" (request.id) } { (request.reference) } }
                            td { (clock(visitor, request, now)) }
                            td { (say(kind(request.kind))) }
                            td { (request.owner) }
                            td { (say(state(request.state))) }
                            td { (day(request.received)) }
                            td { (day(request.due)) }
                            td { (request.letters.len()) }
                        } } }
                    }
                }
            }
            p class="actions" {
                @if !filters.page.is_empty() { a href=(filters.page("")) { (say(Text::FirstCases)) } }
                @if let Some(next) = listed.next { a rel="next" href=(filters.page(&token(next))) { (say(Text::LaterCases)) } }
            }
        }
    }
}

fn day(time: Time) -> Markup {
    html! { time datetime=(moment::machine(time)) { (moment::day(time)) } }
}

fn opening(console: &Console, visitor: &Visitor) -> Markup {
    let officers = officers(console, visitor);
    let kinds = Kind::ALL.iter().map(|k| (k.word(), visitor.say(kind(*k)), false));
    let owners = officers.iter().map(|(id, mine)| (id.as_str(), id.as_str(), *mine));
    html! {
        details class="panel acts" {
            summary { (visitor.say(Text::OpenCase)) }
            form method="post" action="/cases" autocomplete="off" {
                p class="note" { (visitor.say(Text::OpenCaseExplained)) }
                div class="fields" {
                    (form::identity(visitor, "o"))
                    (form::choice(visitor, "o", "kind", Text::CaseKind, kinds))
                    (form::choice(visitor, "o", "owner", Text::CaseOwner, owners))
                    (form::field(visitor, "o", "received", Text::ReceivedOn, html! {
                        input id="o-received" name="received" type="date" max=(moment::day(console.gate.clock.now()));
                    }))
                }
                div class="pair" {
                    (form::field(visitor, "o", "contact", Text::Contact, html! {
                        textarea id="o-contact" name="contact" rows="4" maxlength=(SUBJECT_CONTACT_BYTES_MAX) {}
                    }))
                    (form::field(visitor, "o", "text", Text::CaseWords, html! {
                        textarea id="o-text" name="text" rows="4" maxlength=(SUBJECT_TEXT_BYTES_MAX) {}
                    }))
                }
                p class="note" { (visitor.say(Text::WordsBound)) }
                p class="actions" { button type="submit" { (visitor.say(Text::OpenCase)) } }
            }
        }
    }
}
