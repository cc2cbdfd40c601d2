//! What people agreed to: granted by the partner, confirmed by the data holder, withdrawn by either, seen by its recipient.
use super::{GRANT, QUERY};
use crate::support::{
    BANK_A, BANK_B, DAY_MS, Gateway, LENDER, Place, Refused, answered, confirm, grant_of, granted, lib_client,
    on_shared, question, refused, runtime, subject, terms,
};
use tollgate::{
    client::Client,
    crypto::Suite,
    limits::CONSENTS_PER_SUBJECT_AND_PARTNER_MAX,
    refusal::Code,
    wire::{Message, timestamp, v1},
};

#[test]
pub(super) fn terms_that_nobody_may_grant() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let now = gateway.now();
        let good = terms(BANK_A.id, now);
        type Change = fn(&mut v1::ConsentTerms);
        let changes: [(&str, Change); 13] = [
            ("another recipient", |t| "bank-b".clone_into(&mut t.recipient)),
            ("no purpose", |t| t.purposes.clear()),
            ("an unknown purpose", |t| t.purposes.push("credit.curiosity".to_owned())),
            ("a purpose twice", |t| t.purposes.push(t.purposes[0].clone())),
            ("no family", |t| t.families.clear()),
            ("an unknown family", |t| "wealth".clone_into(&mut t.families[0].family)),
            ("granularity 0", |t| t.families[0].granularity_max = 0),
            ("no look-back", |t| t.look_back_days = 0),
            ("no end", |t| t.not_after = None),
            ("no notice", |t| t.notice_version.clear()),
            ("a notice of nothing", |t| t.notice_sha256 = vec![0; 32]),
            ("no basis", |t| t.basis = 0),
            ("a short digest", |t| t.evidence_sha256.truncate(31)),
        ];
        let mut bad: Vec<(&str, v1::ConsentTerms)> = Vec::new();
        for (what, change) in changes {
            let mut terms = good.clone();
            change(&mut terms);
            bad.push((what, terms));
        }
        for (what, days) in [("an end that is past", 0), ("an end after two years", 732)] {
            let not_after = Some(timestamp(now.plus_ms(days * DAY_MS).0));
            bad.push((
                what,
                v1::ConsentTerms {
                    not_after,
                    ..good.clone()
                },
            ));
        }
        for (what, terms) in bad {
            let sent = bank.one_shot(GRANT, |header| v1::GrantConsent {
                header: Some(header),
                ..grant_of(20, terms)
            });
            let Refused { code, entry } = refused(gateway, &bank, GRANT, bank.exchange(sent)).await;
            assert_eq!(code, Code::ConsentTermsInvalid, "{what}");
            assert_eq!(entry.leaf.kind(), v1::EntryKind::Consent);
            assert_eq!(entry.x.signing_key_id, "bank-a-1");
        }
        // Of all that, nothing was kept.
        let bank = lib_client(gateway, BANK_A, Suite::X25519).await;
        assert!(list(&bank, 20).await.is_empty());
    });
}

/// A consent that no agreement of the bank could use is not taken: it would be a record of somebody for nothing.
#[test]
fn a_grant_needs_an_agreement_that_could_use_it() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let mut finer = terms(BANK_A.id, gateway.now());
        finer.families[0].granularity_max = 3;
        let sent = bank.one_shot(GRANT, |header| v1::GrantConsent {
            header: Some(header),
            ..grant_of(27, finer)
        });
        let Refused { code, entry } = refused(gateway, &bank, GRANT, bank.exchange(sent)).await;
        assert_eq!(code, Code::GranularityTooFine);
        assert_eq!(entry.leaf.kind(), v1::EntryKind::Consent);
        let bank = lib_client(gateway, BANK_A, Suite::X25519).await;
        assert!(list(&bank, 27).await.is_empty());
    });
}

