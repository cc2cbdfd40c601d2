//! The process that opens a log of many entries and looks at it.
use super::{
    figures::{Figures, median, percentile_ms},
    log::{
        BEGIN_MS, FREQUENT, PEOPLE, RARE, STEP_MS, consent, mixed, partner, person, person_key, reopen, request, token,
        vkey,
    },
    place::own_cpu,
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tollgate::{
    audit::{Dimension, Log, Query, Span, verify},
    clock::Time,
};

pub(crate) fn look(path: &Path, rows: u64, cold: bool) {
    let mut figures = Figures::default();
    let started = Instant::now();
    let opened = reopen(path);
    figures.at_most("start", started.elapsed().as_secs_f64(), "s", 3.0);
    println!("  {}", opened.recovery);
    let log = &opened.log;
    figures.at_most("resident after the start", resident_mb(), "MB", 250.0);
    for (name, query) in queries(log, rows) {
        search(log, &name, &query, &mut figures);
    }
    overview(log, rows, &mut figures);
    let mut proofs: Vec<Duration> = (0..1_000)
        .map(|n| {
            let started = Instant::now();
            log.prove_inclusion(mixed(n) % rows).unwrap();
            started.elapsed()
        })
        .collect();
    figures.note("proof p50", percentile_ms(&mut proofs, 50), "ms");
    figures.at_most("proof p99", percentile_ms(&mut proofs, 99), "ms", 1.0);
    figures.at_most("resident after all that", resident_mb(), "MB", 250.0);
    opened.worker.close().unwrap();
    drop(opened.log);
    if !cold {
        let (started, cpu) = (Instant::now(), own_cpu());
        let verified = verify::dir(path, &vkey(), &mut |_| ()).unwrap();
        let rate = verified.entries as f64 / started.elapsed().as_secs_f64();
        figures.at_least("verify", rate, "entries/s", 300_000.0);
        let busy = (own_cpu() - cpu).as_secs_f64();
        figures.note("verify, a core's second", verified.entries as f64 / busy, "entries");
    }
}

fn queries(log: &Log, rows: u64) -> Vec<(String, Query)> {
    let of = |terms: &[(Dimension, &[u8])]| Query {
        terms: terms.iter().map(|(d, v)| (*d, v.to_vec())).collect(),
        ..Query::default()
    };
    let about = |n: u64| Query {
        person: Some(log.whom(&token(n), Some(&person_key(n)))),
        ..Query::default()
    };
    let year = |part: i64| Time(BEGIN_MS + rows as i64 * STEP_MS * part / 100);
    // An entry that is surely there, in the older half.
    let n = (rows / 7..).find(|n| mixed(n ^ 5) % 1_000 >= 100).unwrap();
    let consented = consent(person(n, rows), partner(n));
    vec![
        ("everything".into(), Query::default()),
        ("a person of two entries".into(), about(RARE)),
        ("a person of every hundredth".into(), about(FREQUENT)),
        ("one of the others".into(), about(PEOPLE / 2)),
        ("nobody".into(), about(PEOPLE + 5)),
        ("a request".into(), of(&[(Dimension::Request, &request(n).0)])),
        ("a request that never was".into(), of(&[(Dimension::Request, &[9; 16])])),
        ("a consent".into(), of(&[(Dimension::Consent, &consented.0)])),
        ("a partner".into(), of(&[(Dimension::Partner, b"bank-d")])),
        (
            "partner and refusal".into(),
            of(&[(Dimension::Partner, b"bank-b"), (Dimension::Refusal, b"QUOTA_SPENT")]),
        ),
        (
            "partner and a refusal it never had".into(),
            of(&[(Dimension::Partner, b"bank-a"), (Dimension::Refusal, b"REPLAYED")]),
        ),
        (
            "small partner, rare refusal".into(),
            of(&[(Dimension::Partner, b"bank-d"), (Dimension::Refusal, b"STALE")]),
        ),
        (
            "purpose, signal, outcome".into(),
            of(&[
                (Dimension::Purpose, b"credit.review"),
                (Dimension::Signal, b"overdue_now@1"),
                (Dimension::Outcome, b"no_file"),
            ]),
        ),
        (
            "a day long ago".into(),
            Query {
                from: Some(year(20)),
                until: Some(year(20).plus_ms(86_400_000)),
                ..Query::default()
            },
        ),
        (
            "a person in a month long ago".into(),
            Query {
                from: Some(year(40)),
                until: Some(year(48)),
                ..about(PEOPLE / 2)
            },
        ),
    ]
}

/// The first page and the tenth, as an officer sees them: steps until the page is full, 50 entries.
fn search(log: &Log, name: &str, query: &Query, figures: &mut Figures) {
    let size = log.head().size;
    let mut times = Vec::new();
    let (mut at, mut found) = (Some(size), 0);
    for _page in 0..10 {
        let started = Instant::now();
        let (next, here) = page(log, query, at);
        times.push(started.elapsed().as_secs_f64() * 1e3);
        (at, found) = (next, found + here);
        if at.is_none() {
            break;
        }
    }
    figures.at_most(format!("{name}: first page"), times[0], "ms", 50.0);
    if times.len() == 10 {
        figures.note(format!("{name}: tenth page"), times[9], "ms");
    }
    let again: Vec<f64> = (0..5)
        .map(|_| {
            let started = Instant::now();
            page(log, query, Some(size));
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    figures.note(format!("{name}: again ({found} found)"), median(again), "ms");
}

fn page(log: &Log, query: &Query, mut at: Option<u64>) -> (Option<u64>, usize) {
    let mut entries = Vec::new();
    while let Some(before) = at.filter(|_| entries.len() < 50) {
        let found = log.search(query, before, 50 - entries.len()).unwrap();
        entries.extend(found.entries);
        at = found.next;
    }
    // The page shows them.
    for index in &entries {
        log.entry(*index).unwrap().unwrap();
    }
    (at, entries.len())
}

fn overview(log: &Log, rows: u64, figures: &mut Figures) {
    let until = Time(BEGIN_MS + rows as i64 * STEP_MS + 1);
    let day = Time(until.0 - 86_400_000);
    for (name, from, width_s) in [
        ("everything by day", Time(BEGIN_MS), 86_400),
        ("a day by minutes", day, 300),
    ] {
        let span = Span {
            from,
            until,
            origin: from,
            width_s,
        };
        let started = Instant::now();
        let counts = log.overview(&span, &[], &[]).unwrap();
        let took = started.elapsed().as_secs_f64() * 1e3;
        let entries: u64 = counts.iter().filter(|c| c.signal.is_empty()).map(|c| c.count).sum();
        figures.note(format!("overview, {name}: {entries} entries"), took, "ms");
    }
}

fn resident_mb() -> f64 {
    super::place::own_resident() as f64 / 1e6
}
