//! What compliance officers order about one person: who may, what is refused, and what blocked means to everybody else.
use super::{CORRECT, LOAD, QUERY};
use crate::support::{
    Answered, BANK_A, COMPLIANCE, Caller, DAY_MS, Gateway, LENDER, OPERATOR, Place, SECURITY, agreed, answered,
    load_sample, on_shared, person, question, refused, runtime, sample_rows, subject, until,
};
use tollgate::{
    limits::HOLDS_PER_PERSON_MAX,
    refusal::Code,
    state::Table,
    wire::{Message, timestamp, v1},
};

const REQUEST: &str = "/tollgate.v1.PersonsService/RequestErasure";
const STANDS: &str = "/tollgate.v1.PersonsService/GetErasure";
const HOLD: &str = "/tollgate.v1.PersonsService/PlaceHold";
const RELEASE: &str = "/tollgate.v1.PersonsService/ReleaseHold";
const PAGE: &str = "/tollgate.v1.PersonsService/ListErasures";
const RUN: &str = "/tollgate.v1.PersonsService/RunErasures";

fn hold(row: u64, until_ms: Option<i64>) -> v1::PlaceHoldRequest {
    v1::PlaceHoldRequest {
        subject: Some(subject(row)),
        reason: v1::HoldReason::Legal as i32,
        until: until_ms.map(timestamp),
        case_number: "K-2026-7".to_owned(),
    }
}

async fn place_hold(officer: &Caller, asked: v1::PlaceHoldRequest) -> v1::Erasure {
    let told: v1::PlaceHoldResponse = officer.call(HOLD, asked).await.unwrap();
    told.erasure.unwrap()
}

async fn release(officer: &Caller, row: u64, hold_id: u32) -> v1::Erasure {
    let asked = v1::ReleaseHoldRequest {
        subject: Some(subject(row)),
        hold_id,
    };
    let told: v1::ReleaseHoldResponse = officer.call(RELEASE, asked).await.unwrap();
    told.erasure.unwrap()
}

async fn request(officer: &Caller, row: u64) -> v1::Erasure {
    let asked = v1::RequestErasureRequest {
        subject: Some(subject(row)),
    };
    let told: v1::RequestErasureResponse = officer.call(REQUEST, asked).await.unwrap();
    told.erasure.unwrap()
}

async fn page(officer: &Caller, page_size: u32, page_token: &str) -> v1::ListErasuresResponse {
    let asked = v1::ListErasuresRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    officer.call(PAGE, asked).await.unwrap()
}

async fn ask(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8]) -> Answered {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    answered(gateway, bank, sent).await
}

fn answer(answered: &Answered) -> v1::Answer {
    v1::Answer::decode(&answered.body.answer[..]).unwrap()
}

#[test]
fn only_compliance_officers_order() {
    on_shared(async |gateway| {
        for who in [BANK_A, LENDER, SECURITY, OPERATOR] {
            let caller = gateway.caller(who).await;
            for method in [REQUEST, STANDS, HOLD, RELEASE, PAGE, RUN] {
                // All of them begin with the person, or are empty.
                let asked = v1::RequestErasureRequest {
                    subject: (method != PAGE && method != RUN).then(|| subject(60)),
                };
                let call = caller.call::<_, v1::RequestErasureResponse>(method, asked);
                let refused = refused(gateway, &caller, method, call).await;
                assert_eq!(refused.code, Code::MethodNotAllowed, "{} {method}", who.id);
                assert!(refused.entry.i.subject.is_empty());
            }
        }
        assert!(gateway.gate().erasing.register.of(&person(gateway, 60)).is_none());
    });
}

