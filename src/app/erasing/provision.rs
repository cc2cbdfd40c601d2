//! When something was last told about a person. The log's index knows, and says it only to who holds the person's key.
use super::{Erasing, Halt};
use crate::{
    app::AppError,
    audit::{Dimension, Log, Query, open_details},
    clock::Time,
    crypto::Secret,
    domain::SubjectToken,
    state::StateError,
    wire::{decode_canonical, millis, v1},
};

/// Outcomes that tell of a record. Without consent, and without a record, nothing about the person was told.
const TELLING: [&str; 2] = ["band", "not_available"];

impl Erasing {
    /// When an answer last told something about the person with this key, if that must still be provable. In bounded
    /// steps, off the threads that answer.
    pub(super) async fn last_provision(&self, person: SubjectToken, key: &Secret<32>) -> Result<Option<Time>, Halt> {
        let oldest = self.gate.clock.now().plus_ms(-self.provision_ms);
        let mut last = None;
        for word in TELLING {
            let query = Query {
                from: Some(last.unwrap_or(oldest)),
                until: None,
                terms: vec![(Dimension::Outcome, word.as_bytes().to_vec())],
                person: Some(self.gate.log.whom(&person, Some(key))),
            };
            last = last.max(self.newest(query, word, key).await?);
        }
        let log = self.gate.log.clone();
        // What the log before told is in an archive, and counts as told at its very end: a link may stay longer than it must,
        // never shorter.
        let began = tokio::task::spawn_blocking(move || log.continues_since()).await;
        let began = began.map_err(|e| AppError::Server(e.to_string()))??;
        Ok(last.max(began.filter(|began| *began >= oldest)))
    }

    async fn newest(&self, query: Query, word: &'static str, key: &Secret<32>) -> Result<Option<Time>, Halt> {
        let mut before = Some(self.gate.log.head().size);
        while let Some(at) = before {
            self.go_on()?;
            let (log, query, key) = (self.gate.log.clone(), query.clone(), key.clone());
            let step = move || step(&log, &query, word, &key, at);
            let found = tokio::task::spawn_blocking(step).await;
            match found.map_err(|e| AppError::Server(e.to_string()))?? {
                (Some(told), _) => return Ok(Some(told)),
                (None, next) => before = next,
            }
        }
        Ok(None)
    }
}

/// One step of the search: what it found, and where to go on.
fn step(
    log: &Log,
    query: &Query,
    word: &str,
    key: &Secret<32>,
    before: u64,
) -> Result<(Option<Time>, Option<u64>), StateError> {
    let found = log.search(query, before, 1)?;
    for index in found.entries {
        let told = told(log, index, word, key)?;
        if told.is_some() {
            return Ok((told, None));
        }
    }
    Ok((None, found.next))
}

/// When entry `index` told this of whoever has the key: the index leads there, the entry itself is asked.
fn told(log: &Log, index: u64, word: &str, key: &Secret<32>) -> Result<Option<Time>, StateError> {
    let missing = || StateError(format!("entry {index} cannot be read: run `tollgate audit verify`"));
    let entry = log.entry(index)?.ok_or_else(missing)?;
    let leaf: v1::Leaf = decode_canonical(&entry.leaf).map_err(|_| missing())?;
    if leaf.kind() != v1::EntryKind::Query || leaf.class() != v1::EntryClass::Sealed {
        return Ok(None);
    }
    let Ok(details) = open_details(key, log.origin(), &entry.leaf, &entry.details) else {
        return Ok(None);
    };
    let at = Time(millis(leaf.time.as_ref()).ok_or_else(missing)?);
    Ok(details.i.outcomes.iter().any(|outcome| outcome == word).then_some(at))
}

#[cfg(test)]
mod tests {
    use crate::{
        app::{close_period, testing::Place},
        clock::Clock,
        crypto::{Rng, SystemRng},
    };
    use std::sync::Arc;

    /// What an archive has told is not forgotten: it counts from the end of the archive.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_continues_another_says_since_when() {
        let place = Place::new();
        let kept = place.kept();
        assert_eq!(kept.log.continues_since().unwrap(), None);
        drop((kept.state, kept.vault, kept.log));
        kept.worker.close().unwrap();
        place.clock.advance_ms(5_000);
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (place.clock.clone(), Arc::new(SystemRng::default()));
        let at = clock.now();
        close_period(&place.config(), &clock, &rng, &mut |_| ()).await.unwrap();
        place.clock.advance_ms(5_000);
        assert_eq!(place.kept().log.continues_since().unwrap(), Some(at));
    }
}
