//! HTTP over the gateway's own channel, for what is not gRPC: the only importer of axum and hyper.
//!
//! A router is served over connections that know their peer, under the same bounds as the gRPC services. A handler finds
//! [`PeerIdentity`](crate::identity::PeerIdentity) and [`ConnInfo`](crate::channel::ConnInfo) in the request's extensions;
//! a caller whose certificate was revoked or has expired never reaches it. HTTP/2 only, as everywhere.
mod ask;
mod console;
mod reply;
mod route;
mod serve;

pub use ask::{Answer, Server};
pub use axum::{Router, response::Response};
pub use console::{Console, ConsoleParts, VerifierKeys, WitnessRow, WitnessRows, console};
pub use reply::{counted, not_recorded, refused};
pub use route::{post, text};
pub use serve::{Door, serve};
