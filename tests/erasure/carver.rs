//! The forensic tool: takes every box out of the raw files of a data directory, and tries every key that remains on it.
//!
//! Boxes come from the journal's frames (every one ever written), from the rows that both stores still show, and from what
//! was carved earlier: a removed row stays readable in a store's file. It shares no code with what it looks for.
use crate::support::Place;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};
use tollgate::{
    app::{Kept, judge_by},
    audit::{PersonTag, open_details},
    clock::{Clock, SystemClock},
    crypto::{Label, Rng, Secret, SystemRng, ctx, hmac, open_boxed},
    source::{LossRule, RecordStore},
    state::Table,
    store::{DataDir, vault::SledRecords},
    wire::{Message, store::v1 as stored},
};

/// One box, and where it stood.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Box {
    /// A row of the state: table, key, value.
    Row(u8, Vec<u8>, Vec<u8>),
    /// An entry: leaf and details.
    Details(Vec<u8>, Vec<u8>),
    /// A row of the vault.
    Record(Vec<u8>, Vec<u8>),
}

/// What was carved out of one directory.
pub(crate) struct Carved {
    pub(crate) boxes: BTreeSet<Box>,
    /// Of the keyring: shred epochs, and every other secret.
    pub(crate) epochs: Vec<[u8; 32]>,
    others: Vec<[u8; 32]>,
    pub(crate) catalogue: [u8; 32],
    pub(crate) origin: String,
    /// What the index tells of the person of each entry, to who has the period's key.
    pub(crate) tags: Vec<PersonTag>,
    /// The raw bytes of every file.
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
}

/// What opened, of one person.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) links: usize,
    pub(crate) standings: usize,
    pub(crate) details: usize,
    pub(crate) consents: usize,
    pub(crate) cases: usize,
    pub(crate) records: usize,
    pub(crate) tags: usize,
}

/// What opened, and how often it was tried.
pub(crate) struct Found {
    pub(crate) people: BTreeMap<Vec<u8>, Opened>,
    pub(crate) tried: usize,
}

