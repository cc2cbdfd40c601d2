//! A batch of records as the log knows it, and as the vault keeps its progress. The layouts are on disk.
use crate::state::{Effect, Table};

/// A batch that an entry of the log made visible: one row of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBatch {
    /// Given by the vault, ascending; part of every row's key.
    pub number: u64,
    /// Rows of the batch, duplicates included.
    pub rows: u64,
    /// People who have a visible record once this batch is; 0 where they were too many to count.
    pub subjects: u64,
    /// SHA-256 of the catalogue that the records follow.
    pub catalogue_sha256: [u8; 32],
    /// Chosen by who loads.
    pub id: String,
}

const VERSION: u8 = 1;

impl RecordBatch {
    /// The effect that makes the batch visible once it is recorded.
    pub fn effect(&self) -> Effect {
        Effect::put(Table::RecordBatch, self.number.to_be_bytes(), self.encode())
    }

    /// `version ‖ be64(number) ‖ be64(rows) ‖ be64(subjects) ‖ catalogue ‖ id`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for number in [self.number, self.rows, self.subjects] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.catalogue_sha256);
        out.extend_from_slice(self.id.as_bytes());
        out
    }

    /// `None` for bytes that [`RecordBatch::encode`] did not make.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (number, rest) = be64(rest)?;
        let (rows, rest) = be64(rest)?;
        let (subjects, rest) = be64(rest)?;
        let (catalogue_sha256, id) = rest.split_first_chunk::<32>()?;
        (*version == VERSION).then_some(())?;
        Some(Self {
            number,
            rows,
            subjects,
            catalogue_sha256: *catalogue_sha256,
            id: String::from_utf8(id.to_vec()).ok()?,
        })
    }
}

/// The eight bytes at the front as a number, and the rest.
pub(super) fn be64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_batches_come_back_and_cut_ones_do_not() {
        let batch = RecordBatch {
            number: 7,
            rows: 30_000,
            subjects: 29_999,
            catalogue_sha256: [3; 32],
            id: "monthly-2005-09".to_owned(),
        };
        let bytes = batch.encode();
        assert_eq!(RecordBatch::decode(&bytes), Some(batch));
        for cut in 0..57 {
            assert_eq!(RecordBatch::decode(&bytes[..cut]), None, "cut {cut}");
        }
    }
}
