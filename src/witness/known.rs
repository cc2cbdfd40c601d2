//! What a witness knows of a log: rows of its state that entries of its own log have written.
use crate::{
    audit::note,
    state::{Effect, State, StateError, Table},
};

/// First byte of a row's key. On disk: never reuse one.
const COSIGNED: u8 = 1;
const CONTRADICTED: u8 = 2;

/// The newest checkpoint of a log that was cosigned here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Entries.
    pub size: u64,
    /// RFC 6962 tree head.
    pub root: [u8; 32],
    /// As the log signed it, without other signatures.
    pub note: String,
}

/// What is known of a log cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnownError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A row that no version has written.
    #[error("a row of what is known of a witnessed log is damaged: restore the store from its journal")]
    Damaged,
}

impl Known {
    /// What is known of the log with this origin; `None` if nothing of it was ever cosigned.
    pub fn of(state: &dyn State, origin: &str) -> Result<Option<Self>, KnownError> {
        let Some(row) = state.row(Table::Witnessed, &key(COSIGNED, origin))? else {
            return Ok(None);
        };
        let note = String::from_utf8(row).map_err(|_| KnownError::Damaged)?;
        let checkpoint = note::read_unverified(&note).map_err(|_| KnownError::Damaged)?;
        if checkpoint.origin != origin {
            return Err(KnownError::Damaged);
        }
        Ok(Some(Self {
            size: checkpoint.size,
            root: checkpoint.root,
            note,
        }))
    }

    /// The newest checkpoint that the log signed and that contradicts what was cosigned before: with the note that was
    /// known then, it proves that the log has two histories.
    pub fn contradiction(state: &dyn State, origin: &str) -> Result<Option<(String, String)>, KnownError> {
        let Some(row) = state.row(Table::Witnessed, &key(CONTRADICTED, origin))? else {
            return Ok(None);
        };
        let text = String::from_utf8(row).map_err(|_| KnownError::Damaged)?;
        let (known, offered) = text.split_once('\0').ok_or(KnownError::Damaged)?;
        Ok(Some((known.to_owned(), offered.to_owned())))
    }
}

/// The note becomes what is known.
pub(super) fn cosigned(origin: &str, note: &str) -> Effect {
    Effect::put(Table::Witnessed, key(COSIGNED, origin), note)
}

/// Two signed notes that contradict each other: one row a log, since one pair proves it.
pub(super) fn contradicted(origin: &str, known: &str, offered: &str) -> Effect {
    Effect::put(
        Table::Witnessed,
        key(CONTRADICTED, origin),
        format!("{known}\0{offered}"),
    )
}

fn key(kind: u8, origin: &str) -> Vec<u8> {
    [&[kind], origin.as_bytes()].concat()
}
