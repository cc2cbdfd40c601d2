//! Tollgate.
#![cfg_attr(test, allow(clippy::allow_attributes_without_reason))]
pub mod agreement;
pub mod audit;
pub mod case;
pub mod channel;
pub mod clock;
pub mod crypto;
pub mod domain;
pub mod facts;
pub mod identity;
pub mod limits;
pub mod person;
#[cfg(feature = "gateway")]
pub mod pki;
pub mod policy;
pub mod refusal;
#[cfg(feature = "gateway")]
pub mod rpc;
pub mod seal;
pub mod state;
pub mod wire;
