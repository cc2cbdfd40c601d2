//! Replaced rows and batches go, holes are noticed, and no reader is left with nothing in between.
use super::*;
use crate::state::Row as Pair;
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

#[test]
fn corrections_do_not_keep_the_sweep_from_its_end() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    for (id, value) in [("one", 1), ("two", 2)] {
        vault.stage(id, 0, rows(0..60, value)).unwrap();
        commit(&vault, &state, id);
    }
    let mut removed = 0;
    for n in 0..60 {
        removed += vault.prune(8).unwrap().removed;
        record(&state, vault.correct(&format!("a/{n}"), row(7, 100 + n)).unwrap());
    }
    assert!(
        removed >= 60,
        "{removed} rows went, 60 were replaced by the second load"
    );
    assert_eq!((limit(&vault, 7), limit(&vault, 8)), (Some(159), Some(2)));
}

#[test]
fn batches_without_a_row_are_struck_and_their_loads_are_not_taken_again() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    let sweep = |vault: &Vault| while !vault.prune(16).unwrap().done {};
    vault.stage("one", 0, rows(0..60, 1)).unwrap();
    commit(&vault, &state, "one");
    for n in 0..5 {
        record(&state, vault.correct(&format!("a/{n}"), row(7, 100)).unwrap());
    }
    vault.stage("two", 0, rows(0..60, 2)).unwrap();
    commit(&vault, &state, "two");
    sweep(&vault);
    assert_eq!(committed(&state).unwrap().len(), 7);
    // Not recorded: nothing is struck, and the next one strikes.
    drop(vault.correct("a/lost", row(8, 3)).unwrap());
    record(&state, vault.correct("a/9", row(8, 3)).unwrap());
    let named: Vec<String> = committed(&state).unwrap().into_iter().map(|batch| batch.id).collect();
    assert_eq!(named, ["two", "correct:a/9"]);
    assert!(vault.stage("one", 0, rows(0..60, 1)).unwrap().visible);
    drop(vault);

    let vault = open(dir.path(), &state);
    assert!(
        vault.stage("one", 0, rows(0..60, 1)).unwrap().visible,
        "after a restart too"
    );
    assert_eq!(vault.close("one").err(), Some(VaultError::NoSuchBatch));
    sweep(&vault);
    assert_eq!((limit(&vault, 7), limit(&vault, 8)), (Some(2), Some(3)));
}

#[test]
fn a_hole_is_noticed_after_a_correction_too() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..500, 1)).unwrap();
    commit(&vault, &state, "b");
    record(&state, vault.correct("a/1", row(3, 9)).unwrap());
    vault.store.remove(&key_of(&vault, 77, 1)).unwrap();
    vault.sync().unwrap();
    drop(vault);
    let opened = try_open(dir.path(), &state, FIELDS, LossRule::Refuse);
    assert_eq!(opened.err(), Some(VaultError::Shorter("correct:a/1".to_owned())));
}

type Between = Box<dyn Fn() + Send + Sync>;

/// The real store; somebody else works between a reader's look at the list of batches and its look at the rows.
struct Interrupted {
    store: SledRecords,
    between: Arc<OnceLock<Between>>,
    done: AtomicBool,
}

impl RecordStore for Interrupted {
    fn newest_first(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), SourceError> {
        if let Some(between) = self.between.get()
            && !self.done.swap(true, Ordering::SeqCst)
        {
            between();
        }
        self.store.newest_first(prefix, visit)
    }
    fn insert_new(&self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, SourceError> {
        self.store.insert_new(key, value)
    }
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        self.store.row(key)
    }
    fn keys_from(&self, first: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), SourceError> {
        self.store.keys_from(first, visit)
    }
    fn remove(&self, key: &[u8]) -> Result<(), SourceError> {
        self.store.remove(key)
    }
    fn note(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SourceError> {
        self.store.note(key)
    }
    fn notes(&self, prefix: &[u8]) -> Result<Vec<Pair>, SourceError> {
        self.store.notes(prefix)
    }
    fn set_note(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), SourceError> {
        self.store.set_note(key, value)
    }
    fn room(&self) -> Result<u64, SourceError> {
        self.store.room()
    }
    fn sync(&self) -> Result<(), SourceError> {
        self.store.sync()
    }
}

#[test]
fn a_reader_that_is_overtaken_by_a_commit_and_the_sweep_finds_the_new_row() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Arc::new(Rows::default()));
    let between = Arc::new(OnceLock::new());
    let store = Interrupted {
        store: SledRecords::open(dir.path()).unwrap(),
        between: Arc::clone(&between),
        done: AtomicBool::new(false),
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let vault = Arc::new(
        Vault::open(VaultSetup {
            store: Box::new(store),
            ..setup(elsewhere.path(), &state).unwrap()
        })
        .unwrap(),
    );
    for (id, value) in [("one", 1), ("two", 2)] {
        vault.stage(id, 0, rows(0..20, value)).unwrap();
    }
    commit(&vault, &state, "one");
    let (other, log) = (Arc::downgrade(&vault), Arc::clone(&state));
    let overtake = move || {
        let vault = other.upgrade().unwrap();
        commit(&vault, &log, "two");
        while !vault.prune(1_000).unwrap().done {}
    };
    assert!(between.set(Box::new(overtake)).is_ok());
    assert_eq!(limit(&vault, 3), Some(2));
}
