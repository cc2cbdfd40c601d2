//! Refusals as HTTP responses: a status, and one line of fixed text that begins with the stable name.
use crate::{
    audit::Recorded,
    refusal::{Code, NotRecorded, Refusal, Status},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A refusal that is in the log, with the reference that its entry carries.
pub fn refused(refusal: &Recorded<Refusal>) -> Response {
    let code = refusal.value().code();
    line(status(code), code, &refusal.value().facts().reference)
}

/// For counted calls: the entry comes with the minute's count.
pub fn counted(code: Code) -> Response {
    line(status(code), code, "")
}

/// The log could not take an entry, so nothing is answered.
pub fn not_recorded(error: NotRecorded) -> Response {
    line(StatusCode::SERVICE_UNAVAILABLE, code_of(error), "")
}

/// The reason that a page or a line gives for an entry that could not be made.
pub(super) fn code_of(error: NotRecorded) -> Code {
    match error {
        NotRecorded::DiskFull => Code::DiskFull,
        NotRecorded::QueueFull => Code::RateLimited,
        NotRecorded::LogFailed | NotRecorded::TooLarge => Code::Internal,
    }
}

/// The HTTP status of a reason.
pub(super) fn status(code: Code) -> StatusCode {
    match code.status() {
        Status::InvalidArgument if code == Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Status::InvalidArgument => StatusCode::BAD_REQUEST,
        Status::Unauthenticated => StatusCode::UNAUTHORIZED,
        Status::PermissionDenied => StatusCode::FORBIDDEN,
        Status::FailedPrecondition | Status::AlreadyExists => StatusCode::CONFLICT,
        Status::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Status::NotFound => StatusCode::NOT_FOUND,
        Status::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn line(status: StatusCode, code: Code, reference: &str) -> Response {
    let mut text = format!("{}: {}\n", code.name(), code.message());
    if !reference.is_empty() {
        text = format!("{}reference {reference}\n", text);
    }
    (status, [(header::CONTENT_TYPE, TEXT)], text).into_response()
}
