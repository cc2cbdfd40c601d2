//! What is answered: bands, and the sealed ways to say no, which look alike from outside.
use super::{CLOSE_SESSION, QUERY};
use crate::support::{
    AGREEMENT, BANK_A, BANK_B, Caller, Gateway, LENDER, NOBODY, SIGNALS, Sent, agreed, answered, confirm, granted,
    lib_client, on_shared, person, question, refused, sample_rows, terms,
};
use tollgate::{
    client::{ClientError, Draft, Session},
    crypto::Suite,
    domain::FieldSet,
    refusal::Code,
    wire::{Message, v1},
};

fn ask(bank: &Caller, row: u64, consent: &[u8]) -> Sent {
    bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    })
}

/// Fields that the signals of [`question`] are derived from, as the entry writes them.
fn lineage(gateway: &Gateway) -> Vec<u8> {
    let snapshot = &gateway.gate().view.snapshot;
    let all = SIGNALS.iter().fold(FieldSet::default(), |set, id| {
        set.union(snapshot.signal(&id.parse().unwrap()).unwrap().lineage)
    });
    all.to_bytes()
}

/// A question without an answer: each signal has this outcome, and nothing was read.
async fn says_no(gateway: &Gateway, bank: &Caller, sent: Sent, outcome: v1::SignalOutcome, word: &str) -> v1::Answer {
    let silent = answered(gateway, bank, sent).await;
    let answer = v1::Answer::decode(&silent.body.answer[..]).unwrap();
    assert_eq!(
        answer.signals.iter().map(|s| s.signal.as_str()).collect::<Vec<_>>(),
        SIGNALS
    );
    for signal in &answer.signals {
        assert_eq!(signal.outcome(), outcome);
        assert!(signal.band.is_empty() && signal.reason_codes.is_empty() && signal.as_of.is_none());
    }
    assert!(answer.fields_read.is_empty());
    let entry = &silent.entry;
    assert_eq!(entry.leaf.class(), v1::EntryClass::Sealed);
    assert_eq!(entry.leaf.agreement, AGREEMENT);
    assert_eq!(entry.i.outcomes, [word; 4]);
    assert!(entry.i.fields_read.is_empty());
    assert_eq!(entry.i.fields_withheld, lineage(gateway));
    answer
}

#[test]
fn without_a_consent_that_holds_nothing_is_told_and_nothing_read() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let client = lib_client(gateway, BANK_A, Suite::X25519).await;
        let other = lib_client(gateway, BANK_B, Suite::X25519).await;
        let pending = granted(&client, 30, terms(BANK_A.id, gateway.now())).await;
        let theirs = granted(&other, 30, terms(BANK_B.id, gateway.now())).await;
        let of_another = agreed(gateway, 31).await;
        // None, an unconfirmed one, another partner's, another person's; for somebody on file and for nobody.
        for (row, consent) in [
            (30, vec![7; 16]),
            (30, pending),
            (30, theirs),
            (30, of_another),
            (NOBODY, vec![7; 16]),
        ] {
            let no = v1::SignalOutcome::NoValidConsent;
            let answer = says_no(gateway, &bank, ask(&bank, row, &consent), no, "no_valid_consent").await;
            // Without consent not even the names of fields are told.
            assert!(answer.fields_withheld.is_empty());
        }
    });
}

#[test]
fn terms_that_do_not_cover_the_question_give_nothing() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let client = lib_client(gateway, BANK_A, Suite::X25519).await;
        let lender = lib_client(gateway, LENDER, Suite::X25519).await;
        type Change = fn(&mut v1::ConsentTerms);
        let changes: [(&str, Change); 4] = [
            ("CONSENT_FOR_ANOTHER_PURPOSE", |t| {
                t.purposes = vec!["account.monitoring".to_owned()]
            }),
            ("CONSENT_WITHOUT_FAMILY", |t| {
                t.families = vec![v1::ConsentedFamily {
                    family: "on_time".to_owned(),
                    granularity_max: 1,
                }];
            }),
            ("CONSENT_NOT_SEPARATE", |t| t.separate = false),
            ("CONSENT_LOOK_BACK_TOO_SHORT", |t| t.look_back_days = 30),
        ];
        for (guard, change) in changes {
            let mut narrow = terms(BANK_A.id, gateway.now());
            change(&mut narrow);
            let consent = granted(&client, 32, narrow).await;
            confirm(&lender, 32, &consent).await;
            let told = answered(gateway, &bank, ask(&bank, 32, &consent)).await;
            // The person is told why, by the log; the partner is not.
            assert!(told.entry.i.note.contains(guard), "{guard}: {}", told.entry.i.note);
            assert!(
                told.entry.i.outcomes.iter().any(|word| word == "no_valid_consent"),
                "{guard}"
            );
        }
    });
}

