//! A letter as a page that prints alone, with the file whose bytes its entry proves.
use super::{letter_name, one::id};
use crate::{
    crypto::sha256,
    domain::Language,
    pipeline::subject_requests as acts,
    refusal::Code,
    web::console::{
        Console,
        desk::CHANGE,
        form::posted,
        shell::{Place, Sheet},
        visitor::Visitor,
        words::Text,
    },
};
use axum::{
    Form,
    extract::{Path, State as Of, rejection::FormRejection, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::html;
use serde::Deserialize;
use std::sync::Arc;

/// In which language it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::console) struct Written {
    language: String,
}

pub(in crate::web::console) async fn letter(
    Of(console): Of<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    form: Result<Form<Written>, FormRejection>,
) -> Response {
    let asked = id(path).and_then(|id| {
        let asked = posted(form)?;
        let language = Language::ALL.iter().find(|l| l.tag() == asked.language);
        Ok((id, *language.ok_or(Code::FieldInvalid)?, true))
    });
    let (case, language) = match &asked {
        Ok((id, language, _)) => (id.to_string(), language.tag()),
        Err(_) => Default::default(),
    };
    let institution = console.gate.opener.gateway().to_owned();
    let writing = acts::letter(Arc::clone(&console.gate), visitor.peer.clone(), institution, asked);
    let (written, receipt) = match console.attend(&visitor, CHANGE, writing).await {
        Ok(written) => written,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(letter_name(written.kind)).to_owned(),
        place: Place::Letter,
        script: None,
        recorded: None,
    };
    let file = format!(
        "data:text/html;charset=utf-8;base64,{}",
        STANDARD.encode(&written.document)
    );
    let body = html! {
        div class="beside" {
            h1 { (visitor.say(letter_name(written.kind))) }
            div class="panel" role="status" {
                p { (visitor.say(Text::LetterWritten)) " " a href={ "/entry/" (receipt.index) } { (receipt.index) } }
                p { (visitor.say(Text::KeepLetter)) }
            }
        }
        article class="panel paper" lang=(language) { (written.text) }
        div class="beside" {
            p { "SHA-256 " code { @for byte in sha256(&written.document) { (format!("{byte:02x}")) } } }
            p class="actions" {
                a href=(file) download={ "letter-" (case) ".html" } { (visitor.say(Text::SaveLetter)) }
                a href={ "/cases/" (case) } { (visitor.say(Text::BackToCase)) }
            }
        }
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}
