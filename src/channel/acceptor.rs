//! Accepts connections: each handshake in a task of its own, bounded in number and time, by the newest configuration.
//!
//! tonic's own TLS has no hook for lists of revoked certificates, protocol versions or reload, so connections arrive at
//! it finished. All tasks belong to [`Incoming`] and end with it.
use super::{
    conn::Conn,
    connections::{Connections, Handshake},
    denylist::Denylist,
    reason,
    server::ServerTls,
};
use crate::clock::Clock;
use arc_swap::ArcSwap;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;

/// Finished connections that wait for the server: it takes them at once unless it is going down.
const READY_MAX: usize = 64;
/// Rest after `accept` failed: the cause is mostly a lack of file descriptors, and it does not pass at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Is told of each failed handshake: a word of a closed list, and the peer's URI or address.
pub type HandshakeEvents = Arc<dyn Fn(&'static str, &str) + Send + Sync>;

/// What an acceptor works with.
#[derive(Clone)]
pub struct Setup {
    /// The first configuration.
    pub tls: Arc<ServerTls>,
    /// The register of connections, shared by all listeners.
    pub connections: Arc<Connections>,
    /// Looked at when a connection is accepted, and by callers on every call.
    pub denylist: Arc<Denylist>,
    /// Is told of failures.
    pub events: HandshakeEvents,
    /// Judges certificates.
    pub clock: Arc<dyn Clock>,
}

/// A bound listener.
pub struct Acceptor {
    listener: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    tls: ArcSwap<ServerTls>,
    setup: Setup,
}

impl Acceptor {
    /// Binds the address.
    pub async fn bind(address: SocketAddr, setup: Setup) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let tls = ArcSwap::new(Arc::clone(&setup.tls));
        Ok(Self {
            listener,
            shared: Arc::new(Shared { tls, setup }),
        })
    }

    /// The bound address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The means to replace the configuration while serving.
    pub fn swap(&self) -> Swap {
        Swap(Arc::clone(&self.shared))
    }

    /// Begins to accept, in a task that ends when the stream is dropped. Needs a tokio runtime.
    pub fn incoming(self) -> Incoming {
        let (ready, connections) = mpsc::channel(READY_MAX);
        let task = tokio::spawn(accept_all(self.listener, self.shared, ready));
        Incoming {
            connections,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// Verified connections, for `serve_with_incoming`. It ends only if accepting itself has failed for good.
pub struct Incoming {
    connections: mpsc::Receiver<Conn>,
    _task: AbortOnDropHandle<()>,
}

impl Stream for Incoming {
    type Item = io::Result<Conn>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Conn>>> {
        self.connections.poll_recv(context).map(|conn| conn.map(Ok))
    }
}

/// Replaces a listener's configuration.
#[derive(Clone)]
pub struct Swap(Arc<Shared>);

/// Why a configuration cannot take another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SwapError {
    /// Another gateway's certificate.
    #[error("the new certificate names another gateway: a change of identity needs a restart with approval")]
    OtherIdentity,
    /// Partners' rules for staff, or the other way round.
    #[error("the configuration is that of the other listener")]
    OtherListener,
}

impl Swap {
    /// New connections meet `tls`; live ones that it would not admit are ended, and their number is given.
    pub fn swap(&self, tls: Arc<ServerTls>) -> Result<usize, SwapError> {
        let old = self.0.tls.load();
        if old.listener() != tls.listener() {
            return Err(SwapError::OtherListener);
        }
        if old.uri() != tls.uri() {
            return Err(SwapError::OtherIdentity);
        }
        self.0.tls.store(Arc::clone(&tls));
        let setup = &self.0.setup;
        Ok(setup.connections.recheck(&tls, setup.clock.now()))
    }

    /// The configuration in use.
    pub fn current(&self) -> Arc<ServerTls> {
        self.0.tls.load_full()
    }
}

async fn accept_all(listener: TcpListener, shared: Arc<Shared>, ready: mpsc::Sender<Conn>) {
    // Dropped with this task, and with it every handshake under way.
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, remote)) => start(&mut handshakes, &shared, &ready, tcp, remote),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = handshakes.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a handshake task has failed");
                    (shared.setup.events)(reason::OTHER, "");
                }
            }
            () = ready.closed() => return,
        }
    }
}

fn start(
    handshakes: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    ready: &mpsc::Sender<Conn>,
    tcp: TcpStream,
    remote: SocketAddr,
) {
    let listener = shared.setup.tls.listener();
    let Some(under_way) = shared.setup.connections.begin(listener, remote.ip()) else {
        // Dropped at once: a queue here would be the flood's next target.
        (shared.setup.events)(reason::TOO_MANY, &remote.ip().to_string());
        return;
    };
    let (shared, ready) = (Arc::clone(shared), ready.clone());
    handshakes.spawn(async move {
        match handshake(&shared, tcp, remote, under_way).await {
            // Fails only when the server has gone.
            Ok(conn) => drop(ready.send(conn).await),
            Err(Failed { reason, peer }) => {
                let who = peer.unwrap_or_else(|| remote.ip().to_string());
                (shared.setup.events)(reason, &who);
            }
        }
    });
}

struct Failed {
    reason: &'static str,
    /// Known once a certificate was verified.
    peer: Option<String>,
}

impl From<&'static str> for Failed {
    fn from(reason: &'static str) -> Self {
        Self { reason, peer: None }
    }
}

async fn handshake(shared: &Shared, tcp: TcpStream, remote: SocketAddr, _: Handshake) -> Result<Conn, Failed> {
    let setup = &shared.setup;
    let limits = *setup.connections.limits();
    // Latency only; a socket that refuses this still works.
    let _ = tcp.set_nodelay(true);
    let tls = shared.tls.load_full();
    let accepting = TlsAcceptor::from(tls.config()).accept(tcp);
    let stream = tokio::time::timeout(Duration::from_millis(limits.handshake_ms), accepting)
        .await
        .map_err(|_| reason::TIMEOUT)?
        .map_err(|error| reason::of(&error))?;
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(b"h2") {
        return Err(reason::NOT_H2.into());
    }
    let chain: Arc<[_]> = session.peer_certificates().unwrap_or_default().into();
    let leaf = chain.first().ok_or(reason::OTHER)?;
    let peer = Arc::new(tls.admitted(leaf).map_err(|error| reason::of_tls(&error))?);
    let failed = |reason| Failed {
        reason,
        peer: Some(peer.uri().to_owned()),
    };

    let place = setup
        .connections
        .admit(Arc::clone(&peer), tls.listener(), Arc::clone(&chain))
        .ok_or_else(|| failed(reason::TOO_MANY))?;
    // From here on `end_where` and `recheck` find it. What changed before that is looked at now.
    let now = setup.clock.now();
    if setup.denylist.is_denied(&peer, now) {
        return Err(failed(reason::REVOKED));
    }
    let newest = shared.tls.load_full();
    if !Arc::ptr_eq(&newest, &tls) {
        let again = newest
            .peer(&chain, now)
            .map_err(|error| failed(reason::of_tls(&error)))?;
        // A pin may have moved meanwhile: the caller is to be who it is now, and has to come again.
        if again != *peer {
            return Err(failed(reason::OTHER));
        }
    }
    let valid_ms = u64::try_from(peer.not_after().since(now)).map_err(|_| failed(reason::EXPIRED))?;
    let left = Duration::from_millis(valid_ms.min(limits.age_ms));
    Ok(Conn::new(stream, peer, tls.listener(), remote, place, left))
}
