//! What changes while connections live: revocation, rotation, age.
use super::world::*;
use rustls::{
    ClientConfig, HandshakeKind,
    client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue},
    pki_types::ServerName,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tollgate::{
    channel::{Limits, Listener, SwapError},
    clock::Time,
    pki::{LeafPlan, Usage},
};

fn serial_of(path: &std::path::Path) -> Vec<u8> {
    let pem = read(path);
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes());
    let der: rustls::pki_types::CertificateDer<'_> = der.unwrap();
    let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
    leaf.raw_serial().to_vec()
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_its_live_connection_ends() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let (a, b) = (world.credential("partners/bank-a"), world.credential("partners/bank-b"));
    let (mut client_a, mut client_b) = (
        world.client(&door, &a).await.unwrap(),
        world.client(&door, &b).await.unwrap(),
    );
    let mut live_a = watch(&mut client_a).await;
    let _live_b = watch(&mut client_b).await;

    world.revoke_at_bank_a(&serial_of(&world.path("partners/bank-a/tls.pem")));
    assert_eq!(door.swap.swap(world.tls(Listener::Partner)), Ok(1));
    assert!(ends(&mut live_a).await < Duration::from_secs(1));
    assert_eq!(world.refused(&door, &a).await, "revoked");
    check(&mut client_b).await.unwrap();
    until("only bank B is left", || door.connections.count() == 1).await;
    // The partner's next certificate works.
    let next = world.issue("partners/bank-a/ca", BANK_A, |_| {});
    world.ask(&door, &credential(&next)).await.unwrap();
}

#[tokio::test]
async fn an_expired_crl_refuses_that_cas_certificates_and_says_so_in_health() {
    let world = World::new();
    // Bank B's lists last longer.
    let mut bank_b = world.authority("partners/bank-b/ca");
    let crls = bank_b.crls_pem(world.now(), world.now().plus_ms(20 * DAY_MS)).unwrap();
    std::fs::write(world.path("trust/bank-b.example/crl.pem"), crls).unwrap();
    let door = world.serve(Listener::Partner).await;
    assert_eq!(door.swap.current().degraded(world.now()), Vec::<String>::new());

    world.clock.advance_ms(8 * DAY_MS);
    assert_eq!(
        world.refused(&door, &world.credential("partners/bank-a")).await,
        "crl_expired"
    );
    world.ask(&door, &world.credential("partners/bank-b")).await.unwrap();
    let degraded = door.swap.current().degraded(world.now());
    assert!(
        degraded.iter().any(|text| text.contains("bank-a.example issuing CA")),
        "{degraded:?}"
    );
    assert!(
        degraded.iter().any(|text| text.contains("bank-a.example root CA")),
        "{degraded:?}"
    );
    assert!(
        !degraded.iter().any(|text| text.contains("bank-b.example")),
        "{degraded:?}"
    );

    // A new list mends it, without a restart.
    let crls = tollgate::pki::renew_crls(&world.path("partners/bank-a/ca"), world.now()).unwrap();
    std::fs::write(world.path("trust/bank-a.example/crl.pem"), crls).unwrap();
    door.swap.swap(world.tls(Listener::Partner)).unwrap();
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
}

#[tokio::test]
async fn a_ca_without_a_list_has_its_certificates_refused_and_health_says_so() {
    let world = World::new();
    let path = world.path("trust/bank-a.example/crl.pem");
    let both = read(&path);
    let end = both.find("-----END X509 CRL-----").unwrap() + "-----END X509 CRL-----".len();
    // The first section is the issuing CA's: without the root's list the issuing CA's own status is unknown.
    std::fs::write(&path, &both[..end]).unwrap();
    let door = world.serve(Listener::Partner).await;
    assert_eq!(
        world.refused(&door, &world.credential("partners/bank-a")).await,
        "crl_expired"
    );
    let degraded = door.swap.current().degraded(world.now());
    assert!(degraded.iter().any(|text| text.contains("has no list")), "{degraded:?}");
}

#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

