//! Corrections reach whoever was answered before: who is told, of what, and what each sees.
use super::{CORRECT, QUERY};
use crate::support::{
    BANK_A, BANK_B, Caller, Gateway, LENDER, Place, agreed, answered, confirm, entries, granted, lib_client,
    load_sample, no_entry_since, on_shared, person, question, refused, runtime, sample_rows, terms,
};
use tollgate::{
    clock::Time,
    crypto::Suite,
    notice, person as people,
    refusal::Code,
    wire::{Message, v1},
};

pub(super) const LIST_NOTICES: &str = "/tollgate.v1.NoticeService/ListNotices";
pub(super) const ACKNOWLEDGE: &str = "/tollgate.v1.NoticeService/AcknowledgeNotices";

async fn ask(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8], agreement: &str) -> Vec<u8> {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        agreement_id: agreement.to_owned(),
        ..question(row, consent)
    });
    answered(gateway, bank, sent).await.entry.x.request_id
}

/// Client `row` of the sample, corrected: never late. Gives what the provider is told, and the entry.
async fn correct(gateway: &Gateway, lender: &Caller, row: usize) -> (v1::RecordCorrected, crate::support::Entry) {
    let mut better = sample_rows(gateway)[row - 1].clone();
    better.values[1].numbers = vec![0; 6];
    let sent = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
        header: Some(header),
        catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
        row: Some(better),
    });
    let done = answered(gateway, lender, sent).await;
    (v1::RecordCorrected::decode(&done.body.answer[..]).unwrap(), done.entry)
}

async fn of_bank_b(gateway: &Gateway, row: u64) -> Vec<u8> {
    let bank = lib_client(gateway, BANK_B, Suite::X25519).await;
    let lender = lib_client(gateway, LENDER, Suite::X25519).await;
    let consent = granted(&bank, row, terms(BANK_B.id, gateway.now())).await;
    confirm(&lender, row, &consent).await;
    consent
}

#[test]
fn each_recipient_is_told_of_its_own_answers() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (a, b, lender) = (
            gateway.caller(BANK_A).await,
            gateway.caller(BANK_B).await,
            gateway.caller(LENDER).await,
        );
        let (of_a, of_b) = (agreed(&gateway, 2).await, of_bank_b(&gateway, 2).await);
        // A question without an answer, and one about somebody else, are nobody's concern.
        ask(&gateway, &a, 2, &[7; 16], "bank-a-2026").await;
        let other = agreed(&gateway, 3).await;
        ask(&gateway, &a, 3, &other, "bank-a-2026").await;
        let asked_by_a = [
            ask(&gateway, &a, 2, &of_a, "bank-a-2026").await,
            ask(&gateway, &a, 2, &of_a, "wide").await,
        ];
        let asked_by_b = ask(&gateway, &b, 2, &of_b, "wide-b").await;
        let before = gateway.size();
        let (told, entry) = correct(&gateway, &lender, 2).await;
        assert_eq!((told.recipients, told.answers), (2, 3));
        let written = entries(&gateway, before);
        let written: Vec<_> = written.iter().filter(|e| e.i.outcomes == ["recipient-told"]).collect();
        assert_eq!(written.len(), 2);
        for entry in &written {
            assert!(entry.of_person && entry.leaf.partner.is_empty());
            assert_eq!(entry.leaf.class(), v1::EntryClass::Sealed);
            assert!(!entry.i.answer.is_empty() && entry.i.count > 0);
        }
        assert!(
            written[0].i.note.starts_with("notice to bank-a of answers TG-"),
            "{}",
            written[0].i.note
        );
        let said = format!(
            "; 2 recipients of 3 answers are told by the entries {} to {}",
            written[0].index, written[1].index
        );
        assert!(entry.i.note.ends_with(&said), "{}", entry.i.note);

        // It holds over a restart.
        let gateway = gateway.restart().await;
        let bank = lib_client(&gateway, BANK_A, Suite::X25519).await;
        let notices = bank.notices().await.unwrap();
        assert_eq!(notices.len(), 1);
        let mut named: Vec<_> = notices[0].answers.iter().map(|a| a.request_id.clone()).collect();
        named.reverse();
        assert_eq!(named, asked_by_a, "newest first");
        assert!(
            notices[0]
                .answers
                .iter()
                .all(|a| a.signals.contains(&"worst_overdue_6m@1".to_owned()))
        );
        let other = lib_client(&gateway, BANK_B, Suite::X25519).await;
        let theirs = other.notices().await.unwrap();
        assert_eq!(theirs[0].answers[0].request_id, asked_by_b);
        // Nobody acknowledges for another.
        assert_eq!(other.acknowledge(&notices).await.unwrap(), 0);
        assert_eq!(bank.notices().await.unwrap().len(), 1);
        assert_eq!(bank.acknowledge(&notices).await.unwrap(), 1);
        assert_eq!(bank.acknowledge(&notices).await.unwrap(), 0);
        assert!(bank.notices().await.unwrap().is_empty());
        assert_eq!(other.notices().await.unwrap().len(), 1);
        gateway.stop().await.verify_log();
    });
}

