//! Who calls: certificates, roles, rates, and those who never become callers.
use super::notices::{ACKNOWLEDGE, LIST_NOTICES};
use super::{
    CHECKPOINT, CLOSE_SESSION, CONFIRM, CONSISTENCY, CORRECT, GET, GRANT, KEY_LIST, LIST, LIST_SIGNALS, LOAD,
    OPEN_SESSION, QUERY, WITHDRAW,
};
use crate::support::{
    AUDITOR, BANK_A, BANK_B, COMPLIANCE, Caller, Gateway, LENDER, OPERATOR, Place, SECURITY, Who, answered, counted,
    entries, on_shared, question, refused, runtime, turned_away, until,
};
use std::{net::SocketAddr, sync::Mutex};
use tokio::io::AsyncReadExt;
use tollgate::{
    channel::{Credential, Denied},
    clock::Time,
    identity::PeerIdentity,
    limits::COUNTED_PEERS_MAX,
    refusal::Code,
    wire::v1,
};
use tonic::Status;
use tower_service::Service;

async fn checkpoint(by: &Caller) -> Result<v1::GetCheckpointResponse, Status> {
    by.call(CHECKPOINT, v1::GetCheckpointRequest {}).await
}

fn ask(bank: &Caller) -> crate::support::Sent {
    bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..question(1, &[7; 16])
    })
}

#[test]
pub(super) fn an_unregistered_certificate() {
    runtime().block_on(async {
        let place = Place::new();
        place.drop_agreement("wide-b");
        // The trust domain vouches for bank B; the register does not know it.
        let register = place.read("register.toml");
        let others = register
            .split("\n[[members]]\n")
            .filter(|member| !member.contains("id = \"bank-b\""));
        place.write("register.toml", &others.collect::<Vec<_>>().join("\n[[members]]\n"));
        let gateway = Gateway::start(place).await;
        let stranger = gateway.caller(BANK_B).await;
        let sent = ask(&stranger);
        let asked = refused(&gateway, &stranger, QUERY, stranger.exchange(sent)).await;
        let read = refused(&gateway, &stranger, CHECKPOINT, checkpoint(&stranger)).await;
        for refused in [asked, read] {
            assert_eq!(refused.code, Code::PeerUnknown);
            // Nothing was opened.
            assert!(refused.entry.leaf.key_ids.is_empty() && refused.entry.x.request_digest.is_empty());
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn a_suspended_partner() {
    runtime().block_on(async {
        let place = Place::new();
        place.swap(
            "register.toml",
            "id = \"bank-a\"\n",
            "id = \"bank-a\"\nsuspended = true\n",
        );
        let gateway = Gateway::start(place).await;
        let bank = gateway.caller(BANK_A).await;
        let asked = refused(&gateway, &bank, QUERY, bank.exchange(ask(&bank))).await;
        let read = refused(&gateway, &bank, CHECKPOINT, checkpoint(&bank)).await;
        let (open, _) = bank.opening(tollgate::crypto::Suite::X25519, v1::Evidence::Request);
        let opened = refused(&gateway, &bank, OPEN_SESSION, bank.send_opening(open)).await;
        for refused in [asked, read, opened] {
            assert_eq!(refused.code, Code::PartnerSuspended);
            assert!(refused.entry.leaf.key_ids.is_empty());
        }
        let other = gateway.caller(BANK_B).await;
        checkpoint(&other).await.unwrap();
        gateway.stop().await.verify_log();
    });
}

/// Every method, with those who may call it. Whoever may not is refused before anything is opened; whoever may is not
/// refused for their role.
#[test]
pub(super) fn each_role_has_its_methods() {
    let sealed: [(&str, &[Who]); 11] = [
        (QUERY, &[BANK_A]),
        (CLOSE_SESSION, &[BANK_A, LENDER]),
        (GRANT, &[BANK_A]),
        (WITHDRAW, &[BANK_A, LENDER]),
        (GET, &[BANK_A, LENDER]),
        (LIST, &[BANK_A, LENDER]),
        (CONFIRM, &[LENDER]),
        (LOAD, &[LENDER]),
        (CORRECT, &[LENDER]),
        (LIST_NOTICES, &[BANK_A]),
        (ACKNOWLEDGE, &[BANK_A]),
    ];
    on_shared(async |gateway| {
        for who in [BANK_A, LENDER, COMPLIANCE, AUDITOR, SECURITY, OPERATOR] {
            let caller = gateway.caller(who).await;
            for (method, allowed) in sealed {
                let noise = caller.seal_bytes(method, b"no signed message");
                let refused = refused(gateway, &caller, method, caller.send(method, Some(noise))).await;
                let barred = !allowed.contains(&who);
                assert_eq!(refused.code == Code::MethodNotAllowed, barred, "{who:?} {method}");
                assert!(
                    !barred || refused.entry.leaf.key_ids.is_empty(),
                    "{who:?} {method}: it was opened"
                );
            }
            if who.staff {
                let open = v1::OpenSessionRequest {
                    open: Some(v1::OneShotRequest::default()),
                };
                let refused = refused(gateway, &caller, OPEN_SESSION, caller.send_opening(open)).await;
                assert_eq!(refused.code, Code::MethodNotAllowed, "{who:?}");
            } else {
                caller.session().await;
            }
            // Key list, signals and the log's proofs name nobody: everybody in the register may read them.
            reads(gateway, &caller).await;
        }
    });
}

async fn reads(gateway: &Gateway, by: &Caller) {
    let before = gateway.size();
    let _: v1::GetKeyListResponse = by.call(KEY_LIST, v1::GetKeyListRequest {}).await.unwrap();
    let signals: v1::ListSignalsResponse = by.call(LIST_SIGNALS, v1::ListSignalsRequest::default()).await.unwrap();
    assert!(
        signals.signals.iter().all(|s| s.signal != "limit_old@1"),
        "a retired signal is offered"
    );
    checkpoint(by).await.unwrap();
    let newest = v1::ProveConsistencyRequest {
        from_size: 1,
        to_size: 0,
    };
    let _: v1::ProveConsistencyResponse = by.call(CONSISTENCY, newest).await.unwrap();
    let new = entries(gateway, before);
    let methods: Vec<&str> = new.iter().map(|e| e.leaf.method.as_str()).collect();
    assert_eq!(methods, [KEY_LIST, LIST_SIGNALS, CHECKPOINT, CONSISTENCY]);
    for entry in &new {
        assert_eq!(
            (entry.leaf.class(), entry.leaf.kind()),
            (v1::EntryClass::Admin, v1::EntryKind::Read)
        );
        assert_eq!(
            (entry.leaf.peer.as_str(), entry.leaf.partner.as_str()),
            (by.who.uri, by.who.id)
        );
    }
}

#[test]
pub(super) fn a_size_that_the_log_does_not_have() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let size = gateway.size();
        for (from_size, to_size) in [(size + 100, 0), (1, size + 100), (u64::MAX, 0)] {
            let range = v1::ProveConsistencyRequest { from_size, to_size };
            let call = bank.call::<_, v1::ProveConsistencyResponse>(CONSISTENCY, range);
            let refused = refused(gateway, &bank, CONSISTENCY, call).await;
            assert_eq!(refused.code, Code::LogRange, "{from_size}..{to_size}");
            assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Read);
        }
    });
}

