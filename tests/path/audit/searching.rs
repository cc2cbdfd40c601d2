//! Search: by each condition, by page, with proofs; and what is no search.
use super::{SEARCH, asked_about, found, leaf, log_key, numbers, officer, one_more, search, search_for};
use crate::support::{
    AGREEMENT, AUDITOR, BANK_A, BANK_B, Caller, Gateway, LENDER, NOBODY, OPERATOR, SECURITY, SIGNALS, on_shared,
    refused, shown, subject,
};
use tollgate::{
    audit::{note, proof::verify_inclusion},
    crypto::sha256,
    limits::{ID_BYTES_MAX, METHOD_BYTES_MAX},
    refusal::Code,
    wire::{Timestamp, timestamp, v1},
};

#[test]
fn the_partners_listener_has_no_such_service() {
    on_shared(async |gateway| {
        for who in [BANK_A, LENDER] {
            let caller = gateway.caller(who).await;
            let before = gateway.size();
            let status = search(&caller, v1::SearchRequest::default()).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unimplemented, "{who:?}: {status:?}");
            crate::support::no_entry_since(gateway, before);
        }
    });
}

#[test]
fn neither_officer_nor_auditor() {
    on_shared(async |gateway| {
        for who in [SECURITY, OPERATOR] {
            let caller = gateway.caller(who).await;
            // The role comes first: whoever may not call does not learn what a good filter is.
            let odd = v1::EntryFilter {
                kind: 99,
                ..v1::EntryFilter::default()
            };
            for filter in [v1::EntryFilter::default(), odd] {
                let call = search(&caller, search_for(filter));
                let refused = refused(gateway, &caller, SEARCH, call).await;
                assert_eq!(refused.code, Code::MethodNotAllowed, "{who:?}");
                assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Read);
            }
        }
    });
}

#[test]
fn a_filter_that_is_not_valid() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let empty = v1::EntryFilter::default;
        let long = "a".repeat(ID_BYTES_MAX + 1);
        let at = |ms| Some(timestamp(ms));
        let no_time = Some(Timestamp { seconds: 1, nanos: -1 });
        #[rustfmt::skip]
        let bad = [
            v1::EntryFilter { kind: 999, ..empty() },
            v1::EntryFilter { kind: -1, ..empty() },
            v1::EntryFilter { class: 5, ..empty() },
            v1::EntryFilter { refusal: "quota_spent".into(), ..empty() },
            v1::EntryFilter { partner: "Bank A".into(), ..empty() },
            v1::EntryFilter { partner: long.clone(), ..empty() },
            v1::EntryFilter { agreement: "a/b".into(), ..empty() },
            v1::EntryFilter { method: "Query".into(), ..empty() },
            v1::EntryFilter { method: format!("/{}", "m".repeat(METHOD_BYTES_MAX)), ..empty() },
            v1::EntryFilter { purpose: "no purpose".into(), ..empty() },
            v1::EntryFilter { outcome: "two words".into(), ..empty() },
            v1::EntryFilter { outcome: long.clone(), ..empty() },
            v1::EntryFilter { signal: "limit_band".into(), ..empty() },
            v1::EntryFilter { signal: "limit_band@01".into(), ..empty() },
            v1::EntryFilter { consent_id: vec![1; 15], ..empty() },
            v1::EntryFilter { request_id: vec![1; 17], ..empty() },
            v1::EntryFilter { from: at(5), until: at(5), ..empty() },
            v1::EntryFilter { from: at(6), until: at(5), ..empty() },
            v1::EntryFilter { from: no_time, ..empty() },
        ];
        for filter in bad {
            let call = search(&officer, search_for(filter));
            let refused = refused(gateway, &officer, SEARCH, call).await;
            assert_eq!(refused.code, Code::FieldInvalid);
            assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Read);
        }
    });
}

#[test]
fn a_person_who_is_not_well_formed() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        for (scheme, value) in [(1, "110105194912310021"), (1, ""), (2, "12"), (0, "1"), (77, "1")] {
            let filter = v1::EntryFilter {
                subject: Some(v1::Subject {
                    scheme,
                    value: value.to_owned(),
                }),
                ..v1::EntryFilter::default()
            };
            let call = search(&officer, search_for(filter));
            let refused = refused(gateway, &officer, SEARCH, call).await;
            assert_eq!(refused.code, Code::SubjectMalformed, "{scheme} {value}");
            assert!(!refused.entry.i.note.contains(value) || value.is_empty());
        }
    });
}

