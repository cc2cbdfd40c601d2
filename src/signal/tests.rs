//! What does not load, what evaluation touches, and cel itself as the oracle of evaluation.
use super::{evaluate::Inputs, measure::Measure, *};
use crate::{
    agreement::{Member, Partner, Role},
    case::Case,
    clock::Time,
    domain::{FieldSet, Method, Scheme, SignalId, SubjectRef},
    facts::{Facts, Kind},
    policy::{Bounds, Permit},
    seal::{Opened, payload::Question},
    source::{Catalogue, Raw, Row},
};
use proptest::prelude::*;
use std::sync::Arc;

mod bounds;

const SIGNALS: &str = include_str!("../../docs/sample/signals.toml");

fn catalogue() -> Catalogue {
    Catalogue::load(include_str!("../../docs/sample/fields.toml")).unwrap()
}

fn one(measure: &str, inputs: &str, class: &str) -> String {
    format!(
        r#"
        [[purpose]]
        id = "credit.origination"
        title_en = "t"
        title_zh = "t"
        [[signal]]
        id = "x@1"
        family = "x"
        granularity = 1
        class = "{class}"
        purposes = ["credit.origination"]
        inputs = [{inputs}]
        measure = "{measure}"
        edges = [1]
        bands = ["a", "b"]
        fresh_days = 10
        validity_days = 30
        meaning_en = "m"
        meaning_zh = "m"
        "#
    )
}