#[test]
fn an_order_that_says_nothing_is_refused() {
    on_shared(async |gateway| {
        let officer = gateway.caller(COMPLIANCE).await;
        let mut malformed = subject(60);
        malformed.value.pop();
        for (subject, code) in [(None, Code::FieldInvalid), (Some(malformed), Code::SubjectMalformed)] {
            let call = officer.call::<_, v1::RequestErasureResponse>(REQUEST, v1::RequestErasureRequest { subject });
            assert_eq!(refused(gateway, &officer, REQUEST, call).await.code, code);
        }
        let past = hold(60, Some(gateway.now().0 - 1));
        let epoch = hold(60, Some(0));
        let no_reason = v1::PlaceHoldRequest {
            reason: 0,
            ..hold(60, None)
        };
        let a_name = v1::PlaceHoldRequest {
            case_number: "Zhang San".to_owned(),
            ..hold(60, None)
        };
        let long = v1::PlaceHoldRequest {
            case_number: "7".repeat(65),
            ..hold(60, None)
        };
        for asked in [past, epoch, no_reason, a_name, long] {
            let call = officer.call::<_, v1::PlaceHoldResponse>(HOLD, asked);
            assert_eq!(refused(gateway, &officer, HOLD, call).await.code, Code::FieldInvalid);
        }
        let unknown = v1::ReleaseHoldRequest {
            subject: Some(subject(60)),
            hold_id: 1,
        };
        let call = officer.call::<_, v1::ReleaseHoldResponse>(RELEASE, unknown);
        assert_eq!(refused(gateway, &officer, RELEASE, call).await.code, Code::FieldInvalid);
        for (page_size, page_token) in [(101, ""), (1, "x"), (1, "00")] {
            let asked = v1::ListErasuresRequest {
                page_size,
                page_token: page_token.to_owned(),
            };
            let call = officer.call::<_, v1::ListErasuresResponse>(PAGE, asked);
            assert_eq!(refused(gateway, &officer, PAGE, call).await.code, Code::FieldInvalid);
        }
    });
}

#[test]
pub(super) fn more_holds_than_are_kept() {
    on_shared(async |gateway| {
        let officer = gateway.caller(COMPLIANCE).await;
        let soon = gateway.now().0 + 1_000;
        let mut ids = Vec::new();
        for number in 0..HOLDS_PER_PERSON_MAX {
            let until = (number == 0).then_some(soon);
            let told = place_hold(&officer, hold(61, until)).await;
            assert_eq!((told.holds.len(), told.status()), (number + 1, v1::ErasureStatus::None));
            let last = told.holds.last().unwrap().clone();
            assert_eq!(
                (last.placed_by.as_str(), last.case_number.as_str()),
                (COMPLIANCE.uri, "K-2026-7")
            );
            ids.push(last.hold_id);
        }
        let call = officer.call::<_, v1::PlaceHoldResponse>(HOLD, hold(61, None));
        let refused = refused(gateway, &officer, HOLD, call).await;
        assert_eq!(refused.code, Code::ErasuresExhausted);
        assert_eq!(refused.entry.i.subject, person(gateway, 61).0);
        // One that has ended makes room, and its number is not given again.
        gateway.clock.advance_ms(1_001);
        let told = place_hold(&officer, hold(61, None)).await;
        let after: Vec<u32> = told.holds.iter().map(|hold| hold.hold_id).collect();
        assert_eq!(after, [ids[1], ids[2], ids[3], ids[3] + 1]);
        // Without a hold, and without a request, nothing is kept of the person here.
        for id in after {
            release(&officer, 61, id).await;
        }
        assert!(gateway.gate().erasing.register.of(&person(gateway, 61)).is_none());
        let rows = gateway.gate().state.rows(Table::Erasure, &[], None, 9);
        assert!(rows.unwrap().is_empty());
    });
}

