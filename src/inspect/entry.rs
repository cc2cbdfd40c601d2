//! One entry: its proof, and as much of its details as there are keys for.
use super::{
    Scope,
    opening::{Entry, Opener},
    search::READERS_OF_THE_LOG,
};
use crate::{
    audit::{Receipt, Volume, proof::TlogProof},
    domain::{FieldSet, Method},
    facts::Kind,
    identity::PeerIdentity,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
};
use std::sync::Arc;

/// `GetEntry`.
pub const GET_ENTRY: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/GetEntry"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
};

/// An entry as it is shown by itself.
pub struct Shown {
    /// The entry.
    pub entry: Entry,
    /// C2SP tlog-proof with the leaf in it, in the newest tree.
    pub proof: String,
    /// Names of the fields that were read.
    pub fields_read: Vec<String>,
    /// Names of the fields that the question would have needed.
    pub fields_withheld: Vec<String>,
}

/// Which entry: its period, 0 for the one that takes entries, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The period.
    pub period: u32,
    /// The number.
    pub index: u64,
}

impl At {
    /// As the record of a look names it, in the log of the period `within`.
    fn note(self, within: u32) -> String {
        match self.period == within {
            true => format!("entry {}", self.index),
            false => format!("entry {} of period {}", self.index, self.period),
        }
    }

    /// Reads what the record of a look says, of the log of the period `within`.
    pub(super) fn read(note: &str, within: u32) -> Option<Self> {
        let rest = note.strip_prefix("entry ")?;
        let (index, period) = match rest.split_once(" of period ") {
            Some((index, period)) => (index, period.parse().ok()?),
            None => (rest, within),
        };
        let index = index.parse().ok()?;
        Some(Self { period, index })
    }
}

/// Shows an entry, within the caller's scope, and records that it was looked at. The record names the entry and not
/// the person in it: whoever may open the one finds the other.
pub async fn entry(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, at: At) -> Reading<(Shown, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        let scope = Scope::of(member, gate.clock.now())?;
        let volume = gate.volume(at.period)?;
        let index = at.index;
        if !scope.covers_entry(&volume.log, index)? {
            return Err(Code::OutOfScope);
        }
        let entry = Opener::new(gate, &volume, None).open(index)?;
        let seen = Seen::of(show(gate, &volume, entry, index)?, "entry-shown");
        let period = volume.period;
        Ok(Seen {
            note: At { period, index }.note(gate.period),
            count: 1,
            ..seen
        })
    })
    .await
}

fn show(gate: &Gate, volume: &Volume, entry: Entry, index: u64) -> Result<Shown, Code> {
    let inclusion = volume.log.prove_inclusion(index).map_err(|_| Code::Internal)?;
    let proof = TlogProof {
        index,
        proof: inclusion.proof,
        checkpoint: inclusion.head.note.to_string(),
        extra: None,
    };
    let details = entry.details.as_ref();
    Ok(Shown {
        proof: proof.with_leaf(&entry.bytes),
        fields_read: details.map_or_else(Vec::new, |d| names(gate, &entry, &d.i.fields_read)),
        fields_withheld: details.map_or_else(Vec::new, |d| names(gate, &entry, &d.i.fields_withheld)),
        entry,
    })
}

/// Names of fields, where the entry was made under the catalogue that is in force. Under another the places in the
/// bitmap mean other fields, and a wrong name would be worse than a number.
fn names(gate: &Gate, entry: &Entry, bitmap: &[u8]) -> Vec<String> {
    let (view, set) = (&gate.view, FieldSet::from_bytes(bitmap));
    if entry.leaf.policy_hash == view.snapshot.hash() {
        return view.catalogue.names(set).into_iter().map(ToString::to_string).collect();
    }
    set.iter()
        .map(|place| format!("field {} of an earlier catalogue", place + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_look_says_is_read_again() {
        for (at, within, note) in [
            (At { period: 2, index: 7 }, 2, "entry 7"),
            (At { period: 1, index: 7 }, 2, "entry 7 of period 1"),
        ] {
            assert_eq!(at.note(within), note);
            assert_eq!(At::read(note, within), Some(at));
        }
        for none in [
            "entry",
            "entry x",
            "entry 7 of period",
            "entry 7 of period x",
            "stream from entry 7",
        ] {
            assert_eq!(At::read(none, 2), None, "{none}");
        }
    }
}
