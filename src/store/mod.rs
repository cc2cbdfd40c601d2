//! The data directory and the door to sled.
//!
//! sled answers questions; it is not what makes an entry durable. The journal is, and everything in here that belongs
//! to the log can be thrown away and built again from it.
mod dir;
mod fence;
mod index;
mod log;
pub mod vault;

pub use dir::{DataDir, DataDirError};
pub(crate) use dir::{replace_file, sync_dir};
pub(crate) use log::{LogStore, StoreError};
