//! The log as the institution reads it: leaves, and the details that its keys open.
use super::{Gateway, NOBODY, SAMPLE_ROWS, person};
use tollgate::{
    audit::open_details,
    crypto::Secret,
    person,
    wire::{decode_canonical, store, v1},
};

/// One entry, opened.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) leaf: v1::Leaf,
    /// What the partner may prove.
    pub(crate) x: v1::PartnerDetail,
    /// What only the institution knows.
    pub(crate) i: store::v1::InstitutionDetail,
    /// The details are under the key of a person, not of the period.
    pub(crate) of_person: bool,
}

/// The leaf: what is inside is not for printing, in tests neither.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.leaf.fmt(f)
    }
}

/// Every entry from `first` on.
pub(crate) fn entries(gateway: &Gateway, first: u64) -> Vec<Entry> {
    let keys = details_keys(gateway);
    (first..gateway.size())
        .map(|index| read(gateway, &keys, index))
        .collect()
}

/// The period's key, then those of the sample's people who ever gave a consent.
fn details_keys(gateway: &Gateway) -> Vec<Secret<32>> {
    let gate = gateway.gate();
    let links = (0..SAMPLE_ROWS).chain([NOBODY]).filter_map(|row| {
        let link = person::load(&*gate.state, &gate.person_keys.epochs, &person(gateway, row));
        link.unwrap().map(|link| link.details())
    });
    std::iter::once(gate.period_key.clone()).chain(links).collect()
}

fn read(gateway: &Gateway, keys: &[Secret<32>], index: u64) -> Entry {
    let log = &gateway.gate().log;
    let entry = log.entry(index).unwrap().unwrap();
    let opened = keys.iter().enumerate().find_map(|(number, key)| {
        let details = open_details(key, log.origin(), &entry.leaf, &entry.details);
        details.ok().map(|details| (number > 0, details))
    });
    let (of_person, details) = opened.unwrap_or_else(|| panic!("entry {index} opens with no key"));
    Entry {
        index,
        leaf: decode_canonical(&entry.leaf).unwrap(),
        x: details.x,
        i: details.i,
        of_person,
    }
}