/// The identity behind a live connection.
pub(super) fn peer(gateway: &Gateway, uri: &str) -> PeerIdentity {
    let found = Mutex::new(None);
    gateway.running.connections().end_where(|peer| {
        if peer.uri() == uri {
            *found.lock().unwrap() = Some(peer.clone());
        }
        false
    });
    found.into_inner().unwrap().unwrap()
}

#[test]
pub(super) fn a_revoked_certificate_on_a_live_connection() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let session = bank.session().await;
        checkpoint(&bank).await.unwrap();
        let denied = Denied::certificate_of(&peer(&gateway, BANK_A.uri));
        let effect = gateway.running.denylist().add(&denied, Time(i64::MAX), gateway.now());
        assert!(effect.is_ok());
        let before = gateway.size();
        assert_eq!(turned_away(&gateway, checkpoint(&bank)).await, Code::PeerRevoked);
        // In a session that it opened while it was good, too.
        let sent = bank.in_session(&session, QUERY, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        assert_eq!(turned_away(&gateway, bank.exchange(sent)).await, Code::PeerRevoked);
        // A load's stream asks anew as well: refused at its beginning.
        let noise = bank.seal_bytes(LOAD, b"x");
        assert_eq!(turned_away(&gateway, bank.stream_one(noise)).await, Code::PeerRevoked);
        checkpoint(&other).await.unwrap();
        let sums = counted(&gateway, before, 3).await;
        assert_eq!(sums, [("PEER_REVOKED".to_owned(), BANK_A.uri.to_owned(), 3)]);
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(super) fn a_certificate_that_expires_on_a_live_connection() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let bank = gateway.caller(BANK_A).await;
        checkpoint(&bank).await.unwrap();
        let end = peer(&gateway, BANK_A.uri).not_after();
        gateway.clock.advance_ms(end.since(gateway.now()));
        checkpoint(&bank).await.unwrap();
        let before = gateway.size();
        gateway.clock.advance_ms(1);
        assert_eq!(turned_away(&gateway, checkpoint(&bank)).await, Code::CertificateExpired);
        let sums = counted(&gateway, before, 1).await;
        assert_eq!(sums, [("CERTIFICATE_EXPIRED".to_owned(), BANK_A.uri.to_owned(), 1)]);
        gateway.stop().await.verify_log();
    });
}

