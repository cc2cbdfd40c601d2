//! What changes the keyring is a job: carried out once, whatever stops it on the way.
use super::{admin, newest, refused, rotate, two_people::approved};
use crate::support::{
    BANK_A, Caller, DEPUTY, Gateway, OPERATOR, Place, SECURITY, agreed, answered, entries, load_sample, question,
    refused as refused_call, runtime, until,
};
use tollgate::{
    admin::{Change, Proposal, ProposalId, ProposalState},
    agreement::Role,
    clock::Time,
    keyring::{KeyId, State},
    refusal::Code,
    wire::v1,
};

const BOTH: [(&str, Role); 2] = [("security", Role::Security), ("operator", Role::Operator)];

fn used(gateway: &Gateway) -> Vec<KeyId> {
    gateway.gate().admin.keyring.exchange_keys_in_use()
}

fn state_of(gateway: &Gateway, id: &[u8]) -> ProposalState {
    let id = ProposalId(id.try_into().unwrap());
    let found = Proposal::find(&*gateway.gate().state, id).unwrap().unwrap();
    found.state(Time(0))
}

fn key_state(gateway: &Gateway, id: &KeyId) -> Option<State> {
    let all = gateway.gate().admin.keyring.status();
    all.iter().find(|key| key.id == *id).map(|key| key.state)
}

fn asked(bank: &Caller, consent: &[u8]) -> crate::support::Sent {
    bank.one_shot(crate::path::QUERY, |header| v1::Query {
        header: Some(header),
        ..question(2, consent)
    })
}

#[test]
fn exchange_keys_rotate_by_two_people_and_no_call_fails() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let consent = agreed(&gateway, 2).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let (before, serial) = (used(&gateway), gateway.size());
        // Operational: an operator proposes, and another person approves.
        let operator = admin(&gateway, OPERATOR).await;
        let proposed = operator.propose(rotate(), "quarterly").await.unwrap();
        let approved = admin(&gateway, SECURITY).await.approve(&proposed).await.unwrap();
        assert_eq!(approved.state(), v1::ProposalState::Approved);
        until("the job", || state_of(&gateway, &proposed.id) == ProposalState::Done).await;
        let after = used(&gateway);
        assert_eq!((before.len(), after.len()), (2, 2));
        assert!(before.iter().all(|old| !after.contains(old)));
        assert!(
            before
                .iter()
                .all(|old| key_state(&gateway, old) == Some(State::Tainted))
        );
        // Each step is in the log, in its order.
        let steps = entries(&gateway, serial);
        let said: Vec<_> = steps
            .iter()
            .filter(|e| e.leaf.peer == "gateway")
            .map(|e| &e.i.note)
            .collect();
        assert!(said[0].contains("key list") && said[0].contains("tainted"), "{said:?}");
        assert!(said[1].starts_with("job ") && said[1].ends_with("; done"), "{said:?}");
        // Whoever has the old key list is answered, in and out of a session; whoever comes now seals to a new key.
        answered(&gateway, &bank, asked(&bank, &consent)).await;
        let sent = bank.in_session(&session, crate::path::QUERY, |header| v1::Query {
            header: Some(header),
            ..question(2, &consent)
        });
        answered(&gateway, &bank, sent).await;
        let fresh = gateway.caller(BANK_A).await;
        let newest = answered(&gateway, &fresh, asked(&fresh, &consent)).await;
        assert!(
            after
                .iter()
                .any(|key| newest.entry.leaf.key_ids.contains(&key.to_string()))
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_revoked_exchange_key_opens_nothing_and_one_person_does_it() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let bank = gateway.caller(BANK_A).await;
        let security = admin(&gateway, SECURITY).await;
        for key in used(&gateway) {
            let job = security.revoke_exchange_key(&key.0, "INC-1").await.unwrap();
            assert!(job.emergency);
            assert!(newest(&gateway).i.note.contains("revoke the exchange key"));
            until("the job", || state_of(&gateway, &job.id) == ProposalState::Done).await;
            assert_eq!(key_state(&gateway, &key), Some(State::Revoked));
            refused(
                &gateway,
                security.revoke_exchange_key(&key.0, "INC-1").await,
                Code::TargetUnknown,
            );
        }
        let call = bank.exchange(asked(&bank, &[7; 16]));
        let refused = refused_call(&gateway, &bank, crate::path::QUERY, call).await;
        assert_eq!(refused.code, Code::KeyUnknown);
        let fresh = gateway.caller(BANK_A).await;
        answered(&gateway, &fresh, asked(&fresh, &[7; 16])).await;
        gateway.stop().await.verify_log();
    });
}

/// A crash after the approval's entry, and one after the keyring changed: the next start ends the job, once.
#[test]
fn a_job_that_was_cut_off_is_ended_by_the_next_start() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let keys = used(&gateway);
        let job = approved(&gateway, Change::RotateExchange(keys.clone()), BOTH).await;
        assert_eq!(used(&gateway), keys, "nobody was told");
        let gateway = gateway.restart().await;
        until("the job", || state_of(&gateway, &job.id.0) == ProposalState::Done).await;
        let rotated = used(&gateway);
        assert!(keys.iter().all(|old| !rotated.contains(old)));
        // The keyring changed, and the end was not recorded.
        gateway.clock.advance_ms(1);
        let again = approved(&gateway, Change::RotateExchange(keys), BOTH).await;
        let gateway = gateway.restart().await;
        until("the job", || state_of(&gateway, &again.id.0) == ProposalState::Done).await;
        assert_eq!(used(&gateway), rotated, "nothing is rotated twice");
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_job_whose_people_are_gone_is_rolled_back_on_record() {
    runtime().block_on(async {
        for (from, to) in [
            ("person = \"operator\"", "person = \"somebody\""),
            (
                "id = \"operator\"\nrole = \"operator\"",
                "id = \"operator\"\nsuspended = true\nrole = \"operator\"",
            ),
        ] {
            let gateway = Gateway::start(Place::new()).await;
            let keys = used(&gateway);
            let job = approved(&gateway, Change::RotateExchange(keys.clone()), BOTH).await;
            let now = gateway.now();
            let place = gateway.stop().await;
            place.swap("register.toml", from, to);
            let gateway = Gateway::start_at(place, now).await;
            until("the end", || state_of(&gateway, &job.id.0) == ProposalState::RolledBack).await;
            assert_eq!(used(&gateway), keys, "nothing was rotated");
            let told = entries(&gateway, 0);
            assert!(told.iter().any(|e| e.i.note.contains("; rolled back")));
            let all = admin(&gateway, DEPUTY).await.proposals().await.unwrap();
            assert_eq!(all[0].state(), v1::ProposalState::RolledBack);
            gateway.stop().await.verify_log();
        }
    });
}
