//! Visibility, resumption, damage: against real sled files.
mod copying;
mod endings;
mod sweep;
mod turn;

use super::{
    place::{RECORD, row_key},
    *,
};
use crate::{
    clock::{SystemClock, Time},
    crypto::{Secret, SeededRng},
    domain::{Scheme, SubjectRef},
    limits::OPEN_BATCHES_MAX,
    state::{Row as StateRow, State, StateError},
    store::vault::SledRecords,
};
use std::{collections::BTreeMap, path::Path};

#[derive(Default)]
struct Rows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Rows {
    fn apply(&self, effect: Effect) {
        assert_eq!(effect.table, Table::RecordBatch);
        let mut rows = self.0.lock().unwrap();
        match effect.value {
            Some(value) => rows.insert(effect.key, value),
            None => rows.remove(&effect.key),
        };
    }
}

impl State for Rows {
    fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn rows(&self, _: Table, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<StateRow>, StateError> {
        let rows = self.0.lock().unwrap();
        Ok(rows.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

fn sample() -> &'static Catalogue {
    static SAMPLE: std::sync::OnceLock<Catalogue> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| Catalogue::load(FIELDS).unwrap())
}

const FIELDS: &str = include_str!("../../../docs/sample/fields.toml");

fn setup<'a>(dir: &Path, state: &'a Rows) -> Result<VaultSetup<'a>, VaultError> {
    Ok(VaultSetup {
        store: Box::new(SledRecords::open(dir)?),
        catalogue: Arc::new(Catalogue::load(FIELDS).unwrap()),
        epochs: Epochs::single(Secret::from([5; 32])),
        rng: Arc::new(SeededRng::new(1)),
        clock: Arc::new(SystemClock),
        state,
        on_loss: LossRule::Refuse,
    })
}

fn try_open(dir: &Path, state: &Rows, fields: &str, on_loss: LossRule) -> Result<Arc<Vault>, VaultError> {
    let catalogue = Arc::new(Catalogue::load(fields).unwrap());
    let opened = Vault::open(VaultSetup {
        catalogue,
        on_loss,
        ..setup(dir, state)?
    });
    opened.map(Arc::new)
}

fn open(dir: &Path, state: &Rows) -> Arc<Vault> {
    try_open(dir, state, FIELDS, LossRule::Refuse).unwrap()
}

/// The key of a person's row, by the epoch in use.
fn key_of(vault: &Vault, n: u64, number: u64) -> Vec<u8> {
    let epoch = vault.epochs.active().unwrap();
    row_key(&epoch.row_key(RECORD, &token(n)), number)
}

fn token(n: u64) -> SubjectToken {
    let subject = SubjectRef::parse(Scheme::Opaque, &format!("p{n}")).unwrap();
    subject.token(&Secret::from([6; 32]))
}

fn row(n: u64, limit: i64) -> TokenRow {
    let mut values = vec![vec![limit]];
    values.resize(sample().fields().len(), Vec::new());
    TokenRow {
        token: token(n),
        row: Row::new(sample(), Time(0), values).unwrap(),
    }
}

fn rows(range: std::ops::Range<u64>, limit: i64) -> Vec<TokenRow> {
    range.map(|n| row(n, limit)).collect()
}

fn all() -> FieldSet {
    let mut fields = FieldSet::default();
    (0..8).for_each(|i| fields.insert(i));
    fields
}

fn limit(vault: &Vault, n: u64) -> Option<i64> {
    let row = vault.read_now(&token(n), all()).unwrap()?;
    row.value(0).unwrap().first().copied()
}

fn record(state: &Rows, closing: Closing) {
    closing.effects().into_iter().for_each(|effect| state.apply(effect));
    closing.recorded();
}

fn commit(vault: &Arc<Vault>, state: &Rows, id: &str) {
    record(state, vault.close(id).unwrap());
}

