//! Generated cases against models in other words than the policy's.
use super::*;
use proptest::prelude::*;

fn standing() -> impl Strategy<Value = Standing> {
    let consent =
        (any::<[bool; 5]>(), 0u8..5).prop_map(|([recipient, current, purpose, separate, look_back], granularity)| {
            ConsentStanding {
                recipient,
                current,
                purpose,
                granularity,
                separate,
                look_back,
            }
        });
    (prop::bool::weighted(0.8), proptest::option::weighted(0.9, consent))
        .prop_map(|(in_force, consent)| Standing { in_force, consent })
}

fn consent_fact() -> impl Strategy<Value = ConsentFact> {
    let status = prop_oneof![
        4 => Just(Status::Active),
        1 => Just(Status::Pending),
        1 => Just(Status::Withdrawn),
        1 => Just(Status::Expired),
    ];
    let purposes = proptest::sample::subsequence(vec!["credit.origination", "account.monitoring", "collection"], 1..=3);
    let families = proptest::sample::subsequence(vec!["overdue", "risk", "income"], 1..=3);
    (
        status,
        prop::bool::weighted(0.8),
        purposes,
        families,
        1u8..4,
        prop::bool::weighted(0.7),
        170u32..200,
    )
        .prop_map(
            |(status, own, purposes, families, granularity, separate, look_back_days)| ConsentFact {
                status,
                recipient: if own { "bank-a" } else { "bank-c" }.parse().unwrap(),
                purposes: purposes.iter().map(|p| p.parse().unwrap()).collect(),
                families: families.iter().map(|f| (f.parse().unwrap(), granularity)).collect(),
                separate,
                look_back_days,
            },
        )
}

fn any_asking() -> impl Strategy<Value = Asking> {
    let ids = vec![
        "overdue_coarse@1",
        "overdue@1",
        "overdue_fine@1",
        "risk@1",
        "risk_fine@1",
        "risk@2",
        "overdue_old@1",
        "lending_only@1",
        "income@1",
    ];
    (
        prop::bool::weighted(0.9),
        proptest::sample::select(vec!["credit.origination", "account.monitoring", "collection"]),
        proptest::sample::subsequence(ids, 1..=4),
        proptest::option::weighted(0.9, consent_fact()),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(own, purpose, signals, consent, in_time)| Asking {
            partner: "bank-a",
            agreement: if own { "a-1" } else { "b-1" }.to_owned(),
            purpose,
            signals,
            consent,
            signed: true,
            now: if in_time { NOW } else { Time(0) },
        })
}

/// The agreement of Bank A, in other words than the policy's: may this signal be asked for at all?
fn agreed(asking: &Asking, signal: &SignalFact) -> bool {
    let finest = match signal.family.as_str() {
        "overdue" => 2,
        "risk" => 1,
        _ => 0,
    };
    asking.agreement == "a-1"
        && asking.now == NOW
        && asking.purpose != "collection"
        && signal.granularity <= finest
        && !signal.retired
        && signal.sensitivity <= 2
        && signal.purposes.iter().any(|p| p.as_str() == asking.purpose)
}

fn consented(asking: &Asking, signal: &SignalFact) -> bool {
    asking.consent.as_ref().is_some_and(|c| {
        c.status == Status::Active
            && c.recipient.as_str() == "bank-a"
            && c.purposes.iter().any(|p| p.as_str() == asking.purpose)
            && c.families
                .iter()
                .any(|(f, g)| *f == signal.family && *g >= signal.granularity)
            && (c.separate || signal.sensitivity < 2)
            && c.look_back_days >= signal.look_back_days
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Permitted = requested ∩ agreed ∩ consented, and a refusal if anything requested was not agreed.
    #[test]
    fn nothing_is_permitted_that_was_not_asked_agreed_and_consented(asking in any_asking()) {
        let facts: Vec<_> = asking.signals.iter().map(|s| SHARED.signal(&s.parse().unwrap()).unwrap()).collect();
        match outcome(&SHARED, &asking) {
            Err(code) => {
                prop_assert!(facts.iter().any(|s| !agreed(&asking, s)), "{code:?}");
                let without = Asking { consent: None, ..asking.clone() };
                prop_assert_eq!(outcome(&SHARED, &without), Err(code));
            }
            Ok((permitted, withheld, _)) => {
                prop_assert!(facts.iter().all(|s| agreed(&asking, s)));
                let expect = |yes: bool| -> Vec<String> {
                    facts.iter().filter(|s| consented(&asking, s) == yes).map(|s| s.id.to_string()).collect()
                };
                prop_assert_eq!(permitted, expect(true));
                prop_assert_eq!(withheld, expect(false));
            }
        }
    }

    /// A decision that is remembered is the decision that would be made.
    #[test]
    fn remembered_decisions_are_fresh_ones(agreement in 0usize..2, purpose in 0usize..3, signal in 0usize..9, standing in standing()) {
        let key = Key { agreement, purpose, signal, standing };
        let first = SHARED.verdict(key);
        prop_assert_eq!(first, SHARED.verdict(key));
        prop_assert_eq!(first, SHARED.verdict_fresh(key));
        prop_assert!(first != Verdict::Error);
        if let Verdict::Guard(guard) = first {
            // A refusal stands whatever the consent says.
            if matches!(SHARED.then(guard), Then::Refuse(_)) {
                let without = Key { standing: Standing { consent: None, ..standing }, ..key };
                prop_assert_eq!(SHARED.verdict(without), first);
            }
        }
    }
}
