//! Reading the log: entries and proofs, bounded by what is published.
use super::{
    index::SegmentRows,
    journal::Place,
    position::{self, JournalReader, Position, Unreadable},
    tree::KEPT_LEVEL,
};
use crate::{
    limits::BLOCK_ENTRIES,
    store::{LogStore, StoreError},
};
use std::{cell::RefCell, rc::Rc, sync::Arc};
use tlog_tiles::{Error, Hash, HashReader, node_hash, prove_record, prove_tree, split_stored_hash_index, tree_hash};

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

/// Why an entry cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store may be sound; what it points to is not.
    #[error(transparent)]
    Journal(#[from] Unreadable),
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
    /// A part of the journal could not be read; the rest can.
    #[error("the journal could not be read there: restore it from a backup; the gateway's own log says which file")]
    Journal,
}

impl From<ReadError> for ProofError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(_) => ProofError::Store,
            ReadError::Journal(_) => ProofError::Journal,
        }
    }
}

/// What readers may see: replaced as a whole, after the store has everything in it.
pub(super) struct Published {
    pub(super) head: Arc<Head>,
    /// Behind the last frame of the journal that the head covers.
    pub(super) end: Place,
    /// Entries in sealed blocks; where the rest stands is in `open`.
    pub(super) sealed: u64,
    pub(super) open: Vec<Position>,
    /// What the stored index lacks, oldest first.
    pub(super) tail: Vec<Arc<SegmentRows>>,
}

/// Reads one published state.
pub(super) struct Reader<'a> {
    pub(super) published: &'a Published,
    pub(super) store: &'a LogStore,
    journal: &'a JournalReader,
    /// The block that was looked at last: proofs and pages need the same one again.
    block: RefCell<Option<(u64, Rc<[Position]>)>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(published: &'a Published, store: &'a LogStore, journal: &'a JournalReader) -> Self {
        Self {
            published,
            store,
            journal,
            block: RefCell::new(None),
        }
    }

    /// An entry, or `None` past the end.
    pub(super) fn entry(&self, index: u64) -> Result<Option<StoredEntry>, ReadError> {
        if index >= self.published.head.size {
            return Ok(None);
        }
        let within = usize::try_from(index % BLOCK_ENTRIES).unwrap_or(usize::MAX);
        let block = self.positions(index / BLOCK_ENTRIES)?;
        let at = block.get(within).ok_or_else(|| self.store.damaged())?;
        Ok(Some(self.journal.read(at)?))
    }

    /// Where the entries of a block stand, as many as are published.
    pub(super) fn positions(&self, number: u64) -> Result<Rc<[Position]>, StoreError> {
        let mut kept = self.block.borrow_mut();
        if let Some((_, block)) = kept.as_ref().filter(|(n, _)| *n == number) {
            return Ok(block.clone());
        }
        let block: Rc<[Position]> = if number * BLOCK_ENTRIES >= self.published.sealed {
            self.published.open.as_slice().into()
        } else {
            let block = position::decode(&self.store.block(number)?);
            block.ok_or_else(|| self.store.damaged())?.into()
        };
        *kept = Some((number, block.clone()));
        Ok(block)
    }

    /// Entries from `from` to `until`, in order.
    pub(super) fn each(
        &self,
        from: u64,
        until: u64,
        mut visit: impl FnMut(u64, &StoredEntry) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for index in from..until {
            let entry = self.entry(index)?.ok_or_else(|| self.store.damaged())?;
            visit(index, &entry)?;
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
        let block = self.positions(first / BLOCK_ENTRIES).ok()?;
        let leaves = block.get(from..from + usize::try_from(leaves).ok()?)?;
        let mut row: Vec<_> = leaves.iter().map(|at| Hash(at.leaf_hash)).collect();
        while row.len() > 1 {
            row = row
                .chunks_exact(2)
                .filter_map(|pair| Some(node_hash(*pair.first()?, *pair.get(1)?)))
                .collect();
        }
        row.first().copied()
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
