use super::{
    facts::{ConsentStanding, Standing},
    guards::{self, Guards, Then},
    snapshot::{Key, Verdict},
    *,
};
use crate::{
    agreement::{Agreements, Member, Partner, Register, Role, possession},
    case::Case,
    clock::Time,
    consent::{Asked, ConsentFact, Status},
    crypto::{Ed25519Signer, Secret, Signer},
    domain::{ConsentId, FieldSet, Method, Scheme, SignalId, SubjectRef},
    facts::{Facts, Kind},
    refusal::{Code, Refusal},
    seal::{Opened, payload::Question},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::LazyLock;

mod load;
mod properties;
mod sample;

const GATEWAY: &str = "spiffe://gateway.example/gateway/one";
/// 2026-06-01.
const NOW: Time = Time(1_780_272_000_000);

fn register() -> Register {
    let line = |(seed, id, role): (u8, &str, &str)| {
        let signer = Ed25519Signer::from_seed(Secret::from([seed; 32])).unwrap();
        let proof = signer
            .sign(&possession(GATEWAY, id, "k1", &signer.public_key()))
            .unwrap();
        format!(
            "[[members]]\nid = \"{id}\"\nrole = \"{role}\"\nuri = \"spiffe://{id}.example/{role}/{id}\"\n\
             suites = [\"x25519\"]\n[[members.signing_keys]]\nid = \"k1\"\nalgorithm = \"ed25519\"\n\
             public_key = \"{}\"\nproof = \"{}\"\n",
            STANDARD.encode(signer.public_key()),
            STANDARD.encode(proof)
        )
    };
    let members = [
        (1, "bank-a", "partner"),
        (2, "bank-b", "partner"),
        (3, "issuer", "provider"),
    ];
    Register::load(&members.map(line).concat(), GATEWAY).unwrap()
}

const AGREEMENT_A: &str = r#"
id = "a-1"
partner = "bank-a"
title = "a"
parties = [{ id = "bank-a", kind = "bank", role = "controller" }]
purposes = ["credit.origination", "account.monitoring"]
families = { overdue = 2, risk = 1 }
sensitivity_max = 2
route = "direct"
jurisdiction = "cn"
not_before = "2026-01-01T00:00:00Z"
not_after = "2027-01-01T00:00:00Z"
impact_assessment = "PIA-1"
evidence = "request"
quotas = { questions_per_day = 1 }
retention_days = 30
termination_notice_days = 30
"#;

/// The agreement of Bank B; what is changed in it is named in the test.
fn agreement_b() -> String {
    AGREEMENT_A
        .replace("a-1", "b-1")
        .replace("bank-a", "bank-b")
        .replace("families = { overdue = 2, risk = 1 }", "families = { risk = 3 }")
        .replace("sensitivity_max = 2", "sensitivity_max = 1")
}

fn fact(id: &str, family: &str, granularity: u8, sensitivity: u8, field: usize) -> SignalFact {
    let mut lineage = FieldSet::default();
    lineage.insert(field);
    SignalFact {
        id: id.parse().unwrap(),
        family: family.parse().unwrap(),
        granularity,
        sensitivity,
        retired: false,
        purposes: ["credit.origination", "account.monitoring", "collection"]
            .map(|p| p.parse().unwrap())
            .into(),
        lineage,
        look_back_days: 180,
    }
}

fn signals() -> Vec<SignalFact> {
    let mut signals = vec![
        fact("overdue_coarse@1", "overdue", 1, 2, 0),
        fact("overdue@1", "overdue", 2, 2, 0),
        fact("overdue_fine@1", "overdue", 3, 2, 1),
        fact("risk@1", "risk", 1, 1, 2),
        fact("risk_fine@1", "risk", 2, 1, 3),
        fact("risk@2", "risk", 1, 3, 3),
        fact("overdue_old@1", "overdue", 1, 1, 4),
        fact("lending_only@1", "risk", 1, 1, 5),
        fact("income@1", "income", 1, 1, 6),
    ];
    signals[6].retired = true;
    signals[7].purposes.truncate(1);
    signals
}

fn basis<'a>(register: &'a Register, agreements: &[&str], licence: Licence) -> Basis<'a> {
    Basis {
        register,
        agreements: Agreements::load(agreements.iter().map(|text| ("x.toml", *text))).unwrap(),
        signals: signals(),
        fields: (0..7).map(|i| format!("card.field_{i}").parse().unwrap()).collect(),
        signals_sha256: [1; 32],
        catalogue_sha256: [2; 32],
        operator: Operator {
            licence,
            jurisdiction: "cn".to_owned().try_into().unwrap(),
        },
    }
}

