//! Rows that a provider sends: already in the catalogue's order, checked here.
use super::{Catalogue, Row, TokenRow, ingest::MappedRow};
use crate::{
    clock::Time,
    crypto::Secret,
    domain::{Scheme, SubjectRef},
    wire::{Message, v1},
};

/// A row as sent.
pub type WireRow = v1::RecordRow;

/// The person of a row, if the identity is well formed.
pub fn subject_of(row: &WireRow) -> Option<SubjectRef> {
    let subject = row.subject.as_ref()?;
    let scheme = match v1::SubjectScheme::try_from(subject.scheme).ok()? {
        v1::SubjectScheme::CnResidentId => Scheme::CnResidentId,
        v1::SubjectScheme::CnMobile => Scheme::CnMobile,
        v1::SubjectScheme::Opaque => Scheme::Opaque,
        v1::SubjectScheme::Unspecified => return None,
    };
    SubjectRef::parse(scheme, &subject.value).ok()
}

/// Rows for the vault; `None` if one does not fit the catalogue.
pub fn token_rows(catalogue: &Catalogue, pseudonym: &Secret<32>, rows: &[WireRow]) -> Option<Vec<TokenRow>> {
    rows.iter()
        .map(|row| {
            let as_of = Time(row.as_of_s.checked_mul(1000)?);
            let values = row.values.iter().map(|v| v.numbers.clone()).collect();
            Some(TokenRow {
                token: subject_of(row)?.token(pseudonym),
                row: Row::new(catalogue, as_of, values).ok()?,
            })
        })
        .collect()
}

/// A mapped row as it is sent to a running gateway.
pub fn wire_row(mapped: &MappedRow) -> WireRow {
    let scheme = match mapped.subject.scheme() {
        Scheme::CnResidentId => v1::SubjectScheme::CnResidentId,
        Scheme::CnMobile => v1::SubjectScheme::CnMobile,
        Scheme::Opaque => v1::SubjectScheme::Opaque,
    };
    let values = mapped.row.values().iter();
    v1::RecordRow {
        subject: Some(v1::Subject {
            scheme: scheme as i32,
            value: mapped.subject.value().to_owned(),
        }),
        as_of_s: mapped.row.as_of().seconds(),
        values: values
            .map(|numbers| v1::FieldValue {
                numbers: numbers.clone(),
            })
            .collect(),
    }
}

/// The answer to a chunk.
pub fn progress(rows_held: u64, visible: bool, duplicate_rows: Vec<u64>) -> Vec<u8> {
    v1::LoadProgress {
        rows_held,
        visible,
        duplicate_rows,
    }
    .encode_to_vec()
}
