//! What a partner links: connect, fetch the keys, open a session, ask, and believe nothing that is not proven.
//!
//! It refuses an answer whose receipt does not hold, a key list that is old or foreign, and a gateway whose log forgets.
//! It never falls back to another suite, never keeps a session outside memory, and never prints a secret.
//! Every rule is in `docs/protocol.md`.
mod admin;
mod call;
mod case_list;
mod confirm;
mod connection;
mod continuity;
mod error;
mod key_list;
mod load;
mod log_holds;
mod log_view;
mod notices;
mod persons;
mod receipt;
mod sealing;
mod session;
mod staff;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated"
)]
mod stubs {
    include!("gen/tollgate.v1.rs");
}

pub use admin::{AdminClient, Suspended};
pub use case_list::CaseList;
pub use confirm::terms_sha256;
pub use connection::{Client, Partnership};
pub use error::{ClientError, Conflict, KeyListError, LogError, ReceiptError};
pub use key_list::{ExchangeKey, KeyList, Pinned, SerialMemory};
pub use load::Loading;
pub use log_holds::LogHolds;
pub use log_view::Head;
pub use receipt::{CheckedReceipt, Expected, Verified, check};
pub use sealing::{Draft, PendingReply, open_body, seal_one_shot};
pub use session::{Opening, Session};
pub use staff::{Entries, Hit, Hits, ShownEntry, Staff, Streamed};

#[cfg(all(test, feature = "gateway"))]
mod tests;
