//! SIGTERM while a question is under way: it gets its answer, and the log says that the gateway drained.
use super::{
    Site,
    bank::{connect, entries, query},
    site::person,
};
use std::{fs, sync::Arc, time::Duration};
use tollgate::{crypto::SystemRng, wire::v1};

fn journal_bytes(site: &Site) -> u64 {
    fs::read_dir(site.at("data/journal"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum()
}

/// Replies leave at multiples of 100 ms here, so a question that is in the log has its reply still to come.
#[test]
fn a_question_under_way_at_sigterm_is_answered() {
    let site = Site::loaded(3);
    site.edit("gateway.toml", "reply_quantum_ms = 2", "reply_quantum_ms = 100");
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(async {
        let bank = Arc::new(connect(&site, gateway.partners, Arc::new(SystemRng::default())).await);
        bank.open_session(v1::Evidence::Request).await.unwrap();
        // On a busy machine a reply may be out before it is seen to be recorded: then another question is asked.
        let asking = loop {
            let before = journal_bytes(&site);
            let (bank, question) = (Arc::clone(&bank), query(1, &consent, "limit_band@1"));
            let asking = tokio::spawn(async move { bank.query(question).await });
            while journal_bytes(&site) == before && !asking.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if !asking.is_finished() {
                break asking;
            }
        };
        gateway.process.terminate();
        asking.await.unwrap()
    });
    let answer = answer.map_err(|e| e.to_string()).unwrap();
    assert_eq!(answer.answer.signals[0].outcome, v1::SignalOutcome::Band as i32);
    gateway.process.end().ends(0).says(&["draining"]);
    let size = site.verify();
    assert!(answer.receipt.index < size);
    // The last entry is the stop, and it says that nothing was cut off.
    let last = entries(&site).pop().unwrap();
    assert_eq!(last.index, size - 1);
    assert_eq!(
        (last.method.as_str(), last.note.as_str()),
        ("/tollgate.internal/Stop", "drained")
    );
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let site = Site::loaded(3);
    let gateway = site.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bank = runtime.block_on(async {
        let bank = connect(&site, gateway.partners, Arc::new(SystemRng::default())).await;
        bank.open_session(v1::Evidence::Request).await.unwrap();
        bank
    });
    gateway.stop();
    drop(bank);
    assert_eq!(entries(&site).pop().unwrap().note, "drained");
}
