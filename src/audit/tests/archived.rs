//! A log that is over: what it gives, from its store or without one, and when it is not opened.
use super::{
    super::archive::{self, ArchiveSetup, FINAL_CHECKPOINT},
    *,
};
use crate::{
    audit::{disk::RealDisk, note::Checkpoint},
    store::LogStore,
};
use std::{fs, path::PathBuf};

const ENTRIES: usize = 200;

/// A log that was closed, with its final checkpoint beside it.
fn over(path: &Path) -> (u64, Vec<StoredEntry>) {
    let opened = open_on(path, Arc::new(RealDisk)).unwrap();
    append(&opened.log, 0..ENTRIES, 16);
    let head = opened.log.head();
    let entries = (0..head.size).map(|index| opened.log.entry(index).unwrap().unwrap());
    let entries = entries.collect();
    fs::write(path.join(FINAL_CHECKPOINT), &*head.note).unwrap();
    drop((opened.log, opened.state));
    opened.worker.close().unwrap();
    (head.size, entries)
}

fn read(path: &Path) -> Result<LogReader, OpenError> {
    let setup = ArchiveSetup {
        dir: path,
        key: &vkey(),
        period_key: &Secret::from([3; 32]),
    };
    archive::open(&setup, SMALL)
}

fn assert_same(path: &Path, size: u64, entries: &[StoredEntry]) {
    let log = read(path).unwrap();
    let head = log.head();
    assert_eq!((head.size, log.origin()), (size, ORIGIN));
    for (index, entry) in (0..).zip(entries) {
        assert!(log.entry(index).unwrap().as_ref() == Some(entry), "entry {index}");
        let proven = log.prove_inclusion(index).unwrap();
        proof::verify_inclusion(&proven.leaf, index, &proven.proof, head.size, &head.root).unwrap();
    }
    let query = Query {
        terms: vec![(Dimension::Kind, b"ENTRY_KIND_QUERY".to_vec())],
        ..Query::default()
    };
    let (mut found, mut before) = (0, Some(size));
    while let Some(at) = before {
        let page = log.search(&query, at, 50).unwrap();
        found += page.entries.len();
        before = page.next;
    }
    assert_eq!(found, ENTRIES);
    assert!(log.checkpoint_covering(size / 2).is_ok());
    log.close();
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(path.join("journal")).unwrap();
    let mut all: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn an_archive_is_read_from_any_store_or_none() {
    let temp = temp();
    let path = temp.path().join("log");
    let (size, entries) = over(&path);
    assert_same(&path, size, &entries);
    let store = || LogStore::open(&path.join("store"), ORIGIN).unwrap();
    let ways: [(&str, &dyn Fn()); 6] = [
        ("untouched", &|| ()),
        ("of a former format", &|| store().put_format_for_tests(1)),
        ("found damaged while it was read", &|| drop(store().damaged())),
        ("set back", &|| store().put_size(size - 1).unwrap()),
        ("gone", &|| fs::remove_dir_all(path.join("store")).unwrap()),
        ("with a mark that says nothing", &|| {
            fs::write(path.join("mark"), "").unwrap()
        }),
    ];
    for (way, harm) in ways {
        println!("{way}");
        harm();
        assert_same(&path, size, &entries);
    }
}

#[test]
fn an_archive_that_does_not_lead_to_its_checkpoint_is_not_opened() {
    let temp = temp();
    let path = temp.path().join("log");
    let (size, entries) = over(&path);
    let whole: Vec<_> = segments(&path)
        .into_iter()
        .map(|file| (fs::read(&file).unwrap(), file))
        .collect();
    assert!(whole.len() > 2);
    let (last, name) = whole.last().unwrap();
    // Shorter, with the store as it was and without one: neither is taken for the whole.
    for without_store in [false, true] {
        fs::remove_file(name).unwrap();
        if without_store {
            fs::remove_dir_all(path.join("store")).unwrap();
        }
        assert!(read(&path).is_err());
        fs::write(name, last).unwrap();
    }
    assert_same(&path, size, &entries);
    // A checkpoint of another size, of another key, none.
    let note = fs::read_to_string(path.join(FINAL_CHECKPOINT)).unwrap();
    let other = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: size - 1,
        root: [1; 32],
    };
    let other = note::sign(&*signer(), ORIGIN, &other.body()).unwrap();
    for bad in [other.as_str(), &note.replace("— ", "— x"), ""] {
        fs::write(path.join(FINAL_CHECKPOINT), bad).unwrap();
        assert!(read(&path).is_err(), "{bad}");
    }
    fs::write(path.join(FINAL_CHECKPOINT), note).unwrap();
    assert_same(&path, size, &entries);
}
