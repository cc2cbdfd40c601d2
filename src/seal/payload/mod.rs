//! What may be inside an envelope, one type per method.
mod question;

pub use question::Question;
