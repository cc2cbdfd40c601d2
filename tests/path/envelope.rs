//! The envelope: its shape, its suite, its key, its bytes.
use super::{CLOSE_SESSION, LOAD, OPEN_SESSION, QUERY};
use crate::support::{
    BANK_A, Caller, Gateway, LENDER, Place, Sent, counted, on_shared, question, refused, runtime, session_of,
    turned_away,
};
use tollgate::{
    crypto::Suite,
    refusal::Code,
    wire::v1::{self, sealed_request::Mode},
};

fn ask(bank: &Caller) -> Sent {
    bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(1, &[7; 16])
    })
}

fn one_shot_of(sealed: &mut v1::SealedRequest) -> &mut v1::OneShotRequest {
    match sealed.mode.as_mut() {
        Some(Mode::OneShot(request)) => request,
        _ => panic!("not one-shot"),
    }
}

/// A question with its envelope changed on the way.
fn changed(bank: &Caller, change: impl FnOnce(&mut v1::OneShotRequest)) -> v1::SealedRequest {
    let mut sealed = ask(bank).sealed;
    change(one_shot_of(&mut sealed));
    sealed
}

async fn refused_as(gateway: &Gateway, bank: &Caller, sealed: v1::SealedRequest, code: Code) -> crate::support::Entry {
    let refused = refused(gateway, bank, QUERY, bank.send(QUERY, Some(sealed))).await;
    assert_eq!(refused.code, code);
    // Whatever does not open says nothing, and nothing is believed of it.
    assert!(refused.entry.x.request_digest.is_empty() && refused.entry.x.signing_key_id.is_empty());
    refused.entry
}

/// What is no envelope costs no entry of its own: it is counted.
#[test]
pub(super) fn malformed() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let in_session = |change: fn(&mut v1::SessionRequest)| {
            let mut sealed = bank
                .in_session(&session, QUERY, |header| v1::Query {
                    header: Some(header),
                    ..question(1, &[7; 16])
                })
                .sealed;
            change(session_of(&mut sealed));
            Some(sealed)
        };
        let before = gateway.size();
        let bad = [
            None,
            Some(v1::SealedRequest { mode: None }),
            Some(changed(&bank, |e| e.suite = None)),
            Some(changed(&bank, |e| e.key_id.truncate(7))),
            Some(changed(&bank, |e| e.enc.push(0))),
            Some(changed(&bank, |e| e.ciphertext.truncate(15))),
            in_session(|e| e.session_id.truncate(15)),
            in_session(|e| e.salt.push(0)),
            in_session(|e| e.seq = 1 << 33),
            in_session(|e| e.ciphertext.clear()),
        ];
        let number = bad.len() as u64;
        for sealed in bad {
            assert_eq!(
                turned_away(gateway, bank.send(QUERY, sealed)).await,
                Code::EnvelopeMalformed
            );
        }
        let no_opening = bank.send_opening(v1::OpenSessionRequest { open: None });
        assert_eq!(turned_away(gateway, no_opening).await, Code::EnvelopeMalformed);
        let sums = counted(gateway, before, number + 1).await;
        assert_eq!(
            sums,
            [("ENVELOPE_MALFORMED".to_owned(), BANK_A.uri.to_owned(), number + 1)]
        );
        // An opening is looked at only once its sender is known: a refusal of its own.
        let (mut open, _) = bank.opening(Suite::X25519, v1::Evidence::Request);
        open.open.as_mut().unwrap().enc.clear();
        let refused = refused(gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        assert_eq!(refused.code, Code::EnvelopeMalformed);
        assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Session);
    });
}

#[test]
pub(super) fn too_large() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let large = changed(&bank, |e| e.ciphertext.resize((64 << 10) + 1, 0));
        let entry = refused_as(gateway, &bank, large, Code::TooLarge).await;
        // Its key was not even looked for.
        assert!(entry.leaf.key_ids.is_empty());
        let (mut open, _) = bank.opening(Suite::X25519, v1::Evidence::Request);
        open.open.as_mut().unwrap().ciphertext.resize((64 << 10) + 1, 0);
        let refused = refused(gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        assert_eq!(refused.code, Code::TooLarge);
    });
}

/// A message that gRPC itself does not take never becomes a case: there is nothing to record.
#[test]
fn a_message_over_the_limit_of_the_channel_is_not_read() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let before = gateway.size();
        let huge = changed(&bank, |e| e.ciphertext.resize(2 << 20, 0));
        let status = bank.send(QUERY, Some(huge)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::OutOfRange, "{status:?}");
        crate::support::no_entry_since(gateway, before);
        // The connection goes on.
        crate::support::answered(gateway, &bank, ask(&bank)).await;
    });
}