/// Of a question that is covered in part, that part is answered and no more is read.
#[test]
fn what_is_not_consented_is_not_read() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let client = lib_client(gateway, BANK_A, Suite::X25519).await;
        let lender = lib_client(gateway, LENDER, Suite::X25519).await;
        let mut narrow = terms(BANK_A.id, gateway.now());
        narrow.families.retain(|f| f.family == "limit");
        let consent = granted(&client, 33, narrow).await;
        confirm(&lender, 33, &consent).await;
        let told = answered(gateway, &bank, ask(&bank, 33, &consent)).await;
        let no = "no_valid_consent";
        assert_eq!(told.entry.i.outcomes, [no, no, "band", no]);
        let answer = v1::Answer::decode(&told.body.answer[..]).unwrap();
        assert_eq!(answer.fields_read, ["card.limit_minor"]);
        let limit = gateway
            .gate()
            .view
            .snapshot
            .signal(&"limit_band@1".parse().unwrap())
            .unwrap();
        assert_eq!(told.entry.i.fields_read, limit.lineage.to_bytes());
    });
}

#[test]
fn somebody_without_a_record_has_no_file_and_is_never_clean() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, NOBODY).await;
        let no = v1::SignalOutcome::NoFile;
        says_no(gateway, &bank, ask(&bank, NOBODY, &consent), no, "no_file").await;
    });
}

#[test]
fn a_record_without_the_months_gives_no_band() {
    on_shared(async |gateway| {
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        let consent = agreed(gateway, 34).await;
        // Client 34, whose series the ledger lost.
        let mut row = sample_rows(gateway)[33].clone();
        for value in &mut row.values[1..] {
            value.numbers.clear();
        }
        let sent = lender.one_shot(super::CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            row: Some(row),
        });
        answered(gateway, &lender, sent).await;
        let told = answered(gateway, &bank, ask(&bank, 34, &consent)).await;
        let lost = "not_available";
        assert_eq!(told.entry.i.outcomes, [lost, lost, "band", lost]);
        let answer = v1::Answer::decode(&told.body.answer[..]).unwrap();
        let overdue = &answer.signals[0];
        assert_eq!(overdue.outcome(), v1::SignalOutcome::NotAvailable);
        assert!(overdue.band.is_empty() && overdue.reason_codes.is_empty());
        // The record was read for it, and the entry says so.
        assert_eq!(told.entry.i.fields_read, lineage(gateway));
    });
}

/// Client 1 of the sample: two months late now, a limit of 20,000.
#[test]
fn an_answer_says_what_its_entry_says() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 1).await;
        let told = answered(gateway, &bank, ask(&bank, 1, &consent)).await;
        let answer = v1::Answer::decode(&told.body.answer[..]).unwrap();
        let bands: Vec<&str> = answer.signals.iter().map(|s| s.band.as_str()).collect();
        assert_eq!(bands[..3], ["31-60 days", "under 80 %", "under 50 thousand"]);
        assert!(answer.signals[3].reason_codes.contains(&"RB01".to_owned()));
        assert!(answer.signals[3].reason_codes.len() <= 4);
        assert_eq!(answer.policy_hash, told.entry.leaf.policy_hash);
        assert_eq!(answer.request_id, told.entry.x.request_id);
        assert_eq!((&answer.consent_id, &told.entry.x.consent_id), (&consent, &consent));
        let entry = &told.entry;
        assert_eq!(
            (entry.leaf.class(), entry.leaf.kind()),
            (v1::EntryClass::Sealed, v1::EntryKind::Query)
        );
        assert_eq!(entry.i.outcomes, ["band"; 4]);
        assert_eq!(entry.i.subject, person(gateway, 1).0);
        assert_eq!(entry.i.fields_read, lineage(gateway));
        assert!(entry.i.fields_withheld.is_empty());
        assert!(entry.of_person, "the details can be unlinked from the person");
        assert_eq!(entry.x.signals, SIGNALS);
        assert_eq!(entry.x.signature.len(), 64);
        assert_eq!(entry.leaf.key_ids.len(), 2);
    });
}

/// Both modes, both suites, by the library's client, which checks every receipt.
#[test]
fn every_mode_and_suite_answers_the_same_and_proves_it() {
    on_shared(async |gateway| {
        let consent = agreed(gateway, 14).await;
        let mut told = Vec::new();
        for suite in [Suite::XWing, Suite::X25519] {
            for session in [false, true] {
                let client = lib_client(gateway, BANK_A, suite).await;
                if session {
                    client.open_session(v1::Evidence::Request).await.unwrap();
                }
                let verified = client.query(question(14, &consent)).await.unwrap();
                assert_eq!(verified.receipt.leaf.method, QUERY);
                assert!(verified.receipt.index < verified.receipt.head.size);
                told.push(verified.answer.signals);
                client.check_log().await.unwrap();
                client.close().await.unwrap();
            }
        }
        assert!(told.iter().all(|signals| signals == &told[0] && signals.len() == 4));
    });
}

