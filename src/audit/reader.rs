//! Reading the log: entries and proofs, bounded by what is published.
use super::{bytes::Bytes, index::SegmentRows, tree::KEPT_LEVEL};
use crate::{
    limits::BLOCK_ENTRIES,
    store::{LogStore, StoreError},
    wire::{Message, store::v1::Entry},
};
use std::{cell::RefCell, sync::Arc};
use tlog_tiles::{
    Error, Hash, HashReader, node_hash, prove_record, prove_tree, record_hash, split_stored_hash_index, tree_hash,
};

/// The newest signed size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// RFC 6962 tree head.
    pub root: [u8; 32],
    /// The signed checkpoint.
    pub note: Arc<str>,
}

/// An entry as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The leaf as hashed.
    pub leaf: Vec<u8>,
    /// Sealed details: see [`super::open_details`].
    pub details: Vec<u8>,
    /// What the index finds it by, masked.
    pub(super) tags: Vec<u8>,
}

/// That an entry is in the tree of the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The leaf as hashed.
    pub leaf: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// Hashes of 32 bytes.
    pub proof: Vec<[u8; 32]>,
    /// The checkpoint.
    pub head: Arc<Head>,
}

/// Why a proof cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The log has no such size or index.
    #[error("the log has no such size")]
    Range,
    /// The store could not be read, or holds something else than the log.
    #[error("the store could not be read: restart the gateway, it then builds the store again from the journal")]
    Store,
}

impl From<StoreError> for ProofError {
    fn from(_: StoreError) -> Self {
        ProofError::Store
    }
}

/// What readers may see: replaced as a whole, after the store has everything in it.
pub(super) struct Published {
    pub(super) head: Arc<Head>,
    /// Entries in sealed blocks; the rest is in `open`.
    pub(super) sealed: u64,
    pub(super) open: Vec<u8>,
    /// What the stored index lacks, oldest first.
    pub(super) tail: Vec<Arc<SegmentRows>>,
}

/// Reads one published state.
pub(super) struct Reader<'a> {
    pub(super) published: &'a Published,
    pub(super) store: &'a LogStore,
    block: RefCell<Option<(u64, Vec<Hash>)>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(published: &'a Published, store: &'a LogStore) -> Self {
        Self {
            published,
            store,
            block: RefCell::new(None),
        }
    }

    /// An entry, or `None` past the end.
    pub(super) fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        if index >= self.published.head.size {
            return Ok(None);
        }
        let within = usize::try_from(index % BLOCK_ENTRIES).unwrap_or(usize::MAX);
        let entry = self.block(index / BLOCK_ENTRIES)?.into_iter().nth(within);
        entry.map(Some).ok_or_else(|| self.store.damaged())
    }

    /// Entries of a block, as many as are published.
    pub(super) fn block(&self, number: u64) -> Result<Vec<StoredEntry>, StoreError> {
        let first = number * BLOCK_ENTRIES;
        if first >= self.published.sealed {
            return read_block(&self.published.open).ok_or_else(|| self.store.damaged());
        }
        let entries = read_block(&self.store.block(number)?);
        let whole = entries.filter(|e| e.len() as u64 == BLOCK_ENTRIES);
        whole.ok_or_else(|| self.store.damaged())
    }

    /// Entries from `from` to `until`, which are in sealed blocks, block by block.
    pub(super) fn each(
        &self,
        from: u64,
        until: u64,
        mut visit: impl FnMut(u64, &StoredEntry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for number in from / BLOCK_ENTRIES..until.div_ceil(BLOCK_ENTRIES) {
            let entries = self.block(number)?;
            let numbered = (number * BLOCK_ENTRIES..).zip(&entries);
            for (index, entry) in numbered.filter(|(index, _)| (from..until).contains(index)) {
                visit(index, entry)?;
            }
        }
        Ok(())
    }

    /// Root of the tree of an earlier size.
    pub(super) fn root(&self, size: u64) -> Result<[u8; 32], ProofError> {
        if size > self.published.head.size {
            return Err(ProofError::Range);
        }
        Ok(tree_hash(size, self).map_err(|_| ProofError::Store)?.0)
    }

    /// Consistency proof between two sizes that were published.
    pub(super) fn prove_consistency(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>, ProofError> {
        if from > to || to > self.published.head.size {
            return Err(ProofError::Range);
        }
        if from == 0 {
            return Ok(Vec::new());
        }
        let proof = prove_tree(to, from, self).map_err(|_| ProofError::Store)?;
        Ok(proof.into_iter().map(|h| h.0).collect())
    }

    /// Inclusion proof in the published tree.
    pub(super) fn prove_inclusion(&self, index: u64) -> Result<Inclusion, ProofError> {
        let entry = self.entry(index)?.ok_or(ProofError::Range)?;
        let head = self.published.head.clone();
        let proof = prove_record(head.size, index, self).map_err(|_| ProofError::Store)?;
        Ok(Inclusion {
            leaf: entry.leaf,
            index,
            proof: proof.into_iter().map(|h| h.0).collect(),
            head,
        })
    }

    /// Hash of the node: kept by the store, or computed from the block below it.
    fn node(&self, stored_index: u64) -> Option<Hash> {
        let (level, n) = split_stored_hash_index(stored_index);
        if level >= KEPT_LEVEL {
            return self.store.node(stored_index).ok()?.map(Hash);
        }
        let leaves = 1u64 << level;
        let first = n << level;
        let from = usize::try_from(first % BLOCK_ENTRIES).ok()?;
        let hashes = self.leaf_hashes(first / BLOCK_ENTRIES)?;
        let mut row = hashes.get(from..from + usize::try_from(leaves).ok()?)?.to_vec();
        while row.len() > 1 {
            row = row
                .chunks_exact(2)
                .filter_map(|pair| Some(node_hash(*pair.first()?, *pair.get(1)?)))
                .collect();
        }
        row.first().copied()
    }

    fn leaf_hashes(&self, number: u64) -> Option<Vec<Hash>> {
        let mut kept = self.block.borrow_mut();
        if let Some((_, hashes)) = kept.as_ref().filter(|(n, _)| *n == number) {
            return Some(hashes.clone());
        }
        let hashes: Vec<_> = self.block(number).ok()?.iter().map(|e| record_hash(&e.leaf)).collect();
        *kept = Some((number, hashes.clone()));
        Some(hashes)
    }
}

impl HashReader for Reader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes
            .iter()
            .map(|i| self.node(*i).ok_or(Error::IndexesNotInTree))
            .collect()
    }
}

/// Entries of a block; `None` if it is not one.
fn read_block(bytes: &[u8]) -> Option<Vec<StoredEntry>> {
    let mut bytes = Bytes(bytes);
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let entry = Entry::decode(bytes.slice()?).ok()?;
        out.push(StoredEntry {
            leaf: entry.leaf,
            details: entry.details,
            tags: entry.tags,
        });
    }
    Some(out)
}
