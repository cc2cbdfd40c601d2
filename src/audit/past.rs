//! Checkpoints of the past: every frame of the journal holds the one that was signed before it.
use super::{
    journal::{self, JournalError, Place},
    note,
    reader::ProofError,
    shared::Shared,
};
use std::sync::Arc;

/// Why a scan of the journal stopped.
enum Stop {
    Found(Arc<str>),
    Journal,
}

impl From<JournalError> for Stop {
    fn from(_: JournalError) -> Self {
        Stop::Journal
    }
}

/// The smallest signed checkpoint that covers `size` entries.
pub(super) fn covering(shared: &Shared, size: u64) -> Result<Arc<str>, ProofError> {
    // Before the journal is looked at: what is signed meanwhile is not smaller.
    let head = shared.published.load().head.clone();
    if size > head.size {
        return Err(ProofError::Range);
    }
    let segments = journal::segments(&*shared.disk, &shared.dir.join("journal"), &shared.origin);
    let segments = segments.map_err(|_| ProofError::Journal)?;
    // A segment begins with the checkpoint of its first entry: the last segment that begins before `size`, or at it, has
    // the answer, or the first frame of the next.
    let within = segments.iter().rev().find(|s| s.header.first <= size && !s.is_empty());
    let from = Place::start_of(within.map_or(1, |s| s.header.number));
    let scanned = journal::scan(&*shared.disk, &segments, from, |_, _, frame| {
        let covers = frame.first >= size && !frame.note.is_empty();
        match note::read_unverified(frame.note) {
            // The log was just signed at this size: what the head has may be older than what a torn journal tells.
            Ok(checkpoint) if covers && checkpoint.size <= head.size => Err(Stop::Found(frame.note.into())),
            _ => Ok(()),
        }
    });
    match scanned {
        Err(Stop::Found(note)) => Ok(note),
        Err(Stop::Journal) => Err(ProofError::Journal),
        // Nothing was recorded since the newest.
        Ok(_) => Ok(head.note.clone()),
    }
}
