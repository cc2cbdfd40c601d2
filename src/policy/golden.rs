//! Decisions that must hold before a snapshot is used: one that permits, and at least one in which each guard fires
//! alone. A guard that was weakened, or that Cedar reads in another way than we do, stops the gateway at its start.
use super::{
    engine::{self, Ask, Engine, Said},
    facts::{ConsentStanding, Licence, Operator, SignalFact, Standing},
    guards::Guards,
    snapshot::PolicyError,
};
use crate::{
    agreement::{Agreement, Jurisdiction, Mechanism, PartyKind, Route},
    domain::{FieldSet, IdError, PartnerId, Purpose, SignalFamily},
};
use std::{collections::BTreeSet, str::FromStr};

/// A world in which everything is allowed; each case changes one thing.
#[derive(Clone)]
struct World {
    operator: Operator,
    agreement: Agreement,
    signal: SignalFact,
    asker: PartnerId,
    purpose: Purpose,
    standing: Standing,
    other: Other,
}

/// What a case may put in place of what is in order.
#[derive(Clone)]
struct Other {
    partner: PartnerId,
    purpose: Purpose,
    family: SignalFamily,
    jurisdiction: Jurisdiction,
}

const AGREEMENT: &str = r#"
id = "golden"
partner = "golden-bank"
title = "golden decisions"
parties = [{ id = "golden-bank", kind = "bank", role = "controller" }]
purposes = ["golden.lending"]
families = { golden = 2 }
sensitivity_max = 2
route = "direct"
jurisdiction = "cn"
not_before = "2026-01-01T00:00:00Z"
not_after = "2027-01-01T00:00:00Z"
impact_assessment = "golden"
evidence = "request"
quotas = { questions_per_day = 1 }
retention_days = 1
termination_notice_days = 1
"#;

