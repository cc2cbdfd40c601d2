//! What `grpc.health.v1` says. The empty service is the ability to answer; services of their own say what is degraded, so
//! that somebody can be woken before anything is refused. The table is in `docs/operating/running.md`.
use crate::{
    audit::Log,
    channel::Swap,
    clock::{Clock, Time},
    domain::Language,
    keyring::{PublishedKeys, unlocked_warning},
    limits::KEY_LIST_DELEGATION_WARN_MS,
    pipeline::PeriodBound,
    witness::Witnesses,
};
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

/// Whether questions are answered.
const ANSWERS: &str = "";
/// The audit log takes entries, and what was read of it is whole.
const LOG: &str = "tollgate.v1.log";
/// Lists of revoked certificates and the gateway's own certificate are current.
const REVOCATION: &str = "tollgate.v1.revocation";
/// More than a third of the life of the gateway's own certificate is left.
const CERTIFICATE: &str = "tollgate.v1.certificate";
/// The key list is current, and its delegation is not about to end.
const KEYS: &str = "tollgate.v1.keys";
/// Long-lived secrets are locked in memory.
const MEMORY: &str = "tollgate.v1.memory";
/// As many witnesses as must have cosigned the log lately. Only where there are witnesses.
const WITNESS: &str = "tollgate.v1.witness";
/// The log's period is neither older nor larger than is configured.
const PERIOD: &str = "tollgate.v1.log.period";
/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What health follows.
pub(super) struct Watched {
    pub(super) listener: Swap,
    pub(super) log: Log,
    pub(super) bound: PeriodBound,
    pub(super) keys: Arc<PublishedKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) witnesses: Option<Arc<Witnesses>>,
}

/// Reports until the stop. Then it says that nothing is served and ends the streams of those who watch: a watcher would
/// hold its connection for the whole drain time.
pub(super) async fn report(mut reporter: HealthReporter, watched: Watched, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = Vec::new();
    let mut services = vec![ANSWERS, LOG, PERIOD, REVOCATION, CERTIFICATE, KEYS, MEMORY];
    services.extend(watched.witnesses.as_ref().map(|_| WITNESS));
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = stop.cancelled() => break,
        }
        let degraded = watched.degraded();
        for service in services.iter().copied() {
            let serving = !degraded.iter().any(|(what, _)| *what == service);
            reporter.set_service_status(service, status(serving)).await;
        }
        if degraded != told {
            for (_, reason) in degraded.iter().filter(|(what, _)| *what != ANSWERS) {
                tracing::warn!(%reason, "degraded");
            }
            told = degraded;
        }
    }
    for service in services {
        reporter.set_service_status(service, ServingStatus::NotServing).await;
        reporter.clear_service_status(service).await;
    }
}

impl Watched {
    /// Each service that is not as it should be, with the reason.
    fn degraded(&self) -> Vec<(&'static str, String)> {
        let now = self.clock.now();
        let mut all = Vec::new();
        if self.log.has_failed() || self.log.is_disk_full() {
            // Without a log nothing is answered.
            all.push((ANSWERS, String::new()));
            all.push((
                LOG,
                "the audit log takes no entries: free disk space, or start again and read why".to_owned(),
            ));
        }
        all.extend(self.log.damage().map(|text| (LOG, text)));
        all.extend(
            self.listener
                .current()
                .degraded(now)
                .into_iter()
                .map(|text| (REVOCATION, text)),
        );
        let days = self.listener.current().validity().days_left_if_few(now);
        all.extend(days.map(|days| {
            let left = format!("the gateway's own certificate ends, days left: {days}; renew it and send SIGHUP");
            (CERTIFICATE, left)
        }));
        let witnesses = self.witnesses.as_ref().and_then(|w| w.degraded(now));
        all.extend(witnesses.map(|text| (WITNESS, text)));
        all.extend(unlocked_warning().map(|text| (MEMORY, text)));
        let due = self.bound.due(now, self.log.head().size);
        all.extend(due.map(|due| (PERIOD, due.words(Language::English))));
        all.extend(keys(&self.keys, now).map(|text| (KEYS, text.to_owned())));
        all
    }
}

fn keys(published: &PublishedKeys, now: Time) -> Option<&'static str> {
    let Some(ends) = published.ends() else {
        return Some("no key list is published: no partner can open a session");
    };
    if ends.list <= now {
        Some("the key list has expired: no partner can open a session")
    } else if ends.delegation <= now.plus_ms(KEY_LIST_DELEGATION_WARN_MS) {
        Some("the key-list delegation ends within seven days: sign a new one with the gateway-identity key")
    } else {
        None
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

#[cfg(test)]
mod tests;
