//! The case list: clocks, owners, letters that the log proves, and a dispute that travels with every band.
use crate::support::{
    BANK_A, COMPLIANCE, Caller, DAY_MS, Entry, Gateway, Place, SECURITY, Who, agreed, answered, entries, lib_client,
    load_sample, person, question, runtime, subject, until,
};
use tollgate::{
    audit::note::VerifierKey,
    client::{CaseList, ClientError},
    crypto::{Suite, sha256},
    domain::Method,
    erasure::Stage,
    evidence::{DocumentProof, EvidenceError, verify_letter},
    limits::SUBJECT_REQUESTS_PER_PERSON_MAX,
    pipeline::subject_requests::{ASSIGN, CLOSE, GET, LETTER, LIST, OPEN},
    refusal::Code,
    subject_request::{Kind, Outcome, State},
    wire::{Message, timestamp, v1},
};

async fn case_list(gateway: &Gateway, who: Who) -> CaseList {
    let connector = gateway.connector(&gateway.place.credential(who));
    CaseList::connect(gateway.address(true), connector).await.unwrap()
}

fn asking(row: u64, kind: Kind) -> v1::OpenSubjectRequestRequest {
    v1::OpenSubjectRequestRequest {
        subject: Some(subject(row)),
        kind: kind.number() as i32,
        contact: "1 Example Road".to_owned(),
        text: "this is not my debt".to_owned(),
        ..Default::default()
    }
}

fn closing(id: &[u8], outcome: Outcome, reason: &str) -> v1::CloseSubjectRequestRequest {
    v1::CloseSubjectRequestRequest {
        id: id.to_vec(),
        outcome: outcome.number() as i32,
        reason: reason.to_owned(),
    }
}

/// The letter with the number of its entry, if the log stands behind it.
fn believed(
    gateway: &Gateway,
    letter: v1::WriteSubjectLetterResponse,
) -> Result<(v1::WriteSubjectLetterResponse, u64), EvidenceError> {
    let key = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
    let proof = DocumentProof::from_wire(letter.proof.clone().unwrap_or_default())?;
    let proven = verify_letter(&letter.document, &proof, &key)?;
    Ok((letter, proven.leaf.seq))
}

fn letter(id: &[u8], language: &str) -> v1::WriteSubjectLetterRequest {
    v1::WriteSubjectLetterRequest {
        id: id.to_vec(),
        language: language.to_owned(),
        html: false,
    }
}

fn get(id: &[u8]) -> v1::GetSubjectRequestRequest {
    v1::GetSubjectRequestRequest { id: id.to_vec() }
}

/// The newest entry of this method.
fn last(gateway: &Gateway, method: Method) -> Entry {
    let mut all = entries(gateway, 0);
    all.retain(|e| e.leaf.method == method.path());
    all.pop().unwrap()
}

/// Reply and entry of a refusal.
async fn refused<T>(
    gateway: &Gateway,
    who: Who,
    method: Method,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Code {
    let before = gateway.size();
    let Err(ClientError::Refused {
        code,
        message,
        reference,
    }) = call.await
    else {
        panic!("`{}` was not refused", method.path())
    };
    let code = *Code::ALL.iter().find(|c| c.name() == code).unwrap();
    assert_eq!(message, code.message());
    let mut new = entries(gateway, before);
    new.retain(|e| e.leaf.peer != "gateway");
    assert_eq!(new.len(), 1, "{new:?}");
    let entry = &new[0];
    assert_eq!(
        (entry.leaf.class(), entry.leaf.refusal.as_str()),
        (v1::EntryClass::Refused, code.name())
    );
    assert_eq!(
        (entry.leaf.peer.as_str(), entry.leaf.method.as_str()),
        (who.uri, method.path())
    );
    assert_eq!(
        (&entry.x.reference, entry.i.outcomes.as_slice()),
        (&reference, &[code.name().to_owned()][..])
    );
    assert!(entry.i.effects_sha256.is_empty(), "nothing changed");
    code
}

async fn answer(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8]) -> v1::Answer {
    let sent = bank.one_shot(super::QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    v1::Answer::decode(answered(gateway, bank, sent).await.body.answer.as_slice()).unwrap()
}

#[test]
fn a_dispute_travels_with_every_band_until_it_is_closed() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (consent, other) = (agreed(&gateway, 3).await, agreed(&gateway, 4).await);
        let bank = gateway.caller(BANK_A).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        assert!(!answer(&gateway, &bank, 3, &consent).await.disputed);
        // The same question is answered again as it was, as long as nothing changes.
        let client = lib_client(&gateway, BANK_A, Suite::X25519).await;
        let told = client.query(question(3, &consent)).await.unwrap().answer;
        assert!(!told.disputed);

        let opened = officer.open(asking(3, Kind::Dispute)).await.unwrap().request.unwrap();
        let marked = answer(&gateway, &bank, 3, &consent).await;
        assert!(marked.disputed && marked.signals.iter().any(|s| !s.band.is_empty()));
        // Nobody else's, and nothing where no band is told.
        assert!(!answer(&gateway, &bank, 4, &other).await.disputed);
        assert!(!answer(&gateway, &bank, 3, &[7; 16]).await.disputed);
        // A correction is no dispute.
        officer.open(asking(4, Kind::Correction)).await.unwrap();
        assert!(!answer(&gateway, &bank, 4, &other).await.disputed);
        // It holds over a restart.
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        assert!(answer(&gateway, &bank, 3, &consent).await.disputed);

        let closed = officer
            .close(closing(&opened.id, Outcome::Fulfilled, ""))
            .await
            .unwrap();
        assert_eq!(closed.request.unwrap().state(), v1::SubjectRequestState::Closed);
        assert!(!answer(&gateway, &bank, 3, &consent).await.disputed);
        gateway.stop().await.verify_log();
    });
}

