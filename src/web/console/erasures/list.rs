//! All erasures and holds that are not complete, without the person; and the form that names one.
use super::shown;
use crate::{
    erasure::{Standing, hex, id_of},
    pipeline::persons::{self as acts, Listed},
    refusal::Code,
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
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Where a page begins.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::web::console) struct From {
    page: String,
    #[serde(rename = "lang")]
    _lang: String,
}

pub(in crate::web::console) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<From>, QueryRejection>,
) -> Response {
    let from = asked.map(|Query(from)| from).map_err(|_| Code::FieldInvalid);
    let wanted = from.and_then(|from| match from.page.as_str() {
        "" => Ok((None, 0)),
        token => id_of(token).map(|id| (Some(id), 0)).ok_or(Code::PageTokenInvalid),
    });
    let is_first = wanted.is_ok_and(|(after, _)| after.is_none());
    let listing = acts::list(Arc::clone(&console.gate), visitor.peer.clone(), wanted);
    let (listed, receipt) = match console.attend(&visitor, LOOK, listing).await {
        Ok(listed) => listed,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::ErasuresTitle).to_owned(),
        place: Place::Erasures,
        script: None,
        recorded: Some(receipt.index),
    };
    let body = html! {
        h1 { (visitor.say(Text::ErasuresTitle)) }
        (naming(&visitor))
        (rows(&console, &visitor, &listed, is_first))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

fn naming(visitor: &Visitor) -> Markup {
    html! {
        form class="panel acts" method="post" action="/erasures/person" autocomplete="off" {
            h2 { (visitor.say(Text::Person)) }
            p class="note" { (visitor.say(Text::PersonExplained)) }
            div class="fields" { (form::identity(visitor, "p")) }
            p class="actions" { button type="submit" { (visitor.say(Text::ShowPerson)) } }
        }
    }
}

fn rows(console: &Console, visitor: &Visitor, listed: &Listed, is_first: bool) -> Markup {
    let say = |text| visitor.say(text);
    let heads = [
        Text::ErasureId,
        Text::Requested,
        Text::Stage,
        Text::HeldBy,
        Text::WhatNext,
    ];
    html! {
        section class="panel" aria-labelledby="listed" {
            h2 id="listed" { (say(Text::NotComplete)) }
            p class="note" { (say(Text::NotCompleteExplained)) }
            @if listed.standings.is_empty() { p { (say(Text::NoErasures)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="listed" {
                    table class="wide" {
                        thead { tr { @for head in heads { th scope="col" { (say(head)) } } } }
                        tbody { @for standing in &listed.standings { (row(console, visitor, standing)) } }
                    }
                }
            }
            p class="actions" {
                @if !is_first { a href="/erasures" { (say(Text::FirstErasures)) } }
                @if let Some(next) = listed.next { a rel="next" href=(link("/erasures", [("page", hex(&next).as_str())])) { (say(Text::MoreErasures)) } }
            }
        }
    }
}

fn row(console: &Console, visitor: &Visitor, standing: &Standing) -> Markup {
    let now = console.gate.clock.now();
    html! {
        tr {
            th scope="row" { code { (hex(&standing.id)) } }
            td { @match standing.requested { Some(at) => (moment::stamp(at)), None => "–" } }
            td { (visitor.say(shown::stage(standing))) }
            td { ul { @for hold in &standing.holds { li { (shown::hold(visitor, hold, now)) } } } @if standing.holds.is_empty() { "–" } }
            td { (shown::next(visitor, standing, now)) }
        }
    }
}
