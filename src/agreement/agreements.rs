//! All agreements of a gateway.
use super::{terms::Agreement, text::FileError};
use crate::{domain::AgreementId, limits::AGREEMENTS_MAX};

/// The agreements, sorted by id.
#[derive(Debug, Clone, Default)]
pub struct Agreements(Vec<Agreement>);

impl Agreements {
    /// Reads (file name, text) pairs.
    ///
    /// # Errors
    /// The first file that does not hold a valid agreement, or an id that two files use.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FileError> {
        let mut all: Vec<Agreement> = Vec::new();
        for (file, text) in files {
            let agreement = Agreement::parse(file, text)?;
            if all.len() == AGREEMENTS_MAX {
                let mend = format!("more than {AGREEMENTS_MAX} agreements: remove those that have ended");
                return Err(FileError::new(file, "the whole file", mend));
            }
            if all.iter().any(|a| a.id == agreement.id) {
                let mend = format!("`{}` is the id of another agreement: give each its own", agreement.id);
                return Err(FileError::new(file, "`id`", mend));
            }
            all.push(agreement);
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self(all))
    }

    /// The agreement of this id.
    pub fn by_id(&self, id: &AgreementId) -> Option<&Agreement> {
        self.index(id).and_then(|index| self.0.get(index))
    }
    /// In order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Agreement> + Clone {
        self.0.iter()
    }
    pub(crate) fn index(&self, id: &AgreementId) -> Option<usize> {
        self.0.binary_search_by(|a| a.id.cmp(id)).ok()
    }
    pub(crate) fn at(&self, index: usize) -> Option<&Agreement> {
        self.0.get(index)
    }
}
