//! Two people: one proposes, another approves or rejects.
use super::{APPROVE, PROPOSE, REJECT, all, internal, may, now, officer, random, room};
use crate::{
    admin::{Change, Officer, Proposal, ProposalId, ProposalState, Suspension, Target, reason_fits},
    audit::Receipt,
    clock::Time,
    identity::PeerIdentity,
    keyring::{LogKeyTerms, State},
    limits::{PROPOSALS_KEPT_MAX, PROPOSALS_OPEN_PER_PERSON_MAX},
    pipeline::{Gate, Reading, Seen, staff::staff_holding},
    refusal::Code,
};
use std::sync::Arc;

/// A change as it is asked for: the gateway says which suspension and which keys it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Let in again.
    Lift(Target),
    /// New exchange keys now.
    RotateExchange,
    /// Another log key, by these terms.
    RotateLogKey(LogKeyTerms),
}

/// Proposes a change. It does nothing until another person approves it.
pub async fn propose(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<(Asked, String), Code>,
) -> Reading<((Proposal, Time), Receipt)> {
    let marks = gate.admin.switch.marks(&peer);
    let alone = Arc::clone(&gate);
    let hold = async move { Ok(alone.admin.alone().await) };
    staff_holding(gate, peer, PROPOSE, hold, move |gate, member, _, _| {
        let (asked, reason) = asked?;
        let (now, by) = (now(gate)?, officer(member, marks)?);
        let change = fill_in(gate, asked)?;
        may(&change, member)?;
        if !reason_fits(&reason) {
            return Err(Code::FieldInvalid);
        }
        let kept = all(gate)?;
        let open = kept.iter().filter(|p| p.state(now) == ProposalState::Open);
        let own = open.filter(|p| p.proposer.person == by.person).count();
        let mut effects = room(&kept, now);
        if own >= PROPOSALS_OPEN_PER_PERSON_MAX || kept.len() - effects.len() >= PROPOSALS_KEPT_MAX {
            return Err(Code::ProposalsExhausted);
        }
        let id = ProposalId::new(now, random(gate)?);
        let proposal = Proposal::open(id, change, reason, by, now, gate.view.snapshot.hash());
        effects.push(proposal.put());
        Ok(Seen {
            effects,
            note: format!("proposal {id}: {}; {}", proposal.change, proposal.reason),
            count: 1,
            ..Seen::of((proposal, now), "proposed")
        })
    })
    .await
}

/// Approves exactly what was read: `asked` is its digest too. What the entry can do is done with it; the rest is a job.
pub async fn approve(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<(ProposalId, [u8; 32]), Code>,
) -> Reading<((Proposal, Time), Receipt)> {
    let marks = gate.admin.switch.marks(&peer);
    let alone = Arc::clone(&gate);
    let hold = async move { Ok(alone.admin.alone().await) };
    staff_holding(gate, peer, APPROVE, hold, move |gate, member, facts, _| {
        let (id, digest) = asked?;
        facts.note = format!("proposal {id}");
        let (now, by) = (now(gate)?, officer(member, marks)?);
        let proposal = find(gate, id)?;
        may(&proposal.change, member)?;
        if proposal.proposer.person == by.person {
            return Err(Code::SamePerson);
        }
        open(&proposal, now)?;
        if proposal.digest() != digest || proposal.snapshot != gate.view.snapshot.hash() {
            return Err(Code::ProposalChanged);
        }
        if !still_valid(gate, &proposal.proposer) || !still_valid(gate, &by) {
            return Err(Code::OfficerNotValid);
        }
        match &proposal.change {
            Change::Lift { target, suspension } => {
                let (target, suspension) = (target.clone(), *suspension);
                lift(gate, proposal, by, now, &target, suspension)
            }
            change => {
                let class = change.job();
                let running = |p: &Proposal| p.state(now) == ProposalState::Approved && p.change.job() == class;
                if all(gate)?.iter().any(running) {
                    return Err(Code::JobRunning);
                }
                let approved = proposal.decided(ProposalState::Approved, by, now);
                Ok(Seen {
                    effects: vec![approved.put()],
                    note: said(&approved),
                    count: 1,
                    once_recorded: Some(Box::new(|gate| gate.admin.switch.wake())),
                    ..Seen::of((approved, now), "approved")
                })
            }
        }
    })
    .await
}