#[test]
fn each_condition_finds_what_it_says() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let (consent, asked) = asked_about(gateway, 50).await;
        let (_, other) = asked_about(gateway, 51).await;
        let time = asked.leaf.time.unwrap();
        let later = Timestamp {
            seconds: time.seconds + 1,
            ..time
        };
        let one = v1::EntryFilter {
            request_id: asked.x.request_id.clone(),
            ..v1::EntryFilter::default()
        };
        let (hits, looked) = found(gateway, &officer, one.clone()).await;
        assert_eq!(hits, [asked.index]);
        assert_eq!(looked.i.note, "search by request");
        // Every condition that holds changes nothing; every one that does not leaves nothing.
        let base = || one.clone();
        #[rustfmt::skip]
        let pairs = [
            (v1::EntryFilter { kind: v1::EntryKind::Query as i32, ..base() }, v1::EntryFilter { kind: v1::EntryKind::Read as i32, ..base() }),
            (v1::EntryFilter { class: v1::EntryClass::Sealed as i32, ..base() }, v1::EntryFilter { class: v1::EntryClass::Refused as i32, ..base() }),
            (v1::EntryFilter { partner: BANK_A.id.into(), ..base() }, v1::EntryFilter { partner: BANK_B.id.into(), ..base() }),
            (v1::EntryFilter { agreement: AGREEMENT.into(), ..base() }, v1::EntryFilter { agreement: "wide".into(), ..base() }),
            (v1::EntryFilter { method: crate::path::QUERY.into(), ..base() }, v1::EntryFilter { method: crate::path::GRANT.into(), ..base() }),
            (v1::EntryFilter { purpose: "credit.origination".into(), ..base() }, v1::EntryFilter { purpose: "account.monitoring".into(), ..base() }),
            (v1::EntryFilter { outcome: "band".into(), ..base() }, v1::EntryFilter { outcome: "no_file".into(), ..base() }),
            (v1::EntryFilter { signal: SIGNALS[3].into(), ..base() }, v1::EntryFilter { signal: "on_time@1".into(), ..base() }),
            (v1::EntryFilter { consent_id: consent.clone(), ..base() }, v1::EntryFilter { consent_id: vec![9; 16], ..base() }),
            (v1::EntryFilter { subject: Some(subject(50)), ..base() }, v1::EntryFilter { subject: Some(subject(51)), ..base() }),
            (v1::EntryFilter { from: Some(time), until: Some(later), ..base() }, v1::EntryFilter { from: Some(later), ..base() }),
            (base(), v1::EntryFilter { refusal: "QUOTA_SPENT".into(), ..base() }),
        ];
        for (number, (holds, fails)) in pairs.into_iter().enumerate() {
            assert_eq!(found(gateway, &officer, holds).await.0, [asked.index], "{number}");
            assert_eq!(found(gateway, &officer, fails).await.0, [0; 0], "{number}");
        }
        // A person: everything about them and nothing about another.
        let whole = v1::EntryFilter {
            subject: Some(subject(50)),
            ..v1::EntryFilter::default()
        };
        let (hits, looked) = found(gateway, &officer, whole).await;
        assert!(hits.contains(&asked.index) && !hits.contains(&other.index));
        // The entry of that search is about the person, under the person's key, and says so to nobody else.
        assert!(looked.of_person);
        assert_eq!(looked.i.subject, asked.i.subject);
        assert_eq!(looked.i.note, "search by subject");
        // Somebody whom nobody ever asked about: nothing, and an entry that names nobody.
        let nobody = v1::EntryFilter {
            subject: Some(subject(NOBODY + 7)),
            ..v1::EntryFilter::default()
        };
        let (hits, looked) = found(gateway, &officer, nobody).await;
        assert!(hits.is_empty() && !looked.of_person && looked.i.subject.is_empty());
        // A refusal, by its code.
        let refusals = v1::EntryFilter {
            refusal: "FIELD_INVALID".into(),
            ..v1::EntryFilter::default()
        };
        let call = search(
            &officer,
            search_for(v1::EntryFilter {
                kind: 99,
                ..refusals.clone()
            }),
        );
        let last = refused(gateway, &officer, SEARCH, call).await;
        assert_eq!(
            found(gateway, &officer, refusals).await.0.first(),
            Some(&last.entry.index)
        );
    });
}