fn stage(gateway: &Gateway, row: u64) -> Stage {
    let standing = gateway.gate().erasing.register.of(&person(gateway, row));
    standing.map_or(Stage::Free, |standing| standing.stage())
}

#[test]
fn a_dispute_holds_an_erasure_until_the_last_one_is_closed() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let mut open = Vec::new();
        for _ in 0..2 {
            open.push(officer.open(asking(3, Kind::Dispute)).await.unwrap().request.unwrap());
        }
        // A deletion orders nothing before an officer grants it; then it is an effect of the same entry.
        let asked = officer.open(asking(3, Kind::Deletion)).await.unwrap().request.unwrap();
        assert_eq!(stage(&gateway, 3), Stage::Free, "a dispute blocks nothing");
        officer.close(closing(&asked.id, Outcome::Fulfilled, "")).await.unwrap();
        let entry = last(&gateway, CLOSE.method);
        assert_eq!(entry.i.subject, person(&gateway, 3).0);
        assert_eq!(stage(&gateway, 3), Stage::Blocked);
        // It is as durable as the entry, and the officer is told what holds it.
        let gateway = gateway.restart().await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let told = crate::erasure::stands(&gateway.caller(COMPLIANCE).await, 3).await;
        assert_eq!(told.status(), v1::ErasureStatus::Blocked);
        assert_eq!(told.holds.len(), 1);
        assert_eq!(
            (told.holds[0].hold_id, told.holds[0].reason()),
            (0, v1::HoldReason::Dispute)
        );
        // The oldest; of two in one millisecond either.
        let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert!(open.iter().any(|one| hex(&one.id) == told.holds[0].case_number));
        // Each of these wakes what erases; a later person is erased while this one stays.
        officer
            .close(closing(&open[0].id, Outcome::Refused, "it stands"))
            .await
            .unwrap();
        let other = officer.open(asking(4, Kind::Deletion)).await.unwrap().request.unwrap();
        officer.close(closing(&other.id, Outcome::Fulfilled, "")).await.unwrap();
        until("who disputes nothing is removed", || {
            stage(&gateway, 4) == Stage::RecordRemoved
        })
        .await;
        assert_eq!(stage(&gateway, 3), Stage::Blocked, "another dispute is open");
        officer
            .close(closing(&open[1].id, Outcome::Withdrawn, ""))
            .await
            .unwrap();
        until("nothing holds it", || stage(&gateway, 3) == Stage::RecordRemoved).await;
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_deletion_that_is_refused_erases_nothing() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        for (outcome, reason) in [
            (Outcome::Refused, "a duty runs"),
            (Outcome::Withdrawn, ""),
            (Outcome::Partly, "some"),
        ] {
            let asked = officer.open(asking(3, Kind::Deletion)).await.unwrap().request.unwrap();
            officer.close(closing(&asked.id, outcome, reason)).await.unwrap();
            assert_eq!(stage(&gateway, 3), Stage::Free, "{outcome:?}");
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_repeated_question_is_answered_afresh_once_a_dispute_began() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let consent = agreed(&gateway, 3).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let signed = bank.draft(super::QUERY, false, |header| v1::Query {
            header: Some(header),
            ..question(3, &consent)
        });
        let read = |answered: Entry| v1::Answer::decode(answered.i.answer.as_slice()).unwrap();
        let first = read(
            answered(&gateway, &bank, bank.seal_in(&session, super::QUERY, &signed))
                .await
                .entry,
        );
        let officer = case_list(&gateway, COMPLIANCE).await;
        officer.open(asking(3, Kind::Dispute)).await.unwrap();
        let second = read(
            answered(&gateway, &bank, bank.seal_in(&session, super::QUERY, &signed))
                .await
                .entry,
        );
        assert_eq!((first.disputed, second.disputed), (false, true));
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_request_has_a_clock_an_owner_and_letters_that_the_log_proves() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let received = gateway.now().plus_ms(-18 * DAY_MS);
        let request = v1::OpenSubjectRequestRequest {
            received_at: Some(timestamp(received.0)),
            ..asking(3, Kind::Dispute)
        };
        let case = officer.open(request).await.unwrap().request.unwrap();
        assert_eq!(case.owner, "compliance");
        assert_eq!(case.due_at, Some(timestamp(received.plus_ms(20 * DAY_MS).0)));
        // The entry names the person under the person's own key only.
        let entry = last(&gateway, OPEN.method);
        assert!(entry.of_person);
        assert_eq!(entry.leaf.kind(), v1::EntryKind::SubjectRequest);
        assert_eq!(entry.i.subject, person(&gateway, 3).0);
        assert!(
            !entry.i.note.contains("Road") && !entry.i.note.contains("debt"),
            "{}",
            entry.i.note
        );

        let later = officer.open(asking(5, Kind::Access)).await.unwrap().request.unwrap();
        let page = |token: &str, overdue| v1::ListSubjectRequestsRequest {
            page_size: 1,
            page_token: token.to_owned(),
            overdue,
            ..Default::default()
        };
        let first = officer.list(page("", false)).await.unwrap();
        assert_eq!((first.requests[0].id.as_slice(), first.open_total), (&case.id[..], 2));
        let second = officer.list(page(&first.next_page_token, false)).await.unwrap();
        assert_eq!(
            (&second.requests[0].id, second.next_page_token.as_str()),
            (&later.id, "")
        );

        let wait = v1::AssignSubjectRequestRequest {
            id: case.id.clone(),
            owner: String::new(),
            state: State::Waiting.number() as i32,
        };
        assert_eq!(
            officer.assign(wait).await.unwrap().request.unwrap().state(),
            v1::SubjectRequestState::Waiting
        );

        let (written, index) = believed(&gateway, officer.write(letter(&case.id, "en")).await.unwrap()).unwrap();
        assert_eq!(written.kind(), v1::SubjectLetterKind::Receipt);
        let text = String::from_utf8(written.document.clone()).unwrap();
        assert!(
            text.contains("1 Example Road") && text.contains(&case.reference),
            "{text}"
        );
        let entry = last(&gateway, LETTER.method);
        assert_eq!(
            (entry.index, entry.x.answer_digest.as_slice()),
            (index, &sha256(&written.document)[..])
        );
        // The clock went on while it waited.
        gateway.clock.advance_ms(2 * DAY_MS + 1);
        let officer = case_list(&gateway, COMPLIANCE).await;
        let late = officer.list(page("", true)).await.unwrap();
        assert_eq!(
            (late.requests.len(), late.overdue_total, &late.requests[0].id),
            (1, 1, &case.id)
        );
        let (delayed, _) = believed(&gateway, officer.write(letter(&case.id, "zh")).await.unwrap()).unwrap();
        assert_eq!(delayed.kind(), v1::SubjectLetterKind::Delay);

        officer
            .close(closing(&case.id, Outcome::Refused, "the record is right"))
            .await
            .unwrap();
        let (refusal, _) = believed(&gateway, officer.write(letter(&case.id, "zh")).await.unwrap()).unwrap();
        assert_eq!(refusal.kind(), v1::SubjectLetterKind::Refusal);
        let text = String::from_utf8(refusal.document).unwrap();
        assert!(
            text.contains("the record is right") && text.contains("第二十六条"),
            "{text}"
        );
        let shown = officer.get(get(&case.id)).await.unwrap();
        assert!(shown.opened);
        assert_eq!(
            (shown.contact.as_str(), shown.text.as_str()),
            ("1 Example Road", "this is not my debt")
        );
        assert_eq!(
            (shown.reason.as_str(), shown.request.unwrap().letters.len()),
            ("the record is right", 3)
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_letter_that_was_changed_on_its_way_is_not_believed() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let case = officer.open(asking(3, Kind::Access)).await.unwrap().request.unwrap();
        let good = officer.write(letter(&case.id, "en")).await.unwrap();
        believed(&gateway, good.clone()).unwrap();
        let mut changed = good.clone();
        changed.document.push(b'!');
        let mut foreign = good.clone();
        foreign.proof.as_mut().unwrap().key[0] ^= 1;
        let mut bare = good;
        bare.proof = None;
        for bad in [changed, foreign, bare] {
            assert!(believed(&gateway, bad).is_err());
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn a_request_that_nobody_knows() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let none = [9; 16];
        let code = refused(&gateway, COMPLIANCE, GET.method, officer.get(get(&none))).await;
        assert_eq!(code, Code::SubjectRequestUnknown);
        let code = refused(&gateway, COMPLIANCE, LETTER.method, officer.write(letter(&none, "zh"))).await;
        assert_eq!(code, Code::SubjectRequestUnknown);
        // Fields that no request has, and people who may not.
        let code = refused(&gateway, COMPLIANCE, GET.method, officer.get(get(&none[1..]))).await;
        assert_eq!(code, Code::FieldInvalid);
        let changes: [fn(&mut v1::OpenSubjectRequestRequest); 6] = [
            |r| r.owner = "security".to_owned(),
            |r| r.kind = 9,
            |r| r.contact = "\x1b[2J".to_owned(),
            |r| r.text = "x".repeat(2_000),
            |r| r.received_at = Some(timestamp(i64::MAX / 4)),
            |r| r.subject = None,
        ];
        for change in changes {
            let mut bad = asking(3, Kind::Access);
            change(&mut bad);
            let code = refused(&gateway, COMPLIANCE, OPEN.method, officer.open(bad)).await;
            assert_eq!(code, Code::FieldInvalid);
        }
        let mut bad = asking(3, Kind::Access);
        bad.subject.as_mut().unwrap().value.push('0');
        let code = refused(&gateway, COMPLIANCE, OPEN.method, officer.open(bad)).await;
        assert_eq!(code, Code::SubjectMalformed);
        let foreign = v1::ListSubjectRequestsRequest {
            page_token: "AAAA".to_owned(),
            ..Default::default()
        };
        let code = refused(&gateway, COMPLIANCE, LIST.method, officer.list(foreign)).await;
        assert_eq!(code, Code::PageTokenInvalid);
        let security = case_list(&gateway, SECURITY).await;
        let code = refused(&gateway, SECURITY, LIST.method, security.list(Default::default())).await;
        assert_eq!(code, Code::MethodNotAllowed);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn a_request_that_has_ended() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let case = officer.open(asking(3, Kind::Access)).await.unwrap().request.unwrap();
        // Who is refused is owed a reason.
        let unsaid = officer.close(closing(&case.id, Outcome::Refused, " "));
        assert_eq!(
            refused(&gateway, COMPLIANCE, CLOSE.method, unsaid).await,
            Code::FieldInvalid
        );
        officer.close(closing(&case.id, Outcome::Withdrawn, "")).await.unwrap();
        let again = officer.close(closing(&case.id, Outcome::Fulfilled, ""));
        assert_eq!(
            refused(&gateway, COMPLIANCE, CLOSE.method, again).await,
            Code::SubjectRequestClosed
        );
        let assigned = officer.assign(v1::AssignSubjectRequestRequest {
            id: case.id.clone(),
            owner: "compliance".to_owned(),
            state: 0,
        });
        assert_eq!(
            refused(&gateway, COMPLIANCE, ASSIGN.method, assigned).await,
            Code::SubjectRequestClosed
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn too_many_requests_of_one_person() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let officer = case_list(&gateway, COMPLIANCE).await;
        let mut ids = Vec::new();
        for _ in 0..SUBJECT_REQUESTS_PER_PERSON_MAX {
            ids.push(officer.open(asking(3, Kind::Access)).await.unwrap().request.unwrap().id);
        }
        let more = officer.open(asking(3, Kind::Access));
        assert_eq!(
            refused(&gateway, COMPLIANCE, OPEN.method, more).await,
            Code::SubjectRequestsExhausted
        );
        officer.open(asking(4, Kind::Access)).await.unwrap();
        officer.close(closing(&ids[0], Outcome::Fulfilled, "")).await.unwrap();
        officer.open(asking(3, Kind::Access)).await.unwrap();
        gateway.stop().await.verify_log();
    });
}
