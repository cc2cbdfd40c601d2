//! Files that people write, in TOML: read strictly, and refused with line, column and a suggestion.
//!
//! Nothing is skipped: an unknown key is an error, since a misspelt limit would otherwise be no limit.
use crate::limits::CONFIG_BYTES_MAX;
use serde::de::DeserializeOwned;

/// Why a file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {text}")]
pub struct DocumentError {
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    /// What is wrong, and what was probably meant.
    pub text: String,
}

/// Reads a document. Unknown keys are refused where `T` denies them.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    if text.len() as u64 > CONFIG_BYTES_MAX {
        return Err(DocumentError {
            line: 1,
            column: 1,
            text: format!("the file is longer than {CONFIG_BYTES_MAX} bytes: split it"),
        });
    }
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        DocumentError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            text: suggest(error.message()),
        }
    })
}

/// The word of `known` that is nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let begun = word.len() >= 4 && candidate.starts_with(word);
            begun || *distance <= 1 + candidate.len().min(word.len()) / 3
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Ends an error text: `: did you mean ..`, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

/// serde's text for an unknown key lists all keys in backticks, the unknown one first.
fn suggest(message: &str) -> String {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(word) = quoted.next() else {
        return message.to_owned();
    };
    match nearest(word, quoted) {
        Some(near) => format!("unknown key or word `{word}`: did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape matters")]
    struct Sample {
        family: String,
        edges: Vec<i64>,
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_place_and_what_was_meant() {
        let error = read::<Sample>("edges = []\n famly = \"x\"\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 2), "{error}");
        assert!(error.text.contains("`famly`: did you mean `family`?"), "{error}");
        let error = read::<Sample>("colour = 1").unwrap_err();
        assert!(error.text.contains("expected"), "{error}");
    }
}
