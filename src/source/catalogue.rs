//! The catalogue: every raw field the gateway may hold, declared once, in the order records are stored in.
//!
//! It refuses fields without class and retention, and names that a measure could not spell.
use crate::{
    crypto::sha256,
    document::{self, DocumentError},
    domain::{FieldPath, FieldSet},
    limits::{FIELDS_MAX, SERIES_MAX},
};
use std::collections::HashMap;

/// Sensitivity class of JR/T 0171-2020: the higher, the more harm when it leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub enum Class {
    /// Internal facts of the institution.
    C1 = 1,
    /// Facts that identify a person or show their finances.
    C2 = 2,
    /// Credentials and biometrics: no signal reads them.
    C3 = 3,
}

/// Why a field needs more than its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Names the person.
    Identity,
    /// A ground on which credit may not be refused (ECOA, 15 U.S.C. 1691(a)), or a proxy of one.
    Protected,
    /// Income: warned written consent only (征信业管理条例, article 14).
    Income,
    /// Deposits: as income.
    Deposit,
    /// Securities: as income.
    Securities,
    /// Commercial insurance: as income.
    Insurance,
    /// Taxes paid: as income.
    Tax,
}

/// One number, or one per month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One number.
    Scalar,
    /// One number per month, newest first.
    Monthly,
}

/// A declared field.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name in measures, such as `card.limit_minor`.
    pub path: FieldPath,
    /// One number or a series.
    pub shape: Shape,
    /// Months that are kept; 1 for a scalar.
    #[serde(default = "one")]
    pub months: usize,
    /// Class.
    pub class: Class,
    /// Flags.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// Smallest value that is accepted.
    pub min: i64,
    /// Largest value that is accepted.
    pub max: i64,
    /// Days a value may be kept.
    pub retention_days: u32,
    /// Where it comes from.
    pub source: String,
    /// What it is, in English.
    pub meaning_en: String,
    /// What it is, in Chinese.
    pub meaning_zh: String,
}

impl Field {
    /// Whether it carries the flag.
    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}

/// Every raw field, in the order of records.
#[derive(Debug)]
pub struct Catalogue {
    fields: Vec<Field>,
    indexes: HashMap<FieldPath, usize>,
    sha256: [u8; 32],
}

/// Why `fields.toml` is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Not the expected document.
    #[error("`fields.toml`: {0}")]
    Document(#[from] DocumentError),
    /// A field's declaration is not sound.
    #[error("`fields.toml`: field `{0}`: {1}")]
    Field(FieldPath, &'static str),
    /// None, or too many.
    #[error("`fields.toml`: declare 1 to {FIELDS_MAX} fields")]
    Count,
}

/// Why values are no record. Never carries a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Not one list of numbers per field.
    #[error("expected one value per field of the catalogue")]
    Width,
    /// More numbers than the field holds.
    #[error("`{0}` has more numbers than the catalogue allows")]
    Months(FieldPath),
    /// Below the smallest or above the largest accepted value.
    #[error("`{0}` is outside the range of the catalogue")]
    Range(FieldPath),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    field: Vec<Field>,
}

fn one() -> usize {
    1
}

impl Catalogue {
    /// Reads `fields.toml`.
    ///
    /// # Errors
    /// With line and column, or with the field's name and what to mend.
    pub fn load(text: &str) -> Result<Self, CatalogueError> {
        let document: Document = document::read(text)?;
        if document.field.is_empty() || document.field.len() > FIELDS_MAX {
            return Err(CatalogueError::Count);
        }
        let mut indexes = HashMap::new();
        for (index, field) in document.field.iter().enumerate() {
            let wrong = |text| Err(CatalogueError::Field(field.path.clone(), text));
            if !spelt_for_measures(field.path.as_str()) {
                return wrong("use words of a-z, 0-9 and `_`, joined by one `.`, each beginning with a letter");
            }
            match field.shape {
                Shape::Scalar if field.months != 1 => return wrong("a scalar has no `months`: leave it out"),
                Shape::Monthly if !(1..=SERIES_MAX).contains(&field.months) => {
                    return wrong("`months` of a series is 1 to 36");
                }
                _ => {}
            }
            if field.min > field.max {
                return wrong("`min` is greater than `max`");
            }
            if field.retention_days == 0 {
                return wrong("`retention_days` is 0: what may not be kept is not loaded, so remove the field");
            }
            if indexes.insert(field.path.clone(), index).is_some() {
                return wrong("declared twice: remove one");
            }
        }
        Ok(Self {
            fields: document.field,
            indexes,
            sha256: sha256(text.as_bytes()),
        })
    }

