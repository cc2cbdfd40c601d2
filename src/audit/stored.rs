//! Reading entries back from the journal.
use super::commitment::effects_sha256;
use crate::{
    state::{Effect, Table},
    wire::{self, Message as _, store, v1},
};

/// An entry as the journal has it.
pub(super) struct ReadEntry {
    pub(super) leaf: Vec<u8>,
    pub(super) sealed: Vec<u8>,
    pub(super) tags: Vec<u8>,
    pub(super) effects: Vec<Effect>,
    pub(super) effects_sha256: Vec<u8>,
    pub(super) time_ms: i64,
}

/// Reads an entry and checks that it is number `index` in canonical bytes.
pub(super) fn read_entry(bytes: &[u8], index: u64) -> Result<ReadEntry, &'static str> {
    let entry: store::v1::Entry = wire::decode_canonical(bytes).map_err(|_| "it is not an entry")?;
    let (_, time_ms) = read_leaf(&entry.leaf, index)?;
    let only_effects = store::v1::Entry {
        effects: entry.effects,
        ..Default::default()
    };
    let effects_sha256 = effects_sha256(&only_effects.encode_to_vec());
    let effects = only_effects.effects.into_iter().map(|e| {
        let table = Table::from_number(e.table)?;
        Some(Effect {
            table,
            key: e.key,
            value: e.value,
        })
    });
    let effects = effects
        .collect::<Option<_>>()
        .ok_or("it changes a table that this version does not know")?;
    Ok(ReadEntry {
        leaf: entry.leaf,
        sealed: entry.details,
        tags: entry.tags,
        effects,
        effects_sha256,
        time_ms,
    })
}

/// Reads a leaf and its time, and checks that it is number `index` in canonical bytes.
pub(super) fn read_leaf(bytes: &[u8], index: u64) -> Result<(v1::Leaf, i64), &'static str> {
    let leaf: v1::Leaf = wire::decode_canonical(bytes).map_err(|_| "its leaf is not canonical")?;
    if leaf.version != 1 || leaf.x_commit.len() != 32 || leaf.i_commit.len() != 32 {
        return Err("its leaf has another form");
    }
    if leaf.seq != index {
        return Err("its leaf has another number");
    }
    let time_ms = wire::millis(leaf.time.as_ref()).ok_or("its leaf has no time")?;
    Ok((leaf, time_ms))
}
