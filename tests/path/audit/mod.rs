//! The log as officers and auditors read it, over the wire: what they see, what they are refused, and that each look is an
//! entry itself.
pub(super) mod archived;
pub(super) mod auditing;
pub(super) mod searching;
mod showing;
pub(super) mod streaming;

use crate::support::{BANK_A, COMPLIANCE, Caller, Entry, Gateway, Place, agreed, answered, question, shown};
use std::time::Duration;
use tollgate::{
    audit::note::VerifierKey,
    wire::{decode_canonical, v1},
};
use tonic::Status;

const SEARCH: &str = "/tollgate.v1.AuditService/Search";
const GET_ENTRY: &str = "/tollgate.v1.AuditService/GetEntry";
const GET_OVERVIEW: &str = "/tollgate.v1.AuditService/GetOverview";
const FIND_CHECKPOINT: &str = "/tollgate.v1.AuditService/FindCheckpoint";
const STREAM: &str = "/tollgate.v1.AuditService/StreamEntries";

/// A search for all that the filter finds, on one page.
fn search_for(filter: v1::EntryFilter) -> v1::SearchRequest {
    v1::SearchRequest {
        filter: Some(filter),
        page_size: 200,
        ..v1::SearchRequest::default()
    }
}

/// A call a little slower than the rate of reads, which these tests are not about: what is over it is an entry of the
/// minute's count, and the shared gateway's entries are counted to the last.
async fn paced<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    tokio::time::sleep(Duration::from_millis(22)).await;
    call.await
}

async fn search(by: &Caller, request: v1::SearchRequest) -> Result<v1::SearchResponse, Status> {
    paced(by.call(SEARCH, request)).await
}

async fn entry(by: &Caller, seq: u64) -> Result<v1::GetEntryResponse, Status> {
    let asked = v1::GetEntryRequest {
        seq,
        language: String::new(),
        period: 0,
    };
    paced(by.call(GET_ENTRY, asked)).await
}

/// An entry of this caller's more.
async fn one_more(by: &Caller) -> v1::GetCheckpointResponse {
    let asked = v1::GetCheckpointRequest {};
    paced(by.call(super::CHECKPOINT, asked)).await.unwrap()
}

/// Numbers of what was found, and the entry of the search.
async fn found(gateway: &Gateway, by: &Caller, filter: v1::EntryFilter) -> (Vec<u64>, Entry) {
    let (page, entry) = shown(gateway, by, SEARCH, search(by, search_for(filter))).await;
    assert_eq!(entry.i.count, page.entries.len() as u64);
    (numbers(&page.entries), entry)
}

fn leaf(summary: &v1::EntrySummary) -> v1::Leaf {
    decode_canonical(&summary.leaf).unwrap()
}

fn numbers(entries: &[v1::EntrySummary]) -> Vec<u64> {
    entries.iter().map(|e| leaf(e).seq).collect()
}

fn log_key(place: &Place) -> VerifierKey {
    VerifierKey::parse(place.site().log_verifier_key()).unwrap()
}

/// Bank A's question about this person, answered with bands; gives its consent and its entry.
async fn asked_about(gateway: &Gateway, row: u64) -> (Vec<u8>, Entry) {
    let bank = gateway.caller(BANK_A).await;
    let consent = agreed(gateway, row).await;
    let sent = bank.one_shot(super::QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, &consent)
    });
    (consent, answered(gateway, &bank, sent).await.entry)
}

/// The officer.
async fn officer(gateway: &Gateway) -> Caller {
    gateway.caller(COMPLIANCE).await
}
