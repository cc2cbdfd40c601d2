//! Whoever an entry names is named under a key of their own: the first entry makes it, and none is under the period's.
use super::{CORRECT, GET, GRANT, LIST, QUERY, WITHDRAW};
use crate::support::{
    BANK_A, BANK_B, Caller, Gateway, LENDER, Place, Sent, grant_of, load_sample, person, question, runtime,
    sample_rows, subject, terms,
};
use std::sync::Arc;
use tollgate::{audit::open_details, state::Table, wire::v1};

fn ask(bank: &Caller, row: u64, signal: &str) -> Sent {
    bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        signals: vec![signal.to_owned()],
        ..question(row, &[7; 16])
    })
}

fn grant(bank: &Caller, row: u64) -> Sent {
    bank.one_shot(GRANT, |header| v1::GrantConsent {
        header: Some(header),
        ..grant_of(row, terms(bank.who.id, bank.now()))
    })
}

fn look(bank: &Caller, method: &'static str, row: u64) -> Sent {
    match method {
        LIST => bank.one_shot(method, |header| v1::ListConsents {
            header: Some(header),
            subject: Some(subject(row)),
            ..Default::default()
        }),
        // Get and Withdraw have the same fields.
        _ => bank.one_shot(method, |header| v1::GetConsent {
            header: Some(header),
            subject: Some(subject(row)),
            consent_id: vec![7; 16],
        }),
    }
}

fn correction(gateway: &Gateway, lender: &Caller, row: usize) -> Sent {
    lender.one_shot(CORRECT, |header| v1::CorrectRecord {
        header: Some(header),
        catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
        row: sample_rows(gateway).into_iter().nth(row),
    })
}

fn links(gateway: &Gateway) -> usize {
    let rows = gateway.gate().state.rows(Table::SubjectLink, &[], None, 1_000);
    rows.unwrap().len()
}

/// Entries that the period's key opens and that name somebody, and entries that it does not open.
fn under_the_period_key(gateway: &Gateway) -> (usize, usize) {
    let gate = gateway.gate();
    let (mut named, mut others) = (0, 0);
    for index in 0..gateway.size() {
        let entry = gate.log.entry(index).unwrap().unwrap();
        match open_details(&gate.period_key, gate.log.origin(), &entry.leaf, &entry.details) {
            Ok(details) => named += usize::from(!details.i.subject.is_empty()),
            Err(_) => others += 1,
        }
    }
    (named, others)
}

#[test]
fn every_path_names_a_person_under_their_own_key() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        assert_eq!((links(&gateway), under_the_period_key(&gateway)), (0, (0, 0)));
        // Each is the first call about somebody else; then again, by which time the key is there.
        for turn in 0..2 {
            let calls = [
                ask(&bank, 0, "limit_band@1"),
                ask(&bank, 1, "no_such_signal@1"),
                grant(&bank, 2),
                look(&bank, GET, 3),
                look(&bank, LIST, 4),
                look(&bank, WITHDRAW, 5),
                correction(&gateway, &lender, 6),
            ];
            let count = calls.len();
            for (call, sent) in calls.into_iter().enumerate() {
                let by = if sent.method == CORRECT { &lender } else { &bank };
                // Refused or answered: the entry names the person either way.
                drop(by.exchange(sent).await);
                let made = if turn == 0 { call + 1 } else { count };
                assert_eq!(links(&gateway), made, "turn {turn}, call {call}");
                assert_eq!(under_the_period_key(&gateway), (0, turn * count + call + 1));
            }
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
fn many_first_calls_about_one_person_make_one_key() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let banks = [gateway.caller(BANK_A).await, gateway.caller(BANK_B).await].map(Arc::new);
        let before = gateway.size();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..48 {
            let bank = Arc::clone(&banks[number % 2]);
            let sent = match number % 4 {
                0 => ask(&bank, 9, "limit_band@1"),
                1 => look(&bank, GET, 9),
                2 => grant(&bank, 9),
                _ => look(&bank, LIST, 9),
            };
            calls.spawn(async move { bank.exchange(sent).await.is_ok() });
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap();
        }
        assert_eq!(links(&gateway), 1);
        let token = person(&gateway, 9).0;
        let mut own = crate::support::entries(&gateway, before);
        own.retain(|entry| entry.leaf.peer != "gateway");
        assert_eq!(own.len(), 48);
        assert!(own.iter().all(|entry| entry.of_person && entry.i.subject == token));
        gateway.stop().await.verify_log();
    });
}
