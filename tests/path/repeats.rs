//! The same request twice is one question: the same bytes get the stored answer, under an entry of their own.
use super::{GRANT, QUERY, WITHDRAW};
use crate::support::{
    BANK_A, Caller, Entry, Gateway, Sent, agreed, answered, entries, grant_of, on_shared, question, subject, terms,
};
use std::sync::Arc;
use tollgate::{
    client::Draft,
    crypto::Suite,
    limits::IDEMPOTENCY_MS,
    wire::{Message, v1},
};

fn draft(bank: &Caller, one_shot: bool, row: u64, consent: &[u8]) -> Draft {
    bank.draft(QUERY, one_shot, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    })
}

/// A repeat: the stored answer, nothing read, the first entry named.
fn repeats(entry: &Entry, first: &Entry) {
    assert_eq!(entry.i.note, format!("repeats entry {}", first.index));
    assert!(entry.i.fields_read.is_empty());
    assert_eq!(entry.i.outcomes, first.i.outcomes);
    assert_eq!(entry.x.request_id, first.x.request_id);
    assert_eq!(entry.x.answer_digest, first.x.answer_digest);
}

#[test]
fn the_same_bytes_under_a_new_number_get_the_stored_answer() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 40).await;
        let session = bank.session().await;
        let signed = draft(&bank, false, 40, &consent);
        let first = answered(gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        let second = answered(gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        assert_eq!(first.body.answer, second.body.answer);
        assert!(!first.entry.i.fields_read.is_empty());
        repeats(&second.entry, &first.entry);
        // Each reply has its own receipt.
        assert_ne!(first.body.receipt, second.body.receipt);
        // One-shot, where the reply's secret is in the signed bytes: the same holds.
        let signed = draft(&bank, true, 40, &consent);
        let first = answered(gateway, &bank, bank.seal(QUERY, Suite::X25519, &signed)).await;
        let second = answered(gateway, &bank, bank.seal(QUERY, Suite::XWing, &signed)).await;
        assert_eq!(first.body.answer, second.body.answer);
        repeats(&second.entry, &first.entry);
    });
}

#[test]
fn after_ten_minutes_it_is_asked_anew() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 41).await;
        let session = bank.session().await;
        // Two minutes is as long as a request is fresh: it cannot come back after ten with the same bytes. With the same
        // id and other bytes it is a new request then.
        let id = [0x41; 16].to_vec();
        let ask = || {
            let make = |header| v1::Query {
                header: Some(v1::RequestHeader {
                    request_id: id.clone(),
                    ..header
                }),
                ..question(41, &consent)
            };
            bank.in_session(&session, QUERY, make)
        };
        let first = answered(gateway, &bank, ask()).await;
        gateway.clock.advance_ms(IDEMPOTENCY_MS + 1);
        let second = answered(gateway, &bank, ask()).await;
        assert_eq!(first.entry.i.fields_read, second.entry.i.fields_read);
        assert!(second.entry.i.note.is_empty());
    });
}

#[test]
fn a_repeat_after_a_withdrawal_tells_nothing() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 42).await;
        let session = bank.session().await;
        let signed = draft(&bank, false, 42, &consent);
        answered(gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        let withdrawal = bank.one_shot(WITHDRAW, |header| v1::WithdrawConsent {
            header: Some(header),
            subject: Some(subject(42)),
            consent_id: consent.clone(),
        });
        answered(gateway, &bank, withdrawal).await;
        let again = answered(gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        assert_eq!(again.entry.i.outcomes, ["no_valid_consent"; 4]);
        let answer = v1::Answer::decode(&again.body.answer[..]).unwrap();
        assert!(answer.signals.iter().all(|signal| signal.band.is_empty()));
    });
}

/// Grants are not doubled by a partner that did not hear the first answer.
#[test]
fn a_grant_that_is_sent_again_is_one_grant() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let signed = bank.draft(GRANT, true, |header| v1::GrantConsent {
            header: Some(header),
            ..grant_of(43, terms(BANK_A.id, bank.now()))
        });
        let first = answered(gateway, &bank, bank.seal(GRANT, Suite::X25519, &signed)).await;
        let second = answered(gateway, &bank, bank.seal(GRANT, Suite::X25519, &signed)).await;
        assert_eq!(first.body.answer, second.body.answer);
        assert_eq!(second.entry.i.outcomes, ["repeated"]);
        assert!(second.entry.i.effects_sha256.is_empty() && !first.entry.i.effects_sha256.is_empty());
        let list = bank.one_shot(super::LIST, |header| v1::ListConsents {
            header: Some(header),
            subject: Some(subject(43)),
            ..Default::default()
        });
        let list = answered(gateway, &bank, list).await;
        let states = v1::ConsentStates::decode(&list.body.answer[..]).unwrap();
        assert_eq!(states.consents.len(), 1);
    });
}

#[test]
fn many_at_once_are_one_question() {
    on_shared(async |gateway| {
        let bank = Arc::new(gateway.caller(BANK_A).await);
        let consent = agreed(gateway, 44).await;
        let session = bank.session().await;
        let signed = draft(&bank, false, 44, &consent);
        let sent: Vec<Sent> = (0..12).map(|_| bank.seal_in(&session, QUERY, &signed)).collect();
        let before = gateway.size();
        let mut calls = tokio::task::JoinSet::new();
        for sent in sent {
            let bank = Arc::clone(&bank);
            calls.spawn(async move {
                let (reply, pending) = bank.exchange(sent).await.unwrap();
                pending.open(bank.parties(), &reply).unwrap().answer
            });
        }
        let answers = calls.join_all().await;
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        one_read(gateway, before, answers.len());
    });
}

/// One of these entries read the record, and the others name it.
fn one_read(gateway: &Gateway, before: u64, number: usize) {
    let new = entries(gateway, before);
    assert_eq!(new.len(), number);
    let (first, rest): (Vec<&Entry>, Vec<&Entry>) = new.iter().partition(|e| !e.i.fields_read.is_empty());
    assert_eq!(first.len(), 1, "the record was read more than once");
    for entry in rest {
        repeats(entry, first[0]);
    }
}
