//! The growing edge of the Merkle tree: what is needed to take in the next batch and to prove each of its entries.
//!
//! Hashing is that of the `tlog_tiles` crate (RFC 6962); nodes are numbered as it numbers them.
use tlog_tiles::{
    Error, Hash, HashReader, prove_record, record_hash, stored_hash_index, stored_hashes_for_record_hash,
    sub_tree_index, tree_hash,
};

/// Nodes below this level are not kept: they are computed from a block of 2^4 entries.
pub(super) const KEPT_LEVEL: u8 = 4;

/// The tree could not be extended: its edge does not fit its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the edge of the tree does not fit its size")]
pub(super) struct TreeError;

impl From<Error> for TreeError {
    fn from(_: Error) -> Self {
        TreeError
    }
}

/// The edge of a tree, and the batch that is being added to it.
#[derive(Clone)]
pub(super) struct Edge {
    size: u64,
    /// Roots of the complete subtrees that the tree is made of, by stored index.
    frontier: Vec<(u64, Hash)>,
    /// Nodes of the batch; their stored indexes follow one another from `base`.
    fresh: Vec<Hash>,
    base: u64,
    settled: u64,
    upper: Vec<(u64, [u8; 32])>,
}

impl Edge {
    /// From a size and the hashes of its complete subtrees, left to right.
    pub(super) fn from_parts(size: u64, hashes: &[[u8; 32]]) -> Result<Self, TreeError> {
        let indexes = frontier_indexes(size)?;
        if indexes.len() != hashes.len() {
            return Err(TreeError);
        }
        Ok(Self {
            size,
            frontier: indexes.into_iter().zip(hashes.iter().map(|h| Hash(*h))).collect(),
            fresh: Vec::new(),
            base: stored_hash_index(0, size),
            settled: size,
            upper: Vec::new(),
        })
    }

    /// The empty tree.
    pub(super) fn empty() -> Self {
        Self {
            size: 0,
            frontier: Vec::new(),
            fresh: Vec::new(),
            base: 0,
            settled: 0,
            upper: Vec::new(),
        }
    }

    /// Entries, with those of the batch.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the complete subtrees before the batch, left to right.
    pub(super) fn frontier(&self) -> Vec<[u8; 32]> {
        self.frontier.iter().map(|(_, h)| h.0).collect()
    }

    /// Adds an entry to the batch.
    pub(super) fn push(&mut self, leaf: &[u8]) -> Result<(), TreeError> {
        let hashes = stored_hashes_for_record_hash(self.size, record_hash(leaf), self)?;
        let at = stored_hash_index(0, self.size);
        for (index, hash) in (at..).zip(&hashes).skip(usize::from(KEPT_LEVEL)) {
            self.upper.push((index, hash.0));
        }
        self.fresh.extend_from_slice(&hashes);
        self.size += 1;
        Ok(())
    }

    /// RFC 6962 tree head, with the batch.
    pub(super) fn root(&self) -> Result<[u8; 32], TreeError> {
        Ok(tree_hash(self.size, self)?.0)
    }

    /// Inclusion proof of an entry of the batch.
    pub(super) fn prove(&self, index: u64) -> Result<Vec<[u8; 32]>, TreeError> {
        if index < self.settled {
            return Err(TreeError);
        }
        Ok(prove_record(self.size, index, self)?.into_iter().map(|h| h.0).collect())
    }

    /// Hash of a leaf of the batch.
    pub(super) fn leaf_hash(&self, index: u64) -> Result<[u8; 32], TreeError> {
        let hashes = self.read_hashes(&[stored_hash_index(0, index)])?;
        hashes.first().map(|hash| hash.0).ok_or(TreeError)
    }

    /// Nodes of the batch that the store keeps, by stored index.
    pub(super) fn upper(&self) -> &[(u64, [u8; 32])] {
        &self.upper
    }

    /// The batch is part of the tree.
    pub(super) fn settle(&mut self) -> Result<(), TreeError> {
        let indexes = frontier_indexes(self.size)?;
        let hashes = self.read_hashes(&indexes)?;
        self.frontier = indexes.into_iter().zip(hashes).collect();
        self.fresh.clear();
        self.upper.clear();
        self.base = stored_hash_index(0, self.size);
        self.settled = self.size;
        Ok(())
    }

    /// The batch is forgotten.
    pub(super) fn roll_back(&mut self) {
        self.fresh.clear();
        self.upper.clear();
        self.size = self.settled;
    }
}

/// No log is that long; the crate's arithmetic would overflow at the very end.
const SIZE_MAX: u64 = 1 << 60;

fn frontier_indexes(size: u64) -> Result<Vec<u64>, TreeError> {
    if size > SIZE_MAX {
        return Err(TreeError);
    }
    Ok(sub_tree_index(0, size, Vec::new()))
}

impl HashReader for Edge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = |index: &u64| match index.checked_sub(self.base) {
            Some(offset) => self.fresh.get(usize::try_from(offset).ok()?).copied(),
            None => self.frontier.iter().find(|(i, _)| i == index).map(|(_, h)| *h),
        };
        indexes.iter().map(|i| read(i).ok_or(Error::IndexesNotInTree)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::proof::verify_inclusion;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    type Oracle = MemoryBackedTree<sha2::Sha256, Vec<u8>>;

    proptest! {
        /// Batches of any sizes give the roots and the proofs that another implementation gives.
        #[test]
        fn agrees_with_ct_merkle(batches in prop::collection::vec(1usize..40, 1..12)) {
            let (mut edge, mut oracle) = (Edge::empty(), Oracle::new());
            for n in batches {
                let first = edge.size();
                edge.push(b"dropped").unwrap();
                edge.roll_back();
                for i in 0..n {
                    let leaf = format!("{first}+{i}").into_bytes();
                    edge.push(&leaf).unwrap();
                    oracle.push(leaf);
                }
                let (root, theirs) = (edge.root().unwrap(), oracle.root());
                prop_assert_eq!(&root[..], theirs.as_bytes().as_slice());
                for i in first..edge.size() {
                    let proof = edge.prove(i).unwrap();
                    let theirs = oracle.prove_inclusion(i as usize);
                    prop_assert_eq!(proof.concat(), theirs.as_bytes());
                    let leaf = oracle.get(i as usize).unwrap();
                    prop_assert!(verify_inclusion(leaf, i, &proof, edge.size(), &root).is_ok());
                }
                edge.settle().unwrap();
                edge = Edge::from_parts(edge.size(), &edge.frontier()).unwrap();
                prop_assert_eq!(edge.root().unwrap(), root);
            }
        }
    }

    #[test]
    fn an_edge_must_fit_its_size() {
        assert_eq!(Edge::from_parts(3, &[[0; 32]]).err(), Some(TreeError));
        assert_eq!(Edge::from_parts(u64::MAX, &[[0; 32]; 64]).err(), Some(TreeError));
    }
}
