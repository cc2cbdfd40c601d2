//! What there is to see: proposals, keys, suspensions, lists. Compliance sees it too, and changes nothing.
use super::{LIST, STATUS, SwitchStatus, all, internal, now};
use crate::{
    admin::{Proposal, Suspension, suspensions},
    audit::Receipt,
    clock::Time,
    domain::PartnerId,
    identity::PeerIdentity,
    keyring::KeyStatus,
    limits::SUSPENSIONS_LISTED_MAX,
    pipeline::{Gate, Reading, Seen, staff},
};
use std::sync::Arc;

/// How it stands.
pub struct Looked {
    /// The gateway's clock.
    pub now: Time,
    /// Every key, without its material.
    pub keys: Vec<KeyStatus>,
    /// The newest first.
    pub suspensions: Vec<Suspension>,
    /// Of how many.
    pub suspensions_total: usize,
    /// Lists, and what ends.
    pub switch: SwitchStatus,
    /// Members that the register's file suspends.
    pub suspended_in_register: Vec<PartnerId>,
}

/// All proposals that are kept, newest first, and the time by which they stand so.
pub async fn list(gate: Arc<Gate>, peer: PeerIdentity) -> Reading<((Vec<Proposal>, Time), Receipt)> {
    staff(gate, peer, LIST, move |gate, _| {
        let (mut kept, now) = (all(gate)?, now(gate)?);
        kept.reverse();
        Ok(Seen {
            count: kept.len() as u64,
            ..Seen::of((kept, now), "proposals_listed")
        })
    })
    .await
}

/// Keys, suspensions, lists of revoked certificates, endings.
pub async fn status(gate: Arc<Gate>, peer: PeerIdentity) -> Reading<(Looked, Receipt)> {
    staff(gate, peer, STATUS, move |gate, _| {
        let mut shut = suspensions(&*gate.state).map_err(internal)?;
        shut.sort_by_key(|suspension| std::cmp::Reverse(suspension.since));
        let total = shut.len();
        shut.truncate(SUSPENSIONS_LISTED_MAX);
        let register = gate.view.register.iter();
        let mut in_register: Vec<_> = register.filter(|m| m.suspended).map(|m| m.id.clone()).collect();
        in_register.sort();
        let keys = gate.admin.keyring.status();
        Ok(Seen {
            count: (keys.len() + total) as u64,
            ..Seen::of(
                Looked {
                    now: gate.clock.now(),
                    keys,
                    suspensions: shut,
                    suspensions_total: total,
                    switch: gate.admin.switch.look(),
                    suspended_in_register: in_register,
                },
                "status_shown",
            )
        })
    })
    .await
}