#[test]
fn hits_tell_what_is_sealed_and_are_proven() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let (_, asked) = asked_about(gateway, 52).await;
        let request = v1::SearchRequest {
            prove: true,
            ..search_for(v1::EntryFilter {
                partner: BANK_A.id.into(),
                ..v1::EntryFilter::default()
            })
        };
        let (page, _) = shown(gateway, &officer, SEARCH, search(&officer, request.clone())).await;
        let head = note::verify(&page.checkpoint, &log_key(&gateway.place)).unwrap();
        assert!(page.entries.len() > 2);
        for hit in &page.entries {
            let hashes: Vec<[u8; 32]> = hit.inclusion.iter().map(|h| h[..].try_into().unwrap()).collect();
            verify_inclusion(&hit.leaf, leaf(hit).seq, &hashes, head.size, &head.root).unwrap();
            assert_eq!(leaf(hit).partner, BANK_A.id);
        }
        let hit = page.entries.iter().find(|h| leaf(h).seq == asked.index).unwrap();
        assert!(hit.opened);
        assert_eq!((&hit.signals, &hit.outcomes), (&asked.x.signals, &asked.i.outcomes));
        assert_eq!((&hit.purpose, &hit.reference), (&asked.x.purpose, &asked.x.reference));
        // Unasked there is none.
        let plain = v1::SearchRequest {
            prove: false,
            ..request
        };
        let (page, _) = shown(gateway, &officer, SEARCH, search(&officer, plain)).await;
        assert!(page.checkpoint.is_empty() && page.entries.iter().all(|h| h.inclusion.is_empty()));
    });
}

/// All pages of this size, each in the log's order, while the log grows.
async fn pages(gateway: &Gateway, by: &Caller, size: u32, filter: v1::EntryFilter) -> Vec<u64> {
    let mut all = Vec::new();
    let mut request = v1::SearchRequest {
        page_size: size,
        ..search_for(filter)
    };
    let mut log_size = None;
    loop {
        let (page, entry) = shown(gateway, by, SEARCH, search(by, request.clone())).await;
        // Each page is a look, and none of them moves the others.
        assert_eq!(*log_size.get_or_insert(page.log_size), page.log_size);
        assert!(page.log_size <= entry.index);
        assert!(page.entries.len() <= size as usize);
        all.extend(numbers(&page.entries));
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

#[test]
fn pages_are_stable_while_the_log_grows() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        for _ in 0..7 {
            one_more(&officer).await;
        }
        let filter = v1::EntryFilter {
            method: crate::path::CHECKPOINT.into(),
            partner: officer.who.id.into(),
            ..v1::EntryFilter::default()
        };
        let (whole, _) = found(gateway, &officer, filter.clone()).await;
        assert!(whole.len() >= 7 && whole.is_sorted_by(|a, b| a > b), "{whole:?}");
        for size in [1, 3, 200] {
            assert_eq!(pages(gateway, &officer, size, filter.clone()).await, whole, "{size}");
        }
    });
}

#[test]
pub(crate) fn a_token_of_another_search() {
    on_shared(async |gateway| {
        let (officer, auditor) = (officer(gateway).await, gateway.caller(AUDITOR).await);
        asked_about(gateway, 53).await;
        let filter = v1::EntryFilter {
            partner: BANK_A.id.into(),
            ..v1::EntryFilter::default()
        };
        let first = v1::SearchRequest {
            page_size: 1,
            ..search_for(filter.clone())
        };
        let (page, _) = shown(gateway, &officer, SEARCH, search(&officer, first.clone())).await;
        let token = page.next_page_token;
        assert!(!token.is_empty());
        let with = |filter: v1::EntryFilter, token: &str| v1::SearchRequest {
            page_token: token.to_owned(),
            ..search_for(filter)
        };
        let of_another = v1::EntryFilter {
            kind: v1::EntryKind::Query as i32,
            ..filter.clone()
        };
        let flipped = format!(
            "{}{}",
            &token[..token.len() - 1],
            if token.ends_with('A') { 'Q' } else { 'A' }
        );
        let made_up = format!("{:?}", sha256(b"made up"));
        for (by, request) in [
            (&officer, with(of_another, &token)),
            (&officer, with(filter.clone(), &token[1..])),
            (&officer, with(filter.clone(), &flipped)),
            (&officer, with(filter.clone(), &made_up)),
            (&officer, with(filter.clone(), &"A".repeat(60_000))),
            // The same search, of somebody else.
            (&auditor, with(filter.clone(), &token)),
        ] {
            let refused = refused(gateway, by, SEARCH, search(by, request)).await;
            assert_eq!(refused.code, Code::PageTokenInvalid);
        }
        // And the right one still leads on.
        let (next, _) = shown(gateway, &officer, SEARCH, search(&officer, with(filter, &token))).await;
        assert!(numbers(&next.entries).iter().all(|n| *n < leaf(&page.entries[0]).seq));
    });
}
