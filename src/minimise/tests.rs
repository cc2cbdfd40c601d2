use super::*;
use crate::{
    clock::Time,
    policy::{
        Decided,
        tests::{Asking, SHARED, ask, asking},
    },
    signal::Outcome as Told,
    source::Raw,
    wire::decode_canonical,
};
use proptest::prelude::*;

fn permit(asking: &Asking) -> Case<Permit> {
    match ask(&SHARED, asking) {
        Ok(Decided::Permit(case)) => case,
        _ => panic!("must be permitted"),
    }
}

fn kept(asking: &Asking, values: &[(&str, Told)]) -> Result<Case<Minimised>, Code> {
    let value = |(id, outcome): &(&str, Told)| SignalValue {
        id: id.parse().unwrap(),
        outcome: outcome.clone(),
    };
    let values = values.iter().map(value).collect();
    let raw = permit(asking).then(|permit| Raw::for_tests(permit, None));
    let derived = raw.then(|raw| Derived::for_tests(raw.spend(), values));
    keep(derived, &SHARED).map_err(|refusal| refusal.code())
}

fn withheld(asking: &Asking) -> Case<Minimised> {
    match ask(&SHARED, asking) {
        Ok(Decided::Withheld(case)) => nothing(case, &SHARED),
        _ => panic!("must be withheld"),
    }
}

fn answer(case: &Case<Minimised>) -> v1::Answer {
    assert_eq!(Auditable::answer(case), Some(case.proof().answer()));
    decode_canonical(case.proof().answer()).unwrap()
}

fn band(label: &str, reasons: &[&str]) -> Told {
    Told::Band {
        index: 2,
        label: label.to_owned(),
        reasons: reasons.iter().map(|r| (*r).to_owned()).collect(),
        as_of: Time(1_700_000_000_000),
        valid_until: Time(1_700_000_000_000 + 86_400_000),
    }
}

fn outcomes(answer: &v1::Answer) -> Vec<(&str, Outcome)> {
    answer
        .signals
        .iter()
        .map(|s| (s.signal.as_str(), s.outcome()))
        .collect()
}

#[test]
fn without_consent_the_answer_names_reasons_and_no_field() {
    let mut q = asking(&["risk@1", "overdue@1"]);
    q.consent = None;
    let case = withheld(&q);
    let a = answer(&case);
    let none = Outcome::NoValidConsent;
    assert_eq!(outcomes(&a), [("risk@1", none), ("overdue@1", none)]);
    assert!(a.fields_read.is_empty() && a.fields_withheld.is_empty());
    assert_eq!(
        (a.policy_hash, a.agreement_id.as_str(), a.consent_id),
        (SHARED.hash().to_vec(), "a-1", vec![5; 16])
    );
    assert_eq!(a.request_id, [0; 16]);
    // The entry says more, sealed, to the institution.
    let facts = Case::facts(&case);
    assert_eq!(facts.outcomes, ["no_valid_consent", "no_valid_consent"]);
    assert_eq!(facts.note, "CONSENT_ABSENT");
    assert_eq!(facts.fields_withheld.iter().collect::<Vec<_>>(), [0, 2]);
    assert!(facts.fields_read.is_empty());
    assert_eq!(case.class(), Class::Sealed);
}

