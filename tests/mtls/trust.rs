//! Trust files that would let one institution speak for another, or revocation be forgotten, are refused.
use super::world::*;
use std::path::PathBuf;
use tollgate::{
    channel::{CrlMemory, DomainFile, Listener, PinFile, SeenIssuers, Trust, TrustFile, server_config},
    clock::Clock,
    pki::{Authority, LeafPlan, Usage},
    state::Table,
};

fn refused(world: &World, change: impl FnOnce(&mut TrustFile)) -> String {
    let mut file = world.trust_file();
    change(&mut file);
    Trust::build(&file, &world.path(""))
        .err()
        .expect("it must be refused")
        .to_string()
}

fn domain<'a>(file: &'a mut TrustFile, name: &str) -> &'a mut DomainFile {
    file.domains.iter_mut().find(|domain| domain.name == name).unwrap()
}

#[test]
fn each_mistake_is_refused_with_its_mend() {
    let world = World::new();
    type Change = Box<dyn FnOnce(&mut TrustFile)>;
    let cases: Vec<(&str, Change)> = vec![
        (
            "has no list of revoked certificates",
            Box::new(|f| domain(f, "bank-a.example").crls.clear()),
        ),
        ("has no roots", Box::new(|f| domain(f, "bank-a.example").roots.clear())),
        (
            "exactly one path, `/partner/<id>`",
            Box::new(|f| domain(f, "bank-a.example").allow.clear()),
        ),
        (
            "exactly one path, `/partner/<id>`",
            Box::new(|f| domain(f, "bank-a.example").allow.push("/partner/bank-c".to_owned())),
        ),
        (
            "exactly one path, `/partner/<id>`",
            Box::new(|f| domain(f, "bank-a.example").allow = vec!["/security/officer".to_owned()]),
        ),
        (
            "exactly one path, `/partner/<id>`",
            Box::new(|f| domain(f, "bank-a.example").allow = vec!["/partner/../x".to_owned()]),
        ),
        (
            "nothing but `/provider/<id>`",
            Box::new(|f| domain(f, "lender.example").allow.push("/security/officer".to_owned())),
        ),
        (
            "exactly one domain must have `own = true`",
            Box::new(|f| domain(f, "lender.example").own = false),
        ),
        (
            "exactly one domain must have `own = true`",
            Box::new(|f| f.domains[1].own = true),
        ),
        (
            "is listed twice",
            Box::new(|f| f.domains[1].name = "bank-b.example".to_owned()),
        ),
        (
            "meshConfig.trustDomain",
            Box::new(|f| domain(f, "bank-a.example").name = "cluster.local".to_owned()),
        ),
        (
            "is not accepted as a trust domain",
            Box::new(|f| domain(f, "bank-a.example").name = "Bank".to_owned()),
        ),
        (
            "is also a root of",
            Box::new(|f| {
                let roots = domain(f, "bank-b.example").roots.clone();
                domain(f, "bank-a.example").roots.extend(roots);
            }),
        ),
        (
            "is also a root of",
            Box::new(|f| {
                let own = domain(f, "lender.example");
                own.staff_roots = own.roots.clone();
            }),
        ),
        (
            "must not have staff",
            Box::new(|f| domain(f, "bank-a.example").staff_roots = vec![PathBuf::from("x.pem")]),
        ),
        (
            "two lists of revoked certificates of one CA",
            Box::new(|f| {
                let crls = domain(f, "bank-a.example").crls.clone();
                domain(f, "bank-a.example").crls.extend(crls);
            }),
        ),
        (
            "is not accepted as a list of revoked certificates",
            Box::new(|f| domain(f, "bank-a.example").crls = domain(f, "bank-a.example").roots.clone()),
        ),
        (
            "cannot be read",
            Box::new(|f| domain(f, "bank-a.example").crls.push(PathBuf::from("missing.pem"))),
        ),
        (
            "64 hex digits",
            Box::new(|f| {
                f.pins.push(PinFile {
                    issuer_sha256: "00".to_owned(),
                    key_sha256: "0".repeat(64),
                    uri: BANK_A.to_owned(),
                });
            }),
        ),
    ];
    for (mend, change) in cases {
        let text = refused(&world, change);
        assert!(text.contains(mend), "expected `{mend}` in: {text}");
    }
}

