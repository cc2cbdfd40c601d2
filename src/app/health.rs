//! What `grpc.health.v1` says.
use crate::{audit::Log, channel::Swap, clock::Clock};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Health follows the log and the listener: without a log nothing is answered, so nothing is healthy. At the stop it
/// says so and then ends the streams of those who watch: a watcher would hold its connection for the whole drain time.
pub(super) async fn report(
    mut reporter: HealthReporter,
    listener: &Swap,
    log: &Log,
    clock: &dyn Clock,
    stop: &CancellationToken,
) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = Vec::new();
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = stop.cancelled() => break,
        }
        let healthy = !log.has_failed() && !log.is_disk_full();
        reporter.set_service_status("", status(healthy)).await;
        let degraded = listener.current().degraded(clock.now());
        if degraded != told {
            for reason in &degraded {
                tracing::warn!(%reason, "degraded");
            }
            told = degraded;
        }
    }
    reporter.set_service_status("", ServingStatus::NotServing).await;
    reporter.clear_service_status("").await;
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