#[test]
fn what_a_consent_lacks_does_not_show() {
    let mut q = asking(&["overdue@1"]);
    let mut answers = Vec::new();
    for change in [
        (|q| q.consent = None) as fn(&mut Asking),
        |q| q.consent.as_mut().unwrap().status = crate::consent::Status::Withdrawn,
        |q| q.consent.as_mut().unwrap().families.clear(),
        |q| q.consent.as_mut().unwrap().separate = false,
    ] {
        let before = q.clone();
        change(&mut q);
        answers.push(withheld(&q).proof().answer().to_vec());
        q = before;
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[test]
fn findings_are_written_in_the_order_of_the_question() {
    let mut q = asking(&["risk@1", "overdue@1", "lending_only@1"]);
    q.consent.as_mut().unwrap().separate = false;
    let case = kept(
        &q,
        &[
            ("lending_only@1", Told::NotAvailable),
            ("risk@1", band("B", &["r1", "r2", "r3", "r4", "r5"])),
        ],
    );
    let case = case.ok().unwrap();
    let a = answer(&case);
    let expected = [
        ("risk@1", Outcome::Band),
        ("overdue@1", Outcome::NoValidConsent),
        ("lending_only@1", Outcome::NotAvailable),
    ];
    assert_eq!(outcomes(&a), expected);
    assert_eq!((a.signals[0].band.as_str(), a.signals[0].band_index), ("B", 2));
    assert_eq!(a.signals[0].reason_codes, ["r1", "r2", "r3", "r4"]);
    assert_eq!(a.signals[0].as_of, Some(wire::timestamp(1_700_000_000_000)));
    assert!(a.signals[1].band.is_empty() && a.signals[1].as_of.is_none());
    assert_eq!(a.fields_read, ["card.field_2", "card.field_5"]);
    assert_eq!(a.fields_withheld, ["card.field_0"]);
    let facts = Case::facts(&case);
    assert_eq!(facts.outcomes, ["band", "no_valid_consent", "not_available"]);
    assert_eq!(facts.fields_read.iter().collect::<Vec<_>>(), [2, 5]);
}

#[test]
fn no_file_reads_nothing() {
    let case = kept(&asking(&["risk@1"]), &[("risk@1", Told::NoFile)]).ok().unwrap();
    let a = answer(&case);
    assert_eq!(outcomes(&a), [("risk@1", Outcome::NoFile)]);
    assert!(a.fields_read.is_empty());
    assert_eq!(a.fields_withheld, ["card.field_2"]);
}

#[test]
fn what_does_not_match_the_permit_is_not_sent() {
    let q = asking(&["risk@1", "overdue@1"]);
    let (risk, overdue) = (("risk@1", Told::NoFile), ("overdue@1", Told::NoFile));
    assert!(kept(&q, &[risk.clone(), overdue.clone()]).is_ok());
    for findings in [
        vec![],
        vec![risk.clone()],
        vec![risk.clone(), risk.clone()],
        vec![risk.clone(), overdue.clone(), ("income@1", Told::NoFile)],
        vec![risk.clone(), ("overdue@1", band(&"x".repeat(ANSWER_BYTES_MAX), &[]))],
    ] {
        assert_eq!(kept(&q, &findings).err(), Some(Code::Internal));
    }
    let mut without = q;
    without.consent.as_mut().unwrap().separate = false;
    assert!(kept(&without, std::slice::from_ref(&risk)).is_ok());
    assert_eq!(kept(&without, &[risk, overdue]).err(), Some(Code::Internal));
}

#[test]
fn a_stored_answer_goes_out_again_only_where_it_tells_what_is_permitted_now() {
    let q = asking(&["risk@1", "overdue@1"]);
    let values = [("risk@1", band("B", &[])), ("overdue@1", Told::NoFile)];
    let stored = kept(&q, &values).ok().unwrap().proof().answer().to_vec();
    let repeated = again(permit(&q), &stored, &SHARED).ok().unwrap();
    assert_eq!(repeated.proof().answer(), stored);
    assert_eq!(Case::facts(&repeated).outcomes, ["band", "no_file"]);
    assert!(Case::facts(&repeated).fields_read.is_empty());

    let no = |asking: &Asking, bytes: &[u8]| assert!(again(permit(asking), bytes, &SHARED).is_err());
    // Consent became narrower, or wider, since.
    let mut narrower = q.clone();
    narrower.consent.as_mut().unwrap().separate = false;
    no(&narrower, &stored);
    let partly = kept(&narrower, &values[..1]).ok().unwrap().proof().answer().to_vec();
    assert!(again(permit(&narrower), &partly, &SHARED).is_ok());
    no(&q, &partly);
    // Another question, another order, another snapshot, other bytes.
    no(&asking(&["risk@1"]), &stored);
    no(&asking(&["overdue@1", "risk@1"]), &stored);
    for change in [
        (|a| a.policy_hash = vec![9; 32]) as fn(&mut v1::Answer),
        |a| a.request_id = vec![9; 16],
        |a| a.consent_id = vec![9; 16],
        |a| a.agreement_id = "b-1".to_owned(),
    ] {
        let mut other: v1::Answer = decode_canonical(&stored).unwrap();
        change(&mut other);
        no(&q, &other.encode_to_vec());
    }
    no(&q, &[&stored[..], &[0x98, 0x06, 0x01]].concat());
    no(&q, b"");
}

#[test]
fn references_are_forty_bits_that_read_well() {
    assert_eq!(reference([0; 5]), "TG-0000-0000");
    assert_eq!(reference([0xff; 5]), "TG-ZZZZ-ZZZZ");
    assert_eq!(reference([0, 0, 0, 0, 1]), "TG-0000-0001");
    // 00001 00010 00011 00100 00101 00110 00111 01000
    assert_eq!(reference([0x08, 0x86, 0x42, 0x98, 0xe8]), "TG-1234-5678");
    assert_eq!(reference([0x80, 0, 0, 0, 0]), "TG-G000-0000");
}

struct Described {
    signal: SignalId,
    bands: Vec<String>,
    reasons: Vec<String>,
    fields: Vec<FieldPath>,
}

fn shapes(all: &[Described]) -> Vec<Shape<'_>> {
    let shape = |d| {
        let Described {
            signal,
            bands,
            reasons,
            fields,
        }: &Described = d;
        Shape {
            signal,
            bands,
            reasons,
            fields: fields.iter().collect(),
        }
    };
    all.iter().map(shape).collect()
}

fn described(i: usize, band_len: usize, reason_len: usize, fields: &[usize]) -> Described {
    Described {
        signal: format!("signal_{i}@1").parse().unwrap(),
        bands: vec!["b".to_owned(), "b".repeat(band_len)],
        reasons: (0..6).map(|r| "r".repeat(reason_len + r)).collect(),
        fields: fields
            .iter()
            .map(|f| format!("card.field_{f}").parse().unwrap())
            .collect(),
    }
}

/// The answer to all of them with the longest of everything.
fn longest(all: &[Described]) -> usize {
    let line = |d: &Described| v1::SignalAnswer {
        signal: d.signal.to_string(),
        outcome: Outcome::Band as i32,
        band: d.bands[1].clone(),
        band_index: 1,
        as_of: Some(wire::timestamp(1_900_000_000_999)),
        valid_until: Some(wire::timestamp(1_900_000_000_999)),
        reason_codes: d.reasons[2..].to_vec(),
    };
    let names: std::collections::BTreeSet<_> = all.iter().flat_map(|d| &d.fields).collect();
    v1::Answer {
        request_id: vec![1; 16],
        signals: all.iter().map(line).collect(),
        policy_hash: vec![1; 32],
        agreement_id: "a".repeat(64),
        consent_id: vec![1; 16],
        fields_read: names.into_iter().map(ToString::to_string).collect(),
        fields_withheld: Vec::new(),
        disputed: true,
    }
    .encoded_len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What passes at load fits one block, and what does not fit does not pass.
    #[test]
    fn the_check_at_load_bounds_every_answer(
        sizes in proptest::collection::vec((1usize..60, 1usize..30, proptest::collection::vec(0usize..20, 0..5)), 1..=8)
    ) {
        let all: Vec<_> = sizes.iter().enumerate().map(|(i, (b, r, f))| described(i, *b, *r, f)).collect();
        match check_size(&shapes(&all)) {
            Ok(()) => prop_assert!(longest(&all) <= ANSWER_BYTES_MAX),
            // The check is 16 bytes a signal too careful at most: timestamps of the year 9999, indices of two bytes.
            Err(error) => prop_assert!(error.bytes >= longest(&all) && longest(&all) + 16 * all.len() >= ANSWER_BYTES_MAX),
        }
    }
}

#[test]
fn the_widest_signal_is_named() {
    let mut all: Vec<_> = (0..20).map(|i| described(i, 10, 3, &[i])).collect();
    assert_eq!(check_size(&shapes(&all)), Ok(()));
    all[11] = described(11, 900, 3, &[0]);
    let error = check_size(&shapes(&all)).unwrap_err();
    assert_eq!(error.widest.to_string(), "signal_11@1");
    assert!(error.to_string().contains("`signal_11@1`") && error.bytes > ANSWER_BYTES_MAX);
    assert_eq!(check_size(&[]), Ok(()));
}
