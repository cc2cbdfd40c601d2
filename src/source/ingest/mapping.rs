//! The mapping file: which column becomes which field, and how. Every column is mapped or ignored by name.
use super::{Cell, MappedRow, Reject, convert::Convert, test_identity};
use crate::{
    clock::Time,
    crypto::sha256_parts,
    document::{self, DocumentError, did_you_mean},
    domain::{FieldPath, Scheme, SubjectRef},
    source::{Catalogue, Row, Shape, rows::not_ahead},
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};
use zeroize::Zeroizing;

/// Why a mapping is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not the expected document.
    #[error("mapping: {0}")]
    Document(#[from] DocumentError),
    /// It contradicts itself or the catalogue.
    #[error("mapping: {0}")]
    Unsound(String),
    /// The file and the mapping do not meet.
    #[error("{0}")]
    Columns(String),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What is made up, in words: shown when a load begins. Required wherever something is.
    synthetic: Option<String>,
    subject: SubjectRule,
    as_of: AsOfRule,
    field: Vec<FieldRule>,
    #[serde(default)]
    ignore: Vec<Ignore>,
    #[serde(default)]
    codes: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectRule {
    column: String,
    scheme: Scheme,
    /// The column is a row number, and the identity is made from it.
    #[serde(default)]
    test_identity: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AsOfRule {
    column: Option<String>,
    date: Option<jiff::civil::Date>,
    placed: Option<Placed>,
}

/// Where records without a day are placed.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Placed {
    /// At the last day of the month before the load: as a file that arrives every month would be.
    EndOfLastMonth,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldRule {
    path: FieldPath,
    column: Option<String>,
    columns: Option<Vec<String>>,
    convert: Option<String>,
    default: Option<i64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    column: String,
    #[serde(rename = "why")]
    _why: String,
}

struct Target {
    index: usize,
    columns: Vec<String>,
    convert: Convert,
    default: Option<i64>,
}

/// How rows of one kind of file become records.
pub struct Mapping {
    catalogue: Arc<Catalogue>,
    subject: SubjectRule,
    as_of_column: Option<String>,
    fixed_as_of: Option<Time>,
    now: Time,
    targets: Vec<Target>,
    ignored: HashSet<String>,
    synthetic: Option<String>,
    sha256: [u8; 32],
}

/// A mapping tied to the columns of one file.
pub(super) struct Bound {
    names: Vec<String>,
    subject: usize,
    as_of: Option<usize>,
    targets: Vec<Vec<usize>>,
}

impl Mapping {
    /// Reads a mapping for this catalogue, for a load at `now`.
    ///
    /// # Errors
    /// With the place and what to mend.
    pub fn load(text: &str, catalogue: Arc<Catalogue>, now: Time) -> Result<Self, MappingError> {
        let document: Document = document::read(text)?;
        let unsound = |text: String| Err(MappingError::Unsound(text));
        let as_of = document.as_of;
        let fixed_as_of = match (&as_of.column, as_of.date, as_of.placed) {
            (Some(_), None, None) => None,
            (None, Some(date), None) => midnight(date),
            (None, None, Some(Placed::EndOfLastMonth)) => end_of_last_month(now),
            _ => return unsound("`as_of` has one of `column`, `date` and `placed`".to_owned()),
        };
        if as_of.column.is_none() && fixed_as_of.is_none_or(|day| !not_ahead(day, now)) {
            return unsound("the day of `as_of` lies ahead, or is none that there is".to_owned());
        }
        let placed_at = fixed_as_of
            .filter(|_| as_of.placed.is_some())
            .map(|day| day.0.to_be_bytes());
        let makes_up = document.subject.test_identity || as_of.column.is_none();
        if makes_up && document.synthetic.as_ref().is_none_or(|text| text.trim().is_empty()) {
            return unsound("identities or dates are made up: say which in `synthetic`".to_owned());
        }
        if document.subject.test_identity && document.subject.scheme != Scheme::CnResidentId {
            return unsound("`test_identity` makes resident numbers: set `scheme = \"cn-resident-id\"`".to_owned());
        }
        let mut targets = Vec::new();
        let mut mapped = HashSet::new();
        for rule in document.field {
            let path = rule.path.clone();
            if !mapped.insert(path.clone()) {
                return unsound(format!("field `{path}` is mapped twice"));
            }
            targets.push(target(rule, &catalogue, &document.codes)?);
        }
        let mut used: HashSet<&str> = HashSet::from([document.subject.column.as_str()]);
        used.extend(targets.iter().flat_map(|t| &t.columns).map(String::as_str));
        if let Some(both) = document.ignore.iter().find(|i| used.contains(i.column.as_str())) {
            return unsound(format!("column `{}` is mapped and ignored", both.column));
        }
        Ok(Self {
            ignored: document.ignore.into_iter().map(|i| i.column).collect(),
            catalogue,
            subject: document.subject,
            // A month later the same file is placed elsewhere: another batch, not the same again.
            sha256: sha256_parts(&[text.as_bytes(), placed_at.as_ref().map_or(&[], |day| day.as_slice())]),
            fixed_as_of,
            now,
            as_of_column: as_of.column,
            targets,
            synthetic: document.synthetic,
        })
    }

    /// What the mapping makes up, to be shown to who loads; `None` if nothing.
    pub fn synthetic(&self) -> Option<&str> {
        self.synthetic.as_deref()
    }

    /// SHA-256 of the mapping's bytes, and of the day that it places records at.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// What the rows become.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Columns that are mapped, for formats whose rows name their members.
    pub(super) fn column_names(&self) -> Vec<String> {
        let mut names = vec![self.subject.column.clone()];
        names.extend(self.as_of_column.clone());
        names.extend(self.targets.iter().flat_map(|target| target.columns.iter().cloned()));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// Whether the mapping leaves this column out by name.
    pub(super) fn ignores(&self, column: &str) -> bool {
        self.ignored.contains(column)
    }

    /// Ties the mapping to a file's columns: every one must be mapped or ignored.
    pub(super) fn bind(&self, names: Vec<String>) -> Result<Bound, MappingError> {
        let places: BTreeMap<&str, usize> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
        if places.len() != names.len() {
            return Err(MappingError::Columns(
                "the file names a column twice: rename one".to_owned(),
            ));
        }
        let place = |name: &str| {
            places.get(name).copied().ok_or_else(|| {
                let near = did_you_mean(name, names.iter().map(String::as_str));
                MappingError::Columns(format!("the file has no column `{name}`{near}"))
            })
        };
        let bound = Bound {
            subject: place(&self.subject.column)?,
            as_of: self.as_of_column.as_deref().map(&place).transpose()?,
            targets: self
                .targets
                .iter()
                .map(|target| target.columns.iter().map(|column| place(column)).collect())
                .collect::<Result<_, _>>()?,
            names: names.clone(),
        };
        let used: HashSet<usize> = bound.targets.iter().flatten().copied().collect();
        let known = |i: usize, name: &str| {
            used.contains(&i) || i == bound.subject || bound.as_of == Some(i) || self.ignored.contains(name)
        };
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| !known(*i, name)) {
            return Err(MappingError::Columns(format!(
                "column `{name}` is neither mapped nor ignored: add a `[[field]]`, or an `[[ignore]]` that says why"
            )));
        }
        Ok(bound)
    }

    /// One row. `cells` are in the order of the bound columns.
    pub(super) fn apply(&self, bound: &Bound, line: u64, cells: &[Cell]) -> Result<MappedRow, Reject> {
        let name = |i: usize| bound.names.get(i).map(String::as_str);
        let missing = Cell::Missing;
        let cell = |i: usize| cells.get(i).unwrap_or(&missing);
        let subject = self
            .subject_of(cell(bound.subject))
            .map_err(|reason| Reject::new(line, name(bound.subject), reason))?;
        let as_of = self
            .as_of(bound.as_of.map(cell))
            .map_err(|reason| Reject::new(line, bound.as_of.and_then(name), reason))?;
        let mut values: Vec<Vec<i64>> = Vec::new();
        values.resize_with(self.catalogue.fields().len(), Vec::new);
        for (target, columns) in self.targets.iter().zip(&bound.targets) {
            let mut numbers = Vec::with_capacity(columns.len());
            for &column in columns {
                let reject = |reason: &str| Reject::new(line, name(column), reason);
                match target.convert.apply(cell(column)).map_err(reject)?.or(target.default) {
                    Some(_) if numbers.len() < column_place(columns, column) => {
                        return Err(reject("a newer month is missing: fill it, or leave out the older ones"));
                    }
                    Some(number) => numbers.push(number),
                    None => {}
                }
            }
            if let Some(value) = values.get_mut(target.index) {
                *value = numbers;
            }
        }
        let row =
            Row::new(&self.catalogue, as_of, values).map_err(|problem| Reject::new(line, None, problem.to_string()))?;
        Ok(MappedRow { line, subject, row })
    }

    fn subject_of(&self, cell: &Cell) -> Result<SubjectRef, String> {
        let text = Zeroizing::new(match cell {
            Cell::Missing => return Err("the person is missing".to_owned()),
            Cell::Whole(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
        });
        if !self.subject.test_identity {
            return SubjectRef::parse(self.subject.scheme, &text).map_err(|error| error.to_string());
        }
        let made = text.parse().ok().and_then(test_identity).map(Zeroizing::new);
        let made = made.ok_or("expected a row number below 18,000,000")?;
        SubjectRef::parse(self.subject.scheme, &made).map_err(|error| error.to_string())
    }

    fn as_of(&self, cell: Option<&Cell>) -> Result<Time, &'static str> {
        const EXPECTED: &str = "expected a date such as 2005-09-30";
        match (cell, self.fixed_as_of) {
            (None, Some(time)) => Ok(time),
            (Some(Cell::Text(text)), _) => match text.parse().ok().and_then(midnight) {
                Some(day) if not_ahead(day, self.now) => Ok(day),
                Some(_) => Err("the date lies ahead"),
                None => Err(EXPECTED),
            },
            _ => Err(EXPECTED),
        }
    }
}

/// The last day of the month before.
fn end_of_last_month(now: Time) -> Option<Time> {
    let today = jiff::Timestamp::from_millisecond(now.0)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC);
    midnight(today.date().first_of_month().yesterday().ok()?)
}

/// The beginning of a day in UTC.
fn midnight(date: jiff::civil::Date) -> Option<Time> {
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Time(zoned.timestamp().as_millisecond()))
}

