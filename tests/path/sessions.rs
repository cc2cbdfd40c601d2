//! Sessions: opened, used in any order, used once, ended.
use super::{CLOSE_SESSION, LOAD, OPEN_SESSION, QUERY};
use crate::support::{
    BANK_A, BANK_B, Caller, Gateway, LENDER, Place, Sent, answered, on_shared, question, refused, runtime, session_of,
};
use tollgate::{
    client::{Draft, Session},
    crypto::Suite,
    limits::{SESSION_MS_MAX, SESSIONS_PER_PARTNER_MAX},
    refusal::Code,
    wire::v1,
};

fn ask(bank: &Caller, session: &Session) -> Sent {
    bank.in_session(session, QUERY, |header| v1::Query {
        header: Some(header),
        ..question(1, &[7; 16])
    })
}

fn close(bank: &Caller, session: &Session) -> Sent {
    bank.in_session(session, CLOSE_SESSION, |header| v1::CloseSession {
        header: Some(header),
    })
}

#[test]
pub(super) fn required() {
    on_shared(async |gateway| {
        let (bank, lender) = (gateway.caller(BANK_A).await, gateway.caller(LENDER).await);
        let close = bank.one_shot(CLOSE_SESSION, |header| v1::CloseSession { header: Some(header) });
        let load = lender.one_shot(LOAD, |header| v1::LoadChunk {
            header: Some(header),
            ..Default::default()
        });
        let closing = refused(gateway, &bank, CLOSE_SESSION, bank.exchange(close)).await;
        let loading = refused(gateway, &lender, LOAD, lender.exchange(load)).await;
        for refused in [closing, loading] {
            assert_eq!(refused.code, Code::SessionRequired);
            // It was not even opened.
            assert!(refused.entry.leaf.key_ids.is_empty());
        }
    });
}

#[test]
pub(super) fn unknown() {
    on_shared(async |gateway| {
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let session = bank.session().await;
        let mut nowhere = ask(&bank, &session).sealed;
        session_of(&mut nowhere).session_id[0] ^= 1;
        let nowhere = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(nowhere))).await;
        // To another partner a session does not exist, and it is not harmed by trying.
        let sent = ask(&bank, &session);
        let theirs = refused(gateway, &other, QUERY, other.send(QUERY, Some(sent.sealed.clone()))).await;
        for refused in [nowhere, theirs] {
            assert_eq!(refused.code, Code::SessionUnknown);
            assert!(refused.entry.leaf.key_ids.is_empty());
        }
        answered(gateway, &bank, sent).await;
        // A session that was closed.
        answered(gateway, &bank, close(&bank, &session)).await;
        let late = refused(gateway, &bank, QUERY, bank.exchange(ask(&bank, &session))).await;
        assert_eq!(late.code, Code::SessionUnknown);
    });
}

#[test]
fn sessions_end_with_the_process() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        answered(&gateway, &bank, ask(&bank, &session)).await;
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        let refused = refused(&gateway, &bank, QUERY, bank.exchange(ask(&bank, &session))).await;
        assert_eq!(refused.code, Code::SessionUnknown);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn expired() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        // The library's client gives up before the end; these were sealed while it still could.
        let (last, late) = (ask(&bank, &session), ask(&bank, &session));
        gateway.clock.advance_ms(SESSION_MS_MAX - 1);
        let before_the_end = refused(&gateway, &bank, QUERY, bank.exchange(last)).await;
        assert_eq!(before_the_end.code, Code::Stale, "the session still opened it");
        gateway.clock.advance_ms(1);
        let refused = refused(&gateway, &bank, QUERY, bank.exchange(late)).await;
        assert_eq!(refused.code, Code::SessionExpired);
        // The key that opened the session is known, and what is inside is not.
        assert_eq!(refused.entry.leaf.key_ids.len(), 1);
        assert!(refused.entry.x.request_digest.is_empty());
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn replayed() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let sent: Vec<Sent> = (0..4).map(|_| ask(&bank, &session)).collect();
        let copies: Vec<_> = sent.iter().map(|s| s.sealed.clone()).collect();
        // The last first: each number is taken once, in whatever order.
        for sent in sent.into_iter().rev() {
            answered(gateway, &bank, sent).await;
        }
        for sealed in copies {
            let refused = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
            assert_eq!(refused.code, Code::Replayed);
            assert!(refused.entry.x.request_digest.is_empty());
        }
        // An opening counts once, too.
        let (open, opening) = bank.opening(Suite::X25519, v1::Evidence::Request);
        let response = bank.send_opening(open.clone()).await.unwrap();
        opening.accept(bank.parties(), &response, bank.now()).unwrap();
        let again = refused(gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        assert_eq!(again.code, Code::Replayed);
    });
}

