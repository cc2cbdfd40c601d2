//! Documents that prove by themselves: the report about a person, and the pack for a regulator. What is in them, who may have
//! them, which entry they leave, and that whatever is changed is found.
mod pack;

use super::{CORRECT, QUERY};
use crate::support::{
    BANK_A, Caller, Gateway, LENDER, NOBODY, OPERATOR, Place, Who, agreed, answered, entries, lib_client, load_sample,
    on_shared, person, question, reason_of, runtime, sample_rows, subject,
};
use tollgate::{
    audit::note::VerifierKey,
    client::{ClientError, Staff},
    crypto::{Suite, sha256},
    domain::Language,
    evidence::{self, DocumentProof, EvidenceError, SubjectReport},
    wire::{timestamp, v1},
};

const REPORT: &str = "/tollgate.v1.AuditService/ReportSubject";
const PACK: &str = "/tollgate.v1.AuditService/Pack";
const COMPLIANCE: Who = crate::support::COMPLIANCE;

fn key(gateway: &Gateway) -> VerifierKey {
    VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap()
}

async fn officer(gateway: &Gateway, who: Who) -> Staff {
    let connector = gateway.connector(&gateway.place.credential(who));
    Staff::connect(gateway.address(true), connector, key(gateway))
        .await
        .unwrap()
}

fn about(row: u64) -> v1::ReportSubjectRequest {
    v1::ReportSubjectRequest {
        subject: Some(subject(row)),
        from: None,
        until: None,
        reason: "case 2026-11".to_owned(),
    }
}

/// Documents are made at the pace of people: two a second.
async fn paced() {
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
}

/// A report that was checked, as it left.
struct Made {
    document: Vec<u8>,
    proof: DocumentProof,
    report: SubjectReport,
}

async fn made(gateway: &Gateway, request: v1::ReportSubjectRequest) -> Made {
    paced().await;
    let response = officer(gateway, COMPLIANCE).await.report(request).await.unwrap();
    let proof = DocumentProof::from_wire(response.proof.unwrap()).unwrap();
    let (report, proven) = evidence::verify_report(&response.document, &proof, &key(gateway)).unwrap();
    assert_eq!(proven.leaf.peer, COMPLIANCE.uri);
    Made {
        document: response.document,
        proof,
        report,
    }
}

async fn ask(gateway: &Gateway, bank: &Caller, row: u64, consent: &[u8]) -> u64 {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(row, consent)
    });
    answered(gateway, bank, sent).await.entry.index
}

/// The one entry since `before` of this method.
fn entry_of(gateway: &Gateway, before: u64, method: &str) -> crate::support::Entry {
    let mut new = entries(gateway, before);
    new.retain(|entry| entry.leaf.method == method);
    assert_eq!(new.len(), 1, "{new:#?}");
    new.remove(0)
}

fn refusal(error: &ClientError) -> &str {
    match error {
        ClientError::Refused { code, reference, .. } if !reference.is_empty() => code,
        other => panic!("not refused on record: {other}"),
    }
}