#[test]
fn two_domains_may_share_a_commercial_root_when_both_are_pinned_only() {
    let world = World::new();
    let mut file = world.trust_file();
    for name in ["bank-a.example", "bank-b.example"] {
        domain(&mut file, name).pinned_only = true;
    }
    let (roots, crls) = (
        domain(&mut file, "bank-b.example").roots.clone(),
        domain(&mut file, "bank-b.example").crls.clone(),
    );
    let bank_a = domain(&mut file, "bank-a.example");
    (bank_a.roots, bank_a.crls) = (roots, crls);
    assert!(Trust::build(&file, &world.path("")).is_ok());
    domain(&mut file, "bank-a.example").pinned_only = false;
    assert!(Trust::build(&file, &world.path("")).is_err());
}

#[test]
fn an_unknown_key_is_named() {
    let world = World::new();
    let path = world.path("trust.toml");
    std::fs::write(&path, format!("surplus = 1\n{}", read(&path))).unwrap();
    let text = Trust::load(&path).err().unwrap().to_string();
    assert!(text.contains("surplus"), "{text}");
}

#[tokio::test]
async fn crl_numbers_are_remembered_and_never_go_back() {
    let world = World::new();
    let old = read(&world.path("trust/bank-a.example/crl.pem"));
    world.revoke_at_bank_a(&[1, 2, 3]);
    let mut memory = CrlMemory::default();
    let nobody = SeenIssuers::default();
    let effects = world.trust().crl_effects(&memory, &nobody).unwrap();
    // The roots of two banks, of the gateway, of staff: certificates of issuing CAs are not known yet.
    assert_eq!(effects.len(), 4);
    assert!(effects.iter().all(|effect| effect.table == Table::CrlNumber));
    memory.apply(&effects);
    assert!(
        world.trust().crl_effects(&memory, &nobody).unwrap().is_empty(),
        "nothing new the second time"
    );
    // A bank connects, and with its chain comes its issuing CA.
    let door = world.serve(Listener::Partner).await;
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
    let seen = door.connections.issuers_seen();
    assert_eq!(seen.generation(), 1);
    let effects = world.trust().crl_effects(&memory, &seen).unwrap();
    assert_eq!(effects.len(), 1);
    memory.apply(&effects);

    std::fs::write(world.path("trust/bank-a.example/crl.pem"), old).unwrap();
    let text = world.trust().crl_effects(&memory, &nobody).err().unwrap().to_string();
    assert!(text.contains("older than one that was used before"), "{text}");
    let clock = std::sync::Arc::clone(&world.clock) as std::sync::Arc<dyn Clock>;
    let refused = server_config(
        &world.trust(),
        Listener::Partner,
        &world.credential("gateway"),
        clock,
        &memory,
    );
    assert!(refused.is_err());
}

/// A CA that has the names of bank A's and not its keys.
fn thief(world: &World) -> Authority {
    Authority::create("bank-a.example", world.now(), &world.rng).unwrap()
}

/// Its lists, with numbers far ahead.
fn forged(world: &World, thief: &mut Authority) -> String {
    let until = world.now().plus_ms(DAY_MS);
    let mut crls = String::new();
    for _ in 0..100 {
        crls = thief.crls_pem(world.now(), until).unwrap();
    }
    crls
}

fn sections(crls: &str) -> (String, String) {
    let end = crls.find("-----END X509 CRL-----").unwrap() + "-----END X509 CRL-----".len();
    (crls[..end].to_owned(), crls[end..].to_owned())
}