/// The gateway's part of a session ends with the entry of its closing.
#[test]
fn a_closed_session_is_gone() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let open = gateway.gate().opener.sessions().count();
        let close = || {
            bank.in_session(&session, CLOSE_SESSION, |header| v1::CloseSession {
                header: Some(header),
            })
        };
        let (first, second) = (close(), close());
        let closed = answered(gateway, &bank, first).await;
        assert_eq!(
            (closed.entry.leaf.class(), closed.entry.leaf.kind()),
            (v1::EntryClass::Admin, v1::EntryKind::Session)
        );
        assert_eq!(closed.entry.i.outcomes, ["session-closed"]);
        assert_eq!(gateway.gate().opener.sessions().count(), open - 1);
        let again = refused(gateway, &bank, CLOSE_SESSION, bank.exchange(second)).await;
        assert_eq!(again.code, Code::SessionUnknown);
    });
}

fn unsigned(bank: &Caller, session: &Session, agreement: &str, consent: &[u8]) -> Sent {
    let query = v1::Query {
        agreement_id: agreement.to_owned(),
        ..question(14, consent)
    };
    let make = |header| v1::Query {
        header: Some(header),
        ..query
    };
    let at = (bank.now(), &bank.rng as _);
    let draft = Draft::new(bank.parties(), QUERY, false, None, at, make).unwrap();
    bank.seal_in(session, QUERY, &draft)
}

/// Where the parties agreed that the opening of a session is the evidence, its messages need no signature.
#[test]
fn an_agreement_may_take_the_opening_as_evidence() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 14).await;
        let session = bank.open_session(Suite::X25519, v1::Evidence::Session).await;
        let told = answered(gateway, &bank, unsigned(&bank, &session, "attested", &consent)).await;
        assert!(told.entry.x.signature.is_empty() && told.entry.x.signing_key_id.is_empty());
        // The session's own key stands for it.
        assert_eq!(told.entry.leaf.key_ids.len(), 1);
        // In a session that promised signatures, one that lacks is no partner's.
        let session = bank.session().await;
        let sent = unsigned(&bank, &session, "attested", &consent);
        let refused = refused(gateway, &bank, QUERY, bank.exchange(sent)).await;
        assert_eq!(refused.code, Code::SigningKeyUnknown);
    });
}

/// Found by this test: whoever opened a session with `EVIDENCE_SESSION` could ask unsigned, and later deny having asked,
/// under an agreement that wants each question signed.
#[test]
pub(super) fn an_unsigned_question_needs_an_agreement_that_says_so() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 14).await;
        let session = bank.open_session(Suite::X25519, v1::Evidence::Session).await;
        let sent = unsigned(&bank, &session, AGREEMENT, &consent);
        let refused = refused(gateway, &bank, QUERY, bank.exchange(sent)).await;
        assert_eq!(refused.code, Code::SignatureRequired);
        assert_eq!(refused.entry.leaf.agreement, AGREEMENT);
        // Whatever changes something is signed, whatever was agreed.
        let at = (bank.now(), &bank.rng as _);
        let make = |header| v1::GrantConsent {
            header: Some(header),
            ..crate::support::grant_of(14, terms(BANK_A.id, bank.now()))
        };
        let draft = Draft::new(bank.parties(), super::GRANT, false, None, at, make).unwrap();
        let grant = bank.seal_in(&session, super::GRANT, &draft);
        let grant = crate::support::refused(gateway, &bank, super::GRANT, bank.exchange(grant)).await;
        assert_eq!(grant.code, Code::SignatureRequired);
        // Signed, it is answered in the same session.
        let signed = bank.in_session(&session, QUERY, |header| v1::Query {
            header: Some(header),
            ..question(14, &consent)
        });
        let told = answered(gateway, &bank, signed).await;
        assert_eq!(told.entry.x.signing_key_id, "bank-a-1");
    });
}

/// The library's client tells a refusal by its code and reference, and does not try again.
#[test]
fn the_client_tells_a_refusal_by_code_and_reference() {
    on_shared(async |gateway| {
        let client = lib_client(gateway, BANK_A, Suite::X25519).await;
        client.key_list().await.unwrap();
        client.check_log().await.unwrap();
        let before = gateway.size();
        let fine = v1::Query {
            signals: vec!["utilisation@1".to_owned()],
            ..question(14, &[7; 16])
        };
        let Err(ClientError::Refused { code, reference, .. }) = client.query(fine).await else {
            panic!("a refusal");
        };
        let entry = crate::support::entries(gateway, before).remove(0);
        assert_eq!(
            (code.as_str(), &reference),
            ("GRANULARITY_TOO_FINE", &entry.x.reference)
        );
        assert_eq!(gateway.size(), before + 1);
    });
}
