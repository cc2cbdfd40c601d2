//! A log of many entries: what it takes on disk, how it starts, proves, searches, counts and verifies.
//!
//! `--rows=10000000` needs 13 GB; `--dir=PATH` keeps the log there, and uses it again when it has as many rows.
use super::{Run, append::plain_file, figures::Figures, place::bytes_on_disk};
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tollgate::{
    audit::{Auditable, Class, Log, LogSigners, Opened, Setup, note},
    clock::{Clock, Time},
    crypto::{Ed25519Signer, Secret, Signer, SystemRng},
    domain::{ConsentId, Method, RequestId, SubjectToken},
    facts::{DetailKey, Facts, Kind},
    refusal::Code,
    store::DataDir,
};

pub(crate) const ORIGIN: &str = "bench.example/log";
const METHOD: Method = Method("/tollgate.v1.ExchangeService/Query");
const READ: Method = Method("/tollgate.v1.ExchangeService/ListSignals");
pub(crate) const PEOPLE: u64 = 30_000;
/// Asked about in every hundredth entry, and in two entries.
pub(crate) const FREQUENT: u64 = 0;
pub(crate) const RARE: u64 = PEOPLE - 1;
/// The first entry's time, and how far apart entries are on the average: ten million in a year.
pub(crate) const BEGIN_MS: i64 = 1_760_000_000_000;
pub(crate) const STEP_MS: i64 = 3_154;

/// A number that looks random.
pub(crate) fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn bytes32(n: u64, of: u64) -> [u8; 32] {
    let mut out = [0; 32];
    for (word, at) in out.chunks_mut(8).zip(0..) {
        word.copy_from_slice(&mixed(n ^ (of << 32) ^ (at << 56)).to_be_bytes());
    }
    out
}

pub(crate) fn token(person: u64) -> SubjectToken {
    SubjectToken(bytes32(person, 1))
}

pub(crate) fn person_key(person: u64) -> Secret<32> {
    Secret::from(bytes32(person, 2))
}

pub(crate) fn consent(person: u64, partner: u64) -> ConsentId {
    ConsentId(u128::from(person * 4 + partner + 1).to_be_bytes())
}

pub(crate) fn request(n: u64) -> RequestId {
    RequestId(u128::from(mixed(n)).to_be_bytes())
}

pub(crate) fn person(n: u64, rows: u64) -> u64 {
    match n {
        _ if n == rows / 10 || n == rows / 2 => RARE,
        _ if n.is_multiple_of(100) => FREQUENT,
        _ => 1 + mixed(n) % (PEOPLE - 2),
    }
}

pub(crate) fn partner(n: u64) -> u64 {
    match mixed(n ^ 77) % 100 {
        0..70 => 0,
        70..90 => 1,
        90..99 => 2,
        _ => 3,
    }
}

const PARTNERS: [&str; 4] = ["bank-a", "bank-b", "bank-c", "bank-d"];
const SIGNALS: [&str; 6] = [
    "worst_overdue_6m@1",
    "risk_band@1",
    "utilisation_band@1",
    "accounts_open@2",
    "first_loan_age@1",
    "overdue_now@1",
];

struct Entry {
    facts: Facts,
    class: Class,
    answer: Option<Vec<u8>>,
}

impl Auditable for Entry {
    fn class(&self) -> Class {
        self.class
    }
    fn facts(&self) -> &Facts {
        &self.facts
    }
    fn answer(&self) -> Option<&[u8]> {
        self.answer.as_deref()
    }
}

/// What a gateway records of a question, of a refused one, and of a read.
fn entry(n: u64, rows: u64) -> Entry {
    let (partner, person) = (partner(n), person(n, rows));
    let name = PARTNERS[partner as usize];
    let peer = format!("spiffe://{name}.example/partner/{name}");
    let dice = mixed(n ^ 5) % 1_000;
    if dice < 20 {
        let mut facts = Facts::new(Kind::Read, peer, READ, [7; 32]);
        facts.partner = name.parse().ok();
        let (class, answer) = (Class::Admin, None);
        return Entry { facts, class, answer };
    }
    let mut facts = Facts::new(Kind::Query, peer, METHOD, [7; 32]);
    facts.partner = name.parse().ok();
    facts.agreement = format!("{name}-2026").parse().ok();
    facts.key_ids = vec!["x-0123456789abcdef".to_owned()];
    facts.request_id = Some(request(n));
    facts.request_digest = Some(bytes32(n, 3));
    facts.signing_key_id = "s-0123456789abcdef".to_owned();
    facts.signature = [bytes32(n, 4), bytes32(n, 5)].concat();
    facts.purpose = ["credit.origination", "credit.review"][usize::from(n.is_multiple_of(5))]
        .parse()
        .ok();
    let many = 2 + (n % 3) as usize;
    facts.signals = SIGNALS
        .iter()
        .cycle()
        .skip(n as usize % 6)
        .take(many)
        .map(|s| s.parse().unwrap())
        .collect();
    facts.reference = format!("TG-{:08X}", n as u32);
    facts.subject = Some(token(person));
    facts.detail_key = DetailKey::Person(person_key(person));
    if dice < 50 || n % 100_000 == 7 {
        let code = if dice < 50 { Code::QuotaSpent } else { Code::Stale };
        let (class, answer) = (Class::Refused(code), None);
        return Entry { facts, class, answer };
    }
    facts.consent = Some(consent(person, partner));
    let word = ["band", "no_valid_consent", "no_file"][[0, 0, 0, 0, 0, 0, 0, 0, 1, 2][(mixed(n ^ 9) % 10) as usize]];
    facts.outcomes = vec![word.to_owned(); many];
    // Signals, bands, reasons and the day they are of.
    let answer = Some(vec![0x5a; 30 + 45 * many]);
    let class = Class::Sealed;
    Entry { facts, class, answer }
}

