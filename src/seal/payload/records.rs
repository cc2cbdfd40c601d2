//! The payloads of the record methods. Rows stay as sent: the catalogue that orders their values is `source`'s.
use super::{Payload, PayloadError, field};
use crate::{
    facts::Facts,
    limits::{ID_BYTES_MAX, LOAD_ROWS_MAX, MESSAGE_BYTES_MAX},
    wire::v1,
};

/// The payload of one message of Load.
pub struct LoadChunk {
    /// Chosen by the provider.
    pub batch_id: String,
    /// Index of the first row within the batch.
    pub first_row: u64,
    /// SHA-256 of the catalogue that orders the values.
    pub catalogue_sha256: [u8; 32],
    /// At most `LOAD_ROWS_MAX`.
    pub rows: Vec<v1::RecordRow>,
    /// The last chunk: make the batch visible.
    pub commit: bool,
}

impl Payload for LoadChunk {
    type Wire = v1::LoadChunk;
    const BYTES_MAX: usize = MESSAGE_BYTES_MAX;
    const SESSION_ONLY: bool = true;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        let graphic = wire.batch_id.bytes().all(|b| b.is_ascii_graphic());
        if !(1..=ID_BYTES_MAX).contains(&wire.batch_id.len()) || !graphic || wire.rows.len() > LOAD_ROWS_MAX {
            return Err(PayloadError::FieldInvalid);
        }
        Ok(Self {
            catalogue_sha256: field(wire.catalogue_sha256)?,
            batch_id: wire.batch_id,
            first_row: wire.first_row,
            rows: wire.rows,
            commit: wire.commit,
        })
    }
    fn note(&self, _: &mut Facts) {}
}

/// The payload of Correct: one person's record, replaced.
pub struct CorrectRecord {
    /// SHA-256 of the catalogue that orders the values.
    pub catalogue_sha256: [u8; 32],
    /// The new record.
    pub row: v1::RecordRow,
}

impl Payload for CorrectRecord {
    type Wire = v1::CorrectRecord;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        Ok(Self {
            catalogue_sha256: field(wire.catalogue_sha256)?,
            row: wire.row.ok_or(PayloadError::FieldInvalid)?,
        })
    }
    fn note(&self, _: &mut Facts) {}
}
