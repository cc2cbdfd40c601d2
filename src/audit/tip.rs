//! The growing end of the log, as the committer extends it and as a start replays it.
//!
//! Both run the same code over the same frames, so a store built again from the journal is the store that was lost.
use super::{
    frame::Span,
    index::{Row, Tail},
    journal::Place,
    marks::{Anchor, Mark},
    position::{self, Position},
    tree::{Edge, TreeError},
};
use crate::{
    limits::BLOCK_ENTRIES,
    state::{Effect, Table},
    store::{LogStore, StoreError},
};
use std::{borrow::Cow, sync::Arc};

/// Why a frame was not applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An entry of a frame that is in the journal.
pub(super) struct Journaled<'a> {
    pub(super) span: Span,
    pub(super) effects: &'a [Effect],
    pub(super) row: Row,
}

/// A request's row says which entry answered it: only now is that known.
fn numbered(effect: &Effect, index: u64) -> Cow<'_, Effect> {
    match (effect.table, &effect.value) {
        (Table::Request, Some(value)) => Cow::Owned(Effect::put(
            Table::Request,
            effect.key.clone(),
            [value.as_slice(), &index.to_be_bytes()].concat(),
        )),
        _ => Cow::Borrowed(effect),
    }
}

/// The end of the log.
pub(super) struct Tip {
    pub(super) edge: Edge,
    /// Of the last entry.
    pub(super) last_time_ms: i64,
    store: Arc<LogStore>,
    sealed: u64,
    open: Vec<Position>,
    anchor: Anchor,
    pub(super) tail: Tail,
}

impl Tip {
    /// Where a mark says to begin.
    pub(super) fn at(mark: &Mark, store: Arc<LogStore>, tail: Tail) -> Result<Self, TreeError> {
        Ok(Self {
            tail,
            edge: Edge::from_parts(mark.anchor.first, &mark.anchor.frontier)?,
            last_time_ms: mark.anchor.last_time_ms,
            store,
            sealed: mark.sealed,
            open: Vec::new(),
            anchor: mark.anchor.clone(),
        })
    }

    /// Applies a frame that stands in the journal from `at` to `end` and whose leaves were pushed to `edge`.
    pub(super) fn apply<'a>(
        &mut self,
        (at, end): (Place, Place),
        time_ms: i64,
        entries: impl ExactSizeIterator<Item = Journaled<'a>>,
    ) -> Result<(), ApplyError> {
        let size = self.edge.size();
        let first = size - entries.len() as u64;
        for (index, entry) in (first..).zip(entries) {
            for effect in entry.effects {
                self.store.apply(&numbered(effect, index))?;
            }
            self.keep(index, Position::new(at, entry.span, self.edge.leaf_hash(index)?))?;
            self.tail.push(index, entry.row)?;
        }
        for (index, hash) in self.edge.upper() {
            self.store.put_node(*index, hash)?;
        }
        self.store.put_size(size)?;
        let before = Anchor {
            place: at,
            first,
            last_time_ms: self.last_time_ms,
            frontier: self.edge.frontier(),
        };
        self.edge.settle()?;
        self.last_time_ms = time_ms;
        if self.sealed == size {
            self.anchor = Anchor {
                place: end,
                first: size,
                last_time_ms: time_ms,
                frontier: self.edge.frontier(),
            };
        } else if self.sealed >= first {
            self.anchor = before;
        }
        Ok(())
    }

    /// What may be written once the store is synced.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            size: self.edge.size(),
            sealed: self.sealed,
            anchor: self.anchor.clone(),
        }
    }

    /// Entries in sealed blocks, and where those behind stand.
    pub(super) fn open_block(&self) -> (u64, &[Position]) {
        (self.sealed, &self.open)
    }

    fn keep(&mut self, index: u64, at: Position) -> Result<(), StoreError> {
        if index < self.sealed {
            return Ok(());
        }
        self.open.push(at);
        if (index + 1).is_multiple_of(BLOCK_ENTRIES) {
            self.store
                .put_block(index / BLOCK_ENTRIES, &position::encode(&self.open))?;
            self.open.clear();
            self.sealed = index + 1;
        }
        Ok(())
    }
}
