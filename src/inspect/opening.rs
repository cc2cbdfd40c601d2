//! Opening entries with the keys that are left.
use crate::{
    audit::{Details, PersonTag, StoredEntry, Volume, open_details},
    crypto::Secret,
    limits::{OPENED_BUCKETS_MAX, PEOPLE_PER_STEP},
    person,
    pipeline::Gate,
    refusal::Code,
    wire::{self, v1},
};
use std::collections::HashMap;

/// An entry as far as it can be opened.
pub struct Entry {
    /// The period of the log that it is in.
    pub period: u32,
    /// What was hashed.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub leaf: v1::Leaf,
    /// What is sealed in it; `None` for a person whose key is destroyed.
    pub details: Option<Details>,
}

/// Entry `index` of the period that takes entries, opened with the period's key or with that of the person it is about.
///
/// # Errors
/// `LOG_RANGE` if the log has no such entry, `INTERNAL` if the store fails.
pub fn open(gate: &Gate, index: u64) -> Result<Entry, Code> {
    Opener::new(gate, &gate.current(), None).open(index)
}

/// Opens the entries of one call. People's keys that it unwraps are gone with it: no erasure has to reach them.
pub struct Opener<'a> {
    gate: &'a Gate,
    volume: &'a Volume,
    /// Who most entries are about.
    likely: Option<Secret<32>>,
    buckets: HashMap<u8, Vec<Secret<32>>>,
}

impl<'a> Opener<'a> {
    /// For one call, and one period. `likely` is tried first.
    pub fn new(gate: &'a Gate, volume: &'a Volume, likely: Option<Secret<32>>) -> Self {
        Self {
            gate,
            volume,
            likely,
            buckets: HashMap::new(),
        }
    }

    /// See [`open`].
    ///
    /// # Errors
    /// See [`open`].
    pub fn open(&mut self, index: u64) -> Result<Entry, Code> {
        let stored = self.volume.log.entry(index).map_err(|_| Code::Internal)?;
        let stored = stored.ok_or(Code::LogRange)?;
        let details = match self.with(&self.volume.key, &stored) {
            Some(details) => Some(details),
            None => match self.volume.log.person_of(index, &stored) {
                Some(tag) => self.of_person(&tag, &stored)?,
                None => None,
            },
        };
        Ok(Entry {
            period: self.volume.period,
            leaf: wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?,
            bytes: stored.leaf,
            details,
        })
    }

    fn with(&self, key: &Secret<32>, stored: &StoredEntry) -> Option<Details> {
        open_details(key, self.volume.log.origin(), &stored.leaf, &stored.details).ok()
    }

    /// The entry says in which of 256 buckets its person is, and each key there says whether it is the one.
    fn of_person(&mut self, tag: &PersonTag, stored: &StoredEntry) -> Result<Option<Details>, Code> {
        if let Some(key) = self.likely.as_ref().filter(|key| tag.is_of(key)) {
            return Ok(self.with(key, stored));
        }
        let bucket = tag.bucket();
        if !self.buckets.contains_key(&bucket) {
            if self.buckets.len() >= OPENED_BUCKETS_MAX {
                self.buckets.clear();
            }
            let keys = self.unwrap_keys(bucket)?;
            self.buckets.insert(bucket, keys);
        }
        let keys = self.buckets.get(&bucket);
        let key = keys.and_then(|keys| keys.iter().find(|key| tag.is_of(key)));
        Ok(key.and_then(|key| self.with(key, stored)))
    }

    fn unwrap_keys(&self, bucket: u8) -> Result<Vec<Secret<32>>, Code> {
        let (state, epochs) = (&*self.gate.state, &self.gate.person_keys.epochs);
        let mut keys = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let people = person::page(state, epochs, Some(bucket), after.as_deref(), PEOPLE_PER_STEP);
            let people = people.map_err(|_| Code::Internal)?;
            keys.extend(people.iter().map(|(_, _, link)| link.details()));
            match people.last() {
                Some((row, ..)) if people.len() == PEOPLE_PER_STEP => after = Some(row.clone()),
                _ => return Ok(keys),
            }
        }
    }
}
