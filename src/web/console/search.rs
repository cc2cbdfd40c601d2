//! The search: filters in the address, an identity never.
use super::{
    Console, by,
    entry::address,
    filter::Filter,
    form, moment,
    names::{self, CLASSES, KINDS},
    shell::{Place, Sheet},
    trouble::Problem,
    visitor::Visitor,
    words::Text,
};
use crate::{
    clock::Time,
    domain::{Scheme, SubjectRef},
    inspect::{self, Entry, Page, PageRequest, SEARCH},
    pipeline::StaffCall,
    refusal::Code,
    wire,
};
use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroize;

pub(super) const CALL: StaffCall = by("/tollgate.console/Search", SEARCH);
const PERSON: StaffCall = by("/tollgate.console/NamePerson", SEARCH);

/// The filters of an address, or the refusal that they are none.
pub(super) fn read(asked: Result<Query<Filter>, QueryRejection>) -> Result<Filter, Problem> {
    asked.map(|Query(filter)| filter).map_err(|_| Code::FieldInvalid.into())
}

pub(super) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let now = console.gate.clock.now();
    let read = read(asked).and_then(|filter| {
        let conditions = filter.conditions(visitor.peer.uri(), &console.handles, now)?;
        Ok((filter, conditions))
    });
    let (filter, conditions) = match read {
        Ok(read) => read,
        Err(problem) => return console.refuse(&visitor, CALL, problem).await,
    };
    let request = PageRequest {
        token: filter.page.clone(),
        ..PageRequest::default()
    };
    let found = inspect::search(
        Arc::clone(&console.gate),
        visitor.peer.clone(),
        CALL,
        conditions,
        request,
    );
    let (found, receipt) = match console.read(&visitor, found).await {
        Ok(found) => found,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::Search).to_owned(),
        place: Place::Search,
        script: None,
        recorded: Some(receipt.index),
    };
    let body = html! {
        h1 { (visitor.say(Text::Search)) }
        (filters(&console, &visitor, &filter))
        (person_form(&visitor, &filter))
        (results(&console, &visitor, &filter, &found))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// Known values are offered, none is required: the log may name what the configuration has forgotten.
fn filters(console: &Console, visitor: &Visitor, filter: &Filter) -> Markup {
    let text = |name: &str, label: Text, value: &str, hint: &str| {
        html! {
            div class="field" {
                label for={ "f-" (name) } { (visitor.say(label)) }
                input id={ "f-" (name) } name=(name) value=(value) placeholder=(hint) maxlength="128" autocomplete="off"
                    spellcheck="false" autocapitalize="off";
            }
        }
    };
    let time = |name: &str, label: Text, value: &str| {
        html! {
            div class="field" {
                label for={ "f-" (name) } { (visitor.say(Text::Time)) " " (visitor.say(label)) " (UTC)" }
                input id={ "f-" (name) } name=(name) type="datetime-local" value=(value);
            }
        }
    };
    html! {
        form class="panel filters" method="get" action="/search" {
            h2 { (visitor.say(Text::Filters)) }
            div class="fields" {
                (period(console, visitor, &filter.period, true))
                (time("from", Text::From, &filter.from))
                (time("until", Text::Until, &filter.until))
                (choice(visitor, "kind", Text::Kind, &filter.kind, KINDS.iter().map(|(name, _, text)| (*name, *text))))
                (choice(visitor, "class", Text::Class, &filter.class, CLASSES.iter().map(|(name, _, text)| (*name, *text))))
                (text("partner", Text::Partner, &filter.partner, "bank-a"))
                (text("refusal", Text::Refusal, &filter.refusal, "QUOTA_SPENT"))
                (text("agreement", Text::Agreement, &filter.agreement, ""))
                (text("purpose", Text::Purpose, &filter.purpose, "credit.origination"))
                (text("signal", Text::Signal, &filter.signal, "risk_band@1"))
                (text("outcome", Text::Outcome, &filter.outcome, "band"))
                (text("consent", Text::ConsentId, &filter.consent, ""))
                (text("request", Text::RequestId, &filter.request, ""))
                (text("method", Text::Method, &filter.method, ""))
            }
            @if !filter.person.is_empty() { input type="hidden" name="person" value=(filter.person); }
            p class="actions" {
                button type="submit" { (visitor.say(Text::FindEntries)) }
                a class="quiet" href="/search" { (visitor.say(Text::ClearFilters)) }
            }
        }
    }
}

/// The periods of the log that are kept: nothing to choose where there is one.
pub(super) fn period(console: &Console, visitor: &Visitor, chosen: &str, all: bool) -> Markup {
    let over = console.gate.archives.kept();
    html! {
        @if !over.is_empty() {
            div class="field" {
                label for="f-period" { (visitor.say(Text::LogPeriod)) }
                select id="f-period" name="period" {
                    option value="" { (console.gate.period) " " (visitor.say(Text::TakesEntries)) }
                    @for kept in over {
                        @let number = kept.period.to_string();
                        option value=(number) selected[number == chosen] { (number) " " (kept.verifier.name()) }
                    }
                    @if all { option value="all" selected[chosen == "all"] { (visitor.say(Text::AllPeriods)) } }
                }
            }
        }
    }
}

fn choice<'a>(
    visitor: &Visitor,
    name: &str,
    label: Text,
    chosen: &str,
    all: impl Iterator<Item = (&'a str, Text)>,
) -> Markup {
    html! {
        div class="field" {
            label for={ "f-" (name) } { (visitor.say(label)) }
            select id={ "f-" (name) } name=(name) {
                option value="" { (visitor.say(Text::Any)) }
                @for (value, text) in all { option value=(value) selected[value == chosen] { (visitor.say(text)) } }
            }
        }
    }
}

/// Kinds of identity, as the form names them.
pub(super) const SCHEMES: [(&str, Scheme, Text); 3] = [
    ("cn-resident-id", Scheme::CnResidentId, Text::ResidentId),
    ("cn-mobile", Scheme::CnMobile, Text::Mobile),
    ("opaque", Scheme::Opaque, Text::Opaque),
];

fn person_form(visitor: &Visitor, filter: &Filter) -> Markup {
    let unnamed = Filter {
        person: String::new(),
        ..filter.clone()
    };
    html! {
        @if filter.person.is_empty() {
            details class="panel" {
                summary { (visitor.say(Text::Person)) }
                form method="post" action=(unnamed.at("/person")) autocomplete="off" {
                    p class="note" { (visitor.say(Text::PersonExplained)) }
                    div class="fields" {
                        div class="field" {
                            label for="p-scheme" { (visitor.say(Text::IdentityKind)) }
                            select id="p-scheme" name="scheme" {
                                @for (name, _, text) in SCHEMES { option value=(name) { (visitor.say(text)) } }
                            }
                        }
                        div class="field" {
                            label for="p-identity" { (visitor.say(Text::Identity)) }
                            input id="p-identity" name="identity" required maxlength="64" autocomplete="off" spellcheck="false";
                        }
                    }
                    p class="actions" { button type="submit" { (visitor.say(Text::FindPerson)) } }
                }
            }
        } @else {
            p class="panel named" {
                (visitor.say(Text::PersonNamed)) " "
                a href=(unnamed.at("/search")) { (visitor.say(Text::ForgetPerson)) }
            }
        }
    }
}

fn results(console: &Console, visitor: &Visitor, filter: &Filter, found: &Page) -> Markup {
    html! {
        section class="panel" aria-labelledby="results" {
            h2 id="results" { (visitor.say(Text::Results)) }
            p class="note" {
                (visitor.say(Text::NewestFirst)) " " (found.log_size) " " (visitor.say(Text::EntriesInLog)) "."
            }
            @if found.entries.is_empty() { p { (visitor.say(Text::NoneFound)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="results" {
                    table {
                        thead { tr {
                            @for head in [Text::Number, Text::Time, Text::Kind, Text::Class, Text::Partner, Text::Purpose, Text::Signals, Text::Outcomes] {
                                th scope="col" { (visitor.say(head)) }
                            }
                        } }
                        tbody { @for entry in &found.entries { (row(console, visitor, entry)) } }
                    }
                }
            }
            p class="actions" {
                @if !filter.page.is_empty() { a href=(filter.at("/search")) { (visitor.say(Text::FirstPage)) } }
                @if !found.next.is_empty() { a rel="next" href=(filter.page(&found.next)) { (visitor.say(Text::NextPage)) } }
            }
            p class="actions quiet" {
                a href=(filter.at("/export.csv")) { (visitor.say(Text::ExportCsv)) }
                a href=(filter.at("/export.jsonl")) { (visitor.say(Text::ExportLines)) }
                span class="note" { (visitor.say(Text::ExportBound)) }
            }
        }
    }
}

fn row(console: &Console, visitor: &Visitor, entry: &Entry) -> Markup {
    let leaf = &entry.leaf;
    let time = Time(wire::millis(leaf.time.as_ref()).unwrap_or_default());
    let (class, class_text) = names::class(leaf.class());
    html! {
        tr {
            th scope="row" { a href=(address(console, entry.period, leaf.seq)) {
                @if entry.period != console.gate.period { (entry.period) ":" }
                (leaf.seq)
            } }
            td { time datetime=(moment::machine(time)) { (moment::stamp(time)) } }
            td { (visitor.say(names::kind(leaf.kind()))) }
            td {
                span class={ "badge " (class) } { (visitor.say(class_text)) }
                @if !leaf.refusal.is_empty() { " " code { (leaf.refusal) } }
            }
            td { (leaf.partner) }
            @match &entry.details {
                Some(details) => {
                    td { (details.x.purpose) }
                    td { @for signal in &details.x.signals { code { (signal) } " " } }
                    td { @for outcome in names::counted(&details.i.outcomes) { code { (outcome) } " " } }
                }
                None => td colspan="3" class="note" { (visitor.say(Text::CannotBeOpened)) },
            }
        }
    }
}

/// What the person's form posts. Wiped when it has been read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) scheme: String,
    pub(super) identity: String,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.identity.zeroize();
    }
}

impl Named {
    /// Whom it names.
    pub(super) fn subject(&self) -> Result<SubjectRef, Code> {
        let scheme = SCHEMES.iter().find(|(name, ..)| *name == self.scheme);
        let (_, scheme, _) = scheme.ok_or(Code::FieldInvalid)?;
        SubjectRef::parse(*scheme, &self.identity).map_err(|_| Code::SubjectMalformed)
    }
}

/// Gives a handle for the person and leads to the search with it, which is what reads the log.
pub(super) async fn name_person(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Filter>, QueryRejection>,
    named: Result<Form<Named>, FormRejection>,
) -> Response {
    let made = read(asked).and_then(|mut filter| {
        filter.person = console.name(&visitor, &form::posted(named)?)?;
        filter.page.clear();
        Ok(filter)
    });
    match made {
        Ok(filter) => Redirect::to(&filter.at("/search")).into_response(),
        Err(problem) => console.refuse(&visitor, PERSON, problem).await,
    }
}