#[test]
fn a_half_loaded_batch_is_never_visible_and_continues_where_it_stood() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    assert_eq!(vault.stage("b", 0, rows(0..300, 7)).unwrap().rows_held, 300);
    vault.sync().unwrap();
    assert_eq!(limit(&vault, 3), None);
    assert_eq!(
        vault.stage("b", 301, rows(301..302, 7)),
        Err(VaultError::OutOfOrder { rows_held: 300 })
    );
    drop(vault);

    let vault = open(dir.path(), &state);
    assert_eq!(vault.standing_of("b"), Some((300, false)));
    assert_eq!(limit(&vault, 3), None, "not after a restart either");
    // Sent again from before the point that is held: skipped, and no duplicate.
    let staged = vault.stage("b", 100, rows(100..400, 7)).unwrap();
    assert_eq!((staged.rows_held, staged.left_out.duplicates), (400, Vec::new()));
    commit(&vault, &state, "b");
    assert_eq!(
        (limit(&vault, 0), limit(&vault, 399), limit(&vault, 400)),
        (Some(7), Some(7), None)
    );
    drop(vault);

    let vault = open(dir.path(), &state);
    assert_eq!(limit(&vault, 399), Some(7));
    let again = vault.stage("b", 0, rows(0..5, 9)).unwrap();
    assert!(again.visible && again.rows_held == 400);
    assert_eq!(limit(&vault, 3), Some(7), "a visible batch does not change");
    assert_eq!(vault.close("b").err(), Some(VaultError::NoSuchBatch));
}

#[test]
fn a_person_who_occurs_twice_is_reported_and_not_overwritten() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    let mut chunk = rows(0..200, 1);
    chunk.push(row(5, 2));
    assert_eq!(vault.stage("b", 0, chunk).unwrap().left_out.duplicates, [200]);
    assert_eq!(
        vault.stage("b", 201, vec![row(6, 3)]).unwrap().left_out.duplicates,
        [201]
    );
    // A load that runs again over held rows reports the same.
    assert_eq!(
        vault.stage("b", 201, vec![row(6, 3)]).unwrap().left_out.duplicates,
        [201]
    );
    commit(&vault, &state, "b");
    assert_eq!((limit(&vault, 5), limit(&vault, 6)), (Some(1), Some(1)));
}

#[test]
fn the_batch_that_began_later_is_newer_and_old_rows_go_in_small_steps() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("one", 0, rows(0..50, 1)).unwrap();
    commit(&vault, &state, "one");
    vault.stage("long", 0, rows(0..50, 2)).unwrap();
    vault.stage("correction", 0, vec![row(7, 3)]).unwrap();
    commit(&vault, &state, "correction");
    assert_eq!((limit(&vault, 7), limit(&vault, 8)), (Some(3), Some(1)));
    commit(&vault, &state, "long");
    assert_eq!(
        (limit(&vault, 7), limit(&vault, 8)),
        (Some(3), Some(2)),
        "the correction stands"
    );
    vault.stage("open", 0, rows(0..10, 4)).unwrap();
    vault.stage("given-up", 0, rows(0..10, 5)).unwrap();
    vault.abandon("given-up").unwrap();

    let (mut removed, mut steps) = (0, 0);
    loop {
        let pruned = vault.prune(8).unwrap();
        removed += pruned.removed;
        steps += 1;
        if pruned.done {
            break;
        }
    }
    // 50 of the first batch, one of `long` behind the correction, 10 that were given up.
    assert_eq!(removed, 61);
    assert!(steps > 5, "{steps}");
    assert_eq!((limit(&vault, 7), limit(&vault, 8)), (Some(3), Some(2)));
    commit(&vault, &state, "open");
    assert_eq!(
        (limit(&vault, 8), limit(&vault, 11)),
        (Some(4), Some(2)),
        "unfinished loads were left alone"
    );
    drop(vault);
    assert_eq!(limit(&open(dir.path(), &state), 7), Some(4));
}

#[test]
fn limits_and_ids() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    for bad in ["", "a b", "ü", &"x".repeat(129)] {
        assert_eq!(vault.stage(bad, 0, Vec::new()), Err(VaultError::BatchId));
    }
    for n in 0..OPEN_BATCHES_MAX {
        vault.stage(&format!("b{n}"), 0, rows(0..1, 1)).unwrap();
    }
    assert_eq!(vault.stage("more", 0, rows(0..1, 1)), Err(VaultError::TooManyOpen));
    vault.abandon("b0").unwrap();
    assert!(vault.stage("more", 0, rows(0..1, 1)).is_ok());
    assert_eq!(vault.abandon("b0"), Err(VaultError::NoSuchBatch));
}

#[test]
fn only_what_was_asked_for_is_read() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..1, 1)).unwrap();
    commit(&vault, &state, "b");
    let mut asked = FieldSet::default();
    asked.insert(2);
    let row = vault.read_now(&token(0), asked).unwrap().unwrap();
    assert_eq!(row.value(0), None);
    assert_eq!(row.value(2), Some(&[][..]));
    assert!(row.values().iter().all(Vec::is_empty), "what was not asked for is gone");
}

