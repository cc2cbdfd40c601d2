//! The door to tonic on the serving side.
mod connected;