#[test]
fn a_report_tells_everything_that_was_asked_and_what_left() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        let consent = agreed(&gateway, 2).await;
        let asked = ask(&gateway, &bank, 2, &consent).await;
        let other = agreed(&gateway, 3).await;
        let of_another = ask(&gateway, &bank, 3, &other).await;
        let mut row = sample_rows(&gateway)[1].clone();
        row.values[1].numbers = vec![0; 6];
        let sent = lender.one_shot(CORRECT, |header| v1::CorrectRecord {
            header: Some(header),
            catalogue_sha256: gateway.gate().view.catalogue.sha256().to_vec(),
            row: Some(row),
        });
        answered(&gateway, &lender, sent).await;
        let withdraw = v1::WithdrawConsent {
            header: None,
            subject: Some(subject(2)),
            consent_id: consent.clone(),
        };
        lib_client(&gateway, BANK_A, Suite::X25519)
            .await
            .withdraw(withdraw)
            .await
            .unwrap();
        let after = ask(&gateway, &bank, 2, &consent).await;
        // An officer opens the answer by itself.
        let look = officer(&gateway, COMPLIANCE).await.entry(0, asked, "en").await.unwrap();
        assert!(look.response.explanation.iter().any(|s| s.contains("31-60 days")));

        let before = gateway.size();
        let Made {
            document,
            proof,
            report,
        } = made(&gateway, about(2)).await;
        assert!(report.known && report.earlier_until.is_none() && !report.looked_cut);
        assert!(report.subject.starts_with("cn-resident-id 999*"), "{}", report.subject);
        let line = |entry: u64| report.entries.iter().find(|line| line.entry == entry);
        assert!(line(of_another).is_none(), "somebody else's");
        let first = line(asked).unwrap();
        assert_eq!((first.kind.as_str(), first.partner.as_str()), ("query", "bank-a"));
        assert_eq!(first.purpose.as_ref().unwrap().zh, "贷款审批");
        let told = &first.signals[0];
        assert_eq!((told.band.as_str(), told.outcome.id.as_str()), ("31-60 days", "band"));
        assert!(
            first
                .signals
                .iter()
                .any(|told| !told.reasons.is_empty() && !told.reasons[0].zh.is_empty())
        );
        assert_eq!(first.words_en.len(), first.words_zh.len());
        // As it was answered then, not as the record says now; and why nothing left later.
        let later = line(after).unwrap();
        assert!(later.signals.iter().all(|told| told.band.is_empty()));
        assert_eq!(later.signals[0].guard.as_ref().unwrap().id, "CONSENT_NOT_CURRENT");
        let outcomes: Vec<&str> = report.entries.iter().map(|line| line.outcome.as_str()).collect();
        for what in ["granted", "confirmed", "withdrawn", "corrected", "recipient-told"] {
            assert!(outcomes.contains(&what), "{what}: {outcomes:?}");
        }
        assert!(report.entries.is_sorted_by_key(|line| line.entry));
        assert_eq!(report.consents.len(), 1);
        assert_eq!(report.consents[0].status.id, "withdrawn");
        assert_eq!(report.consents[0].events.len(), 3);
        assert_eq!(report.looked.len(), 1);
        assert_eq!(
            (report.looked[0].at, report.looked[0].peer.as_str()),
            (asked, COMPLIANCE.uri)
        );

        // The entry: of the person, with digest and reason, without the document.
        let entry = entry_of(&gateway, before, REPORT);
        assert!(entry.of_person && entry.i.answer.is_empty());
        assert_eq!(entry.leaf.class(), v1::EntryClass::Sealed);
        assert_eq!(entry.x.answer_digest, sha256(&document));
        assert_eq!(entry.i.note, "report about a person: case 2026-11");
        assert_eq!(entry.i.count, report.entries.len() as u64);
        // No identity is anywhere in it, and the next report names this one.
        let text = String::from_utf8(document.clone()).unwrap();
        assert!(!text.contains(&subject(2).value));
        let next = made(&gateway, about(2)).await.report;
        assert!(
            next.entries
                .iter()
                .any(|line| line.entry == entry.index && line.outcome == "report-made")
        );

        nothing_can_be_changed(&gateway, &document, &proof, &report);
        gateway.stop().await.verify_log();
    });
}

fn nothing_can_be_changed(gateway: &Gateway, document: &[u8], proof: &DocumentProof, report: &SubjectReport) {
    let good = key(gateway);
    // Another key of a log of this name.
    let signer = gateway.place.signer(BANK_A);
    let foreign = VerifierKey::new(good.name(), &tollgate::crypto::Signer::public_key(&signer)).unwrap();
    assert!(matches!(
        evidence::verify_report(document, proof, &foreign),
        Err(EvidenceError::Entry(_))
    ));
    for at in (0..document.len()).step_by(101) {
        let mut changed = document.to_vec();
        changed[at] ^= 1;
        let why = evidence::verify_report(&changed, proof, &good).unwrap_err();
        assert_eq!(why, EvidenceError::Changed);
    }
    // The proof as text, whole and changed.
    let text = proof.encode();
    let again = DocumentProof::decode(&text).unwrap();
    assert!(evidence::verify_report(document, &again, &good).is_ok());
    for at in (0..text.len()).step_by(13) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let holds = String::from_utf8(bytes)
            .ok()
            .and_then(|text| DocumentProof::decode(&text).ok())
            .is_some_and(|proof| evidence::verify_report(document, &proof, &good).is_ok());
        assert!(!holds, "byte {at} of the proof");
    }
    // An entry that is no document: the answer to a question proves nothing here.
    let asked = report.entries.iter().find(|line| line.kind == "query").unwrap();
    let gate = gateway.gate();
    let inclusion = gate.log.prove_inclusion(asked.entry).unwrap();
    let other = DocumentProof {
        proof: tollgate::audit::proof::TlogProof {
            index: asked.entry,
            proof: inclusion.proof,
            checkpoint: inclusion.head.note.to_string(),
            extra: None,
        }
        .with_leaf(&inclusion.leaf),
        ..proof.clone()
    };
    assert!(matches!(
        evidence::verify_report(document, &other, &good),
        Err(EvidenceError::OtherEntry(_))
    ));
    // The page shows what was proven, in both languages, and nothing else.
    for (language, band) in [
        (Language::English, "31-60 days"),
        (Language::Chinese, "近六个月最长逾期天数区间: 31-60 days"),
    ] {
        let page = evidence::page(document, proof, language).unwrap();
        assert!(page.contains(band) && page.contains("spiffe://tollgate.example/compliance/officer"));
        assert!(
            !page.contains("<script") && !page.contains("http"),
            "a page that stands by itself"
        );
        let checked = evidence::verify_page(&page, &good).unwrap();
        assert_eq!(checked.document, document);
        let forged = page.replacen("31-60 days", "current", 1);
        assert_eq!(
            evidence::verify_page(&forged, &good).err(),
            Some(EvidenceError::PageChanged)
        );
        let longer = format!("{page}<!-- -->");
        assert_eq!(
            evidence::verify_page(&longer, &good).err(),
            Some(EvidenceError::PageChanged)
        );
        assert!(evidence::verify_page(&page, &foreign).is_err());
    }
}

