//! The other end: one request to one server that is known by its SPIFFE identity, over a connection of its own.
use crate::{
    channel::client::Connector,
    limits::{CALL_MS_MAX, HEADER_LIST_BYTES_MAX, WEB_BODY_BYTES_MAX},
};
use axum::{
    body::{Body, to_bytes},
    http::{Request, Uri, header},
};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::{io, time::Duration};
use tokio_util::task::AbortOnDropHandle;
use tower_service::Service;

/// Where a server is, and how it is recognised.
#[derive(Clone)]
pub struct Server {
    connector: Connector,
    base: String,
    uri: Uri,
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, empty if there is none.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Server {
    /// `address`: `https://host:port`, with a path before the route's own where the server has one. `None` if it is not
    /// such an address.
    pub fn new(connector: Connector, address: &str) -> Option<Self> {
        let base = address.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().ok()?;
        let good = uri.scheme_str() == Some("https") && uri.host().is_some() && uri.port_u16().is_some();
        (good && uri.query().is_none()).then_some(Self { connector, base, uri })
    }

    /// Posts a text and reads the whole answer, within `limits::CALL_MS_MAX`.
    pub async fn post(&self, path: &str, body: String) -> io::Result<Answer> {
        let asking = self.clone().ask(path, body);
        match tokio::time::timeout(Duration::from_millis(CALL_MS_MAX), asking).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
        }
    }

    async fn ask(mut self, path: &str, body: String) -> io::Result<Answer> {
        let stream = self.connector.call(self.uri.clone()).await?;
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .handshake(stream)
            .await
            .map_err(io::Error::other)?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Body::from(body))
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = to_bytes(Body::new(body), WEB_BODY_BYTES_MAX).await;
        let body = body.map_err(|_| io::Error::other("the answer is larger than any valid one, or was cut off"))?;
        let content_type = head.headers.get(header::CONTENT_TYPE);
        Ok(Answer {
            status: head.status.as_u16(),
            content_type: content_type
                .and_then(|t| t.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            body: String::from_utf8(body.to_vec()).map_err(|_| io::Error::other("the answer is not text"))?,
        })
    }
}
