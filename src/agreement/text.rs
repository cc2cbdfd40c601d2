//! Reads TOML so that a mistake is named with its file, its key and the mend.
use crate::document;
use serde::de::DeserializeOwned;

/// A file that does not load. The text names the file, the place and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`: {place}: {mend}")]
pub struct FileError {
    /// The file's name.
    pub file: String,
    /// A key such as `members[1].uri`, or a line.
    pub place: String,
    /// What is wrong and what to do.
    pub mend: String,
}

impl FileError {
    pub(crate) fn new(file: &str, place: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: place.into(),
            mend: mend.into(),
        }
    }
}

/// Parses; an unknown key is named, with the known key that is spelt most like it.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, FileError> {
    document::read(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line, error.column);
        FileError::new(file, place, error.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its name is used")]
        purposes: Vec<String>,
    }

    #[test]
    fn an_unknown_key_is_named_with_a_suggestion() {
        let error = parse::<Sample>("a.toml", "# one\npurpose = []\n").unwrap_err();
        assert_eq!(error.place, "line 2, column 1");
        assert!(
            error.mend.contains("`purpose`") && error.mend.contains("did you mean `purposes`?"),
            "{error}"
        );
    }
}
