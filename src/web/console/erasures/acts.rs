//! What is ordered about one person, by a handle; and the form that makes one.
use super::{named, person::REASONS};
use crate::{
    domain::Method,
    facts::Kind,
    pipeline::{
        StaffCall,
        persons::{OFFICERS, Order, PLACE, RELEASE, REQUEST, order},
    },
    refusal::Code,
    web::console::{
        Console,
        desk::{CHANGE, LOOK},
        form::posted,
        link::link,
        moment,
        search::Named,
        trouble::Problem,
        visitor::Visitor,
        words::Text,
    },
};
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use std::sync::Arc;

const NAME: StaffCall = StaffCall {
    method: Method("/tollgate.console/NamePerson"),
    kind: Kind::Read,
    roles: &OFFICERS,
};

fn page(handle: &str) -> Response {
    Redirect::to(&link("/erasures/person", [("person", handle)])).into_response()
}

/// Gives a handle, and leads to the page that looks.
pub(in crate::web::console) async fn name_person(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Named>, FormRejection>,
) -> Response {
    match posted(form).and_then(|whom| console.name(&visitor, &whom)) {
        Ok(handle) => page(&handle),
        Err(code) => {
            let manner = LOOK.advising(Some(Text::MendForm));
            console.refuse_as(&visitor, manner, NAME, code).await
        }
    }
}

/// Orders it for the person of the handle, and leads back to their page.
async fn ordered(
    console: &Console,
    visitor: &Visitor,
    method: Method,
    asked: Result<(String, Order), Code>,
) -> Response {
    let asked = asked.map_err(Problem::from);
    let asked = asked.and_then(|(handle, order)| Ok((named(console, visitor, &handle)?, order, handle)));
    let manner = match &asked {
        Err(Problem {
            advice: Some(advice), ..
        }) => CHANGE.advising(Some(*advice)),
        _ => CHANGE,
    };
    let (asked, handle) = match asked {
        Ok((token, order, handle)) => (Ok((token, order)), handle),
        Err(problem) => (Err(problem.code), String::new()),
    };
    let ordering = order(Arc::clone(&console.gate), visitor.peer.clone(), method, asked);
    match console.attend(visitor, manner, ordering).await {
        Ok(_) => page(&handle),
        Err(refused) => refused,
    }
}

/// Whose record is to be erased.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Requested {
    person: String,
    #[serde(default, rename = "certain")]
    _certain: String,
}

pub(in crate::web::console) async fn request(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Requested>, FormRejection>,
) -> Response {
    let asked = posted(form).map(|asked| (asked.person, Order::Request));
    ordered(&console, &visitor, REQUEST, asked).await
}

/// Why, and until when, somebody is kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Kept {
    person: String,
    reason: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    case: String,
}

impl Kept {
    fn order(self) -> Result<(String, Order), Code> {
        let reason = REASONS.iter().find(|(name, _)| *name == self.reason);
        let (_, reason) = reason.ok_or(Code::FieldInvalid)?;
        let until = match self.until.as_str() {
            "" => None,
            text => Some(moment::parse(text).ok_or(Code::FieldInvalid)?),
        };
        let hold = Order::Hold {
            reason: *reason,
            until,
            case_number: self.case,
        };
        Ok((self.person, hold))
    }
}

pub(in crate::web::console) async fn hold(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Kept>, FormRejection>,
) -> Response {
    let asked = posted(form).and_then(Kept::order);
    ordered(&console, &visitor, PLACE, asked).await
}

/// Which hold ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Released {
    person: String,
    hold: u32,
}

pub(in crate::web::console) async fn release(
    State(console): State<Console>,
    visitor: Visitor,
    form: Result<Form<Released>, FormRejection>,
) -> Response {
    let asked = posted(form).map(|asked| (asked.person, Order::Release(asked.hold)));
    ordered(&console, &visitor, RELEASE, asked).await
}