fn build(agreements: &[&str], licence: Licence) -> Snapshot {
    Snapshot::build(basis(&register(), agreements, licence)).unwrap()
}

/// Two agreements and nine signals, for tests of later steps too.
pub(crate) static SHARED: LazyLock<Snapshot> =
    LazyLock::new(|| build(&[AGREEMENT_A, &agreement_b()], Licence::LicensedBureau));

#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) partner: &'static str,
    pub(crate) agreement: String,
    pub(crate) purpose: &'static str,
    pub(crate) signals: Vec<&'static str>,
    pub(crate) consent: Option<ConsentFact>,
    pub(crate) now: Time,
    pub(crate) signed: bool,
}

pub(crate) fn asking(signals: &[&'static str]) -> Asking {
    Asking {
        partner: "bank-a",
        agreement: "a-1".to_owned(),
        purpose: "credit.origination",
        signals: signals.to_vec(),
        consent: Some(consent()),
        now: NOW,
        signed: true,
    }
}

fn consent() -> ConsentFact {
    ConsentFact {
        status: Status::Active,
        recipient: "bank-a".parse().unwrap(),
        purposes: vec!["credit.origination".parse().unwrap()],
        families: vec![("overdue".parse().unwrap(), 3), ("risk".parse().unwrap(), 3)],
        separate: true,
        look_back_days: 365,
    }
}

pub(crate) fn ask(snapshot: &Snapshot, asking: &Asking) -> Result<Decided, Refusal> {
    let member = Member {
        id: asking.partner.parse().unwrap(),
        role: Role::Partner,
        uri: "spiffe://x.example/partner/x".to_owned(),
        signing_keys: Vec::new(),
        suites: Vec::new(),
        suspended: false,
        person: None,
        audit: None,
    };
    let question = Question {
        subject: SubjectRef::parse(Scheme::Opaque, "p").unwrap(),
        purpose: asking.purpose.parse().unwrap(),
        signals: asking.signals.iter().map(|s| s.parse().unwrap()).collect(),
        agreement: asking.agreement.parse().unwrap(),
        consent: ConsentId([5; 16]),
    };
    let mut facts = Facts::new(Kind::Query, "x", Method("/test"), [0; 32]);
    if asking.signed {
        facts.signature = vec![1; 64];
    }
    let case = Case::open(facts, Partner::for_tests(member)).then(|partner| Opened::for_tests(partner, question));
    let case = case.then(|opened| Asked::for_tests(opened, asking.consent.clone()));
    decide(snapshot, case, asking.now)
}

/// (permitted, withheld with the guards that the entry names), or the refusal's code.
fn outcome(snapshot: &Snapshot, asking: &Asking) -> Result<(Vec<String>, Vec<String>, String), Code> {
    let names = |ids: &[SignalId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let reasons = |withheld: &[(SignalId, Withhold)]| {
        assert!(withheld.iter().all(|(_, why)| *why == Withhold::NoValidConsent));
        withheld.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>()
    };
    match ask(snapshot, asking).map_err(|refusal| refusal.code())? {
        Decided::Permit(case) => {
            assert_eq!(case.facts().snapshot, snapshot.hash());
            let permit = case.proof();
            let lineage = permit.permitted().iter().map(|id| snapshot.signal(id).unwrap().lineage);
            let consent = asking.consent.as_ref().unwrap();
            let bounds = permit.bounds();
            assert_eq!(bounds.look_back_days, consent.look_back_days);
            let told = |family: &str| consent.families.iter().any(|(f, _)| f.as_str() == family);
            assert!(
                bounds
                    .families
                    .iter()
                    .all(|f| f.as_str() != "income" && told(f.as_str()))
            );
            assert_eq!(permit.fields(), lineage.fold(FieldSet::default(), FieldSet::union));
            Ok((
                names(permit.permitted()),
                reasons(permit.withheld()),
                case.facts().note.clone(),
            ))
        }
        Decided::Withheld(case) => Ok((Vec::new(), reasons(case.proof().withheld()), case.facts().note.clone())),
    }
}

#[track_caller]
fn refused(snapshot: &Snapshot, asking: &Asking, code: Code) {
    assert_eq!(outcome(snapshot, asking), Err(code));
    // Whoever sees a refusal learns nothing about the person.
    let without = Asking {
        consent: None,
        ..asking.clone()
    };
    assert_eq!(outcome(snapshot, &without), Err(code));
}

#[track_caller]
fn withheld(change: fn(&mut ConsentFact), guard: &str) {
    let mut asking = asking(&["overdue@1"]);
    change(asking.consent.as_mut().unwrap());
    let expected = (Vec::new(), vec!["overdue@1".to_owned()], guard.to_owned());
    assert_eq!(outcome(&SHARED, &asking), Ok(expected));
}

fn permitted(snapshot: &Snapshot, asking: &Asking) -> Vec<String> {
    outcome(snapshot, asking).unwrap().0
}

#[test]
fn a_question_in_order_is_permitted() {
    let all = ["overdue@1", "risk@1", "overdue_coarse@1", "lending_only@1"];
    assert_eq!(permitted(&SHARED, &asking(&all)), all);
}

#[test]
fn what_does_not_exist_is_refused() {
    let ok = asking(&["overdue@1"]);
    let none = Asking {
        agreement: "zzz".to_owned(),
        ..ok.clone()
    };
    refused(&SHARED, &none, Code::AgreementUnknown);
    let anothers = Asking {
        agreement: "b-1".to_owned(),
        ..ok.clone()
    };
    refused(&SHARED, &anothers, Code::AgreementUnknown);
    let refusal = ask(&SHARED, &anothers).err().unwrap();
    assert_eq!(
        refusal.facts().agreement,
        None,
        "another's name in this partner's entry"
    );
    let purpose = Asking {
        purpose: "marketing",
        ..ok.clone()
    };
    refused(&SHARED, &purpose, Code::PurposeUnknown);
    refused(&SHARED, &asking(&["overdue@1", "overdue@2"]), Code::SignalUnknown);
    refused(&SHARED, &asking(&[]), Code::FieldInvalid);
    refused(&SHARED, &asking(&["risk@1"; 9]), Code::FieldInvalid);
}

#[test]
fn an_unsigned_question_is_refused_unless_the_agreement_takes_the_opening_for_evidence() {
    let unsigned = Asking {
        signed: false,
        ..asking(&["overdue@1"])
    };
    refused(&SHARED, &unsigned, Code::SignatureRequired);
    let session = AGREEMENT_A.replace("evidence = \"request\"", "evidence = \"session\"");
    assert!(outcome(&build(&[&session], Licence::LicensedBureau), &unsigned).is_ok());
}

#[test]
fn guards_that_refuse() {
    let ok = asking(&["overdue@1"]);
    for now in [Time(0), Time(1_900_000_000_000)] {
        refused(&SHARED, &Asking { now, ..ok.clone() }, Code::AgreementNotInForce);
    }
    refused(
        &SHARED,
        &Asking {
            purpose: "collection",
            ..ok.clone()
        },
        Code::PurposeNotAgreed,
    );
    refused(&SHARED, &asking(&["overdue_old@1"]), Code::SignalRetired);
    refused(&SHARED, &asking(&["income@1"]), Code::SignalNotAgreed);
    refused(&SHARED, &asking(&["overdue_fine@1"]), Code::GranularityTooFine);
    refused(
        &SHARED,
        &asking(&["overdue@1", "risk_fine@1"]),
        Code::GranularityTooFine,
    );
    refused(&SHARED, &asking(&["risk@2"]), Code::SensitivityNotAllowed);
    let monitoring = Asking {
        purpose: "account.monitoring",
        ..asking(&["lending_only@1"])
    };
    refused(&SHARED, &monitoring, Code::PurposeNotAllowedForSignal);
    let unassessed = AGREEMENT_A.replace("impact_assessment = \"PIA-1\"", "");
    refused(
        &build(&[&unassessed], Licence::LicensedBureau),
        &ok,
        Code::AgreementNotInForce,
    );
    let low = AGREEMENT_A.replace("sensitivity_max = 2", "sensitivity_max = 1");
    let low = build(&[&low], Licence::LicensedBureau);
    refused(&low, &ok, Code::SensitivityNotAllowed);
    assert_eq!(permitted(&low, &asking(&["risk@1"])), ["risk@1"]);
}

#[test]
fn the_route_must_be_lawful_for_what_the_operator_is() {
    let ok = asking(&["overdue@1"]);
    for licence in [Licence::Platform, Licence::MerchantNetwork, Licence::BankGroup] {
        refused(&build(&[AGREEMENT_A], licence), &ok, Code::RouteNotAllowed);
    }
    let group = AGREEMENT_A.replace("role = \"controller\"", "role = \"controller\", same_group = true");
    assert_eq!(permitted(&build(&[&group], Licence::BankGroup), &ok), ["overdue@1"]);
    refused(&build(&[&group], Licence::Platform), &ok, Code::RouteNotAllowed);
    let bureau = AGREEMENT_A
        .replace("kind = \"bank\"", "kind = \"licensed-bureau\"")
        .replace("route = \"direct\"", "route = \"via_licensed_bureau\"");
    assert_eq!(permitted(&build(&[&bureau], Licence::Platform), &ok), ["overdue@1"]);
}

#[test]
fn a_border_needs_a_mechanism() {
    let abroad = AGREEMENT_A.replace("jurisdiction = \"cn\"", "jurisdiction = \"sg\"");
    refused(
        &build(&[&abroad], Licence::LicensedBureau),
        &asking(&["overdue@1"]),
        Code::CrossBorderNotAllowed,
    );
    let lawful = abroad.replace(
        "evidence =",
        "cross_border_mechanism = \"standard-contract\"\nevidence =",
    );
    assert_eq!(
        permitted(&build(&[&lawful], Licence::LicensedBureau), &asking(&["overdue@1"])),
        ["overdue@1"]
    );
}

#[test]
fn guards_that_withhold() {
    withheld(|c| c.status = Status::Pending, "CONSENT_NOT_CURRENT");
    withheld(|c| c.status = Status::Withdrawn, "CONSENT_NOT_CURRENT");
    withheld(|c| c.status = Status::Expired, "CONSENT_NOT_CURRENT");
    withheld(
        |c| c.recipient = "bank-b".parse().unwrap(),
        "CONSENT_OF_ANOTHER_RECIPIENT",
    );
    withheld(
        |c| c.purposes = vec!["account.monitoring".parse().unwrap()],
        "CONSENT_FOR_ANOTHER_PURPOSE",
    );
    withheld(
        |c| c.families.retain(|(f, _)| f.as_str() != "overdue"),
        "CONSENT_WITHOUT_FAMILY",
    );
    withheld(|c| c.families.iter_mut().for_each(|(_, g)| *g = 1), "CONSENT_COARSER");
    withheld(|c| c.separate = false, "CONSENT_NOT_SEPARATE");
    withheld(|c| c.look_back_days = 179, "CONSENT_LOOK_BACK_TOO_SHORT");
    let none = Asking {
        consent: None,
        ..asking(&["overdue@1", "risk@1"])
    };
    let (permitted, withheld, note) = outcome(&SHARED, &none).unwrap();
    assert_eq!(
        (permitted.len(), withheld.len(), note.as_str()),
        (0, 2, "CONSENT_ABSENT")
    );
    // Some are withheld, some are not.
    let mut some = asking(&["overdue@1", "risk@1"]);
    some.consent.as_mut().unwrap().separate = false;
    let expected = (
        vec!["risk@1".to_owned()],
        vec!["overdue@1".to_owned()],
        "CONSENT_NOT_SEPARATE".to_owned(),
    );
    assert_eq!(outcome(&SHARED, &some), Ok(expected));
}

#[test]
fn an_evaluation_error_denies() {
    let register = register();
    // Validates, and overflows for a granularity of 2 or more; Cedar alone would skip it and allow.
    let text = format!(
        "{}\n@id(\"RATE_LIMITED\") forbid (principal, action, resource)\n\
         when {{ resource.granularity * 9223372036854775807 == 5 }};",
        guards::TEXT
    );
    let broken = Snapshot::with_guards(basis(&register, &[AGREEMENT_A], Licence::LicensedBureau), &text).unwrap();
    assert_eq!(permitted(&broken, &asking(&["risk@1"])), ["risk@1"]);
    assert_eq!(outcome(&broken, &asking(&["overdue@1"])), Err(Code::PolicyError));
    assert_eq!(
        outcome(&broken, &asking(&["risk@1", "overdue@1"])),
        Err(Code::PolicyError)
    );
    assert_eq!(permitted(&SHARED, &asking(&["overdue@1"])), ["overdue@1"]);
    assert!(matches!(
        golden::hold(&Guards::parse(&text).unwrap()),
        Err(PolicyError::Golden(_))
    ));
}

#[test]
fn a_place_that_does_not_exist_is_an_error_and_is_not_remembered() {
    let standing = Standing {
        in_force: true,
        consent: None,
    };
    let key = Key {
        agreement: 7,
        purpose: 0,
        signal: 0,
        standing,
    };
    assert_eq!(SHARED.verdict(key), Verdict::Error);
    assert_eq!(SHARED.verdict(key), Verdict::Error);
}
