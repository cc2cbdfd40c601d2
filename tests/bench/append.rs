//! Entries/s of the log, durable before the reply, against a plain file that is appended to and synced with the same
//! bytes in batches of the same kind.
use super::{
    Run,
    figures::{Figures, median},
    load::closed_loop,
    place::bytes_on_disk,
};
use std::{fs::File, io::Write, path::Path, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tollgate::{
    audit::{Event, Log, LogSigners, Opened, Setup},
    clock::SystemClock,
    crypto::{Ed25519Signer, Secret, SystemRng},
    domain::{Method, RequestId},
    facts::{Facts, Kind},
    limits::{AUDIT_BATCH_MAX, AUDIT_QUEUE_MAX},
    store::DataDir,
};

const METHOD: Method = Method("/tollgate.v1.ExchangeService/Query");

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let temp = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let opened = open(&temp.path().join("log"));
    // How long an entry is on disk, so that the plain file gets as much.
    let journal = temp.path().join("log/journal");
    let (before, entries) = (bytes_on_disk(&journal), 2_000);
    runtime.block_on(many(&opened.log, entries));
    let bytes = (bytes_on_disk(&journal) - before) / entries as u64;
    figures.note("bytes of an entry in the journal", bytes as f64, "bytes");
    let callers: &[usize] = run.pick(&[64], &[1, 64, 256]);
    let (rounds, time) = (run.pick(1, 5), Duration::from_millis(run.pick(300, 1_500)));
    for callers in callers.iter().copied() {
        let (mut log, mut plain) = (Vec::new(), Vec::new());
        let (mut log_p, mut plain_p) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let mut round = runtime.block_on(plain_file(&temp.path().join("plain"), bytes as usize, callers, time));
            plain.push(round.per_s());
            plain_p.push((round.percentile_ms(50), round.percentile_ms(99)));
            let to = opened.log.clone();
            let append = move |_, n| {
                let to = to.clone();
                async move {
                    to.append(Event::new(facts(n))).await.unwrap();
                }
            };
            let mut round = runtime.block_on(closed_loop(callers, time, append));
            log.push(round.per_s());
            log_p.push((round.percentile_ms(50), round.percentile_ms(99)));
        }
        let (log, plain) = (median(log), median(plain));
        let name = |what: &str| format!("{callers} callers: {what}");
        figures.note(name("log"), log, "entries/s");
        figures.note(name("plain append and sync"), plain, "writes/s");
        figures.note(name("ratio"), log / plain, "of plain");
        for (what, of) in [("log", log_p), ("plain", plain_p)] {
            let (p50, p99) = of.into_iter().unzip();
            figures.note(name(&format!("{what} p50")), median(p50), "ms");
            figures.note(name(&format!("{what} p99")), median(p99), "ms");
        }
    }
    let Opened { log, worker, .. } = opened;
    drop(log);
    worker.close().unwrap();
}

/// What is known of a question when its entry is made.
fn facts(n: u64) -> Facts {
    let mut facts = Facts::new(Kind::Query, "spiffe://bank-a.example/partner/bank-a", METHOD, [7; 32]);
    facts.partner = "bank-a".parse().ok();
    facts.agreement = "bank-a-2026".parse().ok();
    facts.purpose = "credit.origination".parse().ok();
    facts.request_id = Some(RequestId(u128::from(n).to_be_bytes()));
    facts.request_digest = Some([5; 32]);
    facts.signals = ["worst_overdue_6m@1", "risk_band@1"]
        .map(|s| s.parse().unwrap())
        .to_vec();
    facts.outcomes = vec!["BAND".to_owned(); 2];
    facts
}

async fn many(log: &Log, entries: usize) {
    let tasks: Vec<_> = (0..entries as u64)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move {
                log.append(Event::new(facts(n))).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn open(path: &Path) -> Opened {
    let signer = Ed25519Signer::from_seed(Secret::from([7; 32])).unwrap();
    Log::open(Setup {
        dir: &DataDir::create(path).unwrap(),
        origin: "bench.example/log".to_owned(),
        signers: LogSigners::single(Arc::new(signer)),
        period_key: Secret::from([3; 32]),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng::default()),
    })
    .unwrap()
}

/// One thread writes what is queued, at most a batch, syncs, and releases the callers.
pub(crate) async fn plain_file(path: &Path, bytes: usize, callers: usize, time: Duration) -> super::load::Round {
    let (queue, mut jobs) = mpsc::channel::<oneshot::Sender<()>>(AUDIT_QUEUE_MAX);
    let mut file = File::create(path).unwrap();
    let writer = std::thread::spawn(move || {
        let entry = vec![0x5a; bytes];
        let (mut batch, mut buffer) = (Vec::new(), Vec::new());
        while jobs.blocking_recv_many(&mut batch, AUDIT_BATCH_MAX) > 0 {
            buffer.clear();
            batch.iter().for_each(|_| buffer.extend_from_slice(&entry));
            file.write_all(&buffer).unwrap();
            file.sync_data().unwrap();
            for reply in batch.drain(..) {
                let _ = reply.send(());
            }
        }
    });
    let round = closed_loop(callers, time, move |_, _| {
        let queue = queue.clone();
        async move {
            let (reply, wait) = oneshot::channel();
            queue.send(reply).await.unwrap();
            wait.await.unwrap();
        }
    })
    .await;
    writer.join().unwrap();
    round
}
