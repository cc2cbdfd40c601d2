//! Records that were replaced are removed, a bounded piece at a time, off the threads that answer.
//!
//! A task of its own: key lists and what else is due never wait for it.
use super::AppError;
use crate::{
    limits::{PRUNE_REST_MS, PRUNE_ROWS, PRUNE_STEPS_MAX},
    pipeline::Gate,
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Until the stop.
pub(super) async fn run(gate: Arc<Gate>, stop: CancellationToken) -> Result<(), AppError> {
    loop {
        for _ in 0..PRUNE_STEPS_MAX {
            let vault = Arc::clone(&gate.vault);
            match tokio::task::spawn_blocking(move || vault.prune(PRUNE_ROWS)).await {
                Ok(Ok(pruned)) if pruned.done => break,
                Ok(Ok(_)) if stop.is_cancelled() => return Ok(()),
                Ok(Ok(_)) => {}
                _ => {
                    tracing::error!("replaced records could not be removed; readers do not see them");
                    break;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(PRUNE_REST_MS)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