#[test]
fn a_person_whom_nobody_asked_about_is_told_so() {
    on_shared(async |gateway| {
        let before = gateway.size();
        let made = made(gateway, about(NOBODY + 7)).await;
        assert!(!made.report.known && made.report.entries.is_empty() && made.report.consents.is_empty());
        let entry = entry_of(gateway, before, REPORT);
        assert_eq!(entry.i.outcomes, ["person-unknown"]);
        assert_eq!(entry.x.answer_digest, sha256(&made.document));
        let page = evidence::page(&made.document, &made.proof, Language::Chinese).unwrap();
        assert!(page.contains("本网关没有关于该信息主体的任何请求记录"));
        assert!(evidence::verify_page(&page, &key(gateway)).is_ok());
    });
}

/// What does not fit one report is told in parts that leave nothing out and tell nothing twice.
#[test]
fn a_long_history_is_told_in_parts() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let consent = agreed(gateway, 20).await;
        for n in 0..310 {
            let sent = bank.in_session(&session, super::GET, |header| v1::GetConsent {
                header: Some(header),
                subject: Some(subject(20)),
                consent_id: consent.clone(),
            });
            bank.exchange(sent).await.unwrap();
            // Three entries of one millisecond each.
            gateway.clock.advance_ms(i64::from(n % 3 == 0));
        }
        let token = person(gateway, 20);
        let all = entries(gateway, 0).into_iter().filter(|e| e.i.subject == token.0);
        let all: Vec<u64> = all.map(|e| e.index).collect();
        assert!(all.len() > 310);
        let newest = made(gateway, about(20)).await.report;
        let until: jiff::Timestamp = newest.earlier_until.as_ref().unwrap().parse().unwrap();
        let rest = v1::ReportSubjectRequest {
            until: Some(timestamp(until.as_millisecond())),
            ..about(20)
        };
        let older = made(gateway, rest).await.report;
        assert_eq!(older.earlier_until, None);
        let told: Vec<u64> = [older.entries, newest.entries]
            .concat()
            .iter()
            .map(|line| line.entry)
            .collect();
        assert_eq!(told, all);
    });
}

#[test]
fn only_compliance_has_reports_and_asks_in_form() {
    on_shared(async |gateway| {
        let auditor = officer(gateway, AUDITOR).await;
        paced().await;
        let before = gateway.size();
        let error = auditor.report(about(2)).await.err().unwrap();
        assert_eq!(refusal(&error), "OUT_OF_SCOPE");
        let entry = entry_of(gateway, before, REPORT);
        assert_eq!(
            (entry.leaf.refusal.as_str(), entry.leaf.peer.as_str()),
            ("OUT_OF_SCOPE", AUDITOR.uri)
        );
        assert!(entry.i.subject.is_empty());
        paced().await;
        let error = officer(gateway, OPERATOR).await.report(about(2)).await.err().unwrap();
        assert_eq!(refusal(&error), "METHOD_NOT_ALLOWED");
        let officer = officer(gateway, COMPLIANCE).await;
        let mut nobody = subject(2);
        nobody.value = "999999".to_owned();
        let cases = [
            (
                "SUBJECT_MALFORMED",
                v1::ReportSubjectRequest {
                    subject: None,
                    ..about(2)
                },
            ),
            (
                "SUBJECT_MALFORMED",
                v1::ReportSubjectRequest {
                    subject: Some(nobody),
                    ..about(2)
                },
            ),
            (
                "FIELD_INVALID",
                v1::ReportSubjectRequest {
                    reason: "a\nb".to_owned(),
                    ..about(2)
                },
            ),
            (
                "FIELD_INVALID",
                v1::ReportSubjectRequest {
                    reason: "a".repeat(201),
                    ..about(2)
                },
            ),
            (
                "FIELD_INVALID",
                v1::ReportSubjectRequest {
                    from: Some(timestamp(5)),
                    until: Some(timestamp(5)),
                    ..about(2)
                },
            ),
        ];
        for (code, request) in cases {
            paced().await;
            let before = gateway.size();
            let error = officer.report(request).await.err().unwrap();
            assert_eq!(refusal(&error), code);
            assert_eq!(entry_of(gateway, before, REPORT).leaf.refusal, code);
        }
    });
}

const AUDITOR: Who = Who {
    id: "auditor",
    place: "staff/auditor",
    uri: "spiffe://tollgate.example/auditor/officer",
    staff: true,
};

/// Statuses are those of the audit service: nothing of a person is in one.
#[test]
fn a_refusal_of_a_report_says_nothing_of_the_person() {
    on_shared(async |gateway| {
        paced().await;
        let caller = gateway.caller(OPERATOR).await;
        let said: Result<v1::ReportSubjectResponse, _> = caller.call(REPORT, about(2)).await;
        let status = said.err().unwrap();
        assert_eq!(reason_of(&status), "METHOD_NOT_ALLOWED");
        assert!(!format!("{status:?}").contains(&subject(2).value));
    });
}
