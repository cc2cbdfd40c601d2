//! What the index finds is what a look at every entry finds.
mod made;

use super::*;
use crate::{
    audit::{disk::RealDisk, lookup::Lookup},
    domain::{ConsentId, RequestId, SubjectToken},
    facts::DetailKey,
    limits::BLOCK_ENTRIES,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

use made::{OUTCOMES, PEOPLE, SIGNALS, fill, made, open_small, person, some};

/// An entry, opened with whichever key opens it.
struct Known {
    leaf: v1::Leaf,
    details: Details,
}

fn look_at(log: &Log, index: u64) -> Known {
    let stored = log.entry(index).unwrap().unwrap();
    let keys = (0..PEOPLE).map(|n| person(n).1).chain([Secret::from([3; 32])]);
    let mut opened = keys.filter_map(|k| open_details(&k, ORIGIN, &stored.leaf, &stored.details).ok());
    Known {
        leaf: wire::decode_canonical(&stored.leaf).unwrap(),
        details: opened.next().unwrap(),
    }
}

/// What a search asks for.
#[derive(Debug, Clone)]
struct Asked {
    terms: Vec<(Dimension, String)>,
    request: Option<u128>,
    consent: Option<u128>,
    person: Option<usize>,
    from: Option<i64>,
    until: Option<i64>,
    limit: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    let words = prop::sample::select(vec![
        (Dimension::Kind, "ENTRY_KIND_QUERY"),
        (Dimension::Kind, "ENTRY_KIND_SESSION"),
        (Dimension::Class, "ENTRY_CLASS_REFUSED"),
        (Dimension::Refusal, "QUOTA_SPENT"),
        (Dimension::Refusal, "STALE"),
        (Dimension::Partner, "bank-1"),
        (Dimension::Partner, "bank-2"),
        (Dimension::Agreement, "agreement-1"),
        (Dimension::Method, METHOD.0),
        (Dimension::Purpose, "credit.review"),
        (Dimension::Outcome, "no_file"),
        (Dimension::Outcome, "QUOTA_SPENT"),
        (Dimension::Signal, "risk_band@1"),
        (Dimension::Signal, "risk_band@2"),
    ]);
    let words = prop::collection::vec(words.prop_map(|(d, w)| (d, w.to_owned())), 0..4);
    let times = (prop::option::of(0i64..400), prop::option::of(0i64..600));
    let ids = (
        prop::option::weighted(0.1, 1u128..400),
        prop::option::weighted(0.2, 0u128..9),
    );
    (words, ids, prop::option::weighted(0.4, 0..PEOPLE), times, 1usize..40).prop_map(
        |(terms, (request, consent), person, (from, until), limit)| Asked {
            terms,
            request,
            consent,
            person,
            from: from.map(|s| BEGIN + s * 40_000),
            until: until.map(|s| BEGIN + s * 40_000),
            limit,
        },
    )
}

const BEGIN: i64 = 1_790_000_000_123;

impl Asked {
    fn query(&self, log: &Log) -> Query {
        let mut terms: Vec<_> = self.terms.iter().map(|(d, w)| (*d, w.clone().into_bytes())).collect();
        terms.extend(self.request.map(|id| (Dimension::Request, id.to_be_bytes().to_vec())));
        terms.extend(self.consent.map(|id| (Dimension::Consent, id.to_be_bytes().to_vec())));
        Query {
            from: self.from.map(Time),
            until: self.until.map(Time),
            terms,
            person: self.person.map(|n| {
                let (token, key) = person(n);
                log.whom(&token, Some(&key))
            }),
        }
    }

    /// From a look at every entry.
    fn expected(&self, log: &Log, known: &[Known]) -> Vec<u64> {
        let terms = self.query(log).terms;
        let fits = |entry: &&Known| self.fits(&terms, entry);
        known.iter().rev().filter(fits).map(|entry| entry.leaf.seq).collect()
    }

    fn fits(&self, terms: &[(Dimension, Vec<u8>)], Known { leaf, details }: &Known) -> bool {
        let time = wire::millis(leaf.time.as_ref()).unwrap();
        let says = |dimension: Dimension, value: &[u8]| match dimension {
            Dimension::Kind => leaf.kind().as_str_name().as_bytes() == value,
            Dimension::Class => leaf.class().as_str_name().as_bytes() == value,
            Dimension::Refusal => leaf.refusal.as_bytes() == value,
            Dimension::Partner => leaf.partner.as_bytes() == value,
            Dimension::Agreement => leaf.agreement.as_bytes() == value,
            Dimension::Method => leaf.method.as_bytes() == value,
            Dimension::Purpose => details.x.purpose.as_bytes() == value,
            Dimension::Outcome => details.i.outcomes.iter().any(|o| o.as_bytes() == value),
            Dimension::Signal => details.x.signals.iter().any(|s| s.as_bytes() == value),
            Dimension::Consent => details.x.consent_id == value,
            Dimension::Request => details.x.request_id == value,
        };
        let of_person = self.person.is_none_or(|n| details.i.subject == person(n).0.0);
        let in_time = self.from.is_none_or(|t| time >= t) && self.until.is_none_or(|t| time < t);
        of_person && in_time && terms.iter().all(|(d, v)| says(*d, v))
    }

    /// Page by page; `meanwhile` is done after each.
    fn pages(&self, log: &Log, before: u64, mut meanwhile: impl FnMut()) -> Vec<u64> {
        let query = self.query(log);
        let (mut all, mut at) = (Vec::new(), Some(before));
        while let Some(before) = at {
            let found = log.search(&query, before, self.limit).unwrap();
            assert!(found.entries.len() <= self.limit);
            assert!(found.next.is_none_or(|next| next < before), "a step goes on");
            all.extend(found.entries);
            at = found.next;
            meanwhile();
        }
        all
    }
}

/// Everything that the store holds of the index.
fn stored_index(log: &Log) -> Vec<(Vec<u8>, Vec<u8>)> {
    log.shared().store.index_rows().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_search_finds_what_a_look_at_every_entry_finds(
        entries in prop::collection::vec(made(), 1..700),
        searches in prop::collection::vec(asked(), 12),
        restart in any::<bool>(),
    ) {
        let temp = temp();
        let clock = Arc::new(ManualClock::new(Time(BEGIN)));
        let mut opened = open_small(temp.path(), &clock);
        let kept = entries.len() * 9 / 10;
        fill(&opened.log, &clock, 0, &entries[..kept]);
        if restart {
            opened.worker.close().unwrap();
            opened = open_small(temp.path(), &clock);
        }
        let mut more = (kept..).zip(entries[kept..].chunks(3));
        let mut known: Vec<Known> = Vec::new();
        for search in &searches {
            let before = opened.log.head().size;
            known.extend((known.len() as u64..before).map(|index| look_at(&opened.log, index)));
            let expected = search.expected(&opened.log, &known);
            let found = search.pages(&opened.log, before, || {
                if let Some((n, chunk)) = more.next() {
                    fill(&opened.log, &clock, n, chunk);
                }
            });
            prop_assert_eq!(found, expected, "{:?}", search);
        }
        opened.worker.close().unwrap();
    }

    #[test]
    fn an_overview_is_the_sum_of_entries(
        entries in prop::collection::vec(made(), 1..500),
        spans in prop::collection::vec((0i64..300, 1i64..400, prop::sample::select(vec![60u32, 600, 3_600, 7_200])), 8),
    ) {
        let temp = temp();
        let clock = Arc::new(ManualClock::new(Time(BEGIN)));
        let opened = open_small(temp.path(), &clock);
        fill(&opened.log, &clock, 0, &entries);
        let signals: Vec<String> = SIGNALS.iter().take(2).map(ToString::to_string).collect();
        let outcomes = ["band", "no_valid_consent", "no_file", "QUOTA_SPENT"];
        for (from, length, width_s) in spans {
            let from = BEGIN + from * 40_000;
            let span = Span { from: Time(from), until: Time(from + length * 40_000), origin: Time(from), width_s };
            let counts = opened.log.overview(&span, &signals, &outcomes).unwrap();
            let expected = counted(&opened.log, &span, &signals);
            prop_assert_eq!(counts, expected);
        }
        opened.worker.close().unwrap();
    }
}

/// The same counts, from opened entries.
fn counted(log: &Log, span: &Span, known: &[String]) -> Vec<Count> {
    let mut counts: BTreeMap<Count, u64> = BTreeMap::new();
    let unit = if span.width_s.is_multiple_of(3_600) {
        3_600_000
    } else {
        60_000
    };
    let origin = span.origin.0 / unit * unit;
    for index in 0..log.head().size {
        let Known { leaf, details } = look_at(log, index);
        let time = Time(wire::millis(leaf.time.as_ref()).unwrap());
        if time < span.from || time >= span.until {
            continue;
        }
        let width = i64::from(span.width_s) * 1_000;
        let mut count = Count {
            bucket: Time(origin + (time.0 - origin) / width * width),
            kind: leaf.kind(),
            class: leaf.class(),
            refusal: leaf.refusal.clone(),
            partner: leaf.partner.clone(),
            signal: String::new(),
            outcome: String::new(),
            count: 0,
        };
        *counts.entry(count.clone()).or_default() += 1;
        count.refusal.clear();
        for (n, signal) in details.x.signals.iter().enumerate() {
            let outcomes = &details.i.outcomes;
            count.signal = if known.contains(signal) {
                signal.clone()
            } else {
                "?".into()
            };
            count.outcome = outcomes.get(n).or(outcomes.first()).cloned().unwrap_or_default();
            *counts.entry(count.clone()).or_default() += 1;
        }
    }
    counts.into_iter().map(|(key, count)| Count { count, ..key }).collect()
}

#[test]
fn an_index_that_is_built_again_is_the_same_byte_by_byte() {
    let temp = temp();
    let clock = Arc::new(ManualClock::new(Time(BEGIN)));
    let opened = open_small(temp.path(), &clock);
    fill(&opened.log, &clock, 0, &some(700));
    opened.worker.close().unwrap();
    let opened = open_small(temp.path(), &clock);
    let live = stored_index(&opened.log);
    assert!(live.len() > 100, "{}", live.len());
    opened.worker.close().unwrap();
    for damage in ["removed", "of another version"] {
        let store = temp.path().join("store");
        if damage == "removed" {
            std::fs::remove_dir_all(&store).unwrap();
        } else {
            crate::store::LogStore::open(&store, ORIGIN)
                .unwrap()
                .put_format_for_tests(1);
        }
        let opened = open_small(temp.path(), &clock);
        assert!(opened.recovery.rebuilt.is_some(), "{damage}");
        assert!(stored_index(&opened.log) == live, "{damage}");
        opened.worker.close().unwrap();
    }
}

#[test]
fn a_chunk_that_is_missing_or_damaged_is_noticed_and_built_again() {
    let temp = temp();
    let clock = Arc::new(ManualClock::new(Time(BEGIN)));
    let opened = open_small(temp.path(), &clock);
    fill(&opened.log, &clock, 0, &some(300));
    opened.worker.close().unwrap();
    let opened = open_small(temp.path(), &clock);
    let live = stored_index(&opened.log);
    opened.worker.close().unwrap();
    // Runs stand behind segments: the last places are what a search reads.
    for at in [live.len() - 1, live.len() - 9] {
        for change in [None, Some(vec![7; 60])] {
            let store = crate::store::LogStore::open(&temp.path().join("store"), ORIGIN).unwrap();
            store.put_index_row_for_tests(&live[at].0, change);
            store.sync().unwrap();
            drop(store);
            let opened = open_small(temp.path(), &clock);
            let every = every_search(&opened.log);
            assert!(every.is_err(), "row {at} is not read");
            let _ = opened.worker.close();
            let opened = open_small(temp.path(), &clock);
            assert!(opened.recovery.rebuilt.is_some());
            every_search(&opened.log).unwrap();
            assert!(stored_index(&opened.log) == live);
            opened.worker.close().unwrap();
        }
    }
}

/// Looks for every term of every entry.
fn every_search(log: &Log) -> Result<(), crate::state::StateError> {
    for n in 0..log.head().size {
        let request = Query {
            terms: vec![(Dimension::Request, (u128::from(n) + 1).to_be_bytes().to_vec())],
            ..Query::default()
        };
        let found = log.search(&request, log.head().size, 5)?;
        assert_eq!(found.entries, [n]);
    }
    for n in 0..PEOPLE {
        let (token, key) = person(n);
        let query = Query {
            person: Some(log.whom(&token, Some(&key))),
            ..Query::default()
        };
        log.search(&query, log.head().size, 1_000)?;
    }
    let words = SIGNALS.iter().map(|s| (Dimension::Signal, *s));
    let words = words.chain(OUTCOMES.iter().map(|o| (Dimension::Outcome, *o)));
    let shown = [
        (Dimension::Partner, "bank-1"),
        (Dimension::Partner, "bank-2"),
        (Dimension::Partner, "bank-3"),
        (Dimension::Method, METHOD.0),
        (Dimension::Kind, "ENTRY_KIND_QUERY"),
        (Dimension::Agreement, "agreement-0"),
        (Dimension::Purpose, "credit.review"),
    ];
    for (dimension, word) in words.chain(shown) {
        let query = Query {
            terms: vec![(dimension, word.as_bytes().to_vec())],
            ..Query::default()
        };
        log.search(&query, log.head().size, 1_000)?;
    }
    Ok(())
}

#[test]
fn a_store_tells_nothing_that_can_be_guessed_without_the_key() {
    let temp = temp();
    let clock = Arc::new(ManualClock::new(Time(BEGIN)));
    let opened = open_small(temp.path(), &clock);
    // The same entry again and again, about one person.
    fill(&opened.log, &clock, 0, &vec![some(7)[3].clone(); 200]);
    let tags: Vec<_> = (0..200).map(|n| opened.log.entry(n).unwrap().unwrap().tags).collect();
    let words: std::collections::HashSet<_> = tags.iter().flat_map(|t| t.chunks(8)).collect();
    assert_eq!(
        words.len(),
        tags.iter().map(|t| t.len() / 8).sum::<usize>(),
        "no tag stands twice"
    );
    // With the key, but not the person's: entries of one person share nothing but the bucket.
    let values: Vec<_> = (0..200)
        .map(|n| {
            let entry = opened.log.entry(n).unwrap().unwrap();
            opened.log.person_of(n, &entry).unwrap()
        })
        .collect();
    let (_, key) = person(3);
    assert!(values.iter().all(|tag| tag.bucket() == 1 && tag.is_of(&key)));
    assert!(values.iter().all(|tag| !tag.is_of(&person(2).1)));
    opened.worker.close().unwrap();
}

#[test]
fn a_step_that_has_read_enough_says_where_to_go_on() {
    let temp = temp();
    let clock = Arc::new(ManualClock::new(Time(BEGIN)));
    let opened = open_small(temp.path(), &clock);
    fill(&opened.log, &clock, 0, &some(600));
    let size = opened.log.head().size;
    let (token, key) = person(1);
    let query = Query {
        terms: vec![(Dimension::Kind, b"ENTRY_KIND_QUERY".to_vec())],
        person: Some(opened.log.whom(&token, Some(&key))),
        ..Query::default()
    };
    let whole = opened.log.search(&query, size, 1_000).unwrap();
    assert_eq!(whole.next, None);
    // Every allowance, down to what one place of two terms costs.
    for chunks in [2, 3, 5, 9] {
        for tries in [1, 2, 7] {
            let (mut all, mut at) = (Vec::new(), Some(size));
            while let Some(before) = at {
                let found = Lookup::read(opened.log.shared(), |lookup| {
                    search::step(lookup, &query, before, 4, index::Work { chunks, tries })
                });
                let found = found.unwrap();
                assert!(
                    found.next.is_none_or(|next| next < before),
                    "{chunks} chunks, {tries} tries at {before}"
                );
                all.extend(found.entries);
                at = found.next;
            }
            assert_eq!(all, whole.entries);
        }
    }
    assert_eq!(SMALL.index.segment % BLOCK_ENTRIES, 0);
    opened.worker.close().unwrap();
}