fn refusal(text: &str) -> String {
    match Signals::load(text, &catalogue()) {
        Ok(_) => panic!("loads: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_reads_too_much_does_not_load() {
    let limit = "'card.limit_minor'";
    assert!(Signals::load(&one("card.limit_minor", limit, "C2"), &catalogue()).is_ok());
    for (measure, inputs, class, says) in [
        ("person.sex", "'person.sex'", "C2", "protected attribute"),
        ("person.age_years", "'person.age_years'", "C2", "protected attribute"),
        // Not declared, but read: found by the walk, not by the declaration.
        (
            "person.sex + card.limit_minor",
            limit,
            "C2",
            "reads `person.sex` without declaring",
        ),
        (
            "card.limit_minor + card.paid_minor[0]",
            limit,
            "C2",
            "reads `card.paid_minor` without",
        ),
        ("1", limit, "C2", "never reads it"),
        ("card.limit_minor", limit, "C1", "raise its class"),
        ("card.limit", "'card.limit'", "C2", "did you mean `card.limit_minor`?"),
        ("card['limit_minor']", limit, "C2", "a number written out"),
        ("card[0].limit_minor", limit, "C2", "paths are not computed"),
        (
            "(true ? card : person).age_years",
            limit,
            "C2",
            "paths are not computed",
        ),
        ("card[card.limit_minor]", limit, "C2", "a number written out"),
        ("card.paid_minor[card.limit_minor]", limit, "C2", "a number written out"),
        ("card.paid_minor[6]", "'card.paid_minor'", "C2", "no such month"),
        ("card.paid_minor[-1]", "'card.paid_minor'", "C2", "no such month"),
        (
            "max_of(card.paid_minor, 7)",
            "'card.paid_minor'",
            "C2",
            "ask for 1 to 6",
        ),
        ("max_of(card.paid_minor, card.limit_minor)", limit, "C2", "written out"),
        ("has(card.limit_minor) ? 1 : 0", limit, "C2", "`has` is refused"),
        ("card.paid_minor.all(x, x > 0) ? 1 : 0", limit, "C2", "refused"),
        ("card.paid_minor.map(x, x)[0]", limit, "C2", "refused"),
        ("size(card.paid_minor)", limit, "C2", "`size` is not a function"),
        ("sumof(card.paid_minor, 6)", limit, "C2", "did you mean `sum_of`?"),
        ("card.paid_minor.max_of(6)", limit, "C2", "not a function"),
        ("dyn(card.limit_minor)", limit, "C2", "`dyn` is not a function"),
        ("card.limit_minor > 3", limit, "C2", "type: a number is needed"),
        ("card.limit_minor ? 1 : 2", limit, "C2", "type: true or false is needed"),
        (
            "card.paid_minor",
            "'card.paid_minor'",
            "C2",
            "type: a number is needed here, and this is a series",
        ),
        ("card.paid_minor + 1", "'card.paid_minor'", "C2", "series"),
        ("card.limit_minor[0]", limit, "C2", "type: a series is needed"),
        ("card.limit_minor + 1.5", limit, "C2", "only whole numbers"),
        ("card.limit_minor + 'a'", limit, "C2", "only whole numbers"),
        ("[card.limit_minor][0]", limit, "C2", "refused"),
        ("card.limit_minor +", limit, "C2", "not CEL"),
        ("larger(card.limit_minor)", limit, "C2", "takes two"),
    ] {
        let error = refusal(&one(measure, inputs, class));
        assert!(error.contains(says), "{measure}: {error}");
    }
    let deep = format!("{}card.limit_minor{}", "larger(1, ".repeat(40), ")".repeat(40));
    refusal(&one(&deep, limit, "C2"));
    refusal(&one(&"1+".repeat(1_100), limit, "C2"));
    // cel's parser overflows the stack on the first of these.
    for hostile in ["(", "[", "{", "!", "-", "- ", "1?1:", "a.", "f(", "1+", "1<", "true&&"] {
        refusal(&one(&hostile.repeat(2_000 / hostile.len()), limit, "C2"));
    }
}

#[test]
fn fields_that_no_signal_may_read_yet() {
    for (from, to, says) in [
        (
            "class = \"C2\"\nmin = 0\nmax = 1_000_000_000_000",
            "class = \"C3\"\nmin = 0\nmax = 9",
            "class C3",
        ),
        (
            "class = \"C2\"\nmin = 0",
            "class = \"C2\"\nflags = [\"income\"]\nmin = 0",
            "warned written consent",
        ),
        (
            "class = \"C2\"\nmin = 0",
            "class = \"C2\"\nflags = [\"identity\"]\nmin = 0",
            "names the person",
        ),
    ] {
        let fields = include_str!("../../docs/sample/fields.toml").replacen(from, to, 1);
        let catalogue = Catalogue::load(&fields).unwrap();
        let text = one("card.limit_minor", "'card.limit_minor'", "C2");
        let error = Signals::load(&text, &catalogue).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn what_is_misspelt_or_contradicts_itself_does_not_load() {
    for (from, to, says) in [
        ("granularity = 2", "granularty = 2", "did you mean `granularity`?"),
        ("edges = [8_000]", "edges = [7_000]", "together they would tell more"),
        (
            "edges = [1, 31, 61, 91, 181]",
            "edges = [1, 31, 31, 91, 181]",
            "must ascend",
        ),
        ("\"current\", ", "", "5 edges need 6 `bands`"),
        ("\"3-4 of 6\"", "\"5 of 6\"", "different labels"),
        ("reason = \"RB01\"", "reason = \"RB10\"", "did you mean `RB01`?"),
        (
            "code = \"RB01\"\nfamily = \"overdue\"",
            "code = \"RB01\"\nfamily = \"limit\"",
            "of which no signal reads",
        ),
        (
            "code = \"RB06\"\nfamily = \"repayment\"",
            "code = \"RB06\"\nfamily = \"overdue\"",
            "of which no signal reads",
        ),
        (
            "\"credit.limit_review\", \"acc",
            "\"credit.limit_reviews\", \"acc",
            "did you mean `credit.limit_review`?",
        ),
        ("id = \"limit_band@1\"", "id = \"utilisation@1\"", "declared twice"),
        (
            "id = \"limit_band@1\"",
            "id = \"limit_band\"",
            "expected 1 to 64 characters",
        ),
        (
            "points = [46, 28, 4, 0]",
            "points = [46, 28, 4]",
            "3 edges need 4 `points`",
        ),
        ("points = [46, 28, 4, 0]", "points = [46, 28, -4, 0]", "points are 0 to"),
        ("measure = \"card.limit_minor\"", "", "either `measure` or"),
    ] {
        assert!(SIGNALS.contains(from), "{from}");
        let error = refusal(&SIGNALS.replacen(from, to, 1));
        assert!(error.contains(says), "{error}");
    }
}

/// Retention of the sample's fields, and no less.
const KEPT: [u32; 8] = [1_825; 8];
const DAY_MS: i64 = 86_400_000;

/// As far back as records reach; reasons of these families.
fn bounds(told: &[&str]) -> Bounds {
    Bounds {
        look_back_days: u32::MAX,
        families: told.iter().map(|family| family.parse().unwrap()).collect(),
    }
}

fn row(catalogue: &Catalogue, limit: &[i64], overdue: &[i64], statements: &[i64], paid: &[i64]) -> Row {
    let mut values = vec![limit.to_vec(), overdue.to_vec(), statements.to_vec(), paid.to_vec()];
    values.resize(catalogue.fields().len(), Vec::new());
    Row::new(catalogue, Time(0), values).unwrap()
}

#[test]
fn missing_old_and_impossible_values_are_never_clean() {
    let catalogue = catalogue();
    let signals = Signals::load(SIGNALS, &catalogue).unwrap();
    let outcome = |id: &str, row: Option<&Row>, now: i64| {
        let id: SignalId = id.parse().unwrap();
        signals.get(&id).unwrap().outcome(row, Time(now), &bounds(&[]))
    };
    let index = |outcome: Outcome| match outcome {
        Outcome::Band { index, .. } => Some(index),
        _ => None,
    };
    let six = [0; 6];
    let all = [
        "worst_overdue_6m@1",
        "utilisation@1",
        "on_time_rate@1",
        "repayment_ratio@1",
        "limit_band@1",
        "risk_band@1",
    ];
    for id in all {
        assert_eq!(outcome(id, None, 0), Outcome::NoFile, "{id}");
        assert_eq!(
            outcome(id, Some(&row(&catalogue, &[], &[], &[], &[])), 0),
            Outcome::NotAvailable,
            "{id}"
        );
    }
    let five_months = row(&catalogue, &[100], &[0; 5], &six, &six);
    assert_eq!(
        outcome("worst_overdue_6m@1", Some(&five_months), 0),
        Outcome::NotAvailable
    );
    let whole = row(&catalogue, &[100], &six, &six, &six);
    assert_eq!(
        index(outcome("worst_overdue_6m@1", Some(&whole), 120 * DAY_MS)),
        Some(0)
    );
    assert_eq!(
        outcome("worst_overdue_6m@1", Some(&whole), 120 * DAY_MS + 1),
        Outcome::NotAvailable,
        "too old"
    );
    let statement = |bill: i64, limit: i64| {
        let row = row(&catalogue, &[limit], &six, &[bill, 0, 0, 0, 0, 0], &six);
        index(outcome("utilisation@1", Some(&row), 0))
    };
    assert_eq!(statement(-5, 100), Some(0), "a balance in the client's favour");
    assert_eq!(
        statement(1_000_000_000_000, 1_000_000_000_000),
        Some(3),
        "exactly the limit"
    );
    assert_eq!(
        statement(1_000_000_000_000, 999_999_999_999),
        Some(4),
        "above the limit by a hair"
    );
    assert_eq!(statement(1, 0), Some(4));
    let nothing_due = row(&catalogue, &[100], &six, &[500, 0, 0, 0, 0, 0], &six);
    assert_eq!(
        index(outcome("repayment_ratio@1", Some(&nothing_due), 0)),
        Some(4),
        "told apart from paid"
    );
}

#[test]
fn overflow_and_division_by_nothing_are_not_available() {
    let catalogue = catalogue();
    let row = row(&catalogue, &[1_000_000_000_000], &[0; 6], &[0; 6], &[0; 6]);
    for text in [
        "card.limit_minor * card.limit_minor * card.limit_minor",
        "card.limit_minor / card.statement_minor[0]",
        "card.limit_minor % card.statement_minor[0]",
        "ratio_bp(card.limit_minor, card.statement_minor[0])",
        "-9223372036854775807 - card.limit_minor",
    ] {
        let measure = Measure::load(text, &catalogue).unwrap();
        assert_eq!(
            measure.root.value(&Inputs::new(&row, measure.reads, 0, &KEPT)),
            None,
            "{text}"
        );
        assert_eq!(
            measure.root.value(&Inputs::new(&row, FieldSet::default(), 0, &KEPT)),
            None,
            "blind without lineage"
        );
    }
}

/// Expressions over all kinds of fields, protected ones too, some of them wrong on purpose.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-20i64..20).prop_map(|n| n.to_string()),
        Just("card.limit_minor".to_owned()),
        Just("person.age_years".to_owned()),
        (0usize..8).prop_map(|i| format!("card.overdue_days[{i}]")),
        (0usize..8).prop_map(|n| format!("sum_of(card.statement_minor, {n})")),
        (0usize..8, -3i64..3).prop_map(|(n, k)| format!("count_at_most(card.paid_minor, {n}, {k})")),
        (1usize..7).prop_map(|n| format!("max_of(card.overdue_days, {n})")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]))
                .prop_map(|((a, b), o)| format!("({a} {o} {b})")),
            (two.clone(), prop::sample::select(vec!["larger", "smaller", "ratio_bp"]))
                .prop_map(|((a, b), f)| format!("{f}({a}, {b})")),
            (
                two,
                inner.clone(),
                inner,
                prop::sample::select(vec!["<", "<=", "==", "!=", ">", ">="])
            )
                .prop_map(|((a, b), c, d, o)| format!("({a} {o} {b} && !({c} > {d}) || {a} == {d} ? {c} : {d})")),
        ]
    })
}

