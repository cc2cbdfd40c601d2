//! What `pki init` leaves behind.
use super::world::*;
use std::path::Path;
use tollgate::{
    crypto::{Ed25519Signer, Label, Signer, SystemRng, VerifyKey, ctx},
    pki::{LeafPlan, PartnerPlan, PkiError, Plan, Usage, init},
    wire::{decode_canonical, v1},
};

fn plan() -> Plan {
    Plan {
        own_domain: "lender.example".to_owned(),
        partners: vec![PartnerPlan {
            id: "bank-a".parse().unwrap(),
            domain: "bank-a.example".to_owned(),
        }],
        providers: vec!["records".parse().unwrap()],
        hosts: vec!["localhost".to_owned()],
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

#[cfg(unix)]
#[test]
fn private_keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let mut keys = 0;
    for path in files(&world.path("")) {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        if read(&path).contains("PRIVATE KEY") {
            keys += 1;
            assert_eq!(path.extension().unwrap(), "key");
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
        }
    }
    // tls.key: gateway, 2 banks, provider, 5 staff; signing.key: 8 of these; identity, online; 2 of each of 4 CAs.
    assert_eq!(keys, 9 + 8 + 2 + 8);
}

#[test]
fn nothing_is_overwritten() {
    let world = World::new();
    let folder = world.path("");
    let before = read(&folder.join("gateway/identity.key"));
    let error = init(&folder, &plan(), world.now(), &SystemRng::default()).unwrap_err();
    assert!(matches!(error, PkiError::Exists(_)), "{error}");
    assert_eq!(read(&folder.join("gateway/identity.key")), before);
    let ca = world.authority("partners/bank-a/ca");
    assert!(matches!(
        ca.save_new(&world.path("partners/bank-a/ca")),
        Err(PkiError::Exists(_))
    ));
}

#[test]
fn a_plan_with_two_of_one_name_or_a_mesh_default_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        let error = init(
            &folder.path().join("x"),
            &plan,
            tollgate::clock::Time(0),
            &SystemRng::default(),
        )
        .unwrap_err();
        error.to_string()
    };
    assert!(refused(|p| p.partners[0].domain = "lender.example".to_owned()).contains("named twice"));
    assert!(refused(|p| p.providers = vec!["bank-a".parse().unwrap()]).contains("named twice"));
    assert!(refused(|p| p.own_domain = "cluster.local".to_owned()).contains("meshConfig.trustDomain"));
    assert!(!folder.path().join("x").exists(), "nothing is begun");
}

#[test]
fn the_delegation_and_the_proof_of_possession_verify() {
    let world = World::new();
    let identity = VerifyKey::from_spki_pem(&read(&world.path("gateway/identity.pub"))).unwrap();
    assert_eq!(identity.bytes(), world.made.gateway_identity);
    let text = read(&world.path("gateway/keylist-delegation.b64"));
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text.trim()).unwrap();
    let delegation: v1::KeyListDelegation = decode_canonical(&bytes).unwrap();
    assert_eq!(delegation.not_after_s - delegation.not_before_s, 30 * 86_400);
    let online = Ed25519Signer::from_pkcs8_pem(&read(&world.path("gateway/keylist-online.key"))).unwrap();
    assert_eq!(delegation.public_key, online.public_key());
    let (from, to) = (
        delegation.not_before_s.to_be_bytes(),
        delegation.not_after_s.to_be_bytes(),
    );
    let signed = ctx(
        Label::KeyListDelegate,
        &[world.made.gateway_uri.as_bytes(), &delegation.public_key, &from, &to],
    );
    identity.verify(&signed, &delegation.signature).unwrap();

    let bank = &world.made.partners[0];
    let signer = Ed25519Signer::from_pkcs8_pem(&read(&world.path("partners/bank-a/signing.key"))).unwrap();
    assert_eq!(signer.public_key(), bank.signing_key);
    let signed = ctx(
        Label::RegisterKey,
        &[
            GATEWAY.as_bytes(),
            b"bank-a",
            bank.signing_key_id.as_bytes(),
            &bank.signing_key,
        ],
    );
    VerifyKey::ed25519(&bank.signing_key)
        .unwrap()
        .verify(&signed, &bank.possession)
        .unwrap();
    assert_eq!((bank.uri.as_str(), world.made.gateway_uri.as_str()), (BANK_A, GATEWAY));
}

#[test]
fn a_ca_folder_remembers_what_it_revoked() {
    let world = World::new();
    let ca = world.path("partners/bank-a/ca");
    tollgate::pki::revoke(&ca, &[0x11], world.now()).unwrap();
    let crls = tollgate::pki::revoke(&ca, &[0x22], world.now()).unwrap();
    let der =
        <rustls::pki_types::CertificateRevocationListDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
            crls.as_bytes(),
        )
        .unwrap();
    let (_, list) = x509_parser::parse_x509_crl(&der).unwrap();
    let serials: Vec<_> = list
        .iter_revoked_certificates()
        .map(|r| r.raw_serial().to_vec())
        .collect();
    assert_eq!(serials, [vec![0x11], vec![0x22]]);
    assert_eq!(list.crl_number().unwrap().to_bytes_be(), [3]);
}

#[test]
fn a_damaged_ca_folder_is_an_error_and_not_a_new_ca() {
    let world = World::new();
    let ca = world.path("partners/bank-a/ca");
    std::fs::write(ca.join("issuing.key"), "nothing").unwrap();
    let plan = LeafPlan::new(BANK_A, Usage::Client, world.now());
    let refused = |error: Option<PkiError>| matches!(error, Some(PkiError::Damaged(_)));
    assert!(refused(tollgate::pki::issue_leaf(&ca, &plan, &world.rng).err()));
    std::fs::write(ca.join("state.toml"), "name = 1").unwrap();
    assert!(refused(tollgate::pki::revoke(&ca, &[1], world.now()).err()));
}
