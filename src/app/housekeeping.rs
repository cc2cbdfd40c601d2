//! What is due from time to time.
use super::{AppError, jobs, keys::Publisher, log_key::LogKeyRotation, revocation::Revocation};
use crate::{edge::Edge, pipeline::Gate};
use std::{sync::Arc, time::Duration};
use tokio::{signal::unix::Signal, sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often what is due is looked for.
const TICK: Duration = Duration::from_secs(30);

/// Key lists, lists of revoked certificates, sessions that ended, archives and rates of peers that have been quiet.
pub(super) struct Housekeeping {
    pub(super) publisher: Publisher,
    pub(super) log_key: LogKeyRotation,
    pub(super) revocation: Revocation,
    pub(super) edge: Arc<Edge>,
    pub(super) gate: Arc<Gate>,
    /// SIGHUP: lists of revoked certificates or the gateway's own certificate have changed, do not wait for the next tick.
    pub(super) hangup: Signal,
    /// A job was approved.
    pub(super) jobs: Arc<Notify>,
    /// One could not be carried out: it is tried again with the next tick.
    pub(super) jobs_stay: bool,
}

impl Housekeeping {
    /// Until the stop.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), AppError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.jobs.notified() => {
                    self.jobs_stay = jobs::carry_out(&self.gate, &mut self.publisher).await;
                    // What a job did to the log's keys is recorded and published.
                    self.keys().await;
                    continue;
                }
                Some(()) = self.hangup.recv() => {
                    self.files().await;
                    continue;
                }
                () = self.log_key.keys.asked() => {
                    self.keys().await;
                    continue;
                }
                () = stop.cancelled() => return Ok(()),
            }
            if self.jobs_stay {
                self.jobs_stay = jobs::carry_out(&self.gate, &mut self.publisher).await;
            }
            self.edge.sweep();
            self.gate.opener.sessions().sweep(self.gate.clock.now());
            let gate = Arc::clone(&self.gate);
            let closed = tokio::task::spawn_blocking(move || gate.archives.close_idle()).await;
            closed.map_err(|e| AppError::Server(e.to_string()))?;
            self.files().await;
            self.keys().await;
        }
    }

    async fn files(&mut self) {
        self.revocation.keep_current().await;
        self.revocation.keep_certificate_current().await;
    }

    async fn keys(&mut self) {
        if let Err(error) = self.log_key.keep_current(&mut self.publisher).await {
            // The list that is published stays good for hours: say so and try again.
            tracing::error!(%error, "key list not renewed");
        }
    }
}
