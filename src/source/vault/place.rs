//! Keys of the vault's rows and notes. The layouts are on disk.
use super::Standing;
use crate::{
    crypto::{Label, ctx},
    source::{SourceError, batch::be64},
};

/// Notes that begin with this are the progress of batches.
pub(super) const PROGRESS: &[u8] = b"batch/";

/// Notes that begin with this are loads that were visible, and that later ones have replaced: never loaded again.
const DONE: &[u8] = b"done/";

/// The note of the next batch number: a number is given once, also if nothing else is left of its batch.
pub(super) const NEXT: &[u8] = b"next";

pub(super) fn done_key(id: &str) -> Vec<u8> {
    [DONE, id.as_bytes()].concat()
}

pub(super) fn progress_key(id: &str) -> Vec<u8> {
    [PROGRESS, id.as_bytes()].concat()
}

pub(super) fn read_progress(key: &[u8], value: &[u8]) -> Result<(String, Standing, [u8; 32]), SourceError> {
    let read = || {
        let id = String::from_utf8(key.strip_prefix(PROGRESS)?.to_vec()).ok()?;
        let (number, rest) = be64(value)?;
        let (held, catalogue) = be64(rest)?;
        Some((id, Standing { number, held }, catalogue.try_into().ok()?))
    };
    read().ok_or_else(|| SourceError("the vault's notes are damaged: restore it, or load again".to_owned()))
}

pub(super) fn sentinel_key(number: u64) -> Vec<u8> {
    [SENTINEL, &number.to_be_bytes()].concat()
}

/// Notes that begin with this are sentinels.
pub(super) const SENTINEL: &[u8] = b"sentinel/";

pub(super) fn sentinel_number(key: &[u8]) -> Option<u64> {
    be64(key.strip_prefix(SENTINEL)?).map(|(number, _)| number)
}

pub(super) fn sentinel_place(number: u64) -> Vec<u8> {
    ctx(Label::Row, &[b"sentinel", &number.to_be_bytes()])
}

/// What a person's rows are called under an epoch: see [`crate::keyring::Epoch::row_key`].
pub(super) const RECORD: &[u8] = b"record";

pub(super) fn row_key(person: &[u8; 32], number: u64) -> Vec<u8> {
    [&person[..], &number.to_be_bytes()].concat()
}

/// The person under the row's epoch, and the batch.
pub(super) fn split_key(key: &[u8]) -> Option<(&[u8; 32], u64)> {
    let (person, rest) = key.split_first_chunk::<32>()?;
    be64(rest).map(|(number, _)| (person, number))
}
