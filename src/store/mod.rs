//! The door to sled.
pub mod vault;
