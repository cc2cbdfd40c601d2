//! What a load into the running gateway does to those who ask meanwhile.
use super::{
    Run,
    asker::{self, Asker, Consented},
    figures::{Figures, median, percentile_ms},
    place::{Place, Serving},
};
use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tollgate::{app::site::PROVIDER, wire::v1};

/// Questions per second, at even distances: what a gateway with room to spare sees.
const PER_S: u64 = 250;

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let place = Place::new();
    place.load_sample();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let gateway = place.serve();
        let people = asker::consents(&place, gateway.address(), run.pick(50, 1_000)).await;
        let asker = Arc::new(Asker::new(&place, gateway.address(), v1::Evidence::Session).await);
        let time = Duration::from_millis(run.pick(500, 5_000));
        let (mut idle, mut loading) = (Vec::new(), Vec::new());
        let mut loads = Vec::new();
        for _ in 0..run.pick(1, 5) {
            idle.push(ask(&asker, &people, time).await);
            let stop = AtomicBool::new(false);
            let (asked, ended) = std::thread::scope(|scope| {
                let loader = scope.spawn(|| keep_loading(&place, &gateway, loads.len() as u32, &stop));
                // The client has read its files and is sending.
                std::thread::sleep(Duration::from_millis(300));
                let asked = tokio::task::block_in_place(|| Handle::current().block_on(ask(&asker, &people, time)));
                stop.store(true, Ordering::Relaxed);
                (asked, loader.join().unwrap())
            });
            loading.push(asked);
            loads.extend(ended);
        }
        let rate = 30_000.0 / median(loads.clone());
        figures.note(format!("{} loads of 30,000 rows: rate", loads.len()), rate, "rows/s");
        let middle = |of: &[(f64, f64)], p99: bool| median(of.iter().map(|p| if p99 { p.1 } else { p.0 }).collect());
        figures.note(format!("idle, {PER_S} questions/s: p50"), middle(&idle, false), "ms");
        figures.note(format!("idle, {PER_S} questions/s: p99"), middle(&idle, true), "ms");
        figures.note("while a provider loads: p50", middle(&loading, false), "ms");
        figures.note("while a provider loads: p99", middle(&loading, true), "ms");
        let ratio = middle(&loading, true) / middle(&idle, true);
        figures.at_most("p99 while loading, of idle", ratio, "times", 2.0);
    });
}

/// One load after the other until told to stop; how long each took.
fn keep_loading(place: &Place, gateway: &Serving, first: u32, stop: &AtomicBool) -> Vec<f64> {
    let mut took = Vec::new();
    for round in first.. {
        let begun = Instant::now();
        // To its end, also when it is to be the last: loads that were begun and left are limited.
        let ended = start_load(place, gateway, round).wait().unwrap();
        assert!(ended.success(), "a load failed: {ended}");
        took.push(begun.elapsed().as_secs_f64());
        if stop.load(Ordering::Relaxed) {
            return took;
        }
    }
    took
}

/// The real command, as the data holder's own system would run it.
fn start_load(place: &Place, gateway: &Serving, round: u32) -> Child {
    // Another mapping text is another batch: the same rows are loaded anew.
    let mapping = place.site.folder().join(format!("mapping-{round}.toml"));
    let text = std::fs::read_to_string(place.site.mapping()).unwrap();
    std::fs::write(&mapping, format!("{text}\n# round {round}\n")).unwrap();
    let client = place.site.client(PROVIDER);
    let text = std::fs::read_to_string(&client).unwrap();
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.starts_with("address") {
            true => format!("address = \"{}\"", gateway.address()),
            false => line.to_owned(),
        })
        .collect();
    std::fs::write(&client, lines.join("\n")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("ingest")
        .arg("--mapping")
        .arg(mapping)
        .arg("--client")
        .arg(client)
        .arg("--fields")
        .arg(place.site.folder().join("fields.toml"))
        .arg(place.sample())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Asks at even distances, whatever the answers take; p50 and p99 from the moment each was due.
async fn ask(asker: &Arc<Asker>, people: &Arc<Vec<Consented>>, time: Duration) -> (f64, f64) {
    let started = Instant::now();
    let number = time.as_millis() as u64 * PER_S / 1_000;
    let mut tasks = Vec::new();
    for n in 0..number {
        let due = started + Duration::from_micros(n * 1_000_000 / PER_S);
        tokio::time::sleep_until(due.into()).await;
        let (asker, people) = (Arc::clone(asker), Arc::clone(people));
        tasks.push(tokio::spawn(async move {
            asker.ask(&people[n as usize * 31 % people.len()]).await;
            due.elapsed()
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.push(task.await.unwrap());
    }
    (percentile_ms(&mut latencies, 50), percentile_ms(&mut latencies, 99))
}
