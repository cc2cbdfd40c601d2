//! Rows that a provider sends: already in the catalogue's order, checked here.
use super::{Catalogue, LeftOut, Row, TokenRow, ingest::MappedRow};
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

/// Rows for the vault; `None` if one does not fit the catalogue, or is dated after tomorrow.
pub fn token_rows(catalogue: &Catalogue, pseudonym: &Secret<32>, now: Time, rows: &[WireRow]) -> Option<Vec<TokenRow>> {
    rows.iter()
        .map(|row| {
            let as_of = Time(row.as_of_s.checked_mul(1000)?);
            not_ahead(as_of, now).then_some(())?;
            let values = row.values.iter().map(|v| v.numbers.clone()).collect();
            Some(TokenRow {
                token: subject_of(row)?.token(pseudonym),
                row: Row::new(catalogue, as_of, values).ok()?,
            })
        })
        .collect()
}

/// Whether a record may bear this date: one that lies ahead would never go stale. A day is for time zones.
pub(super) fn not_ahead(as_of: Time, now: Time) -> bool {
    as_of.since(now) <= 86_400_000
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
pub fn progress(rows_held: u64, visible: bool, left_out: LeftOut) -> Vec<u8> {
    v1::LoadProgress {
        rows_held,
        visible,
        duplicate_rows: left_out.duplicates,
        blocked_rows: left_out.blocked,
    }
    .encode_to_vec()
}

/// The answer to a correction.
pub fn corrected(blocked: bool, recipients: usize, answers: usize) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    v1::RecordCorrected {
        blocked,
        recipients: number(recipients),
        answers: number(answers),
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_after_tomorrow_is_none() {
        let catalogue = Catalogue::load(include_str!("../../docs/sample/fields.toml")).unwrap();
        let (now, day_s) = (Time(1_780_000_000_000), 86_400);
        let rows = |as_of_s: i64| {
            let row = WireRow {
                subject: Some(v1::Subject {
                    scheme: v1::SubjectScheme::Opaque as i32,
                    value: "p".to_owned(),
                }),
                as_of_s,
                values: vec![v1::FieldValue::default(); catalogue.fields().len()],
            };
            token_rows(&catalogue, &Secret::from([6; 32]), now, &[row])
        };
        assert!(rows(now.seconds() + day_s).is_some());
        assert!(rows(now.seconds() + day_s + 1).is_none());
        assert!(rows(i64::MAX / 1_000).is_none());
    }
}
