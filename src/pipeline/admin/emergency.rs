//! What one person of role security does alone: at once, and on record.
use super::{REVOKE, SUSPEND, Shut, all, now, officer, random, room};
use crate::{
    admin::{Change, Proposal, ProposalId, Suspension, Target, reason_fits},
    agreement::Role,
    audit::Receipt,
    clock::Time,
    identity::PeerIdentity,
    keyring::KeyId,
    pipeline::{Gate, Reading, Seen, staff::staff_holding},
    refusal::Code,
};
use std::sync::Arc;

/// What a suspension did.
pub struct ShutOut {
    /// As it is kept.
    pub suspension: Suspension,
    /// Live connections that were ended.
    pub connections: usize,
    /// Sealed sessions that were ended.
    pub sessions: usize,
}

/// Shuts out. Whoever is meant is out before any lock is waited for; what is waited for is a place in the log's queue.
pub async fn suspend(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<(Target, String), Code>,
) -> Reading<(ShutOut, Receipt)> {
    let marks = gate.admin.switch.marks(&peer);
    let (at_once, ordered) = (Arc::clone(&gate), asked.clone());
    let hold = async move {
        let (target, reason) = ordered?;
        check(&at_once, &target, &reason)?;
        let shut = at_once.admin.switch.shut(&target)?;
        Ok((at_once.admin.alone().await, shut))
    };
    staff_holding(gate, peer, SUSPEND, hold, move |gate, member, _, (_, first)| {
        let (target, reason) = asked?;
        // Again under the lock: an approval that let the same one in may have come between.
        let again = gate.admin.switch.shut(&target)?;
        let suspension = Suspension {
            id: random(gate)?,
            target,
            reason,
            since: now(gate)?,
            by: officer(member, marks)?,
        };
        let (connections, sessions) = sum(first, &again);
        let mut effects = vec![suspension.put()];
        effects.extend(again.effects);
        Ok(Seen {
            effects,
            note: format!(
                "{}; {}; {connections} connections and {sessions} sessions ended",
                suspension.target, suspension.reason
            ),
            count: (connections + sessions) as u64,
            ..Seen::of(
                ShutOut {
                    suspension,
                    connections,
                    sessions,
                },
                "suspended",
            )
        })
    })
    .await
}

/// Has an exchange key revoked: a job, so that a crash between entry and keyring does not lose it.
pub async fn revoke_exchange_key(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<(KeyId, String), Code>,
) -> Reading<((Proposal, Time), Receipt)> {
    let marks = gate.admin.switch.marks(&peer);
    let alone = Arc::clone(&gate);
    let hold = async move { Ok(alone.admin.alone().await) };
    staff_holding(gate, peer, REVOKE, hold, move |gate, member, _, _| {
        let (key, reason) = asked?;
        if !reason_fits(&reason) {
            return Err(Code::FieldInvalid);
        }
        if !gate.admin.keyring.may_revoke(&key) {
            return Err(Code::TargetUnknown);
        }
        let (now, by) = (now(gate)?, officer(member, marks)?);
        let mut effects = room(&all(gate)?, now);
        let id = ProposalId::new(now, random(gate)?);
        let change = Change::RevokeExchange(key);
        let job = Proposal::open(id, change, reason, by, now, gate.view.snapshot.hash()).emergency();
        effects.push(job.put());
        Ok(Seen {
            effects,
            note: format!("job {id}: {}; {}", job.change, job.reason),
            count: 1,
            once_recorded: Some(Box::new(|gate| gate.admin.switch.wake())),
            ..Seen::of((job, now), "ordered")
        })
    })
    .await
}

/// Members of staff are not suspended here, or one could lock out the others: their certificates are denied, and their CA
/// issues new ones.
fn check(gate: &Gate, target: &Target, reason: &str) -> Result<(), Code> {
    if !reason_fits(reason) {
        return Err(Code::FieldInvalid);
    }
    let Target::Member(id) = target else { return Ok(()) };
    let member = gate.view.register.by_id(id);
    let outside = member.filter(|member| matches!(member.role, Role::Partner | Role::Provider));
    outside.map(|_| ()).ok_or(Code::TargetUnknown)
}

fn sum(first: &Shut, again: &Shut) -> (usize, usize) {
    (first.connections + again.connections, first.sessions + again.sessions)
}
