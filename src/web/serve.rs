//! Serves a router: each connection in a task of its own, bounded in headers, bodies, time and age.
use super::reply::counted;
use crate::{
    channel::{Conn, ConnInfo, Denylist, HandshakeEvents},
    clock::Clock,
    limits::{
        CALL_CUT_MS, CONNECTION_AGE_S_MAX, FIRST_REQUEST_MS_MAX, HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL_S,
        KEEPALIVE_TIMEOUT_S, PENDING_RESETS_MAX, STREAMS_PER_CONNECTION_MAX, WEB_BODY_BYTES_MAX,
    },
    refusal::Code,
};
use axum::{Router, body::Body, extract::Request, http::header, response::Response};
use http_body_util::Limited;
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_stream::{Stream, StreamExt};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

/// Who may pass to the router, looked at anew for each request.
#[derive(Clone)]
pub struct Door {
    /// Revoked certificates and keys.
    pub denylist: Arc<Denylist>,
    /// Judges certificates.
    pub clock: Arc<dyn Clock>,
    /// Is told of each request that was turned away here: the reason's name, and the peer.
    pub turned_away: HandshakeEvents,
}

/// Serves `router` until `stop`, then finishes the requests that are under way. Dropped, it cuts every connection.
///
/// Only the time to a response's head is bounded, as with gRPC: a stream may go on for as long as its connection. A handler
/// is dropped when its caller hangs up or its time is over, so what must reach the log runs on a task that the application
/// owns, and the handler awaits it.
pub async fn serve(
    router: Router,
    door: Door,
    incoming: impl Stream<Item = io::Result<Conn>>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut incoming = pin!(incoming);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => said(ended),
            conn = incoming.next() => match conn {
                Some(conn) => {
                    connections.spawn(connection(router.clone(), door.clone(), conn?, stop.clone()));
                }
                None => return Err(io::Error::other("the listener accepts no more connections: restart the gateway")),
            }
        }
    }
    while let Some(ended) = connections.join_next().await {
        said(ended);
    }
    Ok(())
}

fn said(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task has failed");
    }
}

/// Tasks of one connection's streams. When the connection goes, so do they.
#[derive(Clone)]
struct Streams(TaskTracker, CancellationToken);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let gone = self.1.clone();
        self.0.spawn(async move {
            tokio::select! {
                _ = stream => {}
                () = gone.cancelled() => {}
            }
        });
    }
}

async fn connection(router: Router, door: Door, conn: Conn, stop: CancellationToken) {
    let info = conn.info().clone();
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    let service = service_fn(move |request| {
        noted.store(true, Ordering::Relaxed);
        let (router, door, info) = (router.clone(), door.clone(), info.clone());
        async move { Ok::<_, Infallible>(answer(router, &door, info, request).await) }
    });
    let gone = CancellationToken::new();
    let _end = gone.clone().drop_guard();
    let serving = http2::Builder::new(Streams(TaskTracker::new(), gone))
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .keep_alive_interval(Duration::from_secs(KEEPALIVE_INTERVAL_S))
        .keep_alive_timeout(Duration::from_secs(KEEPALIVE_TIMEOUT_S))
        .serve_connection(TokioIo::new(conn), service);
    let mut serving = pin!(serving);
    let first = Duration::from_millis(FIRST_REQUEST_MS_MAX);
    tokio::select! {
        // Both ends may break off; neither is news.
        _ = serving.as_mut() => return,
        () = async {
            tokio::time::sleep(first).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        } => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs(CONNECTION_AGE_S_MAX)) => {}
    }
    serving.as_mut().graceful_shutdown();
    // What holds on is cut by the connection's own age, or by the stop.
    let _ = serving.await;
}

async fn answer(mut router: Router, door: &Door, info: ConnInfo, request: Request<Incoming>) -> Response {
    let peer = match info.caller(&door.denylist, door.clock.now()) {
        Ok(peer) => peer.clone(),
        Err(code) => return turned_away(door, code, &info),
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.map(|l| l.to_str().ok().and_then(|l| l.parse::<usize>().ok()));
    if length.is_some_and(|l| l.is_none_or(|l| l > WEB_BODY_BYTES_MAX)) {
        return turned_away(door, Code::TooLarge, &info);
    }
    // Whoever reads the body finds its end or an error at the bound, whatever the header said.
    let mut request = request.map(|body| Body::new(Limited::new(body, WEB_BODY_BYTES_MAX)));
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(info.clone());
    match tokio::time::timeout(Duration::from_millis(CALL_CUT_MS), router.call(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => turned_away(door, Code::DeadlineExceeded, &info),
    }
}

fn turned_away(door: &Door, code: Code, info: &ConnInfo) -> Response {
    (door.turned_away)(code.name(), info.peer().uri());
    counted(code)
}
