//! What is shut out, as entries have written it.
use super::{Officer, Target};
use crate::{
    clock::Time,
    limits::SUSPENSION_PAGE_ROWS,
    state::{Effect, State, StateError, Table},
    wire::{self, Message, store, v1},
};

/// One suspension. Another one of the same target has another id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Random: what a proposal to lift it names.
    pub id: [u8; 8],
    /// Who or what.
    pub target: Target,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Time,
    /// By whom.
    pub by: Officer,
}

impl Suspension {
    /// What writes it, in the place of an earlier one of the same target.
    pub fn put(&self) -> Effect {
        let row = store::v1::Suspension {
            id: self.id.to_vec(),
            target: Some(self.target.to_wire()),
            reason: self.reason.clone(),
            since_ms: self.since.0,
            by: Some(self.by.to_row()),
        };
        Effect::put(Table::Suspended, self.target.row(), row.encode_to_vec())
    }

    /// What takes it away.
    pub fn delete(&self) -> Effect {
        Effect::delete(Table::Suspended, self.target.row())
    }

    /// The suspension of this target, if there is one.
    pub fn of(state: &dyn State, target: &Target) -> Result<Option<Self>, StateError> {
        let row = state.row(Table::Suspended, &target.row())?;
        row.map(|row| Self::from_row(&row).ok_or_else(damaged)).transpose()
    }

    /// As shown.
    pub fn to_wire(&self) -> v1::Suspension {
        v1::Suspension {
            id: self.id.to_vec(),
            target: Some(self.target.to_wire()),
            reason: self.reason.clone(),
            since: Some(wire::timestamp(self.since.0)),
            by: Some(self.by.to_wire()),
        }
    }

    fn from_row(row: &[u8]) -> Option<Self> {
        let row: store::v1::Suspension = wire::decode_canonical(row).ok()?;
        Some(Self {
            id: row.id.try_into().ok()?,
            target: Target::from_wire(row.target?)?,
            reason: row.reason,
            since: Time(row.since_ms),
            by: Officer::from_row(row.by?)?,
        })
    }
}

/// All suspensions, in no order that means anything.
///
/// # Errors
/// The state cannot be read, or a row is not one of ours: what is shut out is then not known, and nothing may be served.
pub fn suspensions(state: &dyn State) -> Result<Vec<Suspension>, StateError> {
    let (mut all, mut after) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let rows = state.rows(Table::Suspended, &[], after.as_deref(), SUSPENSION_PAGE_ROWS)?;
        let Some((last, _)) = rows.last() else { return Ok(all) };
        after = Some(last.clone());
        for (key, row) in rows {
            let read = Suspension::from_row(&row).filter(|read| read.target.row() == key);
            all.push(read.ok_or_else(damaged)?);
        }
    }
}

fn damaged() -> StateError {
    StateError("a row of a suspension is malformed".to_owned())
}
