//! What is acknowledged survives: `kill -9`, power cuts, flipped and cut files, full disks.
//!
//! A child process is this test binary again: [`child::life`] does nothing unless an environment variable says so.
mod child;
mod damage;
pub(crate) mod figures;
pub(crate) mod full_disk;
mod io_errors;
mod kill;
mod period;
mod power_cut;
mod rolled_back;
mod vault;

use std::{path::Path, sync::Arc, thread, time::Duration};
use tollgate::{
    audit::{self, Dimension, Event, Log, LogSigners, OpenError, Opened, Query, Setup, note},
    clock::SystemClock,
    crypto::{Ed25519Signer, Secret, Signer, SystemRng, sha256},
    domain::{Method, RequestId, SubjectToken},
    facts::{DetailKey, Facts, Kind},
    state::{Effect, Table},
    store::{DataDir, DataDirError},
};

const ORIGIN: &str = "log.institution.test/2026";
const METHOD: Method = Method("/tollgate.v1.ExchangeService/Query");

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(Secret::from([7; 32])).unwrap()
}

fn period_key() -> Secret<32> {
    Secret::from([3; 32])
}

fn vkey() -> note::VerifierKey {
    note::VerifierKey::new(ORIGIN, &signer().public_key()).unwrap()
}

/// Opens the log at `path`, or begins one.
fn open(path: &Path) -> Result<Opened, OpenError> {
    let dir = if path.join("FORMAT").exists() {
        data_dir(path)
    } else {
        DataDir::create(path)
    };
    let dir = dir.unwrap_or_else(|e| panic!("{e}"));
    when_free(
        || open_in(&dir),
        |e| matches!(e, OpenError::Store(why) if why.contains("in use")),
    )
}

/// Opens a directory that is there.
fn data_dir(path: &Path) -> Result<DataDir, DataDirError> {
    when_free(|| DataDir::open(path), |e| matches!(e, DataDirError::InUse))
}

/// Tries again while it is in use. Another test that starts a process at this moment has, from its fork to its exec, all
/// files of this one, with their locks.
fn when_free<T, E>(mut open: impl FnMut() -> Result<T, E>, in_use: impl Fn(&E) -> bool) -> Result<T, E> {
    for _ in 0..200 {
        match open() {
            Err(error) if in_use(&error) => thread::sleep(Duration::from_millis(20)),
            opened => return opened,
        }
    }
    open()
}

fn open_in(dir: &DataDir) -> Result<Opened, OpenError> {
    Log::open(Setup {
        dir,
        origin: ORIGIN.into(),
        signers: LogSigners::single(Arc::new(signer())),
        period_key: period_key(),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng::default()),
    })
}

/// The id of the request that says `word`.
fn request(word: &str) -> RequestId {
    let hash = sha256(word.as_bytes());
    RequestId(hash.first_chunk().copied().unwrap())
}

/// Whom the entry that says `word` is about: one of fifty, in four buckets.
fn person(word: &str) -> (SubjectToken, Secret<32>) {
    let number = sha256(word.as_bytes())[20] % 50;
    let mut token = [number; 32];
    token[0] = number % 4;
    (SubjectToken(token), Secret::from([100 + number; 32]))
}

/// An entry that says `word` and puts it into a row of its own.
fn event(word: &str) -> Event {
    let mut facts = Facts::new(Kind::Consent, "spiffe://bank-a.test/p", METHOD, [9; 32]);
    facts.reference = word.to_owned();
    facts.request_id = Some(request(word));
    let (token, key) = person(word);
    facts.subject = Some(token);
    facts.detail_key = DetailKey::Person(key);
    facts.effects = vec![Effect::put(Table::Consent, word, word.repeat(3))];
    Event::new(facts)
}

/// What an acknowledgement says: index and word.
fn token(index: u64, word: &str) -> String {
    format!("{index}:{word}")
}

/// Whether the log has what a token says: the entry, its details, its effect, its proof.
fn check_token(opened: &Opened, token: &str) -> Result<(), String> {
    let (index, word) = token.split_once(':').ok_or("no token")?;
    let index: u64 = index.parse().map_err(|_| "no index")?;
    let entry = opened.log.entry(index).map_err(|e| e.to_string())?;
    let entry = entry.ok_or_else(|| format!("entry {index} is missing"))?;
    let (token, key) = person(word);
    let details = audit::open_details(&key, ORIGIN, &entry.leaf, &entry.details);
    let said = details.map_err(|_| format!("entry {index} does not open"))?.x.reference;
    if said != word {
        return Err(format!("entry {index} says `{said}`, not `{word}`"));
    }
    let row = opened
        .state
        .row(Table::Consent, word.as_bytes())
        .map_err(|e| e.to_string())?;
    if row != Some(word.repeat(3).into_bytes()) {
        return Err(format!("the effect of entry {index} is missing"));
    }
    // Computing a proof and searching take longer than all the rest: every eighth will do.
    if !index.is_multiple_of(8) {
        return Ok(());
    }
    let by_request = Query {
        terms: vec![(Dimension::Request, request(word).0.to_vec())],
        ..Query::default()
    };
    let by_person = Query {
        person: Some(opened.log.whom(&token, Some(&key))),
        ..Query::default()
    };
    let size = opened.log.head().size;
    for (query, before, limit) in [(by_request, size, 2), (by_person, index + 1, 1)] {
        let found = opened.log.search(&query, before, limit).map_err(|e| e.to_string())?;
        if found.entries != [index] {
            return Err(format!("entry {index} is not found: {:?}", found.entries));
        }
    }
    let proven = opened.log.prove_inclusion(index).map_err(|e| e.to_string())?;
    audit::proof::verify_inclusion(&entry.leaf, index, &proven.proof, proven.head.size, &proven.head.root)
        .map_err(|e| format!("entry {index}: {e}"))
}

/// A number from the environment, or one from the clock; printed, so that a failure can be repeated.
fn seed() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let given = std::env::var("TOLLGATE_SEED").ok().and_then(|s| s.parse().ok());
    let seed = given.unwrap_or(now.as_nanos() as u64 % 1_000_000);
    eprintln!("seed: TOLLGATE_SEED={seed}");
    seed
}

/// A small generator (splitmix64) so that a seed gives one run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A test that cannot run on this machine: said, and a failure where everything must run.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("TOLLGATE_REQUIRE_ALL").is_none(), "cannot run: {why}");
    eprintln!("skipped: {why}");
}

fn is_long() -> bool {
    std::env::var_os("TOLLGATE_LONG").is_some()
}