/// cel evaluates the same text over the same values, with our functions given to it.
fn by_cel(text: &str, catalogue: &Catalogue, row: &Row) -> Option<i64> {
    use cel::{Context, Program, Value, objects::Map};
    let ints = |list: Arc<Vec<Value>>, n: i64| -> Vec<i64> {
        let int = |v: &Value| match v {
            Value::Int(i) => *i,
            _ => panic!("not a number"),
        };
        list.iter().take(n as usize).map(int).collect()
    };
    let mut context = Context::default();
    context
        .add_function("sum_of", move |l: Arc<Vec<Value>>, n: i64| {
            ints(l, n).iter().sum::<i64>()
        })
        .unwrap();
    context
        .add_function("max_of", move |l: Arc<Vec<Value>>, n: i64| {
            ints(l, n).into_iter().max().unwrap()
        })
        .unwrap();
    let count = move |l: Arc<Vec<Value>>, n: i64, k: i64| ints(l, n).into_iter().filter(|v| *v <= k).count() as i64;
    context.add_function("count_at_most", count).unwrap();
    context.add_function("larger", |a: i64, b: i64| a.max(b)).unwrap();
    context.add_function("smaller", |a: i64, b: i64| a.min(b)).unwrap();
    context
        .add_function("ratio_bp", |a: i64, b: i64| {
            let exact = i128::from(a) * 10_000;
            match b {
                ..=0 => Err(cel::ExecutionError::function_error("ratio_bp", "not positive")),
                _ => i64::try_from(exact.div_euclid(b.into()))
                    .map_err(|_| cel::ExecutionError::function_error("ratio_bp", "too large")),
            }
        })
        .unwrap();
    for room in ["card", "person"] {
        let fields = catalogue.fields().iter().enumerate();
        let of_room = fields.filter_map(|(i, f)| Some((f.path.as_str().strip_prefix(&format!("{room}."))?, i, f)));
        let members: std::collections::HashMap<String, Value> = of_room
            .map(|(name, i, field)| {
                let mut numbers = row.value(i).unwrap().iter().map(|n| Value::Int(*n));
                let value = match field.months {
                    1 => numbers.next_back().unwrap_or(Value::Null),
                    _ => Value::List(Arc::new(numbers.collect())),
                };
                (name.to_owned(), value)
            })
            .collect();
        context.add_variable_from_value(room, Value::Map(Map::from(members)));
    }
    match Program::compile(text).unwrap().execute(&context) {
        Ok(Value::Int(value)) => Some(value),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn evaluation_touches_only_the_lineage_and_says_what_cel_says(
        text in expressions(),
        limit in 0i64..50,
        overdue in prop::collection::vec(0i64..90, 6),
        statements in prop::collection::vec(-40i64..40, 6),
        paid in prop::collection::vec(0i64..5, 6),
    ) {
        let catalogue = catalogue();
        let row = row(&catalogue, &[limit], &overdue, &statements, &paid);
        let declared = "'card.limit_minor', 'card.overdue_days', 'card.statement_minor', 'card.paid_minor'";
        let loads = Signals::load(&one(&text, declared, "C2"), &catalogue);
        prop_assert!(!text.contains("person.") || loads.is_err(), "a protected field loads");
        if let Ok(measure) = Measure::load(&text, &catalogue) {
            let inputs = Inputs::new(&row, measure.reads, 0, &KEPT);
            let value = measure.root.value(&inputs);
            prop_assert!(inputs.touched.get().is_subset(&measure.reads));
            if let Some(value) = value {
                // Ours is stricter only where a side cannot be told; where it tells, cel tells the same.
                prop_assert_eq!(Some(value), by_cel(&text, &catalogue, &row), "{}", text);
            }
        }
    }
}

fn case(signals: &[&str], told: &[&str], row: Option<Row>) -> Case<Raw> {
    let subject = SubjectRef::parse(Scheme::Opaque, "somebody").unwrap();
    let signals: Vec<SignalId> = signals.iter().map(|s| s.parse().unwrap()).collect();
    let member = Member {
        id: "bank-a".parse().unwrap(),
        role: Role::Partner,
        uri: "spiffe://bank-a.example/partner/bank-a".to_owned(),
        signing_keys: Vec::new(),
        suites: Vec::new(),
        suspended: false,
        person: None,
        audit: None,
    };
    let question = Question {
        subject,
        purpose: "credit.origination".parse().unwrap(),
        signals: signals.clone(),
        agreement: "a".parse().unwrap(),
        consent: crate::domain::ConsentId([0; 16]),
    };
    let opened = Opened::for_tests(Partner::for_tests(member), question);
    let permit = Permit::for_tests(opened, signals, FieldSet::default()).within(bounds(told));
    let facts = Facts::new(Kind::Query, "p", Method("/m"), [0; 32]);
    Case::for_tests(facts, Raw::for_tests(permit, row))
}

#[test]
fn derivation_answers_every_permitted_signal_in_order() {
    let catalogue = catalogue();
    let signals = Signals::load(SIGNALS, &catalogue).unwrap();
    let row = row(&catalogue, &[2_000_000], &[60, 30, 0, 0, 0, 0], &[100; 6], &[100; 6]);
    let wanted = ["risk_band@1", "worst_overdue_6m@1"];
    let derived = derive(&signals, case(&wanted, &["overdue", "limit"], Some(row)), Time(1_000))
        .ok()
        .unwrap();
    let values = derived.proof().values();
    assert_eq!(values.iter().map(|v| v.id.to_string()).collect::<Vec<_>>(), wanted);
    match &values[0].outcome {
        Outcome::Band {
            reasons, valid_until, ..
        } => {
            // Points lost: limit 17, overdue now 42, months 14, worst 14.
            assert_eq!(reasons, &["RB01", "RB04", "RB02", "RB03"]);
            assert_eq!(valid_until.0 % 86_400_000, 0);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(&values[1].outcome, Outcome::Band { index: 2, label, .. } if label == "31-60 days"));
    let unknown = derive(&signals, case(&["nothing@1"], &[], None), Time(0))
        .err()
        .unwrap();
    assert_eq!(unknown.code(), crate::refusal::Code::Internal);
}
