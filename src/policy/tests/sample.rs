//! The files of `docs/sample`.
use super::*;
use crate::{
    minimise,
    signal::{Signal, Signals},
    source::Catalogue,
};

/// The sample site: what its agreement is for, what it is not for, and that every answer fits.
#[test]
fn the_sample_files_make_a_snapshot() {
    let catalogue = Catalogue::load(include_str!("../../../docs/sample/fields.toml")).unwrap();
    let signals = Signals::load(include_str!("../../../docs/sample/signals.toml"), &catalogue).unwrap();
    let text = include_str!("../../../docs/sample/agreement-bank-a.toml");
    let register = register();
    let mut basis = basis(&register, &[text], Licence::LicensedBureau);
    basis.signals = signals.iter().map(Signal::fact).collect();
    basis.fields = catalogue.fields().iter().map(|f| f.path.clone()).collect();
    let snapshot = Snapshot::build(basis).unwrap();
    let families = ["overdue", "utilisation", "on_time", "repayment", "limit", "risk"];
    let mut consent = consent();
    consent.families = families.map(|f| (f.parse().unwrap(), 9)).into();
    let of = |signals: &[&'static str]| Asking {
        agreement: "bank-a-2026".to_owned(),
        consent: Some(consent.clone()),
        ..asking(signals)
    };
    let answered = [
        "worst_overdue_6m@1",
        "utilisation_coarse@1",
        "on_time_rate@1",
        "repayment_ratio@1",
        "limit_band@1",
        "risk_band@1",
    ];
    assert_eq!(permitted(&snapshot, &of(&answered)), answered);
    refused(&snapshot, &of(&["utilisation@1"]), Code::GranularityTooFine);
    let review = Asking {
        purpose: "credit.limit_review",
        ..of(&answered)
    };
    refused(&snapshot, &review, Code::PurposeNotAgreed);
    let reasons: Vec<String> = signals.reasons().iter().map(|r| r.code.clone()).collect();
    let shape = |signal| minimise::Shape {
        signal: Signal::id(signal),
        bands: signal.bands(),
        reasons: &reasons,
        fields: snapshot.names(signal.lineage()),
    };
    assert_eq!(
        minimise::check_size(&signals.iter().map(shape).collect::<Vec<_>>()),
        Ok(())
    );
}
