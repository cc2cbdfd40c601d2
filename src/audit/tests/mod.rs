//! The log as a whole: what is acknowledged is there, proven, after a restart and after every fault.
mod abreast;
mod archived;
mod damage;
mod faults;
mod found;
mod keys;
mod offline;
mod service;

use super::{disk::Disk, index::Cut, open::Sizes, *};
use crate::{
    clock::{ManualClock, Time},
    crypto::{Ed25519Signer, Secret, SeededRng, Signer},
    domain::Method,
    facts::{Facts, Kind},
    refusal::NotRecorded,
    state::{Effect, Table},
    store::DataDir,
    wire::{self, v1},
};
use std::{path::Path, sync::Arc};

pub(super) const ORIGIN: &str = "log.institution.test/2026";
const METHOD: Method = Method("/tollgate.v1.ExchangeService/Query");

fn signer() -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(Secret::from([7; 32])).unwrap())
}

fn vkey() -> note::VerifierKey {
    note::VerifierKey::new(ORIGIN, &signer().public_key()).unwrap()
}

fn setup(dir: &DataDir) -> Setup<'_> {
    Setup {
        dir,
        origin: ORIGIN.into(),
        signers: LogSigners::single(signer()),
        period_key: Secret::from([3; 32]),
        clock: Arc::new(ManualClock::new(Time(1_790_000_000_123))),
        rng: Arc::new(SeededRng::new(11)),
    }
}

/// Where there is one, a disk in memory: nothing here depends on a real sync, and it only takes time. `tests/slow.rs`
/// uses the disk.
fn temp() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn data_dir(path: &Path) -> DataDir {
    if path.join("FORMAT").exists() {
        DataDir::open(path).unwrap()
    } else {
        DataDir::create(path).unwrap()
    }
}

fn open(path: &Path) -> Result<Opened, OpenError> {
    Log::open(setup(&data_dir(path)))
}

/// Segments of a few batches, runs of a few segments, chunks that cut through terms.
const SMALL: Sizes = Sizes {
    journal_segment_bytes: 8 << 10,
    index: Cut {
        segment: 32,
        run: 4,
        chunk_bytes: 200,
    },
};

/// With small parts.
fn open_on(path: &Path, disk: Arc<dyn Disk>) -> Result<Opened, OpenError> {
    Log::open_on(setup(&data_dir(path)), disk, SMALL)
}

/// An entry that also changes one row of state.
fn event(n: usize) -> Event {
    let mut facts = Facts::new(Kind::Query, format!("spiffe://bank-{}.test/p", n % 3), METHOD, [9; 32]);
    facts.reference = format!("ref-{n}");
    facts.effects = vec![Effect::put(
        Table::Consent,
        format!("row-{}", n % 50),
        format!("value-{n}"),
    )];
    Event::new(facts)
}

fn block_on<T>(f: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(f)
}

/// Appends `from..to`, `width` at a time, and gives what was acknowledged: number of the event and its leaf.
fn append(log: &Log, events: std::ops::Range<usize>, width: usize) -> Vec<(usize, Receipt)> {
    block_on(async {
        let mut acknowledged = Vec::new();
        let numbers: Vec<_> = events.collect();
        for chunk in numbers.chunks(width) {
            let waiting: Vec<_> = chunk
                .iter()
                .filter_map(|n| Some((*n, log.reserve("p", METHOD).ok()?.append(event(*n)))))
                .collect();
            for (n, wait) in waiting {
                if let Ok(recorded) = wait.await {
                    acknowledged.push((n, recorded.into_parts().1));
                }
            }
        }
        acknowledged
    })
}

/// Every acknowledged entry is in the log where its receipt says, with the state it changed.
fn assert_kept(opened: &Opened, acknowledged: &[(usize, Receipt)]) {
    let head = opened.log.head();
    for (n, receipt) in acknowledged {
        assert!(receipt.index < head.size, "entry {} of {}", receipt.index, head.size);
        let entry = opened.log.entry(receipt.index).unwrap().unwrap();
        assert!(entry.leaf == receipt.leaf, "entry {}", receipt.index);
        let details = open_details(&Secret::from([3; 32]), ORIGIN, &entry.leaf, &entry.details).unwrap();
        assert_eq!(details.x.reference, format!("ref-{n}"));
        let proven = opened.log.prove_inclusion(receipt.index).unwrap();
        proof::verify_inclusion(&proven.leaf, proven.index, &proven.proof, head.size, &head.root).unwrap();
        let then = note::verify(&receipt.checkpoint, &vkey()).unwrap();
        let (consistency, now) = opened.log.prove_consistency(then.size, 0).unwrap();
        proof::verify_consistency(then.size, &then.root, now.size, &now.root, &consistency).unwrap();
    }
    // The newest acknowledged value of a row, or a newer one.
    for row in 0..50 {
        let newest = acknowledged
            .iter()
            .filter(|(n, _)| n % 50 == row)
            .map(|(n, _)| *n)
            .max();
        let Some(newest) = newest else { continue };
        let value = opened
            .state
            .row(Table::Consent, format!("row-{row}").as_bytes())
            .unwrap()
            .unwrap();
        let value: usize = String::from_utf8(value).unwrap()["value-".len()..].parse().unwrap();
        assert!(value >= newest, "row {row}");
    }
    assert_eq!(note::verify(&head.note, &vkey()).unwrap().size, head.size);
}
