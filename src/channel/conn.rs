//! One accepted connection: whose it is, and an end that can come from outside.
use super::{connections::Place, denylist::Denylist, server::Listener};
use crate::{clock::Time, identity::PeerIdentity, refusal::Code};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What every call on a connection can know of it. Cheap to clone.
#[derive(Clone)]
pub struct ConnInfo {
    peer: Arc<PeerIdentity>,
    listener: Listener,
    remote: SocketAddr,
    ended: CancellationToken,
}

impl ConnInfo {
    /// Who is at the other end, read once when the connection was accepted.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }
    /// Who calls, at `now`: asked anew for each call, because certificates are revoked and expire while connections live.
    pub fn caller(&self, denylist: &Denylist, now: Time) -> Result<&PeerIdentity, Code> {
        if self.ended() {
            return Err(Code::PeerRevoked);
        }
        denylist.check(&self.peer, now)?;
        Ok(&self.peer)
    }
    /// Which listener took it.
    pub fn listener(&self) -> Listener {
        self.listener
    }
    /// The other end's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
    /// Whether it was ended, by either side or from outside: nothing more is answered on it.
    pub fn ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}

/// A TLS connection with a verified peer. Reads and writes fail once it is ended or has reached its age.
pub struct Conn {
    tls: TlsStream<TcpStream>,
    info: ConnInfo,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    age: Pin<Box<Sleep>>,
    over: bool,
    _place: Place,
}

impl Conn {
    /// `left`: time until the connection is cut.
    pub(super) fn new(
        tls: TlsStream<TcpStream>,
        peer: Arc<PeerIdentity>,
        listener: Listener,
        remote: SocketAddr,
        place: Place,
        left: Duration,
    ) -> Self {
        let ended = place.kill_token();
        Self {
            tls,
            killed: Box::pin(ended.clone().cancelled_owned()),
            age: Box::pin(tokio::time::sleep(left)),
            over: false,
            info: ConnInfo {
                peer,
                listener,
                remote,
                ended,
            },
            _place: place,
        }
    }

    /// What calls on it can know.
    pub fn info(&self) -> &ConnInfo {
        &self.info
    }

    /// Registers for the end, so that it wakes a connection on which nothing happens.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.over =
            self.over || self.killed.as_mut().poll(context).is_ready() || self.age.as_mut().poll(context).is_ready();
        self.over
    }
}

fn over() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was ended")
}

impl AsyncRead for Conn {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.tls).poll_read(context, into)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.over || self.info.ended() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.tls).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.over || self.info.ended() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.tls).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.over || self.info.ended() {
            return Poll::Ready(Err(over()));
        }
        Pin::new(&mut self.tls).poll_write_vectored(context, slices)
    }
}
