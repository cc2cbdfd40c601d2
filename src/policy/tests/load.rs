//! What a snapshot is built from, and what does not load.
use super::*;

/// The text of the guards, one each.
fn each_guard() -> Vec<String> {
    let parts: Vec<&str> = guards::TEXT.split("\n@id").collect();
    parts[1..].iter().map(|part| format!("@id{part}")).collect()
}

#[test]
fn no_guard_can_go_missing_or_be_turned_round() {
    let all = each_guard();
    assert_eq!(all.len(), Guards::parse(guards::TEXT).unwrap().list().len());
    for missing in 0..all.len() {
        let mut rest = all.clone();
        rest.remove(missing);
        let guards = Guards::parse(&rest.join("\n")).unwrap();
        assert!(
            matches!(golden::hold(&guards), Err(PolicyError::Golden(_))),
            "{}",
            all[missing]
        );
    }
    for (from, to) in [
        ("sensitivity >= 3", "sensitivity >= 4"),
        ("== 0", "== 9"),
        ("\"merchant\"]", "\"merchant\", \"insurer\"]"),
        ("\"platform\", \"merchant\"]", "\"platform\"]"),
        ("unless { context.in_force }", "when { context.in_force }"),
    ] {
        assert!(guards::TEXT.contains(from));
        let guards = Guards::parse(&guards::TEXT.replace(from, to)).unwrap();
        assert!(matches!(golden::hold(&guards), Err(PolicyError::Golden(_))), "{from}");
    }
}

#[test]
fn guards_that_are_not_well_formed_do_not_load() {
    let bad = |text: &str| matches!(Guards::parse(text), Err(PolicyError::Guards(_)));
    assert!(bad("@id(\"STALE\") permit (principal, action, resource);"));
    assert!(bad("forbid (principal, action, resource);"));
    assert!(bad("@id(\"NO_SUCH_CODE\") forbid (principal, action, resource);"));
    assert!(bad(
        "@id(\"X\") @withhold(\"WHATEVER\") forbid (principal, action, resource);"
    ));
    assert!(bad(
        "@id(\"STALE\") forbid (principal == ?principal, action, resource);"
    ));
    assert!(bad(
        "@id(\"STALE\") forbid (principal, action, resource); @id(\"STALE\") forbid (principal, action, resource);"
    ));
    assert!(bad("@id(\"STALE\") forbid (principal, action, resource"));
    // A refusal that depends on the consent would tell of the person.
    for looks in [
        "context.consent.current",
        "context has consent",
        "context has consent.current",
        "!(context has consent && context.consent.granularity > 1)",
        "resource.retired || (if context.in_force then true else context[\"consent\"].separate)",
        "[context].contains({in_force: true})",
    ] {
        let guard = format!("forbid (principal, action, resource) when {{ {looks} }};");
        assert!(bad(&format!("@id(\"STALE\") {guard}")), "{looks}");
        let withholds = format!("@id(\"X\") @withhold(\"NO_VALID_CONSENT\") {guard}");
        assert!(Guards::parse(&withholds).is_ok(), "{looks}");
    }
    let register = register();
    for unknown in ["resource.colour == 1", "resource.granularity == \"2\""] {
        let text = format!("@id(\"STALE\") forbid (principal, action, resource) when {{ {unknown} }};");
        let built = Snapshot::with_guards(basis(&register, &[AGREEMENT_A], Licence::LicensedBureau), &text);
        assert!(matches!(built, Err(PolicyError::Invalid(_))), "{unknown}");
    }
}

#[test]
fn agreements_speak_of_what_exists() {
    let register = register();
    let error = |text: &str| {
        Snapshot::build(basis(&register, &[text], Licence::LicensedBureau))
            .err()
            .expect("must not build")
            .to_string()
    };
    let purpose = error(&AGREEMENT_A.replace("account.monitoring", "account.monitor"));
    assert!(
        purpose.contains("no purpose") && purpose.contains("did you mean `account.monitoring`"),
        "{purpose}"
    );
    let family = error(&AGREEMENT_A.replace("overdue = 2", "overdues = 2"));
    assert!(
        family.contains("no signal family") && family.contains("did you mean `overdue`"),
        "{family}"
    );
    let partner = error(&AGREEMENT_A.replace("bank-a", "issuer"));
    assert!(partner.contains("`issuer` is no partner"), "{partner}");
    for change in [
        (|b| b.signals.clear()) as fn(&mut Basis<'_>),
        |b| b.signals.push(b.signals[0].clone()),
        |b| b.signals[0].granularity = 0,
        |b| b.fields.truncate(6),
    ] {
        let mut basis = basis(&register, &[AGREEMENT_A], Licence::LicensedBureau);
        change(&mut basis);
        assert!(matches!(Snapshot::build(basis), Err(PolicyError::Signals(_))));
    }
}

#[test]
fn the_hash_names_everything() {
    let register = register();
    let hash = |change: fn(&mut Basis<'_>)| {
        let mut basis = basis(&register, &[AGREEMENT_A], Licence::LicensedBureau);
        change(&mut basis);
        Snapshot::build(basis).unwrap().hash()
    };
    let mut hashes = vec![
        hash(|_| ()),
        hash(|b| b.signals_sha256 = [9; 32]),
        hash(|b| b.catalogue_sha256 = [9; 32]),
        hash(|b| b.operator.licence = Licence::Platform),
        hash(|b| b.operator.jurisdiction = "sg".to_owned().try_into().unwrap()),
        hash(|b| b.agreements = Agreements::default()),
        hash(|b| {
            b.agreements =
                Agreements::load([("a", AGREEMENT_A.replace("title = \"a\"", "title = \"b\"").as_str())]).unwrap()
        }),
    ];
    assert_eq!(hash(|_| ()), hashes[0]);
    let text = format!("{}\n", guards::TEXT);
    let other = Snapshot::with_guards(basis(&register, &[AGREEMENT_A], Licence::LicensedBureau), &text).unwrap();
    hashes.push(other.hash());
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn names_follow_the_catalogue() {
    let mut fields = FieldSet::default();
    fields.insert(5);
    fields.insert(1);
    let names: Vec<_> = SHARED.names(fields).into_iter().map(ToString::to_string).collect();
    assert_eq!(names, ["card.field_1", "card.field_5"]);
    let known = SHARED.known();
    assert_eq!((known.purposes.len(), known.families.len()), (3, 3));
}
