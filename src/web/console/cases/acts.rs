//! What is done with a case. Each is a form of its page, and leads back to the case.
use super::{list::named, one::id};
use crate::{
    pipeline::{
        Reading,
        subject_requests::{self as acts, Asked, Opening},
    },
    refusal::Code,
    subject_request::{Kind, Outcome, Request, State},
    web::console::{
        Console,
        desk::CHANGE,
        form::{lines, posted},
        moment,
        search::Named,
        visitor::Visitor,
    },
};
use axum::{
    Form,
    extract::{Path, State as Of, rejection::FormRejection, rejection::PathRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use std::sync::Arc;

/// What opens a case. The identity is wiped when it has been read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(in crate::web::console) struct Arrived {
    scheme: String,
    identity: String,
    kind: String,
    owner: String,
    received: String,
    contact: String,
    text: String,
}

impl Arrived {
    fn opening(self) -> Asked<Opening> {
        let named_person = Named {
            scheme: self.scheme,
            identity: self.identity,
        };
        Ok(Opening {
            subject: named_person.subject()?,
            kind: *named(Kind::ALL, &self.kind, Kind::word)?,
            received: match self.received.as_str() {
                "" => None,
                day => Some(moment::parse(day).ok_or(Code::FieldInvalid)?),
            },
            contact: lines(&self.contact),
            text: lines(&self.text),
            owner: owner(&self.owner)?,
        })
    }
}

fn owner(text: &str) -> Asked<Option<crate::domain::PartnerId>> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Code::FieldInvalid),
    }
}

/// Does it, and leads to the case.
async fn done(
    console: &Console,
    visitor: &Visitor,
    act: impl Future<Output = Reading<(Request, crate::audit::Receipt)>> + Send + 'static,
) -> Response {
    match console.attend(visitor, CHANGE, act).await {
        Ok((request, _)) => Redirect::to(&format!("/cases/{}", request.id)).into_response(),
        Err(page) => page,
    }
}

pub(in crate::web::console) async fn open(
    Of(console): Of<Console>,
    visitor: Visitor,
    form: Result<Form<Arrived>, FormRejection>,
) -> Response {
    let asked = posted(form).and_then(Arrived::opening);
    let opening = acts::open(Arc::clone(&console.gate), visitor.peer.clone(), asked);
    done(&console, &visitor, opening).await
}

/// Who answers for it from here on, and whether it waits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Assignment {
    #[serde(default)]
    owner: String,
    #[serde(default)]
    state: String,
}

pub(in crate::web::console) async fn assign(
    Of(console): Of<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    form: Result<Form<Assignment>, FormRejection>,
) -> Response {
    let asked = id(path).and_then(|id| {
        let asked = posted(form)?;
        let state = match asked.state.as_str() {
            "" => None,
            word => Some(*named(State::ALL, word, State::word)?),
        };
        Ok((id, owner(&asked.owner)?, state))
    });
    let assigning = acts::assign(Arc::clone(&console.gate), visitor.peer.clone(), asked);
    done(&console, &visitor, assigning).await
}

/// How it ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Ending {
    outcome: String,
    #[serde(default)]
    reason: String,
    #[serde(default, rename = "certain")]
    _certain: String,
}

pub(in crate::web::console) async fn close(
    Of(console): Of<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    form: Result<Form<Ending>, FormRejection>,
) -> Response {
    let asked = id(path).and_then(|id| {
        let asked = posted(form)?;
        let outcome = *named(Outcome::ALL, &asked.outcome, Outcome::word)?;
        Ok((id, outcome, lines(&asked.reason)))
    });
    let closing = acts::close(Arc::clone(&console.gate), visitor.peer.clone(), asked);
    done(&console, &visitor, closing).await
}
