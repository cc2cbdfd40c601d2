//! The report about one person (PIPL 44, 45): a form, and what comes back is a page for print that proves by itself.
use super::{
    Console,
    desk::LOG,
    form, moment,
    search::Named,
    shell::{Place, Sheet},
    trouble,
    visitor::Visitor,
    words::Text,
};
use crate::{
    evidence,
    inspect::{self, REPORT_SUBJECT, ReportRequest},
    limits::REASON_BYTES_MAX,
    pipeline::StaffCall,
    refusal::Code,
};
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroize;

/// The service's own method: who checks a report checks that its entry is of one.
const CALL: StaffCall = REPORT_SUBJECT;

/// The form. It reads nothing of the log, so it is no entry.
pub(super) async fn page(visitor: Visitor) -> Response {
    let say = |text| visitor.say(text);
    let sheet = Sheet {
        title: say(Text::Report).to_owned(),
        place: Place::Report,
        script: None,
        recorded: None,
    };
    let body = html! {
        h1 { (say(Text::Report)) }
        form class="panel" method="post" action="/report" autocomplete="off" {
            p class="note" { (visitor.write(Text::ReportExplained)) }
            div class="fields" {
                (form::identity(&visitor, "p"))
                @for (name, label) in [("from", Text::From), ("until", Text::Until)] {
                    div class="field" {
                        label for=(name) { (say(Text::Time)) " " (say(label)) " (UTC)" }
                        input id=(name) name=(name) type="datetime-local";
                    }
                }
                div class="field" {
                    label for="reason" { (say(Text::Reason)) }
                    input id="reason" name="reason" required maxlength=(REASON_BYTES_MAX / 4);
                }
            }
            p class="actions" { button type="submit" { (say(Text::MakeReport)) } }
        }
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// What the form posts. Wiped when it has been read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    scheme: String,
    identity: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    reason: String,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.identity.zeroize();
    }
}

impl Asked {
    fn request(&self) -> Result<ReportRequest, Code> {
        let named = Named {
            scheme: self.scheme.clone(),
            identity: self.identity.clone(),
        };
        let time = |text: &str| match text {
            "" => Ok(None),
            text => moment::parse(text).map(Some).ok_or(Code::FieldInvalid),
        };
        let (from, until) = (time(&self.from)?, time(&self.until)?);
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            return Err(Code::FieldInvalid);
        }
        Ok(ReportRequest {
            subject: named.subject()?,
            from,
            until,
            reason: self.reason.clone(),
        })
    }
}

/// Makes the report and gives it as a file: opened, it is a page; `tollgate audit verify` checks it as it is.
pub(super) async fn make(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Form<Asked>, FormRejection>,
) -> Response {
    let manner = LOG.advising(Some(Text::MendForm));
    let request = match form::posted(asked).and_then(|asked| asked.request()) {
        Ok(request) => request,
        Err(code) => return console.refuse_as(&visitor, manner, CALL, code).await,
    };
    let making = inspect::report(Arc::clone(&console.gate), visitor.peer.clone(), CALL, request);
    let report = match console.attend(&visitor, manner, making).await {
        Ok(report) => report,
        Err(page) => return page,
    };
    let Ok(page) = evidence::page(&report.document, &report.proof, visitor.language) else {
        return trouble::counted(&visitor, Code::Internal);
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"report.html\""),
        ),
    ];
    (headers, page).into_response()
}
