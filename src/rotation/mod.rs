//! Rotations: which step of a key's life is due, and whether the log and the keyring say the same of it. Pure: time and
//! keys come in, what is to be done goes out; `app` does it, and the keyring's file and the log's entries keep it.
mod log_key;

pub use log_key::{Due, KeyringBehind, due, row, unrecorded};
