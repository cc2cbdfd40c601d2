//! Tollgate: a privacy-preserving, federated credit-data exchange gateway. Derived signals leave; records never do.
//!
//! # The request path
//!
//! ```text
//! channel      identity   agreement      seal      consent   policy      source   signal    minimise     audit       seal
//! TLS 1.3 ───▶ PeerIdentity ▶ Partner ▶ Opened ──▶ Asked ──┬▶ Permit ──▶ Raw ──▶ Derived ─┬▶ Minimised ▶ Recorded ─▶ Sealed ─▶ reply
//!                              │           │          │    └▶ Withheld ───────────────────┘                ▲
//!                              └───────────┴──────────┴──── Refusal ───────────────────────────────────────┴──▶ status
//! ```
//!
//! Each step takes the proof of the step before by value ([`case`]); [`pipeline`] is the whole path on one screen, and
//! `docs/life-of-a-request.md` walks through it.
//!
//! # Where things are
//!
//! | layer | modules |
//! |---|---|
//! | top | [`cli`], [`app`] |
//! | doors to the network | [`rpc`] (tonic), [`web`] (axum), [`channel`] (rustls), [`client`] |
//! | for staff | [`inspect`]: what officers see of the log; [`evidence`]: documents that prove by themselves |
//! | the path | [`pipeline`]: [`identity`], [`agreement`], [`policy`], [`consent`], [`source`], [`signal`], [`minimise`], [`audit`], [`seal`] |
//! | beside it | [`subject_request`], [`notice`], [`erasure`], [`hold`], [`admin`], [`backup`], [`restored`], [`witness`], [`keyring`], [`rotation`], [`pki`], [`edge`], [`config`], [`document`], [`telemetry`] |
//! | low | [`crypto`] (ring, hpke), [`store`] (sled), [`wire`] (prost) |
//! | words | [`domain`], [`facts`], [`case`], [`refusal`], [`state`], [`person`], [`ustar`], [`limits`], [`clock`] |
//!
//! Arrows point down only; `tests/tidy.rs` holds them. With the feature `client` alone, what is built is what a partner
//! links: [`client`] and what it stands on.

pub mod audit;
pub mod channel;
pub mod client;
pub mod clock;
pub mod crypto;
pub mod domain;
#[cfg(feature = "gateway")]
pub mod facts;
pub mod identity;
pub mod limits;
#[cfg(feature = "gateway")]
pub mod refusal;
pub mod seal;
#[cfg(feature = "gateway")]
pub mod state;
pub mod wire;

#[cfg(feature = "gateway")]
pub mod admin;
#[cfg(feature = "gateway")]
pub mod agreement;
#[cfg(feature = "gateway")]
pub mod app;
#[cfg(feature = "gateway")]
pub mod backup;
#[cfg(feature = "gateway")]
pub mod case;
#[cfg(feature = "gateway")]
pub mod cli;
#[cfg(feature = "gateway")]
pub mod config;
#[cfg(feature = "gateway")]
pub mod consent;
#[cfg(feature = "gateway")]
pub mod document;
#[cfg(feature = "gateway")]
pub mod edge;
#[cfg(feature = "gateway")]
pub mod erasure;
#[cfg(feature = "gateway")]
pub mod evidence;
#[cfg(feature = "gateway")]
pub mod hold;
#[cfg(feature = "gateway")]
pub mod inspect;
#[cfg(feature = "gateway")]
pub mod keyring;
#[cfg(feature = "gateway")]
pub mod minimise;
#[cfg(feature = "gateway")]
pub mod notice;
#[cfg(feature = "gateway")]
pub mod person;
#[cfg(feature = "gateway")]
pub mod pipeline;
#[cfg(feature = "gateway")]
pub mod pki;
#[cfg(feature = "gateway")]
pub mod policy;
#[cfg(feature = "gateway")]
pub mod restored;
#[cfg(feature = "gateway")]
pub mod rotation;
#[cfg(feature = "gateway")]
pub mod rpc;
#[cfg(feature = "gateway")]
pub mod signal;
#[cfg(feature = "gateway")]
pub mod source;
#[cfg(feature = "gateway")]
pub mod store;
#[cfg(feature = "gateway")]
pub mod subject_request;
#[cfg(feature = "gateway")]
pub mod telemetry;
#[cfg(feature = "gateway")]
pub mod ustar;
#[cfg(feature = "gateway")]
pub mod web;
#[cfg(feature = "gateway")]
pub mod witness;
