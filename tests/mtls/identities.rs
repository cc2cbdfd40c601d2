//! Which certificates get in, and for what reason others do not.
use super::world::*;
use tollgate::{
    channel::{Connections, Credential, DomainFile, Limits, Listener, PinFile, Trust, client::Connector},
    clock::Clock,
    crypto::{SystemRng, sha256},
    pki::{Authority, LeafPlan, Usage},
};
use tonic::transport::Endpoint;

#[tokio::test]
async fn a_partner_with_its_certificate_gets_in_and_is_known_by_its_uri() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
    world.ask(&door, &world.credential("partners/bank-b")).await.unwrap();
    world.ask(&door, &world.credential("provider/records")).await.unwrap();
    let provider = "spiffe://lender.example/provider/records";
    assert_eq!(*door.peers.lock().unwrap(), [BANK_A, BANK_B, provider]);
    assert!(door.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_certificate_of_a_strange_ca_is_refused_whatever_it_names() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    // The same names as the real CA, other keys.
    let strange = Authority::create("bank-a.example", world.now(), &SystemRng::default()).unwrap();
    let leaf = strange
        .issue(&LeafPlan::new(BANK_A, Usage::Client, world.now()), &world.rng)
        .unwrap();
    assert_eq!(world.refused(&door, &credential(&leaf)).await, "unknown_issuer");
    let unknown_domain = LeafPlan::new("spiffe://bank-x.example/partner/bank-a", Usage::Client, world.now());
    let leaf = strange.issue(&unknown_domain, &world.rng).unwrap();
    assert_eq!(world.refused(&door, &credential(&leaf)).await, "unknown_issuer");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let now = world.now();
    let old = world.issue("partners/bank-a/ca", BANK_A, |plan| {
        plan.not_before = now.plus_ms(-2 * DAY_MS);
        plan.not_after = now.plus_ms(-DAY_MS);
    });
    assert_eq!(world.refused(&door, &credential(&old)).await, "expired");
    let early = world.issue("partners/bank-a/ca", BANK_A, |plan| {
        plan.not_before = now.plus_ms(DAY_MS)
    });
    assert_eq!(world.refused(&door, &credential(&early)).await, "expired");
}

#[tokio::test]
async fn a_certificate_names_exactly_one_spiffe_uri() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    for uris in [
        vec![BANK_A, "spiffe://bank-a.example/partner/other"],
        vec![BANK_A, BANK_A],
        vec![BANK_A, "https://bank-a.example/"],
        vec![],
        vec!["spiffe://bank-a.example/partner/bank-%61"],
        vec!["spiffe://bank-a.example/partner//bank-a"],
    ] {
        let uris: Vec<String> = uris.into_iter().map(str::to_owned).collect();
        let leaf = world.issue("partners/bank-a/ca", BANK_A, |plan| plan.uris = uris.clone());
        assert_eq!(
            world.refused(&door, &credential(&leaf)).await,
            "bad_identity",
            "{uris:?}"
        );
    }
}

#[tokio::test]
async fn a_ca_or_a_server_is_no_client() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let ca = world.issue("partners/bank-a/ca", BANK_A, |plan| plan.authority = true);
    assert_eq!(world.refused(&door, &credential(&ca)).await, "bad_identity");
    let server = world.issue("partners/bank-a/ca", BANK_A, |plan| plan.usage = Usage::Server);
    assert_eq!(world.refused(&door, &credential(&server)).await, "bad_identity");
}

#[tokio::test]
async fn a_pin_admits_a_certificate_without_uri_under_the_pinned_name_only() {
    let world = World::new();
    let nameless = world.issue("partners/bank-a/ca", BANK_A, |plan| {
        plan.uris.clear();
        plan.hosts = vec!["api.bank-a.example".to_owned()];
    });
    let mut file = world.trust_file();
    let (_, leaf) = x509_parser::parse_x509_certificate(&nameless.leaf_der).unwrap();
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pin = PinFile {
        issuer_sha256: hex(sha256(leaf.issuer().as_raw())),
        key_sha256: hex(sha256(leaf.public_key().raw)),
        uri: BANK_A.to_owned(),
    };
    file.pins.push(pin.clone());
    let trust = Trust::build(&file, &world.path("")).unwrap();
    let tls = world.tls_of(&trust, Listener::Partner, &world.credential("gateway"));
    let door = world.serve_with(tls, Limits::default()).await;
    world.ask(&door, &credential(&nameless)).await.unwrap();
    assert_eq!(*door.peers.lock().unwrap(), [BANK_A]);

    // Another key under the same issuer is not pinned; nor is the pinned key under another issuer.
    let other_key = world.issue("partners/bank-a/ca", BANK_A, |plan| plan.uris.clear());
    assert_eq!(world.refused(&door, &credential(&other_key)).await, "bad_identity");
    let mut plan = LeafPlan::new(BANK_A, Usage::Client, world.now());
    plan.uris.clear();
    let bank_b = world.authority("partners/bank-b/ca");
    let other_issuer = bank_b.issue_for_key(&plan, &nameless.key_pem, &world.rng).unwrap();
    assert_eq!(world.refused(&door, &credential(&other_issuer)).await, "bad_identity");

    // A pin cannot name what its domain may not name.
    file.pins[0].uri = SECURITY.to_owned();
    assert!(Trust::build(&file, &world.path("")).is_err());
}

