//! `LogReader`: a log as it is read, whether it takes entries or is over.
use super::{
    index::{PersonTag, Whom, row_of},
    past,
    reader::{Head, Inclusion, ProofError, StoredEntry},
    shared::Shared,
    stored::read_leaf,
};
use crate::{clock::Time, crypto::Secret, domain::SubjectToken, state::StateError, wire::v1};
use std::sync::Arc;

/// Reads a log. Cheap to clone. What it gives is what was published when it was asked; of a log that is over that never
/// changes.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The newest signed size.
    pub fn head(&self) -> Arc<Head> {
        self.shared.published.load().head.clone()
    }

    /// That the tree of `to` begins with the tree of `from`, for any two sizes that were published; `to` 0 is the newest.
    /// Also gives the newest head: the head of an earlier `to` is in the receipt or checkpoint that the asker has.
    pub fn prove_consistency(&self, from: u64, to: u64) -> Result<(Vec<[u8; 32]>, Arc<Head>), ProofError> {
        self.shared.read(|reader| {
            let head = reader.published.head.clone();
            let to = if to == 0 { head.size } else { to };
            Ok((reader.prove_consistency(from, to)?, head))
        })
    }

    /// That entry `index` is in the newest tree.
    pub fn prove_inclusion(&self, index: u64) -> Result<Inclusion, ProofError> {
        self.shared.read(|reader| reader.prove_inclusion(index))
    }

    /// That each of these entries is in the newest tree: the same for all, so that one checkpoint proves a page.
    pub fn prove_inclusions(&self, indexes: &[u64]) -> Result<Vec<Inclusion>, ProofError> {
        self.shared
            .read(|reader| indexes.iter().map(|index| reader.prove_inclusion(*index)).collect())
    }

    /// The smallest signed checkpoint that covers `size` entries, as it was signed. One before the newest is read from the
    /// journal, a segment at most: this blocks, and costs what reading 64 MiB costs.
    pub fn checkpoint_covering(&self, size: u64) -> Result<Arc<str>, ProofError> {
        past::covering(&self.shared, size)
    }

    /// An entry, or `None` past the end.
    pub fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StateError> {
        let read = self.shared.read(|reader| reader.entry(index));
        read.map_err(|e| StateError(e.to_string()))
    }

    /// Time of its first entry, if it has one.
    pub fn began(&self) -> Result<Option<Time>, StateError> {
        Ok(self.leaf(0)?.map(|(_, time)| time))
    }

    /// When this log began, if it continues another one: what that told is in an archive, and not found here.
    pub fn continues_since(&self) -> Result<Option<Time>, StateError> {
        let first = self.leaf(0)?.filter(|(leaf, _)| !leaf.continues.is_empty());
        Ok(first.map(|(_, time)| time))
    }

    /// When its newest entry was committed: never before any earlier one, whatever the clock says by now.
    pub fn newest_time(&self) -> Result<Time, StateError> {
        let newest = self.head().size.checked_sub(1).map(|last| self.leaf(last));
        let newest = newest.transpose()?.flatten();
        Ok(newest.map_or(Time(0), |(_, time)| time))
    }

    /// The leaf of an entry, and its time.
    fn leaf(&self, index: u64) -> Result<Option<(v1::Leaf, Time)>, StateError> {
        let Some(entry) = self.entry(index)? else {
            return Ok(None);
        };
        let damaged = |why| {
            StateError(format!(
                "entry {index} cannot be read: {why}; run `tollgate audit verify`"
            ))
        };
        let (leaf, time_ms) = read_leaf(&entry.leaf, index).map_err(damaged)?;
        Ok(Some((leaf, Time(time_ms))))
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// Whether it takes no more entries, for health.
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed()
    }

    /// Where the journal was found damaged since the start, and what to do, for health. What is damaged cannot be read; all
    /// else can, and entries are taken.
    pub fn damage(&self) -> Option<String> {
        self.shared.journal.damage().map(|damage| damage.to_string())
    }

    /// Whether ordinary entries are refused for want of room, for health. Looks at the disk and not at the last entry:
    /// while health says no, nobody may send the request that would find room again.
    pub fn is_disk_full(&self) -> bool {
        !self.shared.has_room()
    }

    /// What the index tells of the person of entry `index`.
    pub fn person_of(&self, index: u64, entry: &StoredEntry) -> Option<PersonTag> {
        let row = row_of(&self.shared.shelf.key, index, &entry.leaf, &entry.tags).ok()?;
        PersonTag::new(index, row.person)
    }

    /// A person to search for. `details_key` is that of the person's details, if there is one.
    pub fn whom(&self, token: &SubjectToken, details_key: Option<&Secret<32>>) -> Whom {
        self.shared.shelf.key.whom(token, details_key)
    }

    /// Lets go of the files of a log that is over; what is asked then fails.
    pub(super) fn close(&self) {
        self.shared.store.close();
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}