/// What is over the rate is counted: one entry for peer and minute, however many calls.
#[test]
pub(super) fn a_peer_over_its_rate() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let before = gateway.size();
        let (mut allowed, mut over) = (0, 0);
        // However slow this machine is: a hundred at once are faster than fifty a second.
        let calls = (0..400).map(|_| checkpoint(&bank));
        for outcome in join_all(calls).await {
            match outcome {
                Ok(_) => allowed += 1,
                Err(status) => {
                    assert_eq!(crate::support::status_of(&status), (Code::RateLimited, None));
                    over += 1;
                }
            }
        }
        assert!(allowed >= 50 && over > 0, "{allowed} allowed, {over} over");
        assert_eq!(gateway.size(), before + allowed);
        checkpoint(&other).await.unwrap();
        let sums = counted(&gateway, before, over).await;
        assert_eq!(sums, [("RATE_LIMITED".to_owned(), BANK_A.uri.to_owned(), over)]);
        gateway.stop().await.verify_log();
    });
}

async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut pending {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if pending.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

/// Whoever has no good certificate gets no connection. In TLS 1.3 the client learns that with its first read.
async fn kept_out(gateway: &Gateway, credential: &Credential, staff: bool) {
    let address = format!("http://{}", gateway.address(staff)).parse().unwrap();
    if let Ok(stream) = Service::call(&mut gateway.connector(credential), address).await {
        let read = stream.into_inner().read(&mut [0; 64]).await;
        assert!(read.is_err(), "the gateway spoke to it: {read:?}");
    }
}

#[test]
fn failed_handshakes_are_counted() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let before = gateway.size();
        let elsewhere = Place::new();
        // Another world's bank; staff at the partners' door, and a partner at that of staff.
        for _ in 0..3 {
            kept_out(&gateway, &elsewhere.credential(BANK_A), false).await;
        }
        kept_out(&gateway, &gateway.place.credential(SECURITY), false).await;
        kept_out(&gateway, &gateway.place.credential(BANK_A), true).await;
        crate::support::no_entry_since(&gateway, before);
        let sums = counted(&gateway, before, 5).await;
        assert_eq!(sums, [("unknown_issuer".to_owned(), "127.0.0.1".to_owned(), 5)]);
        // A good one was never hindered.
        let bank = gateway.caller(BANK_A).await;
        answered(&gateway, &bank, ask(&bank)).await;
        gateway.stop().await.verify_log();
    });
}

/// A flood from everywhere cannot fill the log: what is over the bound is counted as one.
#[test]
fn counted_peers_are_bounded() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let before = gateway.size();
        let flood = COUNTED_PEERS_MAX as u64 + 60;
        for n in 0..flood {
            let from: SocketAddr = format!("127.1.{}.{}:0", n / 200, 1 + n % 200).parse().unwrap();
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(from).unwrap();
            drop(socket.connect(gateway.address(false)).await.unwrap());
        }
        let sums = counted(&gateway, before, flood).await;
        assert_eq!(sums.iter().map(|(.., count)| count).sum::<u64>(), flood);
        let named: Vec<_> = sums.iter().filter(|(_, peer, _)| peer != "(others)").collect();
        assert_eq!(named.len(), COUNTED_PEERS_MAX);
        assert!(
            sums.iter().any(|(_, peer, count)| peer == "(others)" && *count == 60),
            "{sums:?}"
        );
        until("sockets are closed", || gateway.running.connections().count() == 0).await;
        gateway.stop().await.verify_log();
    });
}
