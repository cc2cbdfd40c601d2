//! The record vault: rows that were acknowledged are there, visible ones are never older than was said, and a damaged
//! vault says so.
//!
//! One thread writes; every value is higher than the one before, so a person's record is never lower than what was
//! acknowledged last.
mod damage;
mod full_disk;
mod kill;
mod life;

pub(super) use life::{checking, living};

use super::open;
use std::{path::Path, sync::Arc};
use tollgate::{
    audit::{Event, Opened},
    clock::{SystemClock, Time},
    crypto::{Secret, SystemRng},
    domain::{FieldSet, Method, Scheme, SubjectRef, SubjectToken},
    facts::{Facts, Kind},
    source::{Catalogue, Closing, LossRule, Row, TokenRow, Vault, VaultSetup},
    store::vault::SledRecords,
};

const FIELDS: &str = include_str!("../../../docs/sample/fields.toml");
const LOAD: Method = Method("/tollgate.v1.RecordsService/Load");
/// People.
const PEOPLE: u64 = 60;

/// Log and vault of one data directory.
struct Site {
    opened: Opened,
    vault: Arc<Vault>,
    catalogue: Arc<Catalogue>,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn open(dir: &Path) -> Result<Self, String> {
        let opened = open(dir).map_err(|e| e.to_string())?;
        let catalogue = Arc::new(Catalogue::load(FIELDS).unwrap());
        let vault = SledRecords::open(&dir.join("vault"))
            .map_err(Into::into)
            .and_then(|store| {
                Vault::open(VaultSetup {
                    store: Box::new(store),
                    catalogue: Arc::clone(&catalogue),
                    epochs: tollgate::keyring::Epochs::single(Secret::from([5; 32])),
                    rng: Arc::new(SystemRng::default()),
                    clock: Arc::new(SystemClock),
                    state: &*opened.state,
                    on_loss: LossRule::Refuse,
                })
            });
        match vault {
            Ok(vault) => Ok(Self {
                opened,
                vault: Arc::new(vault),
                catalogue,
                runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            }),
            Err(error) => {
                let _ = opened.worker.close();
                Err(error.to_string())
            }
        }
    }

    fn row(&self, person: u64, value: i64) -> TokenRow {
        // The day of the record carries the value: a row shows nothing else outside of the crate.
        let values = vec![Vec::new(); self.catalogue.fields().len()];
        TokenRow {
            token: token(person),
            row: Row::new(&self.catalogue, Time(value * 1_000), values).unwrap(),
        }
    }

    fn rows(&self, people: std::ops::Range<u64>, value: i64) -> Vec<TokenRow> {
        people.map(|person| self.row(person, value)).collect()
    }

    /// What a question would see; an error is a record that says it cannot be read.
    fn value(&self, person: u64) -> Result<Option<i64>, String> {
        let row = self.vault.read_now(&token(person), FieldSet::default());
        Ok(row.map_err(|e| e.to_string())?.map(|row| row.as_of().seconds()))
    }

    fn record(&self, closing: Closing) -> Result<(), String> {
        let mut facts = Facts::new(Kind::Records, "spiffe://bank-a.test/p", LOAD, [9; 32]);
        facts.effects = closing.effects();
        let recorded = self.runtime.block_on(self.opened.log.append(Event::new(facts)));
        recorded.map_err(|e| e.to_string())?;
        closing.recorded();
        Ok(())
    }

    fn sweep(&self, rows_max: usize) {
        while !self.vault.prune(rows_max).unwrap().done {}
    }

    /// A load of everybody, and its entry.
    fn load(&self, id: &str, value: i64) -> Result<(), String> {
        let staged = self.vault.stage(id, 0, self.rows(0..PEOPLE, value));
        staged.map_err(|e| e.to_string())?;
        self.record(self.vault.close(id).map_err(|e| e.to_string())?)
    }

    fn correct(&self, request: &str, person: u64, value: i64) -> Result<(), String> {
        let closing = self.vault.correct(request, self.row(person, value));
        self.record(closing.map_err(|e| e.to_string())?)
    }

    fn close(self) {
        drop(self.vault);
        self.opened.worker.close().unwrap();
    }
}

fn token(person: u64) -> SubjectToken {
    let subject = SubjectRef::parse(Scheme::Opaque, &format!("p{person}")).unwrap();
    subject.token(&Secret::from([6; 32]))
}

/// What acknowledgements promise: `all:VALUE`, `one:PERSON:VALUE`, `rows:ID:HELD`.
fn check(site: &Site, tokens: &[&str]) -> Result<(), String> {
    let mut least = vec![None::<i64>; PEOPLE as usize];
    for token in tokens {
        let words: Vec<_> = token.split(':').collect();
        match words.as_slice() {
            ["all", value] => least.fill(Some(value.parse().unwrap())),
            ["one", person, value] => least[person.parse::<usize>().unwrap()] = Some(value.parse().unwrap()),
            ["rows", id, held] => {
                let standing = site.vault.standing_of(id);
                let held: u64 = held.parse().unwrap();
                // A load that is gone was replaced as a whole: then asking for it says that it was visible.
                let whole = || site.vault.stage(id, 0, Vec::new()).is_ok_and(|staged| staged.visible);
                if standing.is_none_or(|(rows, _)| rows < held) && !whole() {
                    return Err(format!("`{id}` holds {standing:?}, {held} were acknowledged"));
                }
            }
            _ => return Err(format!("no token: `{token}`")),
        }
    }
    for (person, least) in (0..).zip(least) {
        let value = site.value(person)?;
        if value < least {
            return Err(format!("person {person} has {value:?}, acknowledged was {least:?}"));
        }
    }
    Ok(())
}
