//! A grant needs an agreement that could use it.
use super::*;

fn refused_by(texts: &[&str], code: Code) {
    let w = World {
        agreements: agreements(texts),
        ..world()
    };
    assert_eq!(w.grant(&bank(), "p", &terms(), NOW), Err(code), "{texts:?}");
    // Nothing about the person was written.
    assert_eq!(w.rows.count(Table::Consent), 0);
}

#[test]
fn a_grant_needs_an_own_agreement_in_force_that_covers_it() {
    let a = agreement("bank-a");
    let change = |from: &str, to: &str| {
        assert!(a.contains(from), "{from}");
        a.replace(from, to)
    };
    refused_by(&[], Code::AgreementUnknown);
    refused_by(&[&agreement("bank-b")], Code::AgreementUnknown);
    let ended = change("2027-01-01", "2026-02-01");
    refused_by(&[&ended], Code::AgreementNotInForce);
    refused_by(
        &[&change("impact_assessment = \"PIA-1\"", "")],
        Code::AgreementNotInForce,
    );
    let purpose = change("\"credit.origination\", ", "");
    refused_by(&[&purpose], Code::PurposeNotAgreed);
    let family = change("overdue = 2, ", "");
    refused_by(&[&family], Code::SignalNotAgreed);
    let coarser = change("overdue = 2", "overdue = 1");
    refused_by(&[&coarser], Code::GranularityTooFine);
    // Two that cover it together do not cover it; the closest gives the reason.
    let second = family.replace("of-bank-a", "second");
    refused_by(
        &[&purpose, &second, &ended.replace("of-bank-a", "third")],
        Code::SignalNotAgreed,
    );
    // One among several is enough.
    let w = World {
        agreements: agreements(&[&a, &purpose.replace("of-bank-a", "second")]),
        ..world()
    };
    assert!(w.grant(&bank(), "p", &terms(), NOW).is_ok());
    let change = grant(&w.desk(&w.known("p").unwrap(), NOW), &bank(), &terms(), w.scope()).unwrap();
    assert_eq!(change.agreement, Some("of-bank-a".parse().unwrap()));
}
