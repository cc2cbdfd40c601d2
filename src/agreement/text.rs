//! Reads TOML so that a mistake is named with its file, its key and the mend.
use crate::limits::CONFIG_BYTES_MAX;
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
    if text.len() as u64 > CONFIG_BYTES_MAX {
        let mend = format!("larger than {CONFIG_BYTES_MAX} bytes: split it");
        return Err(FileError::new(file, "the whole file", mend));
    }
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        FileError::new(file, format!("line {line}"), explain(error.message()))
    })
}

fn explain(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let suggestion = match (message.starts_with("unknown "), words.next()) {
        (true, Some(unknown)) => nearest(unknown, words),
        _ => None,
    };
    match suggestion {
        Some(known) => format!("{}; did you mean `{known}`?", message.trim_end()),
        None => message.trim_end().to_owned(),
    }
}

/// The known word that is spelt most like `word`, if one is close.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(closeness, _)| *closeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
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
        assert_eq!(error.place, "line 2");
        assert!(
            error.mend.contains("`purpose`") && error.mend.ends_with("did you mean `purposes`?"),
            "{error}"
        );
    }
}
