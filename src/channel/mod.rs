//! The door to rustls: who may connect, and over what.
//!
//! TLS 1.3 only, HTTP/2 only, a client certificate always, checked by the roots of the trust domain that it names and by
//! no others, against lists of revoked certificates that are current. No session is resumed: rustls would take the
//! client's chain from the session and not verify again, so a revoked partner would walk in. What happens inside a
//! connection is not known here; a connection only knows whose it is and whether it was ended.
pub mod client;
mod credential;

#[cfg(feature = "gateway")]
mod acceptor;
#[cfg(feature = "gateway")]
mod conn;
#[cfg(feature = "gateway")]
mod connections;
#[cfg(feature = "gateway")]
mod crl;
#[cfg(feature = "gateway")]
mod denylist;
#[cfg(feature = "gateway")]
mod issuers;
#[cfg(feature = "gateway")]
mod leaf;
#[cfg(feature = "gateway")]
mod reason;
#[cfg(feature = "gateway")]
mod renewal;
#[cfg(feature = "gateway")]
mod server;
#[cfg(feature = "gateway")]
mod trust;
#[cfg(feature = "gateway")]
mod verifier;

pub use credential::{Credential, CredentialError};

#[cfg(feature = "gateway")]
pub use {
    acceptor::{Acceptor, HandshakeEvents, Incoming, Setup, Swap, SwapError},
    conn::{Conn, ConnInfo},
    connections::{Connections, Limits},
    crl::CrlMemory,
    denylist::{Denied, Denylist, DenylistError},
    issuers::SeenIssuers,
    leaf::{LeafError, Validity},
    server::{ListInUse, Listener, ServerTls, server_config},
    trust::{DomainFile, PinFile, Trust, TrustError, TrustFile},
};