/// Carves a stopped gateway's directory.
pub(crate) fn carve(place: &Place) -> Carved {
    let config = place.config();
    let at = config.gateway.data_dir.clone();
    let (mut boxes, mut tags) = (BTreeSet::new(), Vec::new());
    journal(&at, &mut boxes);
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
    let catalogue = judge_by(&config).unwrap().catalogue;
    let kept = Kept::open(&config, &catalogue, LossRule::Accept, &clock, &rng).unwrap();
    for table in [
        Table::SubjectLink,
        Table::Consent,
        Table::Erasure,
        Table::SubjectRequest,
    ] {
        for (key, value) in kept.state.rows(table, &[], None, usize::MAX).unwrap() {
            boxes.insert(Box::Row(table as u8, key, value));
        }
    }
    for index in 0.. {
        let Some(entry) = kept.log.entry(index).unwrap() else {
            break;
        };
        tags.extend(kept.log.person_of(index, &entry));
        boxes.insert(Box::Details(entry.leaf, entry.details));
    }
    let secret = |secret: Secret<32>| *secret.expose();
    let epochs = kept.keyring.epochs().all();
    let epochs = epochs.iter().map(|epoch| *epoch.key().expose()).collect();
    let others = vec![secret(kept.keyring.period_detail()), secret(kept.keyring.pseudonym())];
    drop((kept.log, kept.state, kept.vault));
    kept.worker.close().unwrap();
    let store = SledRecords::open(&DataDir::open(&at).unwrap().vault_dir()).unwrap();
    let mut record = |key: &[u8], value: &[u8]| {
        boxes.insert(Box::Record(key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    store.newest_first(&[], &mut record).unwrap();
    drop(store);
    let mut files = Vec::new();
    read_all(&at, &mut files);
    Carved {
        boxes,
        epochs,
        others,
        catalogue: catalogue.sha256(),
        origin: config.gateway.log_origin,
        tags,
        files,
    }
}

fn read_all(at: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_all(&path, files),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
}

/// Every frame of every segment, by its bytes.
fn journal(at: &Path, boxes: &mut BTreeSet<Box>) {
    let mut files = Vec::new();
    read_all(&at.join("journal"), &mut files);
    let mut entries = 0;
    for (_, bytes) in &files {
        for offset in 0..bytes.len() {
            if bytes[offset..].starts_with(b"TGF1") {
                entries += frame(&bytes[offset..], boxes).unwrap_or(0);
            }
        }
    }
    assert!(entries > 0, "the carver reads the journal");
}

fn frame(bytes: &[u8], boxes: &mut BTreeSet<Box>) -> Option<usize> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    // Magic, length, checksum; first, number, note.
    let count = number(20)?;
    let mut at = 28 + number(24)?;
    for _ in 0..count {
        let len = number(at)?;
        let entry = stored::Entry::decode(bytes.get(at + 4..at + 4 + len)?).ok()?;
        at += 4 + len;
        for effect in entry.effects {
            let value = effect.value.unwrap_or_default();
            boxes.insert(Box::Row(u8::try_from(effect.table).unwrap(), effect.key, value));
        }
        boxes.insert(Box::Details(entry.leaf, entry.details));
    }
    Some(count)
}

/// Tries every key of the keyring on every box, then every key that this gave, until nothing more opens.
pub(crate) fn open_all(boxes: &BTreeSet<Box>, keys: &Carved) -> Found {
    let mut found = Found {
        people: BTreeMap::new(),
        tried: 0,
    };
    let keyring: Vec<[u8; 32]> = keys.epochs.iter().chain(&keys.others).copied().collect();
    let mut links: BTreeMap<[u8; 32], Vec<u8>> = BTreeMap::new();
    for (index, one) in boxes.iter().enumerate() {
        for key in &keyring {
            found.tried += 1;
            match one {
                Box::Row(table, at, value) if *table == Table::SubjectLink as u8 => {
                    if let Ok(plain) = open_boxed(key, &ctx(Label::WrappedKey, &[&[*table], at]), value) {
                        let (token, link) = plain.split_at(32);
                        found.people.entry(token.to_vec()).or_default().links += 1;
                        links.insert(link.try_into().unwrap(), token.to_vec());
                    }
                }
                Box::Row(table, at, value) => {
                    if let Ok(plain) = open_boxed(key, &ctx(Label::Row, &[&[*table], at]), value)
                        && *table == Table::Erasure as u8
                    {
                        let standing = stored::Standing::decode(&plain[..]).unwrap();
                        if !standing.subject.is_empty() {
                            found.people.entry(standing.subject).or_default().standings += 1;
                        }
                    }
                }
                Box::Details(leaf, sealed) => {
                    if let Ok(details) = open_details(&Secret::from(*key), &keys.origin, leaf, sealed)
                        && !details.i.subject.is_empty()
                    {
                        panic!("box {index}: the keyring alone opens an entry that names a person");
                    }
                }
                Box::Record(at, value) => {
                    if let Some(token) = record(keys, key, at, value) {
                        found.people.entry(token).or_default().records += 1;
                    }
                }
            }
        }
    }
    for (link, token) in &links {
        let details = hmac(link, &ctx(Label::AuditDetails, &[]));
        let own = keys.tags.iter().filter(|tag| tag.is_of(&Secret::from(details))).count();
        found.tried += keys.tags.len();
        found.people.entry(token.clone()).or_default().tags += own;
        for one in boxes {
            found.tried += 1;
            let person = found.people.entry(token.clone()).or_default();
            match one {
                Box::Row(table, at, value) if *table == Table::Consent as u8 => {
                    let opened = open_boxed(link, &ctx(Label::Row, &[&[*table], at]), value);
                    person.consents += usize::from(opened.is_ok());
                }
                Box::Row(table, at, value) if *table == Table::SubjectRequest as u8 => {
                    let opened = open_boxed(link, &ctx(Label::Row, &[&[*table], at]), value);
                    person.cases += usize::from(opened.is_ok());
                }
                Box::Details(leaf, sealed) => {
                    let opened = open_details(&Secret::from(details), &keys.origin, leaf, sealed);
                    person.details += usize::from(opened.is_ok());
                }
                _ => {}
            }
        }
    }
    found
}

/// Whose record it is, if it opens to the end.
fn record(keys: &Carved, epoch: &[u8; 32], at: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let (person, number) = at.split_at_checked(32)?;
    let (index, rest) = value.split_at_checked(8)?;
    let (wrapped, sealed) = rest.split_at_checked(128)?;
    let plain = open_boxed(
        epoch,
        &ctx(Label::WrappedKey, &[b"record", person, number, index]),
        wrapped,
    )
    .ok()?;
    let (token, key) = plain.split_at(32);
    let place = ctx(Label::Row, &[b"record", token, number, index, &keys.catalogue]);
    let key: [u8; 32] = key.try_into().ok()?;
    open_boxed(&key, &place, sealed).ok()?;
    Some(token.to_vec())
}

/// In how many files these bytes stand.
pub(crate) fn occurs(files: &[(PathBuf, Vec<u8>)], needle: &[u8]) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    files
        .iter()
        .filter(|(_, bytes)| holds(bytes))
        .map(|(path, _)| path.clone())
        .collect()
}
