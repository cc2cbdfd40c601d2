//! What a gateway process holds, and how long it takes from its start to an answer that is proven.
use super::{
    Run,
    asker::{self, Asker, BANK},
    figures::{Figures, median},
    place::Place,
};
use std::{sync::Arc, time::Instant};
use tollgate::wire::v1;

const MB: f64 = 1e6;

/// Resident memory with the sample loaded, and after many questions.
pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let place = Place::new();
    place.load_sample();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let gateway = place.serve();
        figures.note("resident after the start", gateway.resident() as f64 / MB, "MB");
        let people = asker::consents(&place, gateway.address(), run.pick(50, 1_000)).await;
        let number: u64 = run.pick(500, 10_000);
        let asker = Arc::new(Asker::new(&place, gateway.address(), v1::Evidence::Session).await);
        let tasks: Vec<_> = (0..64u64)
            .map(|caller| {
                let (asker, people) = (Arc::clone(&asker), Arc::clone(&people));
                tokio::spawn(async move {
                    for n in 0..number.div_ceil(64) {
                        asker.ask(&people[(caller * 31 + n) as usize % people.len()]).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let name = |what: &str| format!("{what} after {number} questions");
        figures.at_most(name("resident"), gateway.resident() as f64 / MB, "MB", 150.0);
        figures.note(name("resident at most"), gateway.resident_peak() as f64 / MB, "MB");
    });
}

/// From the start of the process to the first answer whose receipt was verified: sessions, keys and all.
pub(crate) fn start(run: &Run, figures: &mut Figures) {
    let place = Place::new();
    place.load_sample();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // A consent, so that the first answer is a real one.
        let gateway = place.serve();
        let people = asker::consents(&place, gateway.address(), 1).await;
        drop(gateway);
        let (mut serving, mut answered) = (Vec::new(), Vec::new());
        for _ in 0..run.pick(2, 7) {
            let started = Instant::now();
            let gateway = place.serve();
            serving.push(started.elapsed().as_secs_f64() * 1e3);
            let client = place.client(BANK, gateway.address()).await;
            client.open_session(v1::Evidence::Session).await.unwrap();
            let question = asker::question(&people[0], v1::Evidence::Session);
            let verified = client.query(question).await.unwrap();
            assert!(!verified.answer.signals.is_empty());
            answered.push(started.elapsed().as_secs_f64() * 1e3);
        }
        figures.note("start to serving, after a kill", median(serving), "ms");
        figures.at_most("start to first verified answer", median(answered), "ms", 1_000.0);
    });
}
