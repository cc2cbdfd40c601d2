//! What it costs to erase one person: a turn of the epoch moves the keys and records of everybody else.
use super::{Run, figures::Figures, place::Place};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tollgate::{
    app,
    audit::Event,
    clock::SystemClock,
    config::Config,
    crypto::SystemRng,
    domain::{Method, Scheme, SubjectRef},
    erasure::Standing,
    facts::{Facts, Kind},
    limits::KEYS_MOVED_PER_ENTRY_MAX,
    person,
    pipeline::Gate,
    source::ingest::test_identity,
};

/// People of the sample, all of them with a record and a key.
const PEOPLE: u64 = 30_000;

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let place = Place::new();
    place.load_sample();
    let config = Config::load(&place.site.config()).unwrap();
    let people = run.pick(PEOPLE / 10, PEOPLE);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let rng = Arc::new(SystemRng::default());
        let running = app::start_with(&config, Arc::new(SystemClock), rng).await.unwrap();
        let gate = Arc::clone(running.gate());
        let tokens: Vec<_> = (0..people)
            .map(|row| {
                let subject = SubjectRef::parse(Scheme::CnResidentId, &test_identity(row + 1).unwrap()).unwrap();
                subject.token(&gate.person_keys.pseudonym)
            })
            .collect();
        for some in tokens.chunks(KEYS_MOVED_PER_ENTRY_MAX) {
            let mut facts = facts();
            for token in some {
                let known = person::know(&*gate.state, &gate.person_keys.epochs, &*gate.rng, *token);
                facts.effects.extend(known.unwrap().made);
            }
            gate.log.append(Event::new(facts)).await.unwrap();
        }
        let mut standing = Standing::new([1; 16], tokens[0]);
        standing.requested = Some(gate.clock.now());
        let mut facts = facts();
        let epoch = gate.person_keys.epochs.active().unwrap();
        facts.effects.push(standing.row(&*gate.rng, &epoch).unwrap());
        gate.log.append(Event::new(facts)).await.unwrap();
        gate.stands(&standing, false);
        let (started, before) = (Instant::now(), gate.log.head().size);
        gate.erasing.at_once();
        while !is_erased(&gate, &standing) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(started.elapsed() < Duration::from_secs(600), "the turn does not end");
        }
        let name = |what: &str| format!("{what} of one erasure, {people} keys and {PEOPLE} records");
        figures.at_most(name("time"), started.elapsed().as_secs_f64(), "s", 300.0);
        figures.note(name("entries"), (gate.log.head().size - before) as f64, "");
        drop(gate);
        running.stop().await.unwrap();
    });
}

fn facts() -> Facts {
    Facts::new(Kind::Records, "bench", Method("/bench"), [0; 32])
}

fn is_erased(gate: &Gate, standing: &Standing) -> bool {
    let found = gate.erasing.register.page(None, 1, |s| s.id == standing.id);
    let erased = found
        .first()
        .is_none_or(|s| s.record.is_some_and(|record| record.destroyed.is_some()));
    erased && !gate.person_keys.epochs.is_turning()
}
