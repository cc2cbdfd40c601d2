//! How far a signal may go: the age of what it reads, whose family its reasons tell about, bands that nest.
use super::*;

/// Whether a signal with other ages of freshness and retention gives a band.
fn told(signals: &str, fields: &str, now: i64, bounds: &Bounds) -> bool {
    let catalogue = Catalogue::load(fields).unwrap();
    let row = row(&catalogue, &[100], &[0; 6], &[0; 6], &[0; 6]);
    let signals = Signals::load(signals, &catalogue).unwrap();
    let id = "worst_overdue_6m@1".parse().unwrap();
    let outcome = signals.get(&id).unwrap().outcome(Some(&row), Time(now), bounds);
    assert!(matches!(outcome, Outcome::Band { .. } | Outcome::NotAvailable));
    outcome != Outcome::NotAvailable
}

const FIELDS: &str = include_str!("../../../docs/sample/fields.toml");

/// Six months before the day of the record belong to what is looked at, 31 days each.
#[test]
fn a_record_reaches_back_no_further_than_was_consented() {
    let within = |look_back_days: u32, now: i64| {
        let bounds = Bounds {
            look_back_days,
            ..bounds(&[])
        };
        told(SIGNALS, FIELDS, now, &bounds)
    };
    assert!(within(186, 0) && !within(185, 0) && !within(186, 1));
    assert!(within(286, 100 * DAY_MS) && !within(286, 100 * DAY_MS + 1));
}

#[test]
fn a_record_dated_ahead_is_not_available() {
    let bounds = bounds(&[]);
    assert!(told(SIGNALS, FIELDS, -DAY_MS, &bounds));
    assert!(!told(SIGNALS, FIELDS, -DAY_MS - 1, &bounds));
    assert!(!told(SIGNALS, FIELDS, i64::MIN, &bounds));
}

/// The oldest of six months is 155 days older than the record: past its retention it is not there.
#[test]
fn what_is_past_its_retention_is_not_told() {
    let signals = SIGNALS.replace("fresh_days = 120", "fresh_days = 9_999");
    let expires = |now: i64| told(&signals, FIELDS, now, &bounds(&[]));
    let last = (1_825 - 155) * DAY_MS;
    assert!(expires(last) && !expires(last + 1));
    // By field: a longer one keeps the months, and another field's does not matter.
    let retention = |path: &str, days: &str| {
        let at = FIELDS.find(path).unwrap();
        let (head, tail) = FIELDS.split_at(at);
        format!(
            "{head}{}",
            tail.replacen("retention_days = 1825", &format!("retention_days = {days}"), 1)
        )
    };
    assert!(told(
        &signals,
        &retention("card.overdue_days", "1826"),
        last + 1,
        &bounds(&[])
    ));
    assert!(!told(
        &signals,
        &retention("card.paid_minor", "1826"),
        last + 1,
        &bounds(&[])
    ));
    assert!(!told(&signals, &retention("card.overdue_days", "154"), 0, &bounds(&[])));
    // One number has the age of its record.
    let catalogue = Catalogue::load(FIELDS).unwrap();
    let row = row(&catalogue, &[100], &[0; 6], &[0; 6], &[0; 6]);
    let limit = Measure::load("card.limit_minor", &catalogue).unwrap();
    let value = |age_ms| limit.root.value(&Inputs::new(&row, limit.reads, age_ms, &KEPT));
    assert_eq!((value(1_825 * DAY_MS), value(1_825 * DAY_MS + 1)), (Some(100), None));
    assert_eq!(limit.root.value(&Inputs::new(&row, limit.reads, 1, &[])), None);
}

/// Where `risk` alone is consented, the band is told and no reason that tells of overdue days, limits or use.
#[test]
fn a_reason_is_told_where_its_own_family_may_be() {
    let catalogue = catalogue();
    let signals = Signals::load(SIGNALS, &catalogue).unwrap();
    let reasons = |families: &[&str]| {
        let row = row(&catalogue, &[2_000_000], &[60, 30, 0, 0, 0, 0], &[100; 6], &[100; 6]);
        let derived = derive(&signals, case(&["risk_band@1"], families, Some(row)), Time(1_000))
            .ok()
            .unwrap();
        match &derived.proof().values()[0].outcome {
            Outcome::Band { reasons, .. } => reasons.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(reasons(&["risk"]).is_empty());
    assert_eq!(reasons(&["risk", "limit", "utilisation"]), ["RB04"]);
    assert_eq!(reasons(&["overdue"]), ["RB01", "RB02", "RB03"]);
    assert_eq!(reasons(&["limit", "overdue"]), ["RB01", "RB04", "RB02", "RB03"]);
}

/// The same measure in another family, in other words than its text.
#[test]
fn bands_over_one_measure_nest_whatever_the_family_and_the_spelling() {
    let measure = "measure = \"card.limit_minor\"\nedges = [5_000_000, 14_000_000, 25_000_000, 50_000_000]";
    assert!(SIGNALS.contains(measure));
    let start = SIGNALS.find("[[signal]]\nid = \"limit_band@1\"").unwrap();
    let end = start + SIGNALS[start..].find("\n\n").unwrap();
    let second = |edges: &str| {
        let copy = SIGNALS[start..end]
            .replace("limit_band@1", "line@1")
            .replace("family = \"limit\"", "family = \"line\"")
            .replace(
                measure,
                &format!("measure = \" ( card.limit_minor )\"\nedges = {edges}"),
            )
            .replace(
                "[\"under 50 thousand\", \"50-140 thousand\", \"140-250 thousand\", \"250-500 thousand\",",
                "[\"low\", \"middle\",",
            );
        format!("{}\n{copy}\n{}", &SIGNALS[..end], &SIGNALS[end..])
    };
    assert!(Signals::load(&second("[5_000_000, 25_000_000]"), &catalogue()).is_ok());
    let error = refusal(&second("[5_000_000, 26_000_000]"));
    assert!(
        error.contains("edge 26000000 of `line@1` is none of `limit_band@1`"),
        "{error}"
    );
}
