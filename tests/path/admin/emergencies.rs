//! One person, at once: whoever is meant is out, stays out, and nobody else is touched.
use super::{admin, let_in, lift, member, newest, refused, two_people::out};
use crate::support::{
    AUDITOR, BANK_A, BANK_B, COMPLIANCE, DEPUTY, Gateway, LENDER, OPERATOR, Place, SECURITY, Who, runtime,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tollgate::{
    app,
    channel::Denied,
    clock::{Clock, ManualClock, Time},
    crypto::{Rng, SystemRng},
    limits::DENIED_MAX,
    pipeline::admin::SUSPEND,
    refusal::Code,
    wire::v1::{self, target::Target},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// The bound of the issue: live calls, streams and sessions end, and new handshakes fail, within this.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn watch(gateway: &Gateway, who: Who) -> tonic::Streaming<tonic_health::pb::HealthCheckResponse> {
    let channel = gateway.channel(&gateway.place.credential(who), who.staff).await;
    let watched = HealthClient::new(channel.unwrap())
        .watch(HealthCheckRequest::default())
        .await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    watched
}

#[test]
fn whoever_is_suspended_is_out_within_a_second_and_two_people_let_them_in() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let (session, _others) = (bank.session().await, other.session().await);
        let mut watched = watch(&gateway, BANK_A).await;
        let mut of_other = watch(&gateway, BANK_B).await;
        let security = admin(&gateway, SECURITY).await;
        let began = Instant::now();
        let done = security.suspend(member("bank-a"), "INC-1").await.unwrap();
        assert!(watched.message().await.is_err(), "the stream was cut");
        assert!(out(&gateway).await, "a new connection is of no use");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        assert_eq!((done.connections, done.sessions), (2, 1));
        assert_eq!(gateway.gate().opener.sessions().count(), 1, "the other bank's");
        let entry = newest(&gateway);
        assert_eq!(entry.leaf.method, SUSPEND.method.path());
        assert_eq!(entry.i.note, "member bank-a; INC-1; 2 connections and 1 sessions ended");
        // Nobody else is touched.
        assert!(timeout(Duration::from_millis(200), of_other.message()).await.is_err());
        other.session().await;
        gateway.caller(LENDER).await.session().await;
        // It stays so over a restart and into the next period of the log.
        let gateway = gateway.restart().await;
        assert!(out(&gateway).await);
        let security = admin(&gateway, SECURITY).await;
        let proposed = security.propose(lift(member("bank-a")), "cleared").await.unwrap();
        let now = gateway.now();
        let place = gateway.stop().await;
        let clock = Arc::new(ManualClock::new(now)) as Arc<dyn Clock>;
        let rng = Arc::new(SystemRng::default()) as Arc<dyn Rng>;
        let closed = app::close_period(&place.config(), &clock, &rng, &mut |_| ()).await;
        closed.unwrap_or_else(|e| panic!("{e}"));
        let gateway = Gateway::start_at(place, now).await;
        assert!(out(&gateway).await);
        // What was proposed in the old period is approved in the new one.
        let approved = admin(&gateway, DEPUTY).await.approve(&proposed).await.unwrap();
        assert_eq!(approved.state(), v1::ProposalState::Done);
        let bank = gateway.caller(BANK_A).await;
        let again = bank.session().await;
        drop((session, again));
        let gateway = gateway.restart().await;
        assert!(!out(&gateway).await);
        gateway.stop().await;
    });
}

#[test]
fn another_uri_in_the_register_does_not_let_a_suspended_member_in() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let security = admin(&gateway, SECURITY).await;
        security.suspend(member("bank-b"), "INC-1").await.unwrap();
        let now = gateway.now();
        let place = gateway.stop().await;
        // Bank A's certificate under bank B's name, and the other way round.
        place.swap("register.toml", BANK_A.uri, "spiffe://x.example/partner/x");
        place.swap("register.toml", BANK_B.uri, BANK_A.uri);
        place.swap("register.toml", "spiffe://x.example/partner/x", BANK_B.uri);
        let gateway = Gateway::start_at(place, now).await;
        assert!(out(&gateway).await, "whoever is bank B now");
        gateway.stop().await;
    });
}