#[test]
fn rows_do_not_open_in_another_place_or_changed() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..2, 1)).unwrap();
    commit(&vault, &state, "b");
    let (one, two) = (key_of(&vault, 0, 1), key_of(&vault, 1, 1));
    let (first, second) = (
        vault.store.row(&one).unwrap().unwrap(),
        vault.store.row(&two).unwrap().unwrap(),
    );
    let put = |key: &[u8], value: Vec<u8>| {
        vault.store.remove(key).unwrap();
        vault.store.insert_new(key, value).unwrap();
    };
    let epoch = vault.epochs.active().unwrap();
    put(&one, second);
    assert!(vault.read_now(&token(0), all()).is_err(), "another person's record");
    for i in 0..first.len() {
        let mut bad = first.clone();
        bad[i] ^= 1;
        assert!(vault.open_row(&epoch, &token(0), 1, &bad).is_none(), "byte {i}");
        assert!(vault.open_row(&epoch, &token(0), 1, &first[..i]).is_none(), "cut {i}");
    }
    assert!(vault.open_row(&epoch, &token(0), 2, &first).is_none(), "another batch");
    put(&one, first);
    assert_eq!(limit(&vault, 0), Some(1));
}

#[test]
fn a_vault_that_is_shorter_than_the_log_does_not_open() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..2_000, 1)).unwrap();
    commit(&vault, &state, "b");
    drop(vault);

    // One row is gone: the sentinel is there, the count is not.
    let vault = open(dir.path(), &state);
    let key = key_of(&vault, 77, 1);
    let kept = vault.store.row(&key).unwrap().unwrap();
    vault.store.remove(&key).unwrap();
    vault.sync().unwrap();
    drop(vault);
    let refuse = |fields| try_open(dir.path(), &state, fields, LossRule::Refuse).err();
    assert_eq!(refuse(FIELDS), Some(VaultError::Shorter("b".to_owned())));
    let vault = try_open(dir.path(), &state, FIELDS, LossRule::Accept).unwrap();
    assert_eq!(limit(&vault, 1), None, "nothing of a lost batch is answered");
    assert_eq!(vault.forget_lost().len(), 1);
    drop(vault);
    let vault = SledRecords::open(dir.path()).unwrap();
    vault.insert_new(&key, kept).unwrap();
    drop(vault);

    // Another catalogue: records would be read by other names.
    let other = FIELDS.replacen("meaning_zh", "# changed\nmeaning_zh", 1);
    assert_eq!(refuse(&other), Some(VaultError::OtherCatalogue("b".to_owned())));
}

#[test]
fn a_truncated_file_is_noticed_and_can_be_loaded_again() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..3_000, 1)).unwrap();
    commit(&vault, &state, "b");
    drop(vault);
    let db = dir.path().join("db");
    let whole = std::fs::read(&db).unwrap();
    for share in [0, 1, 2, 4, 6, 7] {
        let cut = tempfile::tempdir().unwrap();
        copy(dir.path(), cut.path());
        std::fs::write(cut.path().join("db"), &whole[..whole.len() / 8 * share]).unwrap();
        let opened = try_open(cut.path(), &state, FIELDS, LossRule::Refuse);
        assert!(opened.is_err(), "{share}/8 of the file opens");
    }
    std::fs::remove_dir_all(dir.path()).unwrap();
    let vault = try_open(dir.path(), &state, FIELDS, LossRule::Accept).unwrap();
    vault.stage("again", 0, rows(0..10, 2)).unwrap();
    let strikes = vault.forget_lost();
    commit(&vault, &state, "again");
    strikes.into_iter().for_each(|effect| state.apply(effect));
    drop(vault);
    assert_eq!(limit(&open(dir.path(), &state), 1), Some(2));
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn values_stay_out_of_the_blob_folder() {
    let (dir, state) = (tempfile::tempdir().unwrap(), Rows::default());
    let vault = open(dir.path(), &state);
    vault.stage("b", 0, rows(0..3_000, 1)).unwrap();
    commit(&vault, &state, "b");
    let blobs = std::fs::read_dir(dir.path().join("blobs")).map_or(0, Iterator::count);
    assert_eq!(blobs, 0, "sled does not fsync blobs");
}
