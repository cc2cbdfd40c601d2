use super::*;
use crate::{
    agreement::authenticate,
    crypto::{Ed25519Signer, Secret, Signer},
    domain::Method,
    facts::{Facts, Kind},
    identity::PeerIdentity,
    refusal::Code,
};

const GATEWAY: &str = "spiffe://gateway.example/gateway/one";
const EXAMPLE: &str = include_str!("../../../docs/sample/register.example.toml");

/// (public key, proof) in base64, for a key made from `seed`.
fn key(seed: u8, member: &str, id: &str) -> (String, String) {
    let signer = Ed25519Signer::from_seed(Secret::from([seed; 32])).unwrap();
    let proof = signer
        .sign(&possession(GATEWAY, member, id, &signer.public_key()))
        .unwrap();
    (STANDARD.encode(signer.public_key()), STANDARD.encode(proof))
}

fn example() -> String {
    let (bank, bank_proof) = key(1, "bank-a", "bank-a-2026");
    let (issuer, issuer_proof) = key(2, "card-issuer", "card-issuer-2026");
    EXAMPLE
        .replace("PROVIDER-PUBLIC-KEY", &issuer)
        .replace("PROVIDER-PROOF", &issuer_proof)
        .replace("PUBLIC-KEY", &bank)
        .replace("\"PROOF\"", &format!("\"{bank_proof}\""))
}

fn error(text: &str) -> FileError {
    Register::load(text, GATEWAY).err().expect("must not load")
}

#[track_caller]
fn refused(from: &str, to: &str, place: &str, mend: &str) {
    let text = example();
    assert!(text.contains(from), "`{from}` is not in the example");
    let error = error(&text.replace(from, to));
    assert!(error.place.contains(place) && error.mend.contains(mend), "{error}");
}

#[test]
fn the_example_loads() {
    let register = Register::load(&example(), GATEWAY).unwrap();
    let bank = register.by_uri("spiffe://bank-a.example/partner/bank-a").unwrap();
    assert_eq!(
        (bank.id.as_str(), bank.role, bank.suspended),
        ("bank-a", Role::Partner, false)
    );
    assert_eq!(bank.suites, [Suite::XWing, Suite::X25519]);
    assert_eq!(bank.signing_keys[0].id, "bank-a-2026");
    assert!(register.by_uri("spiffe://bank-a.example/partner/bank-b").is_none());
    assert_eq!(register.iter().count(), 3);
    assert_eq!(register.by_id(&"chen".parse().unwrap()).unwrap().role, Role::Compliance);
}

#[test]
fn a_mistake_is_named_with_its_place_and_mend() {
    refused("suspended =", "suspend =", "line", "did you mean `suspended`");
    refused(
        "role = \"partner\"",
        "role = \"partners\"",
        "line",
        "did you mean `partner`",
    );
    refused(
        "id = \"card-issuer\"",
        "id = \"bank-a\"",
        "members[1]",
        "`proof` does not verify",
    );
    refused(
        "id = \"chen\"",
        "id = \"bank-a\"",
        "members[2].id",
        "used by another member",
    );
    refused(
        "\"x-wing\", \"x25519\"",
        "\"p-384\"",
        "members[0].suites",
        "use `x-wing` or `x25519`",
    );
    refused(
        "\"x-wing\", \"x25519\"",
        "\"x-wing\", \"x-wing\"",
        "members[0].suites",
        "named twice",
    );
    refused("\"x-wing\", \"x25519\"", "", "members[0]", "at least one");
    refused(
        "/partner/bank-a\"",
        "/security/bank-a\"",
        "members[0].uri",
        "for the role `partner`",
    );
    refused(
        "/partner/bank-a\"",
        "/partner/bank-a/x\"",
        "members[0].uri",
        "for the role `partner`",
    );
    refused(
        "bank-a.example",
        "Bank-A.example",
        "members[0].uri",
        "for the role `partner`",
    );
}

#[test]
fn whoever_may_propose_is_a_person_and_nobody_outside_is() {
    let line = |role: &str, person: &str| {
        let audit = match role {
            "auditor" => {
                "audit = { from = \"2026-01-01T00:00:00Z\", until = \"2027-01-01T00:00:00Z\", expires = \"2027-01-01T00:00:00Z\" }"
            }
            _ => "",
        };
        let uri = format!("spiffe://gateway.example/{role}/li");
        let text = format!("[[members]]\nid = \"li\"\nrole = \"{role}\"\nuri = \"{uri}\"\n{person}\n{audit}\n");
        Register::load(&text, GATEWAY).map(|register| register.by_uri(&uri).unwrap().person.clone())
    };
    let li = "person = \"li\"";
    for role in ["security", "operator", "compliance"] {
        assert_eq!(line(role, li).unwrap().unwrap().as_str(), "li");
    }
    assert_eq!(line("compliance", "").unwrap(), None);
    for (role, person) in [("security", ""), ("operator", ""), ("auditor", li)] {
        let found = line(role, person).unwrap_err();
        assert_eq!(found.place, "members[0].person", "{found}");
    }
    // One spelling, or one person would be two.
    for person in [
        "person = \"Li\"",
        "person = \"li \"",
        "person = \"\"",
        "person = \"李\"",
    ] {
        assert!(line("security", person).is_err(), "{person}");
    }
    let partner = example().replacen("role = \"partner\"", "person = \"li\"\nrole = \"partner\"", 1);
    assert_eq!(error(&partner).place, "members[0].person");
}

