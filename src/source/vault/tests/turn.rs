//! An epoch that is turned under a vault that serves: nobody misses a row, and nothing is left under the old key.
use super::*;
use crate::{
    keyring::{Keyring, RootSource},
    source::Walk,
};

struct Turning {
    dir: tempfile::TempDir,
    state: Rows,
    keyring: Keyring,
    rng: SeededRng,
}

impl Turning {
    fn new() -> Self {
        let (dir, rng) = (tempfile::tempdir().unwrap(), SeededRng::new(9));
        let keyring = Keyring::create(&dir.path().join("keys"), &RootSource::default(), Time(0), &rng, true).unwrap();
        Self {
            dir,
            state: Rows::default(),
            keyring,
            rng,
        }
    }

    fn open(&self) -> Arc<Vault> {
        let setup = setup(&self.dir.path().join("vault"), &self.state).unwrap();
        let opened = Vault::open(VaultSetup {
            epochs: self.keyring.epochs(),
            ..setup
        });
        Arc::new(opened.unwrap())
    }

    fn turn(&self) {
        self.keyring.turn_epoch(Time(0), &self.rng).unwrap().unwrap();
    }
}

/// Walks to the end; gives what moved.
fn walk(vault: &Vault) -> u64 {
    let mut walk = Walk::default();
    while !walk.done {
        vault.rewrap(&mut walk, 7).unwrap();
    }
    walk.moved
}

#[test]
fn rows_are_read_before_between_and_after() {
    let turning = Turning::new();
    let vault = turning.open();
    vault.stage("one", 0, rows(0..50, 1)).unwrap();
    commit(&vault, &turning.state, "one");
    turning.turn();
    // A correction and a load while both epochs open.
    record(&turning.state, vault.correct("a/1", row(3, 2)).unwrap());
    vault.stage("two", 0, rows(40..60, 3)).unwrap();
    let seen = |vault: &Vault| [0, 3, 45, 55].map(|n| limit(vault, n));
    assert_eq!(seen(&vault), [Some(1), Some(2), Some(1), None]);
    // Cut off after some steps, and after each of them everybody is found.
    let mut cut = Walk::default();
    for _ in 0..4 {
        vault.rewrap(&mut cut, 7).unwrap();
        assert_eq!(seen(&vault), [Some(1), Some(2), Some(1), None]);
        for n in 0..50 {
            assert!(limit(&vault, n).is_some(), "{n}");
        }
    }
    assert!(cut.moved > 0);
    drop(vault);
    let vault = turning.open();
    assert_eq!(seen(&vault), [Some(1), Some(2), Some(1), None]);
    // The sentinel is moved with the last step.
    assert_eq!(walk(&vault) + cut.moved, 50 + 1);
    assert_eq!(walk(&vault), 0, "nothing is left to move");
    commit(&vault, &turning.state, "two");
    assert_eq!(turning.keyring.destroy_epochs(&turning.rng).unwrap().len(), 1);
    assert_eq!(seen(&vault), [Some(1), Some(2), Some(3), Some(3)]);
    drop(vault);
    assert_eq!(seen(&turning.open()), [Some(1), Some(2), Some(3), Some(3)]);
}

#[test]
fn a_load_that_spans_a_turn_holds_each_row_once() {
    let turning = Turning::new();
    let vault = turning.open();
    vault.stage("one", 0, rows(0..20, 1)).unwrap();
    turning.turn();
    // The same chunk again, and one that names a person twice across the turn.
    let again = vault.stage("one", 0, rows(0..20, 1)).unwrap();
    assert!(again.left_out.duplicates.is_empty());
    assert_eq!(
        vault.stage("one", 20, vec![row(5, 9)]).unwrap().left_out.duplicates,
        [20]
    );
    assert_eq!(walk(&vault), 20);
    commit(&vault, &turning.state, "one");
    turning.keyring.destroy_epochs(&turning.rng).unwrap();
    assert_eq!((limit(&vault, 5), limit(&vault, 19)), (Some(1), Some(1)));
    assert_eq!(vault.count(None).unwrap(), Some(20));
}

/// A crash between the row at its new place and its removal at the old one.
#[test]
fn a_row_that_stands_twice_is_moved_once() {
    let turning = Turning::new();
    let vault = turning.open();
    vault.stage("one", 0, rows(0..3, 1)).unwrap();
    commit(&vault, &turning.state, "one");
    let key = key_of(&vault, 1, 1);
    let value = vault.store.row(&key).unwrap().unwrap();
    turning.turn();
    assert_eq!(walk(&vault), 3 + 1);
    vault.store.insert_new(&key, value).unwrap();
    assert_eq!(limit(&vault, 1), Some(1));
    assert_eq!(walk(&vault), 1);
    turning.keyring.destroy_epochs(&turning.rng).unwrap();
    assert_eq!((limit(&vault, 1), vault.count(None).unwrap()), (Some(1), Some(3)));
}

#[test]
fn a_removed_person_is_gone_under_both_epochs_and_is_not_added_again() {
    let turning = Turning::new();
    let vault = turning.open();
    vault.stage("one", 0, rows(0..5, 1)).unwrap();
    commit(&vault, &turning.state, "one");
    turning.turn();
    record(&turning.state, vault.correct("a/1", row(2, 2)).unwrap());
    vault.block([token(2)]);
    assert_eq!(limit(&vault, 2), None);
    let staged = vault.stage("two", 0, rows(0..5, 3)).unwrap();
    assert_eq!((staged.rows_held, staged.left_out.blocked), (5, vec![2]));
    assert_eq!(vault.remove(&token(2)).unwrap(), 2);
    commit(&vault, &turning.state, "two");
    assert_eq!((limit(&vault, 1), limit(&vault, 2)), (Some(3), None));
    vault.unblock(&token(2));
    assert_eq!(limit(&vault, 2), None, "not hidden, but gone");
}

/// Rows move about while the sweep walks: it must not take a batch for empty whose rows went past it.
#[test]
fn the_sweep_and_a_turn_do_not_lose_a_batch() {
    let turning = Turning::new();
    let vault = turning.open();
    vault.stage("one", 0, rows(0..40, 1)).unwrap();
    commit(&vault, &turning.state, "one");
    for n in 0..40 {
        record(&turning.state, vault.correct(&format!("a/{n}"), row(n, 100)).unwrap());
    }
    turning.turn();
    let mut walk = Walk::default();
    while !walk.done {
        vault.prune(2).unwrap();
        vault.rewrap(&mut walk, 9).unwrap();
    }
    while !vault.prune(5).unwrap().done {}
    turning.keyring.destroy_epochs(&turning.rng).unwrap();
    // Replaced is the load, whose rows the corrections took, and nothing else.
    let closing = vault.correct("a/40", row(40, 100)).unwrap();
    assert_eq!(closing.effects().len(), 2);
    record(&turning.state, closing);
    while !vault.prune(5).unwrap().done {}
    for n in 0..41 {
        assert_eq!(limit(&vault, n), Some(100), "{n}");
    }
}
