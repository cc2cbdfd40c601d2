//! Terms that are refused, and lists that fit.
use super::*;

type Change = fn(&mut v1::ConsentTerms);

#[test]
fn terms_that_no_consent_can_have() {
    let w = world();
    let cases: &[(&str, Change)] = &[
        ("another recipient", |t| t.recipient = "bank-b".to_owned()),
        ("no recipient", |t| t.recipient.clear()),
        ("no purpose", |t| t.purposes.clear()),
        ("unknown purpose", |t| t.purposes.push("marketing".to_owned())),
        ("purpose twice", |t| t.purposes.push("credit.origination".to_owned())),
        ("no family", |t| t.families.clear()),
        ("unknown family", |t| t.families[0].family = "income".to_owned()),
        ("family twice", |t| t.families.push(t.families[0].clone())),
        ("granularity 0", |t| t.families[0].granularity_max = 0),
        ("granularity 256", |t| t.families[0].granularity_max = 256),
        ("no look-back", |t| t.look_back_days = 0),
        ("endless look-back", |t| t.look_back_days = 3_654),
        ("a limit that nobody holds", |t| t.frequency_per_month = 1),
        ("no end", |t| t.not_after = None),
        ("ended", |t| t.not_after = Some(wire::timestamp(NOW.0))),
        ("too long", |t| {
            t.not_after = Some(wire::timestamp(NOW.0 + 731 * DAY_MS + 1))
        }),
        ("no notice version", |t| t.notice_version.clear()),
        ("long notice version", |t| t.notice_version = "v".repeat(65)),
        ("short notice hash", |t| t.notice_sha256.truncate(31)),
        ("zero notice hash", |t| t.notice_sha256.fill(0)),
        ("no evidence", |t| t.evidence_sha256.clear()),
        ("zero evidence", |t| t.evidence_sha256.fill(0)),
        ("no basis", |t| t.basis = 0),
        ("unknown basis", |t| t.basis = 7),
        ("17 purposes", |t| {
            t.purposes = (0..17).map(|i| format!("p{i}")).collect()
        }),
    ];
    for (name, change) in cases {
        let mut bad = terms();
        change(&mut bad);
        assert_eq!(
            w.grant(&bank(), "p", &bad, NOW),
            Err(Code::ConsentTermsInvalid),
            "{name}"
        );
    }
    assert_eq!(w.rows.count(Table::Consent), 0);
    let mut longest = terms();
    longest.not_after = Some(wire::timestamp(NOW.0 + 731 * DAY_MS));
    assert!(w.grant(&bank(), "p", &longest, NOW).is_ok());
}

fn pages(w: &World, who: &Member, size: usize) -> Vec<v1::ConsentStates> {
    let (mut token, mut pages) = (String::new(), Vec::new());
    loop {
        let change = list(&w.desk(&w.known("p").unwrap(), NOW), who, size, &token).unwrap();
        assert!(change.answer.len() <= ANSWER_BYTES_MAX && change.effects.is_empty());
        let page: v1::ConsentStates = wire::decode_canonical(&change.answer).unwrap();
        token = page.next_page_token.clone();
        pages.push(page);
        if token.is_empty() {
            return pages;
        }
    }
}

#[test]
fn a_list_is_complete_in_pages_that_fit_one_block() {
    let mut w = world();
    w.known.families.extend((0..9).map(|i| {
        format!("{}{i}", "f".repeat(60))
            .parse::<crate::domain::SignalFamily>()
            .unwrap()
    }));
    let finest: String = (0..9).map(|i| format!(", {}{i} = 200", "f".repeat(60))).collect();
    let with_wide = agreement("bank-a").replace("risk = 1", &format!("risk = 1{finest}"));
    w.agreements = agreements(&[&with_wide, &agreement("bank-b")]);
    let mut wide = terms();
    let family = |i| v1::ConsentedFamily {
        family: format!("{}{i}", "f".repeat(60)),
        granularity_max: 200,
    };
    wide.families = (0..9).map(family).collect();
    assert!(wide.encoded_len() <= CONSENT_TERMS_BYTES_MAX && wide.encoded_len() > CONSENT_TERMS_BYTES_MAX - 300);
    let mut ids: Vec<_> = (0..5).map(|_| w.grant(&bank(), "p", &terms(), NOW).unwrap()).collect();
    ids.extend((0..3).map(|_| w.grant(&bank(), "p", &wide, NOW).unwrap()));
    let mut for_b = terms();
    for_b.recipient = "bank-b".to_owned();
    let of_b = w.grant(&member("bank-b", Role::Partner), "p", &for_b, NOW).unwrap();
    for size in [1, 2, CONSENTS_PER_SUBJECT_AND_PARTNER_MAX] {
        let ours = pages(&w, &bank(), size);
        assert!(ours.iter().all(|page| page.consents.len() <= size));
        let mut seen: Vec<_> = ours
            .into_iter()
            .flat_map(|p| p.consents)
            .map(|c| c.consent_id)
            .collect();
        seen.sort();
        let mut expected: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }
    let all: usize = pages(&w, &provider(), 2).iter().map(|p| p.consents.len()).sum();
    assert_eq!(all, ids.len() + 1);
    let hex: String = of_b.0.iter().map(|b| format!("{b:02x}")).collect();
    for token in ["x", "zz", &"A".repeat(32), &"+".repeat(32), &hex[..31]] {
        assert_eq!(
            list(&w.desk(&w.known("p").unwrap(), NOW), &bank(), 1, token).err(),
            Some(Code::FieldInvalid),
            "{token}"
        );
    }
}

#[test]
fn terms_too_large_for_one_block_are_refused() {
    let mut w = world();
    let name = |i: u32| format!("{}{i:02}", "f".repeat(62));
    w.known
        .families
        .extend((0..16).map(|i| name(i).parse::<crate::domain::SignalFamily>().unwrap()));
    let mut large = terms();
    large.families = (0..16)
        .map(|i| v1::ConsentedFamily {
            family: name(i),
            granularity_max: 1,
        })
        .collect();
    assert_eq!(w.grant(&bank(), "p", &large, NOW), Err(Code::ConsentTermsInvalid));
}
