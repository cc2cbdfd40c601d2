//! A gateway that runs: its listeners, its tasks, its end.
use super::{AppError, LogKeys};
use crate::{
    audit::{Event, Recovery, Worker},
    channel::{Connections, Denylist},
    domain::Method,
    facts::{Facts, Kind},
    keyring::PublishedKeys,
    limits::DRAIN_MS_MAX,
    pipeline::Gate,
    witness::Witnesses,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinSet},
    time::MissedTickBehavior,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const STOP: Method = Method("/tollgate.internal/Stop");
/// How often the log's threads, which no one can await, are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A task's end.
type Ended = Result<Result<(), AppError>, JoinError>;

/// A gateway that serves.
pub struct Running {
    pub(super) partners: SocketAddr,
    pub(super) staff: SocketAddr,
    pub(super) console: Option<SocketAddr>,
    pub(super) witness: Option<SocketAddr>,
    pub(super) witnesses: Option<Arc<Witnesses>>,
    pub(super) gate: Arc<Gate>,
    pub(super) keys: Arc<PublishedKeys>,
    pub(super) log_keys: LogKeys,
    pub(super) connections: Arc<Connections>,
    pub(super) denylist: Arc<Denylist>,
    #[cfg(test)]
    pub(super) counter: Arc<crate::audit::Counter>,
    /// No new calls from here on, and streams end.
    pub(super) stop: CancellationToken,
    /// Nobody is served any more: what counted and watched them may end.
    pub(super) served: CancellationToken,
    pub(super) cases: TaskTracker,
    /// One per listener; each ends when its last connection has.
    pub(super) servers: JoinSet<Result<(), AppError>>,
    /// Everything else that runs for as long as the gateway.
    pub(super) tasks: JoinSet<Result<(), AppError>>,
    pub(super) worker: Worker,
    pub(super) recovery: Recovery,
    pub(super) snapshot: [u8; 32],
}

impl Running {
    /// Where partners connect.
    pub fn partners(&self) -> SocketAddr {
        self.partners
    }
    /// Where staff connect.
    pub fn staff(&self) -> SocketAddr {
        self.staff
    }
    /// Where officers' browsers connect, if anywhere.
    pub fn console(&self) -> Option<SocketAddr> {
        self.console
    }
    /// Where checkpoints of other logs are submitted, if this gateway is a witness.
    pub fn witness(&self) -> Option<SocketAddr> {
        self.witness
    }
    /// The witnesses of this gateway's log, if it has any: what each has cosigned and why it did not.
    pub fn witnesses(&self) -> Option<&Arc<Witnesses>> {
        self.witnesses.as_ref()
    }
    /// What the start found in the log and did, in plain words.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }
    /// The request path, for what runs beside it in this process.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
    /// The key list that is served.
    pub fn keys(&self) -> &PublishedKeys {
        &self.keys
    }
    /// The log's keys, and the means to rotate them.
    pub fn log_keys(&self) -> &LogKeys {
        &self.log_keys
    }
    /// Live connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// What every handshake and every call is checked against.
    pub fn denylist(&self) -> &Denylist {
        &self.denylist
    }

    /// Resolves at SIGTERM or SIGINT; or with an error as soon as a part of the gateway has ended by itself. Either way
    /// [`Running::stop`] is next: half a gateway is not left running.
    pub async fn until_told_to_stop(&mut self, signals: &mut StopSignals) -> Result<(), AppError> {
        tokio::select! {
            () = signals.told() => Ok(()),
            failure = self.failed() => Err(failure),
        }
    }

    /// Resolves when a task has ended, failed or panicked that runs for as long as the gateway does, or a thread of the
    /// log, or when the log has failed. May be dropped and called again.
    pub async fn failed(&mut self) -> AppError {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                Some(ended) = self.servers.join_next() => return why(ended),
                Some(ended) = self.tasks.join_next() => return why(ended),
                _ = look.tick() => {
                    if !self.worker.is_running() {
                        return AppError::Server("a thread of the audit log has ended".to_owned());
                    }
                    // What is on disk is not known any more; a start finds out, and goes on where the log ends. A full
                    // disk is no failure: that one goes away while the gateway runs.
                    if self.gate.log.has_failed() {
                        return AppError::LogFailed;
                    }
                }
            }
        }
    }

    /// Stops: no new calls, calls that are under way get their replies, then the log is flushed and closed.
    pub async fn stop(mut self) -> Result<(), AppError> {
        self.stop.cancel();
        self.cases.close();
        let drain = Duration::from_millis(DRAIN_MS_MAX);
        let mut failure = None;
        // A server ends when each connection has had its last reply. What is left then are cases whose caller hung up.
        let drained = tokio::time::timeout(drain, async {
            all(&mut self.servers, &mut failure).await;
            self.cases.wait().await;
        })
        .await
        .is_ok();
        // Connections that stay open past the drain are cut.
        self.connections.end_where(|_| true);
        self.servers.shutdown().await;
        self.served.cancel();
        if tokio::time::timeout(drain, all(&mut self.tasks, &mut failure))
            .await
            .is_err()
        {
            self.tasks.shutdown().await;
        }
        let mut facts = Facts::new(Kind::Lifecycle, "gateway", STOP, self.snapshot);
        facts.note = if drained {
            "drained"
        } else {
            "cut off after the drain time"
        }
        .to_owned();
        self.gate.log.append(Event::new(facts)).await?;
        drop(self.gate);
        let worker = self.worker;
        tokio::task::spawn_blocking(move || worker.close())
            .await
            .map_err(|e| AppError::Server(e.to_string()))?
            .map_err(|e| AppError::Server(e.to_string()))?;
        failure.map_or(Ok(()), Err)
    }
}

async fn all(tasks: &mut JoinSet<Result<(), AppError>>, failure: &mut Option<AppError>) {
    while let Some(task) = tasks.join_next().await {
        match task {
            Ok(Ok(())) => {}
            failed => *failure = Some(why(failed)),
        }
    }
}

fn why(ended: Ended) -> AppError {
    match ended {
        Ok(Ok(())) => AppError::Server("a task ended that should run until the stop".to_owned()),
        Ok(Err(error)) => error,
        Err(error) => AppError::Server(error.to_string()),
    }
}

/// SIGTERM and SIGINT, from the moment on that they are listened for: before it they end the process at once.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on. Do it before anybody is told that the gateway serves.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> Result<Self, AppError> {
        let listen = |kind| signal(kind).map_err(|e| AppError::Server(e.to_string()));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
