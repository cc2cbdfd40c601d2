//! Opening entries with the keys that are left.
use crate::{
    audit::{Details, StoredEntry, open_details},
    crypto::Secret,
    limits::PEOPLE_PER_STEP,
    person,
    pipeline::Gate,
    refusal::Code,
    wire::{self, v1},
};

/// An entry as far as it can be opened.
pub struct Entry {
    /// What was hashed.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub leaf: v1::Leaf,
    /// What is sealed in it; `None` for a person whose key is destroyed.
    pub details: Option<Details>,
}

/// Entry `index`, opened with the period's key or with that of the person it is about.
///
/// # Errors
/// `LOG_RANGE` if the log has no such entry, `INTERNAL` if the store fails.
pub fn open(gate: &Gate, index: u64) -> Result<Entry, Code> {
    let stored = gate.log.entry(index).map_err(|_| Code::Internal)?;
    let stored = stored.ok_or(Code::LogRange)?;
    let details = match with(gate, &gate.period_key, &stored) {
        None => of_some_person(gate, &stored)?,
        details => details,
    };
    Ok(Entry {
        leaf: wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?,
        bytes: stored.leaf,
        details,
    })
}

fn with(gate: &Gate, key: &Secret<32>, stored: &StoredEntry) -> Option<Details> {
    open_details(key, gate.log.origin(), &stored.leaf, &stored.details).ok()
}

/// Tries the keys of everybody: an entry does not say whom it is about.
fn of_some_person(gate: &Gate, stored: &StoredEntry) -> Result<Option<Details>, Code> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let people = person::page(&*gate.state, &gate.person_keys.epoch, after.as_deref(), PEOPLE_PER_STEP);
        let people = people.map_err(|_| Code::Internal)?;
        if let Some(details) = people.iter().find_map(|(_, link)| with(gate, &link.details(), stored)) {
            return Ok(Some(details));
        }
        match people.last() {
            Some((token, _)) if people.len() == PEOPLE_PER_STEP => after = Some(token.0.to_vec()),
            _ => return Ok(None),
        }
    }
}
