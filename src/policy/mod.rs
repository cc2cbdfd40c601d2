//! May this partner have these signals, for this purpose, now?
mod permit;

pub use permit::{Permit, Withheld, Withhold};
