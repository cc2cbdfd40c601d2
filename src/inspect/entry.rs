//! One entry: its proof, and as much of its details as there are keys for.
use super::{
    Scope,
    opening::{Entry, open},
    search::READERS_OF_THE_LOG,
};
use crate::{
    audit::{Receipt, proof::TlogProof},
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

/// Shows entry `index`, within the caller's scope, and records that it was looked at. The record names the entry and not
/// the person in it: whoever may open the one finds the other.
pub async fn entry(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, index: u64) -> Reading<(Shown, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        let scope = Scope::of(member, gate.clock.now())?;
        if !scope.covers_entry(gate, index)? {
            return Err(Code::OutOfScope);
        }
        let entry = open(gate, index)?;
        let seen = Seen::of(show(gate, entry, index)?, "entry-shown");
        Ok(Seen {
            note: format!("entry {index}"),
            count: 1,
            ..seen
        })
    })
    .await
}

fn show(gate: &Gate, entry: Entry, index: u64) -> Result<Shown, Code> {
    let inclusion = gate.log.prove_inclusion(index).map_err(|_| Code::Internal)?;
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
