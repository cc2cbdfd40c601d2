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
    domain::{FieldSet, IdError, PartnerId, Purpose},
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
quotas = { questions_per_day = 1, subjects_per_day = 1 }
retention_days = 1
termination_notice_days = 1
"#;

type Change = fn(&mut World) -> Option<()>;
type Case = (&'static str, Change, &'static [&'static str]);

/// What is asked, what is changed, which guards fire; none means allowed.
const CASES: &[Case] = &[
    ("everything in order", |_| Some(()), &[]),
    (
        "agreement of another partner",
        |w| Some(w.asker = "other-bank".parse().ok()?),
        &["AGREEMENT_UNKNOWN"],
    ),
    (
        "not in force",
        |w| Some(w.standing.in_force = false),
        &["AGREEMENT_NOT_IN_FORCE"],
    ),
    (
        "platform to bank",
        |w| Some(w.operator.licence = Licence::Platform),
        &["ROUTE_NOT_ALLOWED"],
    ),
    (
        "merchants to bank",
        |w| Some(w.operator.licence = Licence::MerchantNetwork),
        &["ROUTE_NOT_ALLOWED"],
    ),
    (
        "bank group to bank",
        |w| Some(w.operator.licence = Licence::BankGroup),
        &["ROUTE_NOT_ALLOWED"],
    ),
    (
        "bank group to itself",
        |w| {
            w.operator.licence = Licence::BankGroup;
            w.agreement.parties.iter_mut().for_each(|p| p.same_group = true);
            Some(())
        },
        &[],
    ),
    (
        "platform to consumer finance",
        |w| platform_to(w, PartyKind::ConsumerFinance),
        &["ROUTE_NOT_ALLOWED"],
    ),
    ("platform to merchant", |w| platform_to(w, PartyKind::Merchant), &[]),
    (
        "platform through a bureau",
        |w| {
            w.agreement.route = Route::ViaLicensedBureau;
            platform_to(w, PartyKind::LicensedBureau)
        },
        &[],
    ),
    ("across the border", |w| abroad(w, None), &["CROSS_BORDER_NOT_ALLOWED"]),
    (
        "across the border, lawfully",
        |w| abroad(w, Some(Mechanism::StandardContract)),
        &[],
    ),
    (
        "purpose that was not agreed",
        |w| {
            w.purpose = "golden.marketing".parse().ok()?;
            w.signal.purposes.push(w.purpose.clone());
            Some(())
        },
        &["PURPOSE_NOT_AGREED"],
    ),
    ("retired", |w| Some(w.signal.retired = true), &["SIGNAL_RETIRED"]),
    (
        "family that was not agreed",
        |w| {
            w.agreement.families.clear();
            w.agreement.families.insert("other".parse().ok()?, 9);
            Some(())
        },
        &["SIGNAL_NOT_AGREED"],
    ),
    (
        "finer than agreed",
        |w| Some(w.agreement.families.values_mut().for_each(|g| *g = 1)),
        &["GRANULARITY_TOO_FINE"],
    ),
    (
        "purpose that the signal is not for",
        |w| Some(w.signal.purposes = vec!["golden.marketing".parse().ok()?]),
        &["PURPOSE_NOT_ALLOWED_FOR_SIGNAL"],
    ),
    (
        "class 3",
        |w| Some((w.signal.sensitivity, w.agreement.sensitivity_max) = (3, 3)),
        &["SENSITIVITY_NOT_ALLOWED"],
    ),
    (
        "more sensitive than agreed",
        |w| Some(w.agreement.sensitivity_max = 1),
        &["SENSITIVITY_NOT_ALLOWED"],
    ),
    ("no consent", |w| Some(w.standing.consent = None), &["CONSENT_ABSENT"]),
    (
        "another's consent",
        |w| Some(consent(w)?.recipient = false),
        &["CONSENT_OF_ANOTHER_RECIPIENT"],
    ),
    (
        "consent not in force",
        |w| Some(consent(w)?.current = false),
        &["CONSENT_NOT_CURRENT"],
    ),
    (
        "consent for another purpose",
        |w| Some(consent(w)?.purpose = false),
        &["CONSENT_FOR_ANOTHER_PURPOSE"],
    ),
    (
        "consent without the family",
        |w| Some(consent(w)?.granularity = 0),
        &["CONSENT_WITHOUT_FAMILY"],
    ),
    (
        "finer than consented",
        |w| Some(consent(w)?.granularity = 1),
        &["CONSENT_COARSER"],
    ),
    (
        "sensitive, not separate",
        |w| Some(consent(w)?.separate = false),
        &["CONSENT_NOT_SEPARATE"],
    ),
    (
        "not sensitive, not separate",
        |w| {
            w.signal.sensitivity = 1;
            consent(w)?.separate = false;
            Some(())
        },
        &[],
    ),
    (
        "looks back too far",
        |w| Some(consent(w)?.look_back = false),
        &["CONSENT_LOOK_BACK_TOO_SHORT"],
    ),
    (
        "a refusal and a reason to withhold",
        |w| {
            w.signal.retired = true;
            w.standing.consent = None;
            Some(())
        },
        &["CONSENT_ABSENT", "SIGNAL_RETIRED"],
    ),
];

fn platform_to(world: &mut World, kind: PartyKind) -> Option<()> {
    world.operator.licence = Licence::Platform;
    world.agreement.parties.iter_mut().for_each(|p| p.kind = kind);
    Some(())
}

fn abroad(world: &mut World, mechanism: Option<Mechanism>) -> Option<()> {
    world.agreement.jurisdiction = Jurisdiction::try_from("sg".to_owned()).ok()?;
    world.agreement.cross_border_mechanism = mechanism;
    Some(())
}

fn consent(world: &mut World) -> Option<&mut ConsentStanding> {
    world.standing.consent.as_mut()
}

/// Makes every golden decision; the first that does not hold is the error, and so is a guard that fires in none.
pub(super) fn hold(guards: &Guards) -> Result<(), PolicyError> {
    let schema = engine::schema()?;
    let mut seen = BTreeSet::new();
    for (name, change, expected) in CASES {
        let failed = || PolicyError::Golden((*name).to_owned());
        let mut world = world().ok_or_else(failed)?;
        change(&mut world).ok_or_else(failed)?;
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