/// Rejects a proposal that is open: somebody who might approve it, or its proposer.
pub async fn reject(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    asked: Result<ProposalId, Code>,
) -> Reading<((Proposal, Time), Receipt)> {
    let marks = gate.admin.switch.marks(&peer);
    let alone = Arc::clone(&gate);
    let hold = async move { Ok(alone.admin.alone().await) };
    staff_holding(gate, peer, REJECT, hold, move |gate, member, facts, _| {
        let id = asked?;
        facts.note = format!("proposal {id}");
        let (now, by) = (now(gate)?, officer(member, marks)?);
        let proposal = find(gate, id)?;
        may(&proposal.change, member)?;
        open(&proposal, now)?;
        let rejected = proposal.decided(ProposalState::Rejected, by, now);
        Ok(Seen {
            effects: vec![rejected.put()],
            note: said(&rejected),
            count: 1,
            ..Seen::of((rejected, now), "rejected")
        })
    })
    .await
}

/// Whether somebody who spoke for a proposal may still: the same line of the register, the same role and person, neither
/// suspended nor denied. Asked when it is approved, and once more when a job is carried out.
pub fn still_valid(gate: &Gate, officer: &Officer) -> bool {
    let line = gate.view.register.by_id(&officer.member);
    let is_as_it_was = line.is_some_and(|line| {
        let person = line.person.as_ref() == Some(&officer.person);
        person && line.role == officer.role && line.uri == officer.uri && !line.suspended
    });
    is_as_it_was && !gate.admin.switch.bars(officer)
}

/// The approval, the suspension that goes and the proposal that is done are one entry.
fn lift(
    gate: &Gate,
    proposal: Proposal,
    by: Officer,
    now: Time,
    target: &Target,
    suspension: [u8; 8],
) -> Result<Seen<(Proposal, Time)>, Code> {
    let stands = Suspension::of(&*gate.state, target).map_err(internal)?;
    // Whoever was shut out again since was shut out for another reason.
    let stands = stands.filter(|stands| stands.id == suspension);
    let stands = stands.ok_or(Code::ProposalChanged)?;
    let done = proposal.decided(ProposalState::Done, by, now);
    let mut effects = vec![done.put(), stands.delete()];
    effects.extend(gate.admin.switch.opening(target));
    let target = target.clone();
    Ok(Seen {
        effects,
        note: said(&done),
        count: 1,
        once_recorded: Some(Box::new(move |gate| gate.admin.switch.open(&target))),
        ..Seen::of((done, now), "approved")
    })
}

fn fill_in(gate: &Gate, asked: Asked) -> Result<Change, Code> {
    match asked {
        Asked::Lift(target) => {
            let stands = Suspension::of(&*gate.state, &target).map_err(internal)?;
            let suspension = stands.ok_or(Code::TargetUnknown)?.id;
            Ok(Change::Lift { target, suspension })
        }
        Asked::RotateLogKey(terms) => {
            let keys = gate.admin.keyring.log_keys();
            if keys
                .iter()
                .any(|key| matches!(key.state, State::Prepared | State::Tainted))
            {
                return Err(Code::JobRunning);
            }
            let active = keys.iter().find(|key| key.state == State::Active);
            let key = active.ok_or(Code::Internal)?.id;
            Ok(Change::RotateLogKey { key, terms })
        }
        Asked::RotateExchange => Ok(Change::RotateExchange(gate.admin.keyring.exchange_keys_in_use())),
    }
}

fn find(gate: &Gate, id: ProposalId) -> Result<Proposal, Code> {
    let found = Proposal::find(&*gate.state, id).map_err(internal)?;
    found.ok_or(Code::ProposalUnknown)
}

fn open(proposal: &Proposal, now: Time) -> Result<(), Code> {
    match proposal.state(now) {
        ProposalState::Open => Ok(()),
        ProposalState::Expired => Err(Code::ProposalExpired),
        _ => Err(Code::ProposalClosed),
    }
}

fn said(proposal: &Proposal) -> String {
    let Proposal {
        id, change, proposer, ..
    } = proposal;
    format!("proposal {id} of {}: {change}", proposer.person)
}