fn column_place(columns: &[usize], column: usize) -> usize {
    columns.iter().position(|c| *c == column).unwrap_or(0)
}

fn target(
    rule: FieldRule,
    catalogue: &Catalogue,
    codes: &BTreeMap<String, BTreeMap<String, i64>>,
) -> Result<Target, MappingError> {
    let path = &rule.path;
    let unsound = |text: String| MappingError::Unsound(text);
    let index = catalogue.index(path).ok_or_else(|| {
        let near = did_you_mean(path.as_str(), catalogue.fields().iter().map(|f| f.path.as_str()));
        unsound(format!("`fields.toml` has no field `{path}`{near}"))
    })?;
    let columns = match (rule.column, rule.columns) {
        (Some(column), None) => vec![column],
        (None, Some(columns)) if !columns.is_empty() => columns,
        _ => return Err(unsound(format!("field `{path}` has either `column` or `columns`"))),
    };
    let field = catalogue.fields().get(index);
    if field.is_none_or(|f| columns.len() > f.months || (f.shape == Shape::Scalar && columns.len() != 1)) {
        return Err(unsound(format!(
            "field `{path}` takes fewer columns than the mapping gives"
        )));
    }
    if columns.iter().collect::<HashSet<_>>().len() != columns.len() {
        return Err(unsound(format!("field `{path}` names a column twice")));
    }
    let convert = match rule.convert.as_deref() {
        None => Convert::Whole,
        Some("minor") => Convert::Minor,
        Some(name) => Convert::Codes(codes.get(name).cloned().ok_or_else(|| {
            let near = did_you_mean(name, codes.keys().map(String::as_str).chain(["minor"]));
            unsound(format!("field `{path}`: no conversion `{name}`{near}"))
        })?),
    };
    Ok(Target {
        index,
        columns,
        convert,
        default: rule.default,
    })
}
