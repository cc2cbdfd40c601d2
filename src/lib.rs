//! Tollgate.
#![cfg_attr(test, allow(clippy::allow_attributes_without_reason))]
pub mod agreement;
pub mod audit;
pub mod case;
pub mod client;
pub mod clock;
pub mod crypto;
pub mod domain;
pub mod facts;
pub mod identity;
#[cfg(feature = "gateway")]
pub mod keyring;
pub mod limits;
pub mod person;
pub mod policy;
pub mod refusal;
pub mod seal;
pub mod state;
#[cfg(feature = "gateway")]
pub mod store;
pub mod wire;
