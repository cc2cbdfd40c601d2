//! A copy that is made while records are loaded, corrected, swept and struck holds what the log knew when it began.
use super::*;
use std::sync::atomic::Ordering;

/// The copy's rows and notes in a vault of their own, opened by what the log knew.
fn put_back(dir: &Path, state: &Rows, rows: Vec<StateRow>, notes: Vec<StateRow>) -> Arc<Vault> {
    let store = SledRecords::open(dir).unwrap();
    for (key, value) in rows {
        store.insert_new(&key, value).unwrap();
    }
    for (key, value) in notes {
        store.set_note(&key, Some(value)).unwrap();
    }
    store.sync().unwrap();
    drop(store);
    open(dir, state)
}

fn all(copying: &mut Copying, bytes: usize) -> Vec<StateRow> {
    let mut all = Vec::new();
    loop {
        let page = copying.page(bytes).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn what_was_replaced_meanwhile_is_in_it() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("one", 0, rows(0..60, 1)).unwrap();
    commit(&vault, &state, "one");
    vault.stage("open", 0, rows(0..10, 7)).unwrap();
    let mut copying = vault.copying().unwrap().unwrap();
    assert!(vault.copying().unwrap().is_none(), "one at a time");
    let known = Rows(Mutex::new(state.0.lock().unwrap().clone()));
    // A page, then everything is replaced, swept as far as it may be, and struck.
    let mut found = copying.page(2_000).unwrap();
    assert!(found.len() < 60);
    vault.stage("two", 0, rows(0..60, 2)).unwrap();
    commit(&vault, &state, "two");
    vault.stage("open", 10, rows(10..60, 7)).unwrap();
    while !vault.prune(16).unwrap().done {}
    record(&state, vault.correct("a/1", row(7, 100)).unwrap());
    found.extend(all(&mut copying, 2_000));
    let notes = copying.notes().unwrap();
    assert!(copying.is_whole());
    assert_eq!(copying.permille(), 1_000);
    drop(copying);
    assert!(!vault.copies.load(Ordering::Acquire));
    while !vault.prune(16).unwrap().done {}

    let back = tempfile::tempdir().unwrap();
    let copy = put_back(back.path(), &known, found, notes);
    for n in [0, 7, 59] {
        assert_eq!(limit(&copy, n), Some(1), "what the log knew when the copy began");
    }
    assert_eq!(copy.check(&mut |_| ()).unwrap(), Held { rows: 60, people: 60 });
    // The load that was under way goes on where it was when the copy began: not one row of it is taken for held.
    assert_eq!(copy.stage("open", 10, rows(10..60, 7)).unwrap().rows_held, 60);
    commit(&copy, &known, "open");
    assert_eq!((limit(&copy, 5), limit(&copy, 59)), (Some(7), Some(7)));
    assert_eq!(
        (limit(&vault, 7), limit(&vault, 8)),
        (Some(100), Some(2)),
        "the one that serves goes on"
    );
}

#[test]
fn a_copy_of_somebody_who_is_removed_or_of_an_epoch_that_is_turned_is_not_whole() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("one", 0, rows(0..60, 1)).unwrap();
    commit(&vault, &state, "one");
    let copying = vault.copying().unwrap().unwrap();
    let token = row(7, 1).token;
    vault.remove(&token).unwrap();
    assert!(!copying.is_whole());
    drop(copying);
    assert!(vault.copying().unwrap().unwrap().is_whole());
}

#[test]
fn a_row_that_was_changed_is_found_by_who_opens_all() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("one", 0, rows(0..60, 1)).unwrap();
    commit(&vault, &state, "one");
    assert_eq!(vault.check(&mut |_| ()).unwrap(), Held { rows: 60, people: 60 });
    drop(vault);
    let store = SledRecords::open(dir.path()).unwrap();
    let mut first = Vec::new();
    store
        .keys_from(&[], &mut |key| {
            first = key.to_vec();
            ControlFlow::Break(())
        })
        .unwrap();
    let mut value = store.row(&first).unwrap().unwrap();
    *value.last_mut().unwrap() ^= 1;
    store.remove(&first).unwrap();
    store.insert_new(&first, value).unwrap();
    store.sync().unwrap();
    drop(store);
    assert!(open(dir.path(), &state).check(&mut |_| ()).is_err());
}