    /// SHA-256 of the file's bytes: records and policies are bound to it.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// All fields, in record order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Place of a field.
    pub fn index(&self, path: &FieldPath) -> Option<usize> {
        self.indexes.get(path).copied()
    }

    /// Names of the fields in a set, in record order.
    pub fn names(&self, set: FieldSet) -> Vec<&FieldPath> {
        let kept = self.fields.iter().enumerate().filter(|(index, _)| set.contains(*index));
        kept.map(|(_, field)| &field.path).collect()
    }

    /// Whether these values, one list per field, are a record of this catalogue.
    pub fn check(&self, values: &[Vec<i64>]) -> Result<(), RowProblem> {
        if values.len() != self.fields.len() {
            return Err(RowProblem::Width);
        }
        for (field, numbers) in self.fields.iter().zip(values) {
            if numbers.len() > field.months {
                return Err(RowProblem::Months(field.path.clone()));
            }
            if !numbers.iter().all(|n| (field.min..=field.max).contains(n)) {
                return Err(RowProblem::Range(field.path.clone()));
            }
        }
        Ok(())
    }
}

/// A measure spells a path as CEL selections: identifiers joined by dots. CEL reads `-` as minus.
fn spelt_for_measures(path: &str) -> bool {
    let word = |w: &str| {
        w.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && w.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    path.split('.').count() == 2 && path.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        [[field]]
        path = "card.limit_minor"
        shape = "scalar"
        class = "C2"
        min = 0
        max = 100
        retention_days = 1
        source = "test"
        meaning_en = "limit"
        meaning_zh = "额度"
    "#;

    #[test]
    fn the_sample_catalogue_loads() {
        let catalogue = Catalogue::load(include_str!("../../docs/sample/fields.toml")).unwrap();
        let protected = catalogue.fields().iter().filter(|f| f.is(Flag::Protected)).count();
        assert_eq!(protected, 4, "sex, marriage, education and age");
        let index = catalogue.index(&"card.limit_minor".parse().unwrap()).unwrap();
        let mut set = FieldSet::default();
        set.insert(index);
        assert_eq!(
            catalogue.names(set),
            [&"card.limit_minor".parse::<FieldPath>().unwrap()]
        );
    }

    #[test]
    fn unsound_declarations_are_refused() {
        assert!(Catalogue::load(ONE).is_ok());
        for (from, to, says) in [
            ("card.limit_minor", "card.limit-minor", "joined by one"),
            ("scalar", "monthly\"\nmonths = 37\nsource=\"x", "duplicate key"),
            ("\"scalar\"", "\"monthly\"\nmonths = 37", "1 to 36"),
            ("min = 0", "min = 101", "greater than"),
            ("retention_days = 1", "retention_days = 0", "remove the field"),
            ("retention_days", "retention_day", "did you mean `retention_days`?"),
            ("C2", "C4", "unknown"),
        ] {
            let error = Catalogue::load(&ONE.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let twice = Catalogue::load(&format!("{ONE}{ONE}")).unwrap_err().to_string();
        assert!(twice.contains("declared twice"), "{twice}");
    }

    #[test]
    fn rows_outside_the_catalogue_are_refused_without_their_value() {
        let catalogue = Catalogue::load(ONE).unwrap();
        assert_eq!(catalogue.check(&[vec![7]]), Ok(()));
        assert_eq!(catalogue.check(&[vec![]]), Ok(()));
        assert_eq!(catalogue.check(&[]), Err(RowProblem::Width));
        assert!(matches!(catalogue.check(&[vec![1, 2]]), Err(RowProblem::Months(_))));
        let error = catalogue.check(&[vec![777]]).unwrap_err();
        assert!(!error.to_string().contains("777"));
    }
}