/// The window: what lies further behind than 4,096 numbers was perhaps used.
#[test]
fn a_number_behind_the_window_counts_as_used() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let session = bank.session().await;
        let mut old = vec![ask(&bank, &session), ask(&bank, &session)];
        let draft = bank.draft(QUERY, false, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        // Numbers 2 to 4,096 are sealed and never sent.
        let skipped: Vec<Sent> = (2..=4_096).map(|_| bank.seal_in(&session, QUERY, &draft)).collect();
        answered(gateway, &bank, skipped.into_iter().last().unwrap()).await;
        answered(gateway, &bank, old.remove(1)).await;
        let refused = refused(gateway, &bank, QUERY, bank.exchange(old.remove(0))).await;
        assert_eq!(refused.code, Code::Replayed);
    });
}

#[test]
pub(super) fn exhausted() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let first = bank.session().await;
        let mut opened = 1;
        while opened < SESSIONS_PER_PARTNER_MAX {
            let (open, _) = bank.opening(Suite::X25519, v1::Evidence::Request);
            match bank.send_opening(open).await {
                Ok(_) => opened += 1,
                // 200 a second: the rate limit is not what is tested here.
                Err(status) => {
                    assert_eq!(crate::support::status_of(&status).0, Code::RateLimited);
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let (open, _) = bank.opening(Suite::X25519, v1::Evidence::Request);
        let over = refused(&gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        assert_eq!(over.code, Code::SessionsExhausted);
        // Signed and fresh: the entry holds the partner to it.
        assert_eq!(over.entry.x.signing_key_id, "bank-a-1");
        // Nobody else is kept out, and one that is closed makes room.
        other.session().await;
        answered(&gateway, &bank, close(&bank, &first)).await;
        bank.session().await;
        gateway.stop().await.verify_log();
    });
}

#[test]
fn an_opening_that_lacks_something_opens_nothing() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let opened = gateway.gate().opener.sessions().count();
        type Change = fn(&mut v1::SessionOpen);
        let changes: [Change; 5] = [
            |o| o.header = None,
            |o| o.client_secret.truncate(31),
            |o| o.client_kem_pk.truncate(31),
            |o| o.evidence = 0,
            |o| o.header.as_mut().unwrap().reply_secret = vec![1; 32],
        ];
        for change in changes {
            let draft = bank.draft(OPEN_SESSION, false, |header| {
                let mut open = v1::SessionOpen {
                    header: Some(header),
                    client_kem_pk: vec![9; 32],
                    client_secret: vec![3; 32],
                    evidence: v1::Evidence::Request.into(),
                };
                change(&mut open);
                open
            });
            let refused = refused(
                gateway,
                &bank,
                OPEN_SESSION,
                bank.send_opening(sealed_open(&bank, &draft)),
            )
            .await;
            assert_eq!(refused.code, Code::FieldInvalid);
        }
        assert_eq!(gateway.gate().opener.sessions().count(), opened);
    });
}

fn sealed_open(bank: &Caller, draft: &Draft) -> v1::OpenSessionRequest {
    let key = bank.keys.exchange(Suite::X25519, bank.now()).unwrap();
    let info = bank.parties().session_open_info(key.suite, &key.key_id);
    let (enc, ciphertext) = key
        .suite
        .seal(&bank.rng, &key.public_key, &info, draft.signed())
        .unwrap();
    let (kem, kdf, aead) = key.suite.ids();
    v1::OpenSessionRequest {
        open: Some(v1::OneShotRequest {
            suite: Some(v1::Suite {
                kem: kem.into(),
                kdf: kdf.into(),
                aead: aead.into(),
            }),
            key_id: key.key_id.clone(),
            enc,
            ciphertext,
        }),
    }
}
