//! Sealing: opens requests, seals replies, byte for byte as `docs/protocol.md` says.
//!
//! It refuses to reply to anything that is not recorded: [`seal`] and [`seal_accept`] take `Recorded` values only. It never
//! says why an envelope does not open. It reads no clock and no file; time and randomness are passed in.
//! [`frame`], [`padding`] and [`signed`] are the rules that both ends share; the rest is the gateway's end.
pub mod frame;
pub mod padding;
pub mod signed;

#[cfg(feature = "gateway")]
mod envelope;
#[cfg(feature = "gateway")]
mod offer;
#[cfg(feature = "gateway")]
mod open;
#[cfg(feature = "gateway")]
mod opened;
#[cfg(feature = "gateway")]
pub mod payload;
#[cfg(feature = "gateway")]
mod reply;
#[cfg(feature = "gateway")]
mod sessions;
#[cfg(feature = "gateway")]
mod window;

#[cfg(feature = "gateway")]
pub use {
    envelope::{Envelope, Malformed},
    offer::{OpenSession, SessionAccepted, SessionOffer, open_session, seal_accept},
    open::{Limiter, Opener, open},
    opened::{Opened, RequestKey},
    payload::{Header, Payload, PayloadError},
    reply::{Answered, Outgoing, ReplyKeys, Sealed, seal},
    sessions::Sessions,
};

#[cfg(all(test, feature = "gateway"))]
pub(crate) mod testing;
#[cfg(all(test, feature = "gateway"))]
mod tests;
#[cfg(all(test, feature = "gateway"))]
mod vectors;
