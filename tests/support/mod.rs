//! A real gateway in this process, and those who call it: real keys and certificates, TLS on loopback, log and vault in a
//! temporary folder. Nothing stands in for a part.
mod caller;
mod client;
mod gateway;
mod ledger;
mod outcome;
mod people;
mod place;
mod shared;

pub(crate) use caller::{Caller, Sent, session_of};
pub(crate) use client::{agreed, confirm, granted, lib_client, load_sample, sample_rows};
pub(crate) use gateway::Gateway;
pub(crate) use ledger::{Entry, entries};
pub(crate) use outcome::{
    Answered, Refused, answered, counted, no_entry_since, reason_of, refused, shown, status_of, turned_away,
};
pub(crate) use people::{AGREEMENT, NOBODY, SAMPLE_ROWS, SIGNALS, grant_of, person, question, subject, terms};
pub(crate) use place::{Place, swapped};
pub(crate) use shared::on_shared;

use std::time::Duration;

/// One of those who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    /// Id in the register.
    pub(crate) id: &'static str,
    /// Folder of certificate and keys.
    pub(crate) place: &'static str,
    pub(crate) uri: &'static str,
    /// Connects to the staff listener.
    pub(crate) staff: bool,
}

const fn member(id: &'static str, place: &'static str, uri: &'static str, staff: bool) -> Who {
    Who { id, place, uri, staff }
}

pub(crate) const BANK_A: Who = member(
    "bank-a",
    "partners/bank-a",
    "spiffe://bank-a.example/partner/bank-a",
    false,
);
pub(crate) const BANK_B: Who = member(
    "bank-b",
    "partners/bank-b",
    "spiffe://bank-b.example/partner/bank-b",
    false,
);
pub(crate) const LENDER: Who = member(
    "lender",
    "provider/lender",
    "spiffe://tollgate.example/provider/lender",
    false,
);
pub(crate) const COMPLIANCE: Who = member(
    "compliance",
    "staff/compliance",
    "spiffe://tollgate.example/compliance/officer",
    true,
);
pub(crate) const AUDITOR: Who = member(
    "auditor",
    "staff/auditor",
    "spiffe://tollgate.example/auditor/officer",
    true,
);
pub(crate) const SECURITY: Who = member(
    "security",
    "staff/security",
    "spiffe://tollgate.example/security/officer",
    true,
);
/// Another person of the same role.
pub(crate) const DEPUTY: Who = member(
    "security-deputy",
    "staff/security-deputy",
    "spiffe://tollgate.example/security/deputy",
    true,
);
pub(crate) const OPERATOR: Who = member(
    "operator",
    "staff/operator",
    "spiffe://tollgate.example/operator/officer",
    true,
);

pub(crate) const DAY_MS: i64 = 86_400_000;
/// Waiting for something that must happen. Never slept through when it does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `it` holds.
pub(crate) async fn until(what: &str, mut it: impl FnMut() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !it() {
        assert!(tokio::time::Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A runtime as the program has one.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A test that cannot run on this machine: said, and a failure where everything must run.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("TOLLGATE_REQUIRE_ALL").is_none(), "cannot run: {why}");
    eprintln!("skipped: {why}");
}
