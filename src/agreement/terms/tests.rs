use super::*;
use crate::agreement::Agreements;

const SAMPLE: &str = include_str!("../../../docs/sample/agreement-bank-a.toml");

#[track_caller]
fn refused(from: &str, to: &str, place: &str, mend: &str) {
    assert!(SAMPLE.contains(from), "`{from}` is not in the sample");
    let error = Agreement::parse("a.toml", &SAMPLE.replace(from, to)).expect_err("must not load");
    assert_eq!(error.file, "a.toml");
    assert!(error.place.contains(place) && error.mend.contains(mend), "{error}");
}

#[test]
fn the_sample_is_real() {
    let a = Agreement::parse("a.toml", SAMPLE).unwrap();
    assert_eq!((a.id().as_str(), a.partner().as_str()), ("bank-a-2026", "bank-a"));
    assert_eq!(
        (a.route(), a.jurisdiction().as_str(), a.evidence()),
        (Route::Direct, "cn", Evidence::Request)
    );
    assert_eq!(a.families().get(&"utilisation".parse().unwrap()), Some(&1));
    assert_eq!(a.price_fen(&"risk".parse().unwrap()), 50);
    assert_eq!(a.price_fen(&"limit".parse().unwrap()), 0);
    assert_eq!(a.joint_lending().unwrap().funding_share_bp, 3_000);
    assert_eq!((a.retention_days(), a.termination_notice_days()), (180, 30));
    assert_eq!(a.quotas().questions_per_day, 100_000);
    assert_eq!(a.shares().unwrap().risk_bp.len(), 2);
    assert_eq!(a.parties().len(), 2);
    assert!(a.title().contains("Bank A"));
}

#[test]
fn every_mistake_has_its_key_and_mend() {
    refused("purposes =", "purpose =", "line", "did you mean `purposes`");
    refused(
        "route = \"direct\"",
        "route = \"directly\"",
        "line",
        "did you mean `direct`",
    );
    refused(
        "route = \"direct\"",
        "route = \"via_licensed_bureau\"",
        "route",
        "name it as `partner`",
    );
    refused(
        "jurisdiction = \"cn\"",
        "jurisdiction = \"China\"",
        "line",
        "two lower-case letters",
    );
    refused(
        "partner = \"bank-a\"",
        "partner = \"bank-b\"",
        "partner",
        "add `bank-b` to `parties`",
    );
    refused(
        "kind = \"bank\", role = \"joint-controller\"",
        "kind = \"bank\", role = \"processor\"",
        "parties",
        "controller",
    );
    refused("id = \"card-issuer\"", "id = \"bank-a\"", "parties", "once");
    refused(
        "[\"credit.origination\", \"account.monitoring\"]",
        "[]",
        "purposes",
        "1 to 64",
    );
    refused(
        "\"account.monitoring\"]",
        "\"credit.origination\"]",
        "purposes",
        "each once",
    );
    refused("overdue = 1\n", "overdue = 0\n", "families.overdue", "counts from 1");
    refused("overdue = 1\n", "overdue = 256\n", "line", "u8");
    refused(
        "sensitivity_max = 2",
        "sensitivity_max = 3",
        "sensitivity_max",
        "class 3 is never",
    );
    refused(
        "not_after = \"2027",
        "not_after = \"2025",
        "not_after",
        "later than `not_before`",
    );
    refused("not_after = \"2027", "not_after = \"2047", "not_after", "at most");
    refused("\"PIA-2026-014\"", "\" \"", "impact_assessment", "leave the key out");
    refused(
        "retention_days = 180",
        "retention_days = 0",
        "retention_days",
        "how many days",
    );
    refused(
        "questions_per_day = 100_000",
        "questions_per_day = 0",
        "quotas",
        "at least 1",
    );
    refused(
        "risk = 50",
        "income = 50",
        "price_fen.income",
        "`families` does not name",
    );
    refused(
        "bank-a = 7_000",
        "bank-a = 7_001",
        "shares.revenue_bp",
        "add up to 10000",
    );
    refused("bank-a = 8_000", "bank-c = 8_000", "shares.risk_bp", "named parties");
    refused(
        "funding_share_bp = 3_000",
        "funding_share_bp = 2_999",
        "joint_lending",
        "30 %",
    );
    refused(
        "funding_share_bp = 3_000",
        "funding_share_bp = 10_001",
        "joint_lending",
        "30 %",
    );
}

#[test]
fn an_agreement_is_in_force_from_its_first_moment_to_its_last_and_never_without_an_assessment() {
    let a = Agreement::parse("a.toml", SAMPLE).unwrap();
    let (first, last) = (a.not_before(), a.not_after());
    assert_eq!(first, Time(1_767_196_800_000));
    assert!(a.in_force(first) && a.in_force(last));
    assert!(!a.in_force(first.plus_ms(-1)) && !a.in_force(last.plus_ms(1)));
    let text = SAMPLE.replace("impact_assessment = \"PIA-2026-014\"", "");
    let unassessed = Agreement::parse("a.toml", &text).unwrap();
    assert!(!unassessed.activated() && !unassessed.in_force(first));
    assert_ne!(unassessed.sha256(), a.sha256());
}

#[test]
fn agreements_have_ids_of_their_own() {
    let other = SAMPLE.replace("id = \"bank-a-2026\"", "id = \"aaa\"");
    let all = Agreements::load([("a.toml", SAMPLE), ("b.toml", other.as_str())]).unwrap();
    assert_eq!(
        all.iter().map(|a| a.id().as_str()).collect::<Vec<_>>(),
        ["aaa", "bank-a-2026"]
    );
    assert!(all.by_id(&"aaa".parse().unwrap()).is_some() && all.by_id(&"bbb".parse().unwrap()).is_none());
    let twice = Agreements::load([("a.toml", SAMPLE), ("b.toml", SAMPLE)]).unwrap_err();
    assert!(
        twice.file == "b.toml" && twice.mend.contains("another agreement"),
        "{twice}"
    );
}
