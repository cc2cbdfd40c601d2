//! What goes over to the next period: every row that is in force, put by entries of the new log and compared row by row.
use super::{BEGIN, CARRY, Step};
use crate::{
    app::AppError,
    audit::{self, Event, Log, Opened, Slot},
    crypto::{Broken, Rng, Secret},
    facts::{Facts, Kind},
    limits::{CARRIED_BYTES_PER_ENTRY_MAX, CARRY_ENTRIES_AT_ONCE, CARRY_PAGE_ROWS},
    notice,
    state::{Effect, State, StateError, Table},
};

/// How the rows of a table go over. A new table must be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Byte by byte: they stand under keys that go on.
    AsTheyAre,
    /// They are sealed under the period's key.
    SealedAnew,
    /// They mean nothing in the next log.
    Left,
}

fn carried(table: Table) -> Carried {
    match table {
        Table::SubjectLink
        | Table::Consent
        | Table::RecordBatch
        | Table::Denied
        | Table::CrlNumber
        | Table::Quota
        | Table::Witnessed
        | Table::Erasure
        | Table::Shredding
        | Table::SubjectRequest
        | Table::Hold
        | Table::LogKey
        | Table::Proposal
        | Table::Suspended
        | Table::Restored => Carried::AsTheyAre,
        Table::Notice => Carried::SealedAnew,
        // They name entries of the old log, and nobody can send those requests again: see `is_at_rest`.
        Table::Request => Carried::Left,
    }
}

/// The keys of the two periods, for what is sealed under them.
pub(super) struct Periods<'a> {
    pub(super) old: Secret<32>,
    pub(super) new: Secret<32>,
    pub(super) rng: &'a dyn Rng,
}

impl Periods<'_> {
    fn value(&self, table: Table, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, AppError> {
        match carried(table) {
            Carried::AsTheyAre | Carried::Left => Ok(value),
            Carried::SealedAnew => {
                notice::sealed_anew(self.rng, &self.old, &self.new, key, &value).map_err(|Broken| unread(table).into())
            }
        }
    }

    /// Whether both rows say the same, each under the key of its period.
    fn are_equal(&self, table: Table, key: &[u8], was: &[u8], is: &[u8]) -> Result<bool, AppError> {
        match carried(table) {
            Carried::AsTheyAre | Carried::Left => Ok(was == is),
            Carried::SealedAnew => {
                let opened = |period, value| notice::opened(period, key, value).map_err(|Broken| unread(table));
                Ok(opened(&self.old, was)? == opened(&self.new, is)?)
            }
        }
    }
}

fn unread(table: Table) -> StateError {
    StateError(format!("a row of {table:?} does not open under the period's key"))
}

/// Tables that go over.
pub(super) fn going_over() -> impl Iterator<Item = Table> {
    Table::ALL.into_iter().filter(|table| carried(*table) != Carried::Left)
}

/// Entry 0 names the old log's end; the entries after it put every row that is in force.
pub(super) async fn carry(
    old: &Opened,
    next: &Opened,
    (checkpoint, lost): (&str, Option<u64>),
    periods: &Periods<'_>,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<u64, AppError> {
    let mut first = Facts::new(Kind::Lifecycle, "gateway", BEGIN, [0; 32]);
    first.continues = checkpoint.to_owned();
    first.note = format!("continues `{}`", old.log.origin());
    if let Some(until) = lost {
        first.missing_until = until;
        let from = old.log.head().size;
        first.note = format!(
            "{}, restored from a backup: its entries {from} to {} are lost",
            first.note,
            until - 1
        );
    }
    next.log.append(Event::new(first)).await?;
    let mut waiting = Vec::new();
    let (mut rows, mut effects, mut bytes) = (0, Vec::new(), 0);
    for table in going_over() {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = old.state.rows(table, &[], after.as_deref(), CARRY_PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in page {
                let value = periods.value(table, &key, value)?;
                // Tags and lengths of an effect are a dozen bytes.
                let size = key.len() + value.len() + 16;
                if bytes + size > CARRIED_BYTES_PER_ENTRY_MAX && !effects.is_empty() {
                    waiting.push(queue(&next.log, std::mem::take(&mut effects)).await?);
                    bytes = 0;
                }
                effects.push(Effect::put(table, key, value));
                (rows, bytes) = (rows + 1, bytes + size);
            }
            if waiting.len() >= CARRY_ENTRIES_AT_ONCE {
                durable(&mut waiting).await?;
                progress(Step::Carried(rows));
            }
        }
    }
    if !effects.is_empty() {
        waiting.push(queue(&next.log, effects).await?);
    }
    durable(&mut waiting).await?;
    progress(Step::Carried(rows));
    Ok(rows)
}

type Waiting =
    std::pin::Pin<Box<dyn Future<Output = Result<audit::Recorded<Event>, crate::refusal::NotRecorded>> + Send>>;

async fn queue(log: &Log, effects: Vec<Effect>) -> Result<Waiting, AppError> {
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", CARRY, [0; 32]);
    facts.count = effects.len() as u64;
    facts.effects = effects;
    let slot: Slot = log.reserve_wait("gateway", CARRY).await?;
    Ok(Box::pin(slot.append(Event::new(facts))))
}

async fn durable(waiting: &mut Vec<Waiting>) -> Result<(), AppError> {
    for entry in waiting.drain(..) {
        entry.await?;
    }
    Ok(())
}

/// Row by row: the new log's state is the old one's.
pub(super) fn compare(old: &dyn State, new: &dyn State, periods: &Periods<'_>, carried: u64) -> Result<u64, AppError> {
    let mut rows = 0;
    for table in going_over() {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = |state: &dyn State| state.rows(table, &[], after.as_deref(), CARRY_PAGE_ROWS);
            let (was, is) = (page(old)?, page(new)?);
            let mut same = was.len() == is.len();
            for ((key, was), (new_key, is)) in was.iter().zip(&is) {
                same &= key == new_key && periods.are_equal(table, key, was, is)?;
            }
            if !same {
                return Err(StateError(format!("rows of {table:?} differ after they were carried")).into());
            }
            rows += was.len() as u64;
            match was.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
    }
    match rows == carried {
        true => Ok(rows),
        false => Err(StateError(format!("{carried} rows were carried and {rows} are there")).into()),
    }
}