#[tokio::test]
async fn a_list_that_its_ca_has_not_signed_teaches_nothing() {
    let world = World::new();
    let path = world.path("trust/bank-a.example/crl.pem");
    let genuine = read(&path);
    let (issuing, root) = sections(&genuine);
    let (forged_issuing, forged_root) = sections(&forged(&world, &mut thief(&world)));
    let nobody = SeenIssuers::default();
    let mut memory = CrlMemory::default();

    // A root's certificate is known: the forgery is refused.
    std::fs::write(&path, format!("{issuing}{forged_root}")).unwrap();
    let text = world.trust().crl_effects(&memory, &nobody).err().unwrap().to_string();
    assert!(text.contains("is not signed by it"), "{text}");

    // An issuing CA's is not, before somebody came with it: its number is not learned, so the genuine list is not older.
    std::fs::write(&path, format!("{forged_issuing}{root}")).unwrap();
    memory.apply(&world.trust().crl_effects(&memory, &nobody).unwrap());
    std::fs::write(&path, &genuine).unwrap();
    let door = world.serve(Listener::Partner).await;
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
    let seen = door.connections.issuers_seen();
    let learned = world.trust().crl_effects(&memory, &seen).unwrap();
    assert_eq!(learned.len(), 1, "the genuine number");
    memory.apply(&learned);

    // And then its forgery is refused too.
    std::fs::write(&path, format!("{forged_issuing}{root}")).unwrap();
    let text = world.trust().crl_effects(&memory, &seen).err().unwrap().to_string();
    assert!(text.contains("is not signed by it"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_leads_to_no_root_is_not_believed_because_it_was_presented() {
    let world = World::new();
    let mut thief = thief(&world);
    let plan = LeafPlan::new(BANK_A, Usage::Client, world.now());
    let foreign = thief.issue(&plan, &world.rng).unwrap();
    let (_, foreign_ca) = split_chain(&foreign.chain_pem);
    // Bank A's own good chain, and behind it a CA that the thief made.
    let at = world.path("partners/bank-a");
    let chain = format!("{}{foreign_ca}", read(&at.join("tls.pem")));
    let credential = tollgate::channel::Credential::from_pem(chain.as_bytes(), read(&at.join("tls.key")).as_bytes());
    let door = world.serve(Listener::Partner).await;
    world.ask(&door, &credential.unwrap()).await.unwrap();
    let seen = door.connections.issuers_seen();
    let path = world.path("trust/bank-a.example/crl.pem");
    let (_, root) = sections(&read(&path));
    let (forged_issuing, _) = sections(&forged(&world, &mut thief));
    std::fs::write(&path, format!("{forged_issuing}{root}")).unwrap();
    let text = world
        .trust()
        .crl_effects(&CrlMemory::default(), &seen)
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("is not signed by it"), "{text}");
}

fn split_chain(pem: &str) -> (&str, &str) {
    let end = pem.find("-----END CERTIFICATE-----").unwrap() + "-----END CERTIFICATE-----\n".len();
    pem.split_at(end.min(pem.len()))
}

#[test]
fn two_pins_of_one_certificate_are_refused() {
    let world = World::new();
    let pin = |uri: &str| PinFile {
        issuer_sha256: "00".repeat(32),
        key_sha256: "11".repeat(32),
        uri: uri.to_owned(),
    };
    let mut file = world.trust_file();
    file.pins = vec![pin(BANK_A)];
    assert!(Trust::build(&file, &world.path("")).is_ok());
    let text = refused(&world, |f| f.pins = vec![pin(BANK_A), pin(BANK_B)]);
    assert!(text.contains("another pin has the same issuer and key"), "{text}");
}

#[test]
fn a_gateway_of_a_foreign_domain_does_not_start() {
    let world = World::new();
    let mut plan = tollgate::pki::LeafPlan::new(
        "spiffe://bank-a.example/gateway",
        tollgate::pki::Usage::Server,
        world.now(),
    );
    plan.hosts = vec!["localhost".to_owned()];
    let foreign = world.authority("partners/bank-a/ca").issue(&plan, &world.rng).unwrap();
    let clock = std::sync::Arc::clone(&world.clock) as std::sync::Arc<dyn Clock>;
    let refused = server_config(
        &world.trust(),
        Listener::Partner,
        &credential(&foreign),
        clock,
        &CrlMemory::default(),
    );
    assert!(refused.err().unwrap().to_string().contains("own = true"));
}