#[test]
fn a_certificate_or_a_key_is_denied_and_let_in_again() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let security = admin(&gateway, SECURITY).await;
        let peer = {
            let bank = gateway.caller(BANK_A).await;
            bank.session().await;
            gateway.gate().opener.sessions().end_where(|_, _| true);
            crate::path::members::peer(&gateway, BANK_A.uri)
        };
        let certificate = Target::Certificate(v1::CertificateTarget {
            issuer: peer.issuer().to_vec(),
            serial: peer.serial().to_vec(),
        });
        for target in [certificate, Target::KeySha256(peer.key_sha256().to_vec())] {
            let bank = gateway.caller(BANK_A).await;
            bank.session().await;
            let done = security.suspend(target.clone(), "INC-1").await.unwrap();
            assert!(done.connections >= 1, "{}", done.connections);
            assert_eq!((done.sessions, gateway.gate().opener.sessions().count()), (1, 0));
            assert!(out(&gateway).await);
            let_in(&gateway, target).await;
            assert!(!out(&gateway).await);
        }
        let gateway = gateway.restart().await;
        assert!(!out(&gateway).await);
        assert_eq!(
            admin(&gateway, COMPLIANCE).await.status().await.unwrap().suspensions,
            []
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
fn the_status_says_how_it_stands_and_nothing_secret() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let security = admin(&gateway, SECURITY).await;
        security.suspend(member("bank-a"), "INC-1").await.unwrap();
        for who in [SECURITY, DEPUTY, OPERATOR, COMPLIANCE] {
            let status = admin(&gateway, who).await.status().await.unwrap();
            let classes: Vec<_> = status.keys.iter().map(|key| key.class.as_str()).collect();
            for class in ["log", "exchange", "pseudonym", "shred-epoch", "period-detail"] {
                assert!(classes.contains(&class), "{class}");
            }
            let exchange = status.keys.iter().filter(|key| key.class == "exchange");
            assert!(
                exchange
                    .clone()
                    .all(|key| key.state == "active" && key.not_after.is_some())
            );
            assert_eq!(status.suspensions_total, 1);
            let by = status.suspensions[0].by.as_ref().unwrap();
            assert_eq!((by.person.as_str(), by.member.as_str()), ("security", "security"));
            assert_eq!(status.endings.len(), 3);
            assert!(status.revocation_lists.iter().any(|list| list.staff));
            assert!(
                status
                    .revocation_lists
                    .iter()
                    .any(|list| !list.staff && !list.number.is_empty())
            );
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn nothing_of_that_name() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let security = admin(&gateway, SECURITY).await;
        // Nobody, and staff: one of security cannot lock the others out by name.
        for id in ["nobody", "security-deputy", "compliance", "auditor"] {
            refused(&gateway, security.suspend(member(id), "r").await, Code::TargetUnknown);
        }
        assert_eq!(admin(&gateway, DEPUTY).await.proposals().await.unwrap(), []);
        let none = lift(member("bank-a"));
        refused(&gateway, security.propose(none, "r").await, Code::TargetUnknown);
        let no_key = security.revoke_exchange_key(&[7; 8], "r").await;
        refused(&gateway, no_key, Code::TargetUnknown);
        refused(
            &gateway,
            security.revoke_exchange_key(&[7; 7], "r").await,
            Code::FieldInvalid,
        );
        for (target, reason) in [
            (member("bank-a"), ""),
            (member("NO"), "r"),
            (Target::KeySha256(vec![1; 31]), "r"),
            (Target::Certificate(v1::CertificateTarget::default()), "r"),
        ] {
            refused(&gateway, security.suspend(target, reason).await, Code::FieldInvalid);
        }
        assert!(!out(&gateway).await, "a reason was missing, and nobody is out");
        gateway.stop().await.verify_log();
    });
}

#[test]
fn whoever_is_not_of_security_suspends_nobody() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        for who in [OPERATOR, COMPLIANCE, AUDITOR] {
            let them = admin(&gateway, who).await;
            refused(
                &gateway,
                them.suspend(member("bank-a"), "r").await,
                Code::MethodNotAllowed,
            );
            let key = gateway.gate().admin.keyring.exchange_keys_in_use()[0];
            refused(
                &gateway,
                them.revoke_exchange_key(&key.0, "r").await,
                Code::MethodNotAllowed,
            );
            assert!(!out(&gateway).await, "{who:?}");
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(in crate::path) fn more_than_are_kept() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        for number in 0..DENIED_MAX as u64 {
            let mut sha256 = [0; 32];
            sha256[..8].copy_from_slice(&number.to_be_bytes());
            let denied = Denied::Key { sha256 };
            let kept = gateway.running.denylist().add(&denied, Time(i64::MAX), gateway.now());
            assert!(kept.is_ok());
        }
        let security = admin(&gateway, SECURITY).await;
        let full = security.suspend(Target::KeySha256(vec![0xff; 32]), "r").await;
        refused(&gateway, full, Code::SuspensionsExhausted);
        // A member always goes.
        security.suspend(member("bank-a"), "INC-1").await.unwrap();
        assert!(out(&gateway).await);
        gateway.stop().await.verify_log();
    });
}
