//! The status of a consent against a model.
use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Confirm,
    Withdraw,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Confirm),
        Just(Step::Withdraw),
        (0..20 * DAY_MS).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a model of three variables; the rules that matter are asserted on their own.
    #[test]
    fn the_state_of_a_consent(steps in proptest::collection::vec(step(), 0..20)) {
        let terms = Terms::from_wire(&terms()).unwrap();
        let mut record = Record::granted(ConsentId([1; 16]), terms.clone(), NOW, "spiffe://bank");
        let (mut now, mut confirmed, mut withdrawn) = (NOW, false, false);
        for step in steps {
            let before = record.status(now);
            match step {
                Step::Wait(ms) => now = now.plus_ms(ms),
                Step::Confirm => {
                    let changed = record.confirm(now, "spiffe://provider");
                    prop_assert_eq!(changed, before == Status::Pending);
                    confirmed |= changed;
                }
                Step::Withdraw => {
                    prop_assert_eq!(record.withdraw(now, "spiffe://bank"), !withdrawn);
                    withdrawn = true;
                }
            }
            let expected = match (withdrawn, now > terms.not_after, confirmed) {
                (true, _, _) => Status::Withdrawn,
                (_, true, _) => Status::Expired,
                (_, _, true) => Status::Active,
                _ => Status::Pending,
            };
            prop_assert_eq!(record.status(now), expected);
            prop_assert!(before != Status::Withdrawn || record.status(now) == Status::Withdrawn);
            prop_assert!(record.events().len() <= 3);
            // Whatever happened since: a confirmation that is told again after a restore does not settle a doubt.
            prop_assert!(record.is_granted_before(NOW) && !record.is_granted_before(NOW.plus_ms(-1)));
            prop_assert_eq!(Record::from_row(&record.to_row()).unwrap(), record.clone());
        }
    }

    #[test]
    fn hostile_rows_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::from_row(&bytes);
    }
}