/// A year in as long as it takes.
struct Year(AtomicI64);

impl Clock for Year {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn signer() -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(Secret::from([7; 32])).unwrap())
}

pub(crate) fn vkey() -> note::VerifierKey {
    note::VerifierKey::new(ORIGIN, &signer().public_key()).unwrap()
}

fn open(path: &Path, clock: Arc<dyn Clock>) -> Opened {
    let dir = if path.join("FORMAT").exists() {
        DataDir::open(path).unwrap()
    } else {
        DataDir::create(path).unwrap()
    };
    Log::open(Setup {
        dir: &dir,
        origin: ORIGIN.to_owned(),
        signers: LogSigners::single(signer()),
        period_key: Secret::from([3; 32]),
        clock,
        rng: Arc::new(SystemRng::default()),
    })
    .unwrap()
}

/// The log as it stands, for who looks at it.
pub(crate) fn reopen(path: &Path) -> Opened {
    open(path, Arc::new(Year(AtomicI64::new(BEGIN_MS))))
}

pub(crate) fn run(run: &Run, figures: &mut Figures) {
    let rows = run.number("rows", run.pick(20_000, 200_000));
    let temp = tempfile::tempdir().unwrap();
    let path = run.word("dir").map_or_else(|| temp.path().join("log"), Into::into);
    let clock = Arc::new(Year(AtomicI64::new(BEGIN_MS)));
    let opened = open(&path, clock.clone());
    let there = opened.log.head().size;
    let callers = run.number("callers", 64) as usize;
    let mut rate = None;
    if there == 0 {
        rate = Some(build(&opened.log, &clock, rows, callers, figures));
    } else {
        assert_eq!(there, rows, "the log in `--dir` has another number of rows");
    }
    let closing = Instant::now();
    opened.worker.close().unwrap();
    figures.note("closing", closing.elapsed().as_secs_f64(), "s");
    drop(opened.log);
    let (journal, store) = (bytes_on_disk(&path.join("journal")), bytes_on_disk(&path.join("store")));
    if let Some(rate) = rate {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let (bytes, time) = ((journal / rows) as usize, Duration::from_secs(run.pick(1, 20)));
        let plain = runtime.block_on(plain_file(&temp.path().join("plain"), bytes, callers, time));
        figures.note(
            "plain append and sync of the journal's bytes",
            plain.per_s(),
            "writes/s",
        );
        figures.note("ratio", rate / plain.per_s(), "of plain");
    }
    figures.note("journal", journal as f64 / rows as f64, "bytes/row");
    figures.note("store, index and all", store as f64 / rows as f64, "bytes/row");
    figures.at_most(
        "disk of an entry",
        (journal + store) as f64 / rows as f64,
        "bytes/row",
        2_000.0,
    );
    for cold in [true, false] {
        if cold {
            println!("  -- pages of the system's cache dropped: {}", drop_caches());
        } else {
            println!("  -- the files in the system's cache");
        }
        // A process of its own, so that what the building held does not count.
        let me = std::env::current_exe().unwrap();
        let status = Command::new(me)
            .arg("log-look")
            .arg(&path)
            .arg(rows.to_string())
            .arg(cold.to_string())
            .status();
        assert!(status.unwrap().success());
    }
}

fn drop_caches() -> bool {
    let synced = Command::new("sync").status().is_ok_and(|s| s.success());
    synced && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn build(log: &Log, clock: &Arc<Year>, rows: u64, callers: usize, figures: &mut Figures) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut latencies: Vec<Duration> = runtime.block_on(async {
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (log, clock, next) = (log.clone(), clock.clone(), next.clone());
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= rows {
                            return seen;
                        }
                        clock.0.store(BEGIN_MS + n as i64 * STEP_MS, Ordering::Relaxed);
                        let asked = Instant::now();
                        let entry = entry(n, rows);
                        log.append(entry).await.unwrap();
                        if n % 16 == 0 {
                            seen.push(asked.elapsed());
                        }
                        if n > 0 && n % 1_000_000 == 0 {
                            eprintln!("  {n} rows, {:.0} s", started.elapsed().as_secs_f64());
                        }
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let rate = rows as f64 / started.elapsed().as_secs_f64();
    figures.at_least(format!("{callers} callers: log"), rate, "entries/s", 20_000.0);
    let p = |latencies: &mut Vec<Duration>, percent| super::figures::percentile_ms(latencies, percent);
    figures.note("log p50", p(&mut latencies, 50), "ms");
    figures.at_most("log p99", p(&mut latencies, 99), "ms", 10.0);
    figures.note("log at most", p(&mut latencies, 100), "ms");
    rate
}
