//! Partners and their cooperation agreements.
mod member;

pub use member::{Member, Partner, Role, SigningKey};