/// Counts what a server offers for resumption.
impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[tokio::test]
async fn no_session_is_resumed_so_a_partner_revoked_between_two_connections_is_refused() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let config = |resumption| {
        let mut config = super::protocol::config(&world, Some("partners/bank-a"));
        config.resumption = resumption;
        Arc::new(config)
    };
    let tickets = Arc::new(Tickets::default());
    let counting = config(Resumption::store(Arc::clone(&tickets) as _));
    // A client that would resume if it could: the same configuration, and so the same session store, both times.
    let willing: Arc<ClientConfig> = config(Resumption::in_memory_sessions(8));
    let kinds = super::protocol::kinds_at_an_ordinary_server(&world, Arc::clone(&willing)).await;
    assert_eq!(
        kinds,
        [HandshakeKind::Full, HandshakeKind::Resumed],
        "it resumes where it can"
    );
    for config in [&counting, &willing] {
        let kind = super::protocol::hello(&door, Arc::clone(config)).await.unwrap();
        assert_eq!(kind, HandshakeKind::Full);
    }
    assert_eq!(tickets.0.load(Ordering::SeqCst), 0, "no ticket is offered");

    world.revoke_at_bank_a(&serial_of(&world.path("partners/bank-a/tls.pem")));
    door.swap.swap(world.tls(Listener::Partner)).unwrap();
    door.events.lock().unwrap().clear();
    assert!(
        super::protocol::hello(&door, willing).await.is_err(),
        "the verifier did not run again"
    );
    assert_eq!(door.event().await.0, "revoked");
}

#[tokio::test]
async fn the_gateways_certificate_is_rotated_while_connections_live() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let bank = world.credential("partners/bank-a");
    let mut old = world.client(&door, &bank).await.unwrap();
    check(&mut old).await.unwrap();
    let before = super::protocol::server_leaf(&world, &door).await;

    let mut plan = LeafPlan::new(GATEWAY, Usage::Server, world.now());
    plan.hosts = vec!["localhost".to_owned()];
    let renewed = world.authority("gateway/ca").issue(&plan, &world.rng).unwrap();
    let tls = world.tls_of(&world.trust(), Listener::Partner, &credential(&renewed));
    assert_eq!(door.swap.swap(tls), Ok(0), "no live connection is ended");

    let after = super::protocol::server_leaf(&world, &door).await;
    assert_ne!(before, after);
    assert_eq!(after, renewed.leaf_der);
    check(&mut old).await.unwrap();
    world.ask(&door, &bank).await.unwrap();
}

#[tokio::test]
async fn a_swap_cannot_change_who_the_gateway_is_nor_whom_a_listener_serves() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let plan = LeafPlan::new("spiffe://lender.example/gateway-2", Usage::Server, world.now());
    let other = world.authority("gateway/ca").issue(&plan, &world.rng).unwrap();
    let tls = world.tls_of(&world.trust(), Listener::Partner, &credential(&other));
    assert_eq!(door.swap.swap(tls), Err(SwapError::OtherIdentity));
    assert_eq!(
        door.swap.swap(world.tls(Listener::Staff)),
        Err(SwapError::OtherListener)
    );
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
}

#[tokio::test]
async fn a_kill_ends_a_live_stream_within_a_second_and_no_other() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let mut client_a = world.client(&door, &world.credential("partners/bank-a")).await.unwrap();
    let mut client_b = world.client(&door, &world.credential("partners/bank-b")).await.unwrap();
    let mut stream = watch(&mut client_a).await;
    let mut other = watch(&mut client_b).await;
    assert_eq!(door.connections.end_where(|peer| peer.uri() == BANK_A), 1);
    assert!(ends(&mut stream).await < Duration::from_secs(1));
    let quiet = tokio::time::timeout(Duration::from_millis(100), other.message()).await;
    assert!(quiet.is_err(), "bank B's stream goes on");
    until("its place is free again", || door.connections.count() == 1).await;
}

#[tokio::test]
async fn a_connection_ends_at_its_age_and_at_its_certificates_end() {
    let world = World::new();
    let limits = Limits {
        age_ms: 300,
        ..Limits::default()
    };
    let door = world.serve_with(world.tls(Listener::Partner), limits).await;
    let mut client = world.client(&door, &world.credential("partners/bank-a")).await.unwrap();
    let mut stream = watch(&mut client).await;
    assert!(ends(&mut stream).await < Duration::from_secs(2));

    let door = world.serve(Listener::Partner).await;
    let not_after = Time((world.now().seconds() + 2) * 1_000);
    let short = world.issue("partners/bank-a/ca", BANK_A, |plan| plan.not_after = not_after);
    let mut client = world.client(&door, &credential(&short)).await.unwrap();
    let mut stream = watch(&mut client).await;
    assert!(ends(&mut stream).await < Duration::from_secs(3));
}
