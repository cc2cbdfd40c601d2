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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agreement::{Member, Partner, Role},
        domain::{ConsentId, Method, Scheme, SubjectRef},
        facts::{Facts, Kind},
        seal::{Opened, payload::Question},
    };
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    const FIELDS: &str = include_str!("../../docs/sample/fields.toml");

    /// Answers with fields of its own choice, or fails.
    struct Source(Result<FieldSet, SourceError>);

    impl RecordSource for Source {
        fn read<'a>(&'a self, _: &'a SubjectToken, _: FieldSet) -> Reading<'a> {
            let values = vec![vec![1], vec![2; 6], vec![3; 6], vec![4; 6]];
            let answer = self.0.clone().map(|set| Some(Row::trusted(Time(0), values).keep(set)));
            Box::pin(std::future::ready(answer))
        }
    }

    fn set(indexes: &[usize]) -> FieldSet {
        let mut set = FieldSet::default();
        indexes.iter().for_each(|i| set.insert(*i));
        set
    }

    fn case(subject: Option<SubjectToken>) -> Case<Permit> {
        let member = Member {
            id: "bank-a".parse().unwrap(),
            role: Role::Partner,
            uri: "spiffe://bank-a.example/partner/bank-a".to_owned(),
            signing_keys: Vec::new(),
            suites: Vec::new(),
            suspended: false,
            person: None,
            audit: None,
        };
        let question = Question {
            subject: SubjectRef::parse(Scheme::Opaque, "somebody").unwrap(),
            purpose: "credit.origination".parse().unwrap(),
            signals: Vec::new(),
            agreement: "a".parse().unwrap(),
            consent: ConsentId([0; 16]),
        };
        let opened = Opened::for_tests(Partner::for_tests(member), question);
        let mut facts = Facts::new(Kind::Query, "p", Method("/m"), [0; 32]);
        facts.subject = subject;
        Case::for_tests(facts, Permit::for_tests(opened, Vec::new(), set(&[0, 2])))
    }

    fn fetched(source: Source, subject: Option<SubjectToken>) -> Result<Case<Raw>, Refusal> {
        let mut fetching = pin!(fetch(&source, case(subject)));
        match fetching.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("this source is ready at once"),
        }
    }

    #[test]
    fn what_is_read_is_noted_and_stays_within_the_permit() {
        let somebody = Some(SubjectToken([1; 32]));
        let good = fetched(Source(Ok(set(&[0]))), somebody).ok().unwrap();
        assert_eq!(good.facts().fields_read, set(&[0]));
        assert!(good.proof().has_file());
        let code = |case: Result<Case<Raw>, Refusal>| case.err().unwrap().code();
        let surplus = fetched(Source(Ok(set(&[0, 1]))), somebody);
        assert_eq!(code(surplus), Code::Internal, "a source that gives more than was asked");
        let failed = fetched(Source(Err(SourceError("disk".to_owned()))), somebody);
        assert_eq!(code(failed), Code::Internal);
        assert_eq!(
            code(fetched(Source(Ok(set(&[0]))), None)),
            Code::Internal,
            "nobody was named"
        );
    }

    #[test]
    fn a_row_shows_nothing_outside_its_set() {
        let catalogue = Catalogue::load(FIELDS).unwrap();
        let values = vec![
            vec![1],
            vec![2; 6],
            vec![3; 6],
            vec![4; 6],
            vec![],
            vec![],
            vec![],
            vec![],
        ];
        let row = Row::new(&catalogue, Time(0), values).unwrap().keep(set(&[2]));
        assert_eq!(row.value(2), Some(&[3; 6][..]));
        assert_eq!((row.value(0), row.value(99)), (None, None));
        assert!(Row::new(&catalogue, Time(0), vec![vec![1]]).is_err());
    }
}