#[tokio::test]
async fn a_pinned_only_domain_admits_no_uri() {
    let world = World::new();
    let mut file = world.trust_file();
    let domain: &mut DomainFile = file.domains.iter_mut().find(|d| d.name == "bank-a.example").unwrap();
    domain.pinned_only = true;
    let trust = Trust::build(&file, &world.path("")).unwrap();
    let tls = world.tls_of(&trust, Listener::Partner, &world.credential("gateway"));
    let door = world.serve_with(tls, Limits::default()).await;
    assert_eq!(
        world.refused(&door, &world.credential("partners/bank-a")).await,
        "bad_identity"
    );
}

#[tokio::test]
async fn a_partners_ca_cannot_mint_staff_or_another_partner() {
    let world = World::new();
    let partner_door = world.serve(Listener::Partner).await;
    let staff_door = world.serve(Listener::Staff).await;
    let ca = "partners/bank-a/ca";
    let mint = |uri: &str| credential(&world.issue(ca, uri, |_| {}));
    // Staff in its own domain: a good chain, a path that the domain may not name.
    let own_staff = mint("spiffe://bank-a.example/security/officer");
    assert_eq!(world.refused(&partner_door, &own_staff).await, "bad_identity");
    assert_eq!(world.refused(&staff_door, &own_staff).await, "unknown_issuer");
    // Another partner under its own domain.
    let other = mint("spiffe://bank-a.example/partner/bank-b");
    assert_eq!(world.refused(&partner_door, &other).await, "bad_identity");
    // Another partner, the provider and staff in their own domains: not a CA of those.
    for uri in [BANK_B, "spiffe://lender.example/provider/records", SECURITY] {
        assert_eq!(
            world.refused(&partner_door, &mint(uri)).await,
            "unknown_issuer",
            "{uri}"
        );
    }
    assert_eq!(world.refused(&staff_door, &mint(SECURITY)).await, "unknown_issuer");
    assert!(partner_door.peers.lock().unwrap().is_empty() && staff_door.peers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn staff_exist_on_the_staff_listener_only_and_partners_never_there() {
    let world = World::new();
    let partner_door = world.serve(Listener::Partner).await;
    let staff_door = world.serve(Listener::Staff).await;
    for role in ["compliance", "auditor", "security", "operator"] {
        let staff = world.credential(&format!("staff/{role}"));
        world.ask(&staff_door, &staff).await.unwrap();
        assert_eq!(world.refused(&partner_door, &staff).await, "unknown_issuer");
    }
    for place in ["partners/bank-a", "provider/records"] {
        let credential = world.credential(place);
        assert_eq!(
            world.refused(&staff_door, &credential).await,
            "unknown_issuer",
            "{place}"
        );
    }
    // Not even the gateway's own CA, which certifies providers, can mint staff.
    let minted = credential(&world.issue("gateway/ca", SECURITY, |_| {}));
    assert_eq!(world.refused(&staff_door, &minted).await, "unknown_issuer");
    assert_eq!(world.refused(&partner_door, &minted).await, "bad_identity");
    // And staff's CA certifies staff only.
    let minted = credential(&world.issue("staff/ca", "spiffe://lender.example/provider/records", |_| {}));
    assert_eq!(world.refused(&staff_door, &minted).await, "bad_identity");
}

#[tokio::test]
async fn a_client_takes_no_other_server_for_the_gateway() {
    let world = World::new();
    let bank = world.credential("partners/bank-a");
    let connect = async |roots: Vec<u8>, door: &Door, gateway: &str| {
        let connector = Connector::new(&roots, &bank, gateway).unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", door.address)).unwrap();
        let error = endpoint.connect_with_connector(connector).await.map(drop).unwrap_err();
        chain(&error)
    };
    let door = world.serve(Listener::Partner).await;
    let other_name = connect(world.roots(), &door, "spiffe://lender.example/gateway-2").await;
    assert!(
        other_name.contains("not the gateway that was asked for"),
        "{other_name}"
    );
    let other_roots = std::fs::read(world.path("trust/bank-b.example/root.pem")).unwrap();
    let unknown = connect(other_roots, &door, GATEWAY).await;
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    // A provider's certificate has the right issuer; it is not that of a server.
    let provider = world.issue("gateway/ca", GATEWAY, |_| {});
    let refused = tollgate::channel::server_config(
        &world.trust(),
        Listener::Partner,
        &credential(&provider),
        std::sync::Arc::clone(&world.clock) as std::sync::Arc<dyn Clock>,
        &tollgate::channel::CrlMemory::default(),
    );
    assert!(refused.err().unwrap().to_string().contains("serverAuth"));
}

#[tokio::test]
async fn a_denied_key_or_certificate_does_not_get_in_again() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let bank: Credential = world.credential("partners/bank-a");
    let mut client = world.client(&door, &bank).await.unwrap();
    check(&mut client).await.unwrap();
    let connections: &Connections = &door.connections;
    let (denylist, now) = (&door.denylist, world.now());
    let ended = connections.end_where(|peer| {
        let what = tollgate::channel::Denied::certificate_of(peer);
        denylist.add(&what, peer.not_after(), now).unwrap();
        true
    });
    assert_eq!(ended, 1);
    assert_eq!(world.refused(&door, &bank).await, "revoked");
    world.ask(&door, &world.credential("partners/bank-b")).await.unwrap();
}
