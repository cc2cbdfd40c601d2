//! A person's values on their way through the gateway: read by lineage, zeroised, never printed.
//!
//! This is the only step that touches a record, and it reads what the permit names and nothing else.
use super::{Catalogue, RowProblem};
use crate::{
    case::{After, Case},
    clock::Time,
    domain::{FieldSet, SubjectToken},
    policy::Permit,
    refusal::{Code, Refusal},
};
use std::{future::Future, pin::Pin};
use zeroize::Zeroize;

/// Values of one person, one list per field of the catalogue. Zeroised on drop; no `Debug`, no `Clone`.
///
/// ```compile_fail,E0277
/// fn printed(row: &tollgate::source::Row) -> String { format!("{row:?}") }
/// ```
/// ```
/// fn printed(row: &tollgate::source::Row) -> String { format!("{:?}", row.as_of()) }
/// ```
pub struct Row {
    as_of: Time,
    read: FieldSet,
    values: Vec<Vec<i64>>,
}

impl Drop for Row {
    fn drop(&mut self) {
        self.values.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl Row {
    /// A full record; `values` has one list per field: empty where missing, months newest first.
    ///
    /// # Errors
    /// If it does not fit the catalogue. The values are zeroised then too.
    pub fn new(catalogue: &Catalogue, as_of: Time, values: Vec<Vec<i64>>) -> Result<Self, RowProblem> {
        let row = Self::trusted(as_of, values);
        catalogue.check(&row.values).map(|()| row)
    }

    /// From our own sealed bytes, which were checked before they were sealed.
    pub(super) fn trusted(as_of: Time, values: Vec<Vec<i64>>) -> Self {
        let mut read = FieldSet::default();
        (0..values.len()).for_each(|index| read.insert(index));
        Self { as_of, read, values }
    }

    /// Keeps the fields of `fields` only; the others are zeroised here.
    pub(super) fn keep(mut self, fields: FieldSet) -> Self {
        for (index, value) in self.values.iter_mut().enumerate() {
            if !fields.contains(index) {
                value.zeroize();
            }
        }
        self.read = fields;
        self
    }

    /// The day the record describes.
    pub fn as_of(&self) -> Time {
        self.as_of
    }

    /// Fields that were read.
    pub fn read(&self) -> FieldSet {
        self.read
    }

    /// The numbers of a field: empty where the record has none, `None` where the field was not read.
    pub(crate) fn value(&self, index: usize) -> Option<&[i64]> {
        if !self.read.contains(index) {
            return None;
        }
        self.values.get(index).map(Vec::as_slice)
    }

    /// All numbers, for sealing.
    pub(super) fn values(&self) -> &[Vec<i64>] {
        &self.values
    }
}

/// A record source failed. The detail is for the operator's log, and free of values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record source: {0}")]
pub struct SourceError(pub String);

/// What a source gives back in its own time.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Option<Row>, SourceError>> + Send + 'a>>;

/// Where records come from: the vault, or later an institution's own system.
pub trait RecordSource: Send + Sync {
    /// The given fields of one person; `None` if there is no file.
    fn read<'a>(&'a self, subject: &'a SubjectToken, fields: FieldSet) -> Reading<'a>;
}

/// Proof: the fields of the permit, and no others, were read.
///
/// ```compile_fail,E0277
/// fn printed(raw: &tollgate::source::Raw) -> String { format!("{raw:?}") }
/// ```
/// ```
/// fn printed(raw: &tollgate::source::Raw) -> String { format!("{:?}", raw.has_file()) }
/// ```
pub struct Raw {
    permit: Permit,
    row: Option<Row>,
}

impl After<Permit> for Raw {}

impl Raw {
    /// Whether the person has a record at all.
    pub fn has_file(&self) -> bool {
        self.row.is_some()
    }
    /// The permit this was read under.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
    pub(crate) fn row(&self) -> Option<&Row> {
        self.row.as_ref()
    }
    /// The values die here; the permit goes on.
    pub(crate) fn spend(self) -> Permit {
        self.permit
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(permit: Permit, row: Option<Row>) -> Self {
        Self { permit, row }
    }
}

/// Reads the lineage of the permitted signals.
///
/// # Errors
/// `INTERNAL` if the source fails, or answers with a field that was not asked for.
pub async fn fetch(source: &dyn RecordSource, mut case: Case<Permit>) -> Result<Case<Raw>, Refusal> {
    let fields = case.proof().fields();
    // Consent and policy have named the person by now; a case without one is a fault of ours.
    let Some(subject) = case.facts().subject else {
        return Err(case.refuse(Code::Internal));
    };
    match source.read(&subject, fields).await {
        Ok(row) if row.as_ref().is_none_or(|row| row.read().is_subset(&fields)) => {
            if let Some(row) = &row {
                case.note().fields_read = row.read();
            }
            Ok(case.then(|permit| Raw { permit, row }))
        }
        Ok(_) => Err(case.refuse(Code::Internal)),
        Err(error) => {
            tracing::error!(%error, "a record could not be read");
            Err(case.refuse(Code::Internal))
        }
    }
}
