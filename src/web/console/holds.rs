//! Legal holds on the log: what may not be deleted with an archive, whatever its age. The same calls as `LogHoldService`.
use super::{
    Console,
    desk::{CHANGE, LOOK},
    form::{self, posted},
    shell::{Place, Sheet},
    visitor::Visitor,
    words::Text,
};
use crate::{
    agreement::Role,
    hold::{Held, Hold},
    limits::HOLD_BYTES_MAX,
    pipeline::{Reading, log_holds as acts},
    refusal::Code,
};
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

const PERIOD: &str = "period";
const PARTNER: &str = "partner";

/// What is held, as a form writes it: `period 3`, `partner bank-a`.
fn read(text: &str) -> Result<Held, Code> {
    let held = match text.split_once(' ') {
        Some((PERIOD, number)) => number.parse().ok().map(Held::Period),
        Some((PARTNER, name)) => name.parse().ok().map(Held::Partner),
        _ => None,
    };
    held.filter(|held| held.to_string() == text).ok_or(Code::FieldInvalid)
}

fn said(visitor: &Visitor, held: &Held) -> String {
    match held {
        Held::Period(period) => format!("{} {period}", visitor.say(Text::HeldPeriod)),
        Held::Partner(partner) => format!("{} {partner}", visitor.say(Text::HeldPartner)),
    }
}

pub(super) async fn page(State(console): State<Console>, visitor: Visitor) -> Response {
    let listing = acts::list(Arc::clone(&console.gate), visitor.peer.clone());
    let (holds, receipt) = match console.attend(&visitor, LOOK, listing).await {
        Ok(listed) => listed,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::HoldsOnLog).to_owned(),
        place: Place::Holds,
        script: None,
        recorded: Some(receipt.index),
    };
    let body = html! {
        h1 { (visitor.say(Text::HoldsOnLog)) }
        p class="note" { (visitor.say(Text::HoldsExplained)) }
        (rows(&visitor, &holds))
        (placing(&console, &visitor))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

fn rows(visitor: &Visitor, holds: &[Hold]) -> Markup {
    let say = |text| visitor.say(text);
    html! {
        section class="panel" aria-labelledby="holds" {
            h2 id="holds" { (say(Text::HoldsInForce)) }
            @if holds.is_empty() { p { (say(Text::NoHolds)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="holds" {
                    table {
                        thead { tr {
                            @for head in [Text::WhatIsHeld, Text::CaseNumber] { th scope="col" { (say(head)) } }
                            th scope="col" class="acts" { (say(Text::ReleaseHold)) }
                        } }
                        tbody { @for hold in holds { tr {
                            th scope="row" { (said(visitor, &hold.held)) }
                            td { (hold.case_number) }
                            td class="acts" { form method="post" action="/holds/release" {
                                input type="hidden" name="held" value=(hold.held);
                                button type="submit" aria-label={ (say(Text::ReleaseHold)) ": " (said(visitor, &hold.held)) } {
                                    (say(Text::ReleaseHold))
                                }
                            } }
                        } } }
                    }
                }
            }
        }
    }
}

fn placing(console: &Console, visitor: &Visitor) -> Markup {
    let partners = console.gate.view.register.iter().filter(|m| m.role == Role::Partner);
    let mut partners: Vec<_> = partners.map(|m| Held::Partner(m.id.clone())).collect();
    partners.sort_by_key(ToString::to_string);
    let all = (1..=console.gate.period).rev().map(Held::Period).chain(partners);
    let all: Vec<_> = all.map(|held| (held.to_string(), said(visitor, &held))).collect();
    let all = all.iter().map(|(value, said)| (value.as_str(), said.as_str(), false));
    html! {
        form class="panel acts" method="post" action="/holds" autocomplete="off" {
            h2 { (visitor.say(Text::PlaceHold)) }
            div class="fields" {
                (form::choice(visitor, "h", "held", Text::WhatIsHeld, all))
                (form::field(visitor, "h", "case", Text::CaseNumber, html! {
                    input id="h-case" name="case" required maxlength=(HOLD_BYTES_MAX) autocomplete="off";
                }))
            }
            p class="note" { (visitor.say(Text::CaseNumberExplained)) }
            p class="actions" { button type="submit" { (visitor.say(Text::PlaceHold)) } }
        }
    }
}

async fn done<T: Send + 'static>(
    console: &Console,
    visitor: &Visitor,
    act: impl Future<Output = Reading<T>> + Send + 'static,
) -> Response {
    match console.attend(visitor, CHANGE, act).await {
        Ok(_) => Redirect::to("/holds").into_response(),
        Err(page) => page,
    }
}

/// A hold to place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placed {
    held: String,
    case: String,
}

pub(super) async fn place(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Placed>, FormRejection>,
) -> Response {
    let asked = posted(form).and_then(|placed| {
        Ok(Hold {
            held: read(&placed.held)?,
            case_number: placed.case,
        })
    });
    let placing = acts::place(Arc::clone(&console.gate), visitor.peer.clone(), asked);
    done(&console, &visitor, placing).await
}

/// A hold to release.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Released {
    held: String,
}

pub(super) async fn release(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Released>, FormRejection>,
) -> Response {
    let asked = posted(form).and_then(|released| read(&released.held));
    let releasing = acts::release(Arc::clone(&console.gate), visitor.peer.clone(), asked);
    done(&console, &visitor, releasing).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_written_one_way() {
        for held in [Held::Period(7), Held::Partner("bank-a".parse().unwrap())] {
            assert_eq!(read(&held.to_string()), Ok(held));
        }
        for bad in [
            "",
            "period",
            "period +7",
            "period 07",
            "period -1",
            "partner ",
            "partner Bank",
            "person x",
        ] {
            assert_eq!(read(bad), Err(Code::FieldInvalid), "{bad}");
        }
    }
}
