//! How batches begin and end: what is refused leaves nothing, what is closing is left alone.
use super::*;
use crate::{
    clock::ManualClock,
    crypto::{Broken, Rng},
    limits::LOAD_IDLE_MS,
};
use std::{collections::HashSet, thread};

#[test]
fn rows_that_are_refused_begin_no_batch() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    for n in 0..3 * OPEN_BATCHES_MAX {
        let id = format!("b{n}");
        let early = vault.stage(&id, 5, rows(5..6, 1));
        assert_eq!(early, Err(VaultError::OutOfOrder { rows_held: 0 }), "{id}");
        assert_eq!(vault.stage(&id, 0, Vec::new()).unwrap().rows_held, 0);
        assert_eq!(vault.standing_of(&id), None);
    }
    assert_eq!(vault.close("b0").err(), Some(VaultError::NoSuchBatch));
    drop(vault);
    assert!(open(dir.path(), &state).stage("good", 0, rows(0..1, 1)).is_ok());
}

#[test]
fn unfinished_loads_of_one_provider_block_no_other_and_the_idle_one_gives_way() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let clock = Arc::new(ManualClock::new(Time(1_000_000)));
    let opened = |at: &Path| {
        let setup = VaultSetup {
            clock: clock.clone(),
            ..setup(at, &state).unwrap()
        };
        Arc::new(Vault::open(setup).unwrap())
    };
    let vault = opened(dir.path());
    for n in 0..OPEN_BATCHES_MAX {
        vault.stage(&format!("a/{n}"), 0, rows(0..1, 1)).unwrap();
        clock.advance_ms(1);
    }
    assert_eq!(vault.stage("a/more", 0, rows(0..1, 1)), Err(VaultError::TooManyOpen));
    vault.stage("b/1", 0, rows(0..1, 1)).unwrap();
    record(&state, vault.correct("a/77", row(3, 9)).unwrap());
    assert_eq!(limit(&vault, 3), Some(9), "a correction needs no place among the loads");
    drop(vault);

    let vault = opened(dir.path());
    assert_eq!(vault.stage("a/more", 0, rows(0..1, 1)), Err(VaultError::TooManyOpen));
    clock.advance_ms(LOAD_IDLE_MS - 1);
    vault.stage("a/0", 1, rows(1..2, 1)).unwrap();
    clock.advance_ms(1);
    assert!(vault.stage("a/more", 0, rows(0..1, 1)).is_ok());
    assert_eq!(vault.standing_of("a/1"), None, "idle longest");
    assert_eq!(vault.standing_of("a/0"), Some((2, false)), "rows came a moment ago");
    assert_eq!(vault.standing_of("b/1"), Some((1, false)), "another provider's");
}

#[test]
fn a_correction_that_is_not_recorded_leaves_nothing() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..40, 1)).unwrap();
    commit(&vault, &state, "b");
    while !vault.prune(1_000).unwrap().done {}
    for n in 0..3 * OPEN_BATCHES_MAX {
        drop(vault.correct("a/1", row(3, 9)).unwrap());
        assert_eq!(limit(&vault, 3), Some(1), "{n}");
    }
    assert_eq!(vault.prune(1_000).unwrap().removed, 3 * OPEN_BATCHES_MAX);
    // One that a crash cut off.
    std::mem::forget(vault.correct("a/2", row(4, 9)).unwrap());
    assert_eq!(vault.correct("a/2", row(4, 9)).err(), Some(VaultError::Closing));
    vault.sync().unwrap();
    let left = tempfile::tempdir().unwrap();
    copy(dir.path(), left.path());
    let vault = open(left.path(), &state);
    assert_eq!(limit(&vault, 4), Some(1));
    assert_eq!(vault.prune(1_000).unwrap().removed, 1);
}

#[test]
fn a_batch_that_waits_for_its_entry_takes_no_rows_and_no_second_commit() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..20, 1)).unwrap();
    let closing = vault.close("b").unwrap();
    assert_eq!(vault.stage("b", 20, rows(20..21, 1)), Err(VaultError::Closing));
    assert_eq!(vault.close("b").err(), Some(VaultError::Closing));
    assert_eq!(vault.abandon("b"), Err(VaultError::Closing));
    // The append failed.
    drop(closing);
    assert_eq!(vault.stage("b", 20, rows(20..21, 1)).unwrap().rows_held, 21);
    commit(&vault, &state, "b");
    drop(vault);
    assert_eq!(limit(&open(dir.path(), &state), 20), Some(1));
}

#[test]
fn a_number_is_given_once_whatever_becomes_of_its_batch() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("interrupted", 0, rows(0..10, 1)).unwrap();
    vault.sync().unwrap();
    drop(vault);
    let other = FIELDS.replacen("meaning_zh", "# changed\nmeaning_zh", 1);
    // The catalogue changes: the note goes with one start, and the next knows nothing of the number from notes.
    for _ in 0..2 {
        drop(try_open(dir.path(), &state, &other, LossRule::Refuse).unwrap());
    }
    let vault = try_open(dir.path(), &state, &other, LossRule::Refuse).unwrap();
    vault.stage("again", 0, rows(0..20, 2)).unwrap();
    commit(&vault, &state, "again");
    assert_eq!(
        (limit(&vault, 3), limit(&vault, 13)),
        (Some(2), Some(2)),
        "not the rows of the interrupted load"
    );
}

/// Randomness that remembers which threads asked for it: sealing does.
struct Asked(SeededRng, Mutex<HashSet<thread::ThreadId>>);

impl Rng for Asked {
    fn fill(&self, out: &mut [u8]) -> Result<(), Broken> {
        self.1.lock().unwrap().insert(thread::current().id());
        self.0.fill(out)
    }
}

#[test]
fn a_load_beside_service_seals_on_one_thread() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let asked = Arc::new(Asked(SeededRng::new(1), Mutex::default()));
    let rng: Arc<dyn Rng> = asked.clone();
    let vault = Vault::open(VaultSetup {
        rng,
        ..setup(dir.path(), &state).unwrap()
    })
    .unwrap();
    vault.stage_beside_service("b", 0, rows(0..512, 1)).unwrap();
    assert_eq!(*asked.1.lock().unwrap(), HashSet::from([thread::current().id()]));
}
