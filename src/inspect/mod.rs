//! What the institution's own people see of the log: found, opened, explained, always within the caller's scope, and
//! always an entry itself.
//!
//! `rpc` and the console call the same functions, so neither can show what the other would have refused or not recorded.
//! It refuses to show an entry outside an auditor's scope, and to take a page token for another search.
mod follow;
mod opening;
mod overview;
mod reading;
mod scope;
mod search;
mod token;
mod words;

pub use follow::{EXPORT, FOLLOW, Follower, Taken, follow, take};
pub use opening::{Entry, open};
pub use overview::{OVERVIEW, Overview, Period, overview};
pub use reading::{GET_ENTRY, Proven, continuation, entry, head};
pub use scope::Scope;
pub use search::{Conditions, Page, PageRequest, SEARCH, search};
pub use words::{fields, words};