/// The data holder confirms the terms that it read, or nothing.
#[test]
fn other_terms_than_those_that_were_read_are_not_confirmed() {
    on_shared(async |gateway| {
        let bank = lib_client(gateway, BANK_A, Suite::X25519).await;
        let lender = gateway.caller(LENDER).await;
        let agreed = terms(BANK_A.id, gateway.now());
        let id = granted(&bank, 28, agreed.clone()).await;
        let read = v1::ConsentTerms {
            look_back_days: agreed.look_back_days + 1,
            ..agreed
        };
        let sent = lender.one_shot(super::CONFIRM, |header| v1::ConfirmConsent {
            header: Some(header),
            subject: Some(subject(28)),
            consent_id: id.clone(),
            terms_sha256: tollgate::client::terms_sha256(&read).to_vec(),
        });
        let Refused { code, .. } = refused(gateway, &lender, super::CONFIRM, lender.exchange(sent)).await;
        assert_eq!(code, Code::FieldInvalid);
        assert_eq!(state(&bank, 28, &id).await.status(), v1::ConsentStatus::Pending);
    });
}

/// A bank in the register without any agreement cannot write consents about people.
#[test]
fn a_grant_without_any_agreement() {
    runtime().block_on(async {
        let place = Place::new();
        place.drop_agreement("wide-b");
        let gateway = Gateway::start(place).await;
        let bank = gateway.caller(BANK_B).await;
        let sent = bank.one_shot(GRANT, |header| v1::GrantConsent {
            header: Some(header),
            ..grant_of(27, terms(BANK_B.id, bank.now()))
        });
        let Refused { code, entry } = refused(&gateway, &bank, GRANT, bank.exchange(sent)).await;
        assert_eq!(code, Code::AgreementUnknown);
        assert_eq!(entry.leaf.agreement, "");
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn exhausted() {
    on_shared(async |gateway| {
        let bank = lib_client(gateway, BANK_A, Suite::X25519).await;
        bank.open_session(v1::Evidence::Request).await.unwrap();
        let terms = terms(BANK_A.id, gateway.now());
        let mut held = Vec::new();
        for _ in 0..CONSENTS_PER_SUBJECT_AND_PARTNER_MAX {
            held.push(granted(&bank, 21, terms.clone()).await);
        }
        let caller = gateway.caller(BANK_A).await;
        let one_more = || {
            caller.one_shot(GRANT, |header| v1::GrantConsent {
                header: Some(header),
                ..grant_of(21, terms.clone())
            })
        };
        let refused = refused(gateway, &caller, GRANT, caller.exchange(one_more())).await;
        assert_eq!(refused.code, Code::ConsentsExhausted);
        // One that was withdrawn makes room, and goes.
        withdraw(&bank, 21, &held[3]).await;
        answered(gateway, &caller, one_more()).await;
        let left = list(&bank, 21).await;
        assert_eq!(left.len(), CONSENTS_PER_SUBJECT_AND_PARTNER_MAX);
        assert!(left.iter().all(|state| state.consent_id != held[3]));
    });
}

async fn list(client: &Client, row: u64) -> Vec<v1::ConsentState> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = v1::ListConsents {
            subject: Some(subject(row)),
            page_token,
            ..Default::default()
        };
        let page = client.consents(asked).await.unwrap().answer;
        all.extend(page.consents);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

async fn withdraw(client: &Client, row: u64, consent: &[u8]) -> v1::ConsentState {
    let asked = v1::WithdrawConsent {
        header: None,
        subject: Some(subject(row)),
        consent_id: consent.to_vec(),
    };
    client.withdraw(asked).await.unwrap().answer
}

async fn state(client: &Client, row: u64, consent: &[u8]) -> v1::ConsentState {
    let asked = v1::GetConsent {
        header: None,
        subject: Some(subject(row)),
        consent_id: consent.to_vec(),
    };
    client.consent(asked).await.unwrap().answer
}

#[test]
fn the_life_of_a_consent() {
    on_shared(async |gateway| {
        let bank = lib_client(gateway, BANK_A, Suite::XWing).await;
        let other = lib_client(gateway, BANK_B, Suite::X25519).await;
        let lender = lib_client(gateway, LENDER, Suite::X25519).await;
        let consent = granted(&bank, 22, terms(BANK_A.id, gateway.now())).await;
        assert_eq!(state(&bank, 22, &consent).await.status(), v1::ConsentStatus::Pending);
        // To anybody but its recipient and the data holder there is none; nor is there one of another person.
        let none = v1::ConsentState::default();
        assert_eq!(state(&other, 22, &consent).await, none);
        assert_eq!(state(&bank, 23, &consent).await, none);
        assert!(list(&other, 22).await.is_empty());
        assert_eq!(withdraw(&other, 22, &consent).await, none);
        assert_eq!(list(&lender, 22).await.len(), 1);
        assert_eq!(confirm(&lender, 22, &consent).await.status(), v1::ConsentStatus::Active);
        // Again changes nothing.
        let active = confirm(&lender, 22, &consent).await;
        assert_eq!(active, state(&bank, 22, &consent).await);
        // The data holder withdraws for the person, and for ever.
        assert_eq!(
            withdraw(&lender, 22, &consent).await.status(),
            v1::ConsentStatus::Withdrawn
        );
        assert_eq!(
            confirm(&lender, 22, &consent).await.status(),
            v1::ConsentStatus::Withdrawn
        );
    });
}

/// The log names who did what about whom, and what truly changed.
#[test]
fn each_act_is_in_the_log_under_the_persons_key() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let lender = gateway.caller(LENDER).await;
        let agreed = terms(BANK_A.id, bank.now());
        let sent = bank.one_shot(GRANT, |header| v1::GrantConsent {
            header: Some(header),
            ..grant_of(24, agreed.clone())
        });
        let granted = answered(gateway, &bank, sent).await;
        let id = v1::ConsentGranted::decode(&granted.body.answer[..]).unwrap().consent_id;
        let sent = lender.one_shot(super::CONFIRM, |header| v1::ConfirmConsent {
            header: Some(header),
            subject: Some(subject(24)),
            consent_id: id.clone(),
            terms_sha256: tollgate::client::terms_sha256(&agreed).to_vec(),
        });
        let confirmed = answered(gateway, &lender, sent).await;
        let read = bank.one_shot(super::GET, |header| v1::GetConsent {
            header: Some(header),
            subject: Some(subject(24)),
            consent_id: id.clone(),
        });
        let read = answered(gateway, &bank, read).await;
        let token = crate::support::person(gateway, 24);
        for (answered, outcome, changes) in [
            (&granted, "granted", true),
            (&confirmed, "confirmed", true),
            (&read, "unchanged", false),
        ] {
            let entry = &answered.entry;
            assert_eq!(entry.leaf.class(), v1::EntryClass::Sealed);
            assert_eq!(entry.leaf.kind(), v1::EntryKind::Consent);
            assert_eq!(entry.i.outcomes, [outcome]);
            assert_eq!(entry.i.subject, token.0);
            assert_eq!(entry.i.effects_sha256.len(), if changes { 32 } else { 0 });
            assert!(entry.of_person, "{outcome}");
            assert!(entry.i.note.starts_with("consent "), "{}", entry.i.note);
        }
    });
}

#[test]
fn a_withdrawal_counts_from_the_next_decision() {
    on_shared(async |gateway| {
        let consent = crate::support::agreed(gateway, 25).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let ask = || {
            bank.in_session(&session, QUERY, |header| v1::Query {
                header: Some(header),
                ..question(25, &consent)
            })
        };
        let told = answered(gateway, &bank, ask()).await;
        assert_eq!(told.entry.i.outcomes, ["band"; 4]);
        let client = lib_client(gateway, BANK_A, Suite::X25519).await;
        withdraw(&client, 25, &consent).await;
        let silent = answered(gateway, &bank, ask()).await;
        assert_eq!(silent.entry.i.outcomes, ["no_valid_consent"; 4]);
        assert!(silent.entry.i.fields_read.is_empty());
    });
}