#[test]
pub(super) fn a_suite_that_is_not_allowed() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        // A suite that this gateway does not speak: DHKEM(P-256).
        let foreign = changed(&bank, |e| e.suite.as_mut().unwrap().kem = 0x0010);
        refused_as(gateway, &bank, foreign, Code::SuiteNotAllowed).await;
    });
    // One that it speaks, and that this member may not use.
    runtime().block_on(async {
        let place = Place::new();
        place.swap(
            "register.toml",
            "suites = [\"x-wing\", \"x25519\"]",
            "suites = [\"x-wing\"]",
        );
        let gateway = Gateway::start(place).await;
        let bank = gateway.caller(BANK_A).await;
        refused_as(&gateway, &bank, ask(&bank).sealed, Code::SuiteNotAllowed).await;
        let (open, _) = bank.opening(Suite::X25519, v1::Evidence::Request);
        let refused = refused(&gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        assert_eq!(refused.code, Code::SuiteNotAllowed);
        let draft = bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        crate::support::answered(&gateway, &bank, bank.seal(QUERY, Suite::XWing, &draft)).await;
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn an_unknown_key() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let entry = refused_as(gateway, &bank, changed(&bank, |e| e.key_id[0] ^= 1), Code::KeyUnknown).await;
        assert!(entry.leaf.key_ids.is_empty());
        // The key of the other suite is not this suite's.
        let now = bank.now();
        let other = bank.keys.exchange(Suite::XWing, now).unwrap().key_id.clone();
        refused_as(gateway, &bank, changed(&bank, |e| e.key_id = other), Code::KeyUnknown).await;
    });
}

#[test]
pub(super) fn tampered() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        for change in [
            (|e| e.ciphertext[40] ^= 1) as fn(&mut v1::OneShotRequest),
            |e| *e.ciphertext.last_mut().unwrap() ^= 0x80,
            |e| e.ciphertext.truncate(e.ciphertext.len() - 1),
            |e| e.ciphertext.push(0),
            |e| e.enc[3] ^= 1,
        ] {
            let entry = refused_as(gateway, &bank, changed(&bank, change), Code::OpenFailed).await;
            // The key it was sealed to is named: that is all that is known.
            assert_eq!(entry.leaf.key_ids.len(), 1);
        }
        // Sealed for one method, sent to another.
        let elsewhere = bank.one_shot(super::GRANT, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        refused_as(gateway, &bank, elsewhere.sealed, Code::OpenFailed).await;
        // Opened, and no signed message.
        let noise = bank.seal_bytes(QUERY, &[0xff; 40]);
        refused_as(gateway, &bank, noise, Code::OpenFailed).await;
    });
}

/// Another partner's envelope is bound to that partner: it does not open for whoever copies it.
#[test]
fn an_envelope_of_another_partner_does_not_open() {
    on_shared(async |gateway| {
        let (bank, thief) = (
            gateway.caller(BANK_A).await,
            gateway.caller(crate::support::BANK_B).await,
        );
        let copied = ask(&bank).sealed;
        let refused = refused(gateway, &thief, QUERY, thief.send(QUERY, Some(copied))).await;
        assert_eq!(refused.code, Code::OpenFailed);
        assert_eq!(refused.entry.leaf.partner, "bank-b");
    });
}

#[test]
fn tampered_in_a_session() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let sent = || {
            bank.in_session(&session, QUERY, |header| v1::Query {
                header: Some(header),
                ..question(1, &[7; 16])
            })
        };
        for change in [
            (|e| e.ciphertext[9] ^= 1) as fn(&mut v1::SessionRequest),
            |e| e.salt[0] ^= 1,
            |e| e.seq += 100,
            |e| e.ciphertext.truncate(e.ciphertext.len() - 1),
        ] {
            let mut sealed = sent().sealed;
            change(session_of(&mut sealed));
            refused_as(gateway, &bank, sealed, Code::OpenFailed).await;
        }
        // Sent to another method of the same session.
        let closing = refused(
            gateway,
            &bank,
            CLOSE_SESSION,
            bank.send(CLOSE_SESSION, Some(sent().sealed)),
        )
        .await;
        assert_eq!(closing.code, Code::OpenFailed);
        // A number that a forger used up by trying is still good for its owner.
        let mut forged = sent();
        let good = forged.sealed.clone();
        session_of(&mut forged.sealed).ciphertext[0] ^= 1;
        refused_as(gateway, &bank, forged.sealed, Code::OpenFailed).await;
        forged.sealed = good;
        crate::support::answered(gateway, &bank, forged).await;
    });
}

#[test]
fn a_load_has_room_for_a_chunk_and_no_more() {
    on_shared(async |gateway| {
        let lender = gateway.caller(LENDER).await;
        let session = lender.session().await;
        let mut sent = lender.in_session(&session, LOAD, |header| v1::LoadChunk {
            header: Some(header),
            ..Default::default()
        });
        // Over the bound of other methods and under that of a load: it is opened, and does not open.
        session_of(&mut sent.sealed).ciphertext.resize(100 << 10, 0);
        let refused = refused(gateway, &lender, LOAD, lender.send(LOAD, Some(sent.sealed))).await;
        assert_eq!(refused.code, Code::OpenFailed);
    });
}
