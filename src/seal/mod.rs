//! Sealing: opens requests, seals replies. A reply can be sealed only once its entry is recorded.
mod opened;
pub mod payload;

pub use opened::{Opened, ReplyKeys};
