//! What is due from time to time.
use super::{AppError, keys::Publisher};
use crate::{edge::Edge, limits::PRUNE_ROWS, pipeline::Gate, source::VaultError};
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often what is due is looked for.
const TICK: Duration = Duration::from_secs(30);

/// What is due: key lists, sessions that ended, rates of peers that have been quiet.
pub(super) async fn housekeeping(
    mut publisher: Publisher,
    edge: Arc<Edge>,
    gate: Arc<Gate>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => break,
        }
        edge.sweep();
        gate.opener.sessions().sweep(gate.clock.now());
        prune(Arc::clone(&gate)).await;
        if let Err(error) = publisher.keep_current().await {
            // The list that is published stays good for hours: say so and try again.
            tracing::error!(%error, "key list not renewed");
        }
    }
    Ok(())
}

/// Removes records that were replaced, a bounded piece at a time, off the threads that answer.
async fn prune(gate: Arc<Gate>) {
    let pruned = tokio::task::spawn_blocking(move || {
        while !gate.vault.prune(PRUNE_ROWS)?.done {}
        Ok::<_, VaultError>(())
    });
    if !matches!(pruned.await, Ok(Ok(()))) {
        tracing::error!("replaced records could not be removed; readers do not see them");
    }
}
