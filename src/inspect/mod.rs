//! What the institution's own people see of the log: found, opened, explained, always within the caller's scope, and
//! always an entry itself.
//!
//! `rpc` and the console call the same functions, so neither can show what the other would have refused or not recorded.
//! It refuses to show an entry outside an auditor's scope, and to take a page token for another search.
mod entry;
mod filter;
mod follow;
mod opening;
mod overview;
mod pack;
mod past;
mod periods;
mod report;
mod scope;
mod search;
mod taking;
mod token;
mod words;

pub use crate::audit::ocsf;
pub use entry::{At, GET_ENTRY, Shown, entry};
pub use filter::{period, subject};
pub use follow::{Following, STREAM, Step, refuse};
pub use opening::{Entry, Opener, open};
pub use overview::{OVERVIEW, Overview, Period, overview};
pub use pack::{PACK, PackRequest, pack};
pub use past::{FIND_CHECKPOINT, checkpoint, continuation, head};
pub use periods::Periods;
pub use report::{REPORT_SUBJECT, Report, ReportRequest, report};
pub use scope::Scope;
pub use search::{Conditions, Page, PageRequest, Proofs, SEARCH, search};
pub use taking::{TAKE, Taken, take};
pub use words::{fields, meaning, words};
