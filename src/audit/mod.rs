//! The audit log: durable before the reply, provable after it.
mod recorded;

pub use recorded::{Auditable, Class, Receipt, Recorded};