type Change = fn(&mut World);
type Case = (&'static str, Change, &'static [&'static str]);

/// What is asked, what is changed, which guards fire; none means allowed.
const CASES: &[Case] = &[
    ("everything in order", |_| (), &[]),
    (
        "agreement of another partner",
        |w| w.asker = w.other.partner.clone(),
        &["AGREEMENT_UNKNOWN"],
    ),
    (
        "not in force",
        |w| w.standing.in_force = false,
        &["AGREEMENT_NOT_IN_FORCE"],
    ),
    (
        "platform to bank",
        |w| w.operator.licence = Licence::Platform,
        &["ROUTE_NOT_ALLOWED"],
    ),
    (
        "merchants to bank",
        |w| w.operator.licence = Licence::MerchantNetwork,
        &["ROUTE_NOT_ALLOWED"],
    ),
    (
        "bank group to bank",
        |w| w.operator.licence = Licence::BankGroup,
        &["ROUTE_NOT_ALLOWED"],
    ),
    ("bank group to itself", bank_group_to_itself, &[]),
    (
        "platform to consumer finance",
        |w| platform_to(w, PartyKind::ConsumerFinance),
        &["ROUTE_NOT_ALLOWED"],
    ),
    ("platform to merchant", |w| platform_to(w, PartyKind::Merchant), &[]),
    ("platform through a bureau", platform_through_bureau, &[]),
    ("across the border", |w| abroad(w, None), &["CROSS_BORDER_NOT_ALLOWED"]),
    (
        "across the border, lawfully",
        |w| abroad(w, Some(Mechanism::StandardContract)),
        &[],
    ),
    ("purpose that was not agreed", unagreed_purpose, &["PURPOSE_NOT_AGREED"]),
    ("retired", |w| w.signal.retired = true, &["SIGNAL_RETIRED"]),
    ("family that was not agreed", unagreed_family, &["SIGNAL_NOT_AGREED"]),
    (
        "finer than agreed",
        |w| w.agreement.families.values_mut().for_each(|g| *g = 1),
        &["GRANULARITY_TOO_FINE"],
    ),
    (
        "purpose that the signal is not for",
        |w| w.signal.purposes = vec![w.other.purpose.clone()],
        &["PURPOSE_NOT_ALLOWED_FOR_SIGNAL"],
    ),
    (
        "class 3",
        |w| (w.signal.sensitivity, w.agreement.sensitivity_max) = (3, 3),
        &["SENSITIVITY_NOT_ALLOWED"],
    ),
    (
        "more sensitive than agreed",
        |w| w.agreement.sensitivity_max = 1,
        &["SENSITIVITY_NOT_ALLOWED"],
    ),
    ("no consent", |w| w.standing.consent = None, &["CONSENT_ABSENT"]),
    (
        "another's consent",
        |w| consent(w, |c| c.recipient = false),
        &["CONSENT_OF_ANOTHER_RECIPIENT"],
    ),
    (
        "consent not in force",
        |w| consent(w, |c| c.current = false),
        &["CONSENT_NOT_CURRENT"],
    ),
    (
        "consent for another purpose",
        |w| consent(w, |c| c.purpose = false),
        &["CONSENT_FOR_ANOTHER_PURPOSE"],
    ),
    (
        "consent without the family",
        |w| consent(w, |c| c.granularity = 0),
        &["CONSENT_WITHOUT_FAMILY"],
    ),
    (
        "finer than consented",
        |w| consent(w, |c| c.granularity = 1),
        &["CONSENT_COARSER"],
    ),
    (
        "sensitive, not separate",
        |w| consent(w, |c| c.separate = false),
        &["CONSENT_NOT_SEPARATE"],
    ),
    ("not sensitive, not separate", insensitive, &[]),
    (
        "looks back too far",
        |w| consent(w, |c| c.look_back = false),
        &["CONSENT_LOOK_BACK_TOO_SHORT"],
    ),
    (
        "a refusal and a reason to withhold",
        retired_without_consent,
        &["CONSENT_ABSENT", "SIGNAL_RETIRED"],
    ),
];

fn platform_to(world: &mut World, kind: PartyKind) {
    world.operator.licence = Licence::Platform;
    world.agreement.parties.iter_mut().for_each(|p| p.kind = kind);
}

fn platform_through_bureau(world: &mut World) {
    world.agreement.route = Route::ViaLicensedBureau;
    platform_to(world, PartyKind::LicensedBureau);
}

fn bank_group_to_itself(world: &mut World) {
    world.operator.licence = Licence::BankGroup;
    world.agreement.parties.iter_mut().for_each(|p| p.same_group = true);
}

fn abroad(world: &mut World, mechanism: Option<Mechanism>) {
    world.agreement.jurisdiction = world.other.jurisdiction.clone();
    world.agreement.cross_border_mechanism = mechanism;
}

fn unagreed_purpose(world: &mut World) {
    world.purpose = world.other.purpose.clone();
    world.signal.purposes.push(world.purpose.clone());
}

fn unagreed_family(world: &mut World) {
    world.agreement.families.clear();
    world.agreement.families.insert(world.other.family.clone(), 9);
}

fn insensitive(world: &mut World) {
    world.signal.sensitivity = 1;
    consent(world, |c| c.separate = false);
}

fn retired_without_consent(world: &mut World) {
    world.signal.retired = true;
    world.standing.consent = None;
}

fn consent(world: &mut World, change: fn(&mut ConsentStanding)) {
    world.standing.consent.iter_mut().for_each(change);
}

/// Makes every golden decision; the first that does not hold is the error, and so is a guard that fires in none.
pub(super) fn hold(guards: &Guards) -> Result<(), PolicyError> {
    let schema = engine::schema()?;
    let mut seen = BTreeSet::new();
    for (name, change, expected) in CASES {
        let failed = || PolicyError::Golden((*name).to_owned());
        let mut world = world().ok_or_else(failed)?;
        change(&mut world);
        let engine = Engine::build(
            &schema,
            guards,
            &world.operator,
            std::iter::once(&world.agreement),
            std::slice::from_ref(&world.signal),
        )?;
        let mut fired = match engine.ask(&world.ask()) {
            Said::Allow => Vec::new(),
            Said::Guards(fired) => fired,
            Said::Error => return Err(failed()),
        };
        fired.sort();
        if fired != *expected {
            return Err(failed());
        }
        seen.extend(fired);
    }
    match guards.list().iter().find(|guard| !seen.contains(&guard.id)) {
        Some(untested) => Err(PolicyError::Golden(format!("every guard fires: {}", untested.id))),
        None => Ok(()),
    }
}

impl World {
    fn ask(&self) -> Ask<'_> {
        Ask {
            partner: &self.asker,
            agreement: self.agreement.id(),
            purpose: &self.purpose,
            signal: &self.signal.id,
            standing: self.standing,
        }
    }
}

fn world() -> Option<World> {
    let agreement = Agreement::parse("golden", AGREEMENT).ok()?;
    let purpose = Purpose::from_str("golden.lending").ok()?;
    Some(World {
        operator: Operator {
            licence: Licence::LicensedBureau,
            jurisdiction: Jurisdiction::try_from("cn".to_owned()).ok()?,
        },
        asker: agreement.partner().clone(),
        agreement,
        signal: signal(&purpose).ok()?,
        purpose,
        other: Other {
            partner: "other-bank".parse().ok()?,
            purpose: "golden.marketing".parse().ok()?,
            family: "other".parse().ok()?,
            jurisdiction: Jurisdiction::try_from("sg".to_owned()).ok()?,
        },
        standing: Standing {
            in_force: true,
            consent: Some(ConsentStanding {
                recipient: true,
                current: true,
                purpose: true,
                granularity: 2,
                separate: true,
                look_back: true,
            }),
        },
    })
}

fn signal(purpose: &Purpose) -> Result<SignalFact, IdError> {
    Ok(SignalFact {
        id: "golden@1".parse()?,
        family: "golden".parse()?,
        granularity: 2,
        sensitivity: 2,
        retired: false,
        purposes: vec![purpose.clone()],
        lineage: FieldSet::default(),
        look_back_days: 0,
    })
}
