//! Routes for modules that answer with a text and need nothing else of HTTP.
use super::reply::counted;
use crate::{identity::PeerIdentity, limits::WEB_BODY_BYTES_MAX, refusal::Code};
use axum::{
    Extension, Router,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use std::sync::Arc;

/// A router with one `POST` route: `answer` is given the caller and the whole body, at most
/// [`WEB_BODY_BYTES_MAX`](crate::limits::WEB_BODY_BYTES_MAX), and `turned_away` is told of a caller whose body is larger.
pub fn post<F, R>(path: &str, answer: F, turned_away: impl Fn(Code, &str) + Send + Sync + 'static) -> Router
where
    F: Fn(PeerIdentity, Bytes) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let (answer, turned_away) = (Arc::new(answer), Arc::new(turned_away));
    let handler = move |Extension(peer): Extension<PeerIdentity>, request: Request| {
        let (answer, turned_away) = (Arc::clone(&answer), Arc::clone(&turned_away));
        async move {
            match to_bytes(request.into_body(), WEB_BODY_BYTES_MAX).await {
                Ok(body) => answer(peer, body).await,
                Err(_) => {
                    turned_away(Code::TooLarge, peer.uri());
                    counted(Code::TooLarge)
                }
            }
        }
    };
    Router::new().route(path, routing::post(handler))
}

/// A response with this status; one that is no status is a fault of ours.
pub fn text(status: u16, content_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
