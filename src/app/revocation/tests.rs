//! New lists reach a running gateway.
use super::{OwnFiles, Revocation};
use crate::{
    app::{Kept, testing::Place},
    channel::{
        Acceptor, Connections, Credential, CrlMemory, Limits, Listener, SeenIssuers, Setup, Trust, server_config,
    },
    clock::Clock,
    pki,
};
use std::{path::PathBuf, process::Command, sync::Arc};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const DAY_MS: i64 = 86_400_000;

fn lists(place: &Place, bank: &str) -> PathBuf {
    place.path(&format!("pki/trust/{bank}.example/crl.pem"))
}

/// As `tollgate pki renew-crls` and a copy would.
fn renew(place: &Place, bank: &str) {
    let ca = place.path(&format!("pki/partners/{bank}/ca"));
    std::fs::write(lists(place, bank), pki::renew_crls(&ca, place.clock.now()).unwrap()).unwrap();
}

/// What an operator does who does not want to wait. The gateway is this process.
fn hang_up() {
    let sent = Command::new("kill")
        .args(["-HUP", &std::process::id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_a_running_gateway_and_ends_the_live_connection() {
    let place = Place::new();
    let running = place.start().await;
    let (partners, log) = (running.partners(), running.gate().log.clone());
    let channel = place.channel(partners, "partners/bank-a").await.unwrap();
    let watched = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    assert!(place.answers(partners, "partners/bank-a").await);

    let serial = place.serial("partners/bank-a");
    let crls = pki::revoke(&place.path("pki/partners/bank-a/ca"), &serial, place.clock.now()).unwrap();
    std::fs::write(lists(&place, "bank-a"), crls).unwrap();
    hang_up();
    assert!(watched.message().await.is_err(), "the stream was cut");
    assert!(!place.answers(partners, "partners/bank-a").await);
    assert!(place.answers(partners, "partners/bank-b").await);
    drop(log);
    running.stop().await.unwrap();
    let notes = place.notes();
    assert!(
        notes.iter().any(|n| n.contains("in use: CN=bank-a.example issuing CA")),
        "{notes:?}"
    );
    // It stays revoked over a restart, and the list before does not come back.
    place.start().await.stop().await.unwrap();
}

/// The part alone, with doors of its own, so that each step can be looked at.
pub(in crate::app) async fn alone(place: &Place, kept: &Kept) -> Revocation {
    let config = place.config();
    let trust = Arc::new(Trust::load(&config.tls.trust).unwrap());
    let credential = Arc::new(Credential::load(&config.tls.chain, &config.tls.key).unwrap());
    let clock = Arc::clone(&place.clock) as Arc<dyn Clock>;
    let mut memory = CrlMemory::default();
    memory.apply(&trust.crl_effects(&memory, &SeenIssuers::default()).unwrap());
    let connections = Connections::new(Limits::default());
    let mut swaps = Vec::new();
    for listener in [Listener::Partner, Listener::Staff] {
        let setup = Setup {
            tls: server_config(&trust, listener, &credential, Arc::clone(&clock), &memory).unwrap(),
            connections: Arc::clone(&connections),
            denylist: Arc::default(),
            events: Arc::new(|_, _| {}),
            clock: Arc::clone(&clock),
        };
        let acceptor = Acceptor::bind("127.0.0.1:0".parse().unwrap(), setup).await.unwrap();
        swaps.push(acceptor.swap());
    }
    Revocation {
        trust,
        memory,
        credential,
        files: OwnFiles::new(config.tls.chain.clone(), config.tls.key.clone()),
        connections,
        swaps,
        log: kept.log.clone(),
        clock,
        snapshot: [0; 32],
        seen: 0,
        told: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_or_older_list_changes_nothing_and_the_next_good_one_does() {
    let place = Place::new();
    let kept = place.kept();
    let mut revocation = alone(&place, &kept).await;
    revocation.renew().await.unwrap();
    assert_eq!(kept.log.head().size, 0, "nothing is new");

    let old = std::fs::read(lists(&place, "bank-a")).unwrap();
    place.clock.advance_ms(6 * DAY_MS);
    renew(&place, "bank-a");
    revocation.renew().await.unwrap();
    assert_eq!(kept.log.head().size, 2, "the lists, and the root's number");
    let in_use = revocation.swaps[0].current();
    let good = std::fs::read(lists(&place, "bank-a")).unwrap();
    let first_only = &good[..good.windows(8).rposition(|w| w == b"-----BEG").unwrap()];
    for (bad, why) in [
        (&old[..], "older than one that was used before"),
        (&good[..good.len() / 3], "its PEM is broken"),
        (first_only, "is gone from its file"),
        (b"", "it is not a CRL"),
    ] {
        std::fs::write(lists(&place, "bank-a"), bad).unwrap();
        // Another bank's list is good and waits: all or nothing.
        renew(&place, "bank-b");
        let refused = revocation.renew().await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
        assert!(Arc::ptr_eq(&in_use, &revocation.swaps[0].current()), "{why}");
        assert_eq!(kept.log.head().size, 2, "{why}");
    }
    std::fs::write(lists(&place, "bank-a"), &good).unwrap();
    revocation.renew().await.unwrap();
    assert_eq!(kept.log.head().size, 4);
    place.clock.advance_ms(2 * DAY_MS);
    let degraded = revocation.swaps[0].current().degraded(place.clock.now());
    assert!(!degraded.iter().any(|d| d.contains("bank-")), "{degraded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_gateway_trusts_does_not_change_with_its_lists() {
    let place = Place::new();
    let kept = place.kept();
    let mut revocation = alone(&place, &kept).await;
    // Bank A's entry, roots and all, now speaks for another path.
    place.edit("pki/trust.toml", "/partner/bank-a", "/partner/bank-c");
    renew(&place, "bank-a");
    revocation.renew().await.unwrap();
    assert_eq!(kept.log.head().size, 2, "the list is in use");
    assert!(
        Trust::load(&place.config().tls.trust)
            .unwrap()
            .allows("bank-a.example", "/partner/bank-c"),
        "the file says otherwise by now"
    );
    assert!(revocation.trust.allows("bank-a.example", "/partner/bank-a"));
}