#[test]
fn who_is_blocked_looks_like_who_has_no_record() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (consent, nobodys) = (
            agreed(&gateway, 5).await,
            agreed(&gateway, crate::support::NOBODY).await,
        );
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        let officer = gateway.caller(COMPLIANCE).await;
        // A hold alone changes nothing for who asks.
        let held = place_hold(&officer, hold(5, Some(gateway.now().0 + DAY_MS))).await;
        assert_eq!(held.status(), v1::ErasureStatus::None);
        let session = bank.session().await;
        let signed = bank.draft(QUERY, false, |header| v1::Query {
            header: Some(header),
            ..question(5, &consent)
        });
        let told = answered(&gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        assert_eq!(told.entry.i.outcomes, ["band"; 4]);
        let asked = request(&officer, 5).await;
        assert_eq!(
            (asked.status(), &asked.erasure_id),
            (v1::ErasureStatus::Blocked, &held.erasure_id)
        );
        assert_eq!(request(&officer, 5).await, asked, "again it tells how it stands");
        // The same bytes again: what was told before is not told again.
        let again = answered(&gateway, &bank, bank.seal_in(&session, QUERY, &signed)).await;
        assert_eq!(again.entry.i.outcomes, ["no_file"; 4]);
        assert_eq!(again.entry.i.note, "the record is blocked");
        assert!(again.entry.i.fields_read.is_empty());
        let blocked = ask(&gateway, &bank, 5, &consent).await;
        let nobody = ask(&gateway, &bank, crate::support::NOBODY, &nobodys).await;
        let (blocked, nobody) = (answer(&blocked), answer(&nobody));
        assert_eq!(blocked.signals, nobody.signals);
        assert_eq!(
            (blocked.fields_read, blocked.fields_withheld),
            (nobody.fields_read, nobody.fields_withheld)
        );
        // Nothing is added either: not by a correction, not by a load, not after a restart.
        let correction = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            // The first row is number 1.
            row: sample_rows(&gateway).into_iter().nth(4),
        });
        let corrected = answered(&gateway, &lender, correction).await;
        assert!(v1::RecordCorrected::decode(&corrected.body.answer[..]).unwrap().blocked);
        assert_eq!(corrected.entry.i.outcomes, ["blocked"]);
        // The hold is over: the record goes, and stays gone.
        gateway.clock.advance_ms(DAY_MS + 1);
        gateway.gate().erasing.wake();
        until("the record is removed", || {
            let standing = gateway.gate().erasing.register.of(&person(&gateway, 5));
            standing.is_some_and(|standing| standing.record.is_some())
        })
        .await;
        let gateway = gateway.restart().await;
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        let session = lender.session().await;
        let chunk = lender.in_session(&session, LOAD, |header| v1::LoadChunk {
            header: Some(header),
            batch_id: "later".to_owned(),
            first_row: 0,
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            rows: sample_rows(&gateway),
            commit: true,
        });
        let loaded = answered(&gateway, &lender, chunk).await;
        let progress = v1::LoadProgress::decode(&loaded.body.answer[..]).unwrap();
        assert_eq!((progress.blocked_rows, progress.visible), (vec![4], true));
        assert!(
            loaded.entry.i.note.ends_with("1 of blocked people left out"),
            "{}",
            loaded.entry.i.note
        );
        let still = ask(&gateway, &bank, 5, &consent).await;
        assert_eq!(still.entry.i.outcomes, ["no_file"; 4]);
        // The vault counts one person less, and the start does not miss them.
        gateway.restart().await.stop().await.verify_log();
    });
}

#[test]
fn erasures_are_listed_in_pages_without_the_person() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = gateway.caller(COMPLIANCE).await;
        let mut ids = Vec::new();
        for row in 0..5 {
            place_hold(&officer, hold(row, None)).await;
            ids.push(request(&officer, row).await.erasure_id);
        }
        ids.sort();
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let told = page(&officer, 2, &token).await;
            assert!(told.erasures.len() <= 2);
            listed.extend(told.erasures.into_iter().map(|erasure| erasure.erasure_id));
            token = told.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, ids);
        assert_eq!(page(&officer, 0, "").await.erasures.len(), 5);
        // They outlive a restart, and so does the hold.
        let gateway = gateway.restart().await;
        let officer = gateway.caller(COMPLIANCE).await;
        let told = page(&officer, 0, "").await;
        assert!(
            told.erasures
                .iter()
                .all(|e| e.status() == v1::ErasureStatus::Blocked && e.holds.len() == 1)
        );
        gateway.stop().await.verify_log();
    });
}
