//! When something was last told about a person. The log knows, and says it only to who holds the person's key.
use super::{Erasing, Halt};
use crate::{
    app::AppError,
    audit::{Log, open_details},
    clock::Time,
    crypto::Secret,
    limits::PROVISION_SCAN_ENTRIES,
    state::StateError,
    wire::{decode_canonical, millis, v1},
};

/// What a stretch of the log said.
enum Found {
    /// The newest provision.
    At(Time),
    /// None so far, and older entries may have one.
    Older,
    /// None that must still be provable.
    Nothing,
}

impl Erasing {
    /// Reads the log from its end to the last answer about whoever holds this key, or to where answers are no longer to
    /// be provable. In bounded steps, off the threads that answer.
    pub(super) async fn last_provision(&self, key: Secret<32>) -> Result<Option<Time>, Halt> {
        let oldest = self.gate.clock.now().plus_ms(-self.provision_ms);
        let mut end = self.gate.log.head().size;
        while end > 0 {
            self.go_on()?;
            let first = end.saturating_sub(PROVISION_SCAN_ENTRIES);
            let (log, key) = (self.gate.log.clone(), key.clone());
            let look = move || stretch(&log, &key, first, end, oldest);
            let found = tokio::task::spawn_blocking(look).await;
            match found.map_err(|e| AppError::Server(e.to_string()))?? {
                Found::At(time) => return Ok(Some(time)),
                Found::Nothing => return Ok(None),
                Found::Older => end = first,
            }
        }
        Ok(None)
    }
}

fn stretch(log: &Log, key: &Secret<32>, first: u64, end: u64, oldest: Time) -> Result<Found, StateError> {
    for index in (first..end).rev() {
        let missing = || StateError(format!("entry {index} cannot be read: run `tollgate audit verify`"));
        let entry = log.entry(index)?.ok_or_else(missing)?;
        let leaf: v1::Leaf = decode_canonical(&entry.leaf).map_err(|_| missing())?;
        let at = Time(millis(leaf.time.as_ref()).ok_or_else(missing)?);
        if at < oldest {
            return Ok(Found::Nothing);
        }
        if leaf.kind() != v1::EntryKind::Query || leaf.class() != v1::EntryClass::Sealed {
            continue;
        }
        let Ok(details) = open_details(key, log.origin(), &entry.leaf, &entry.details) else {
            continue;
        };
        // Without consent, and without a record, nothing about the person was told.
        let tells = |outcome: &String| outcome == "band" || outcome == "not_available";
        if details.i.outcomes.iter().any(tells) {
            return Ok(Found::At(at));
        }
    }
    Ok(Found::Older)
}
