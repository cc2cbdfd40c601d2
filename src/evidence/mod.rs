//! Documents that prove by themselves: what they look like, and what anybody with the log's key can check of them.
//!
//! A document leaves with an entry that commits to its SHA-256; nothing else signs it. Everything here works on bytes and
//! the verifier key: no gateway, no store, no clock. It refuses what it does not read completely, and a document whose
//! printed words are not those of what was proven.
pub mod html;
mod letter;
pub mod pack;
mod page;
mod proof;
mod report;
mod ustar;

pub use letter::verify_letter;
pub use page::{Page, is_page, page, verify_page};
pub use proof::{DocumentProof, EvidenceError, Proven};
pub use report::{
    ConsentEvent, Consented, FORMAT as REPORT_FORMAT, Line, LineProof, Looked, LookedThrough, Named, Reason,
    SubjectReport, Told, verify_lines, verify_report,
};