#[test]
fn nobody_is_told_of_what_nobody_relies_on() {
    on_shared(async |gateway| {
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        // Nobody knows this person.
        let (told, entry) = correct(gateway, &lender, 50).await;
        assert_eq!((told.recipients, told.answers), (0, 0));
        assert!(entry.i.note.ends_with("; nobody relies on an earlier answer"));
        // An answer is relied on for 30 days, to the millisecond.
        let consent = agreed(gateway, 51).await;
        ask(gateway, &bank, 51, &consent, "bank-a-2026").await;
        let gate = gateway.gate();
        let token = person(gateway, 51);
        let link = people::load(&*gate.state, &gate.person_keys.epochs, &token)
            .unwrap()
            .unwrap();
        let answers = |from: Time, now: Time| {
            let mut looking = notice::Looking::default();
            let asked = notice::Answers {
                token: &token,
                key: &link.details(),
                from,
                now,
            };
            // This log continues none.
            assert!(!looking.look(&gate.log, &asked).unwrap());
            looking.found
        };
        let at = |now: Time| answers(Time(0), now);
        let answered = at(gateway.now()).answers.into_values().next().unwrap().remove(0);
        assert_eq!(at(answered.valid_until.plus_ms(-1)).count(), 1);
        assert_eq!(at(answered.valid_until).count(), 0);
        assert_eq!(answers(gateway.now().plus_ms(1), gateway.now()).count(), 0);
    });
}

#[test]
fn ids_that_are_none_are_refused() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        for ids in [vec![], vec![vec![1; 26]; 17], vec![vec![1; 25]], vec![vec![]]] {
            let sent = bank.one_shot(ACKNOWLEDGE, |header| v1::AcknowledgeNotices {
                header: Some(header),
                notice_ids: ids,
            });
            let refused = refused(gateway, &bank, ACKNOWLEDGE, bank.exchange(sent)).await;
            assert_eq!(refused.code, Code::FieldInvalid);
        }
        let sent = bank.one_shot(LIST_NOTICES, |header| v1::ListNotices {
            header: Some(header),
            page_token: vec![1; 3],
        });
        let refused = refused(gateway, &bank, LIST_NOTICES, bank.exchange(sent)).await;
        assert_eq!(refused.code, Code::FieldInvalid);
        // One that is not there is acknowledged as nothing; both calls are entries.
        let before = gateway.size();
        let sent = bank.one_shot(ACKNOWLEDGE, |header| v1::AcknowledgeNotices {
            header: Some(header),
            notice_ids: vec![vec![9; 26]],
        });
        let done = answered(gateway, &bank, sent).await;
        assert_eq!(
            v1::NoticesAcknowledged::decode(&done.body.answer[..])
                .unwrap()
                .acknowledged,
            0
        );
        assert_eq!(done.entry.leaf.kind(), v1::EntryKind::Records);
        let sent = bank.one_shot(LIST_NOTICES, |header| v1::ListNotices {
            header: Some(header),
            page_token: vec![9; 26],
        });
        let done = answered(gateway, &bank, sent).await;
        assert_eq!((done.entry.leaf.kind(), done.entry.i.count), (v1::EntryKind::Read, 0));
        assert_eq!(gateway.size(), before + 2);
        no_entry_since(gateway, gateway.size());
    });
}
