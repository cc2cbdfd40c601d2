//! What was approved and is more than an entry: carried out here, once, whatever stops it on the way.
//!
//! The entry of the approval says `approved`; the keyring changes; the key list that says so is published; the last entry says
//! `done`. Each step may be done twice: keys are named, and a key that gave way gives way no second time.
use super::{AppError, keys::Publisher};
use crate::{
    admin::{Change, Proposal, ProposalState, proposals},
    audit::Event,
    domain::Method,
    facts::{Facts, Kind},
    keyring::KeyringError,
    pipeline::{Gate, admin::still_valid},
};

const CARRY_OUT: Method = Method("/tollgate.internal/CarryOut");

/// Carries out every job there is. One that fails stays, is tried again, and keeps no other one waiting. Whether one stays.
pub(super) async fn carry_out(gate: &Gate, publisher: &mut Publisher) -> bool {
    let now = gate.clock.now();
    let waiting = match proposals(&*gate.state) {
        Ok(all) => all.into_iter().filter(|p| p.state(now) == ProposalState::Approved),
        Err(error) => {
            tracing::error!(%error, "jobs cannot be read");
            return true;
        }
    };
    let mut stays = false;
    for job in waiting {
        let id = job.id;
        if let Err(error) = one(gate, publisher, job).await {
            tracing::error!(job = %id, %error, "a job that was approved is not done yet: it is tried again");
            stays = true;
        }
    }
    stays
}

async fn one(gate: &Gate, publisher: &mut Publisher, job: Proposal) -> Result<(), AppError> {
    // Nobody decides while its end is recorded.
    let _alone = gate.admin.alone().await;
    if !is_good(gate, &job) {
        return record(gate, job, ProposalState::RolledBack).await;
    }
    change(&job.change, publisher)?;
    // A new log key is recorded before it is published: see `log_key`.
    if !matches!(job.change, Change::RotateLogKey { .. }) {
        publisher.publish().await?;
    }
    record(gate, job, ProposalState::Done).await
}

/// Whoever stands behind a job still does. An emergency that is on record holds, whatever became of who ordered it.
fn is_good(gate: &Gate, job: &Proposal) -> bool {
    let decider = job.decider.as_ref();
    job.emergency || still_valid(gate, &job.proposer) && decider.is_some_and(|by| still_valid(gate, by))
}

fn change(change: &Change, publisher: &mut Publisher) -> Result<(), AppError> {
    let (now, rng) = (publisher.clock.now(), &*publisher.rng);
    let rotation = match change {
        // It is done with its approval and never waits.
        Change::Lift { .. } => None,
        Change::RotateExchange(keys) => publisher.keyring.retire_exchange(keys, now, rng)?,
        Change::RotateLogKey { key, terms } => match publisher.keyring.prepare_log_key(*key, *terms, now, rng) {
            // It gave way before, or is about to.
            Ok(()) | Err(KeyringError::LogKeyGaveWay | KeyringError::LogKeyRotating) => None,
            Err(error) => return Err(error.into()),
        },
        Change::RevokeExchange(key) => match publisher.keyring.revoke_exchange(key, now, rng) {
            // Revoked or destroyed before: nothing opens with it.
            Err(KeyringError::KeyUnknown) => None,
            rotation => Some(rotation?),
        },
    };
    publisher.note(rotation);
    Ok(())
}

async fn record(gate: &Gate, job: Proposal, state: ProposalState) -> Result<(), AppError> {
    let ended = job.ended(state);
    let mut facts = Facts::new(Kind::Keys, "gateway", CARRY_OUT, gate.view.snapshot.hash());
    let what = match state {
        ProposalState::Done => "done",
        _ => "rolled back: somebody who stood for it is no longer a member in that role, or is denied",
    };
    facts.note = format!("job {}: {}; {what}", ended.id, ended.change);
    facts.effects = vec![ended.put()];
    gate.log.append(Event::new(facts)).await?;
    tracing::info!(job = %ended.id, outcome = what, "a job has ended");
    Ok(())
}