#[test]
fn no_identity_and_no_key_belongs_to_two() {
    let text = example();
    let again = text.replace("id = \"chen\"", "id = \"zhou\"");
    let both = format!("{text}{}", &again[again.rfind("[[members]]").unwrap()..]);
    let found = error(&both);
    assert!(
        found.place == "members[3].uri" && found.mend.contains("used by another member"),
        "{found}"
    );

    // The same key with a proof of its own, under another name.
    let (public, proof) = key(1, "card-issuer", "card-issuer-2026");
    let (other, other_proof) = key(2, "card-issuer", "card-issuer-2026");
    let found = error(&text.replace(&other, &public).replace(&other_proof, &proof));
    assert!(found.mend.contains("registered already"), "{found}");
}

#[test]
fn possession_is_proven_to_this_gateway_for_this_member_and_id() {
    assert!(Register::load(&example(), "spiffe://gateway.example/gateway/two").is_err());
    refused(
        "id = \"bank-a-2026\"",
        "id = \"bank-a-2027\"",
        "signing_keys[0]",
        "`proof` does not verify",
    );
    let (public, _) = key(1, "bank-a", "bank-a-2026");
    refused(&public, "not base64!", "signing_keys[0]", "base64");
    // The identity point: ring verifies every message under it.
    let weak = STANDARD.encode([&[1][..], &[0; 31]].concat());
    refused(&public, &weak, "signing_keys[0]", "weak");
}

#[test]
fn p256_keys_are_registered_with_a_proof_by_openssl() {
    let line = |member: &str| {
        format!(
            "[[members]]\nid = \"{member}\"\nrole = \"partner\"\nuri = \"spiffe://p.example/partner/{member}\"\n\
             suites = [\"x25519\"]\n[[members.signing_keys]]\nid = \"hsm-1\"\nalgorithm = \"p256\"\n\
             public_key = \"BD3zAqA8L5SR7wMjjfyDlFesLcldcRQw8EPRvZp1TIqXpCt93/1Mj8yae1y/6t+OkVl063kkGXhRmIySe5RhHok=\"\n\
             proof = \"MEQCIG0SAlKqwZUlZvgUlGIGNDBvZqMmKpljZ0U1yv83A4TIAiB8xotwziSrvEFGWI66qQBxBWHv9DF6ccgb8Fgm2JmK5A==\"\n"
        )
    };
    assert!(Register::load(&line("bank-p"), GATEWAY).is_ok());
    assert!(Register::load(&line("bank-q"), GATEWAY).is_err());
}

fn knock(text: &str, uri: &str, roles: &[Role]) -> Result<String, (Code, Option<String>)> {
    let register = Register::load(text, GATEWAY).unwrap();
    let facts = Facts::new(Kind::Query, uri, Method("/test"), [0; 32]);
    authenticate(&register, PeerIdentity::for_tests(uri), facts, roles)
        .map(|case| {
            assert_eq!(case.proof().peer().uri(), uri);
            assert_eq!(case.facts().partner, Some(case.proof().member().id.clone()));
            case.proof().member().id.to_string()
        })
        .map_err(|refusal| {
            (
                refusal.code(),
                refusal.facts().partner.as_ref().map(ToString::to_string),
            )
        })
}

#[test]
fn only_a_known_member_with_the_role_comes_in() {
    let (text, bank) = (example(), "spiffe://bank-a.example/partner/bank-a");
    let known = Some("bank-a".to_owned());
    assert_eq!(knock(&text, bank, &[Role::Partner]), Ok("bank-a".to_owned()));
    assert_eq!(
        knock(&text, bank, &[Role::Provider, Role::Partner]),
        Ok("bank-a".to_owned())
    );
    assert_eq!(
        knock(&text, bank, &[Role::Provider]),
        Err((Code::MethodNotAllowed, known.clone()))
    );
    assert_eq!(knock(&text, bank, &[]), Err((Code::MethodNotAllowed, known.clone())));
    let stranger = "spiffe://bank-a.example/partner/bank-z";
    assert_eq!(knock(&text, stranger, &[Role::Partner]), Err((Code::PeerUnknown, None)));
    let suspended = text.replace("suspended = false", "suspended = true");
    assert_eq!(
        knock(&suspended, bank, &[Role::Partner]),
        Err((Code::PartnerSuspended, known))
    );
}

#[test]
fn an_auditor_has_a_scope_and_nobody_else() {
    let auditor = |scope: &str| {
        format!(
            "{}\n[[members]]\nid = \"auditor\"\nrole = \"auditor\"\nuri = \"spiffe://gateway.example/auditor/one\"\n{scope}\n",
            example()
        )
    };
    let scope = "audit = { partners = [\"bank-a\"], from = \"2026-01-01T00:00:00Z\", until = \"2026-02-01T00:00:00Z\", \
                 expires = \"2026-03-01T00:00:00Z\" }";
    let register = Register::load(&auditor(scope), GATEWAY).unwrap();
    let member = register.by_uri("spiffe://gateway.example/auditor/one").unwrap();
    let read = member.audit.as_ref().unwrap();
    assert_eq!(read.partners, ["bank-a".parse().unwrap()]);
    assert_eq!((read.until.0 - read.from.0) / 86_400_000, 31);
    assert!(error(&auditor("")).mend.contains("needs `from`, `until` and `expires`"));
    let backward = scope.replace("2026-02-01", "2025-02-01");
    assert!(
        error(&auditor(&backward))
            .mend
            .contains("`from` must lie before `until`")
    );
    let lent = auditor(scope)
        .replace("role = \"auditor\"", "role = \"compliance\"")
        .replace("/auditor/one", "/compliance/one");
    assert!(error(&lent).mend.contains("only the role `auditor` has a scope"));
    let misspelt = auditor(&scope.replace("expires", "expire"));
    assert!(error(&misspelt).mend.contains("`expires`"));
}
