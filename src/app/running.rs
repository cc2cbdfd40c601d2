//! A gateway that runs: its listeners, its tasks, its end.
use super::{AppError, Kept, judge_by, keys::Publisher};
use crate::{
    agreement::Quotas,
    audit::{Counter, Event, Worker},
    channel::{
        Acceptor, Connections, Credential, CrlMemory, Denylist, HandshakeEvents, Limits, Listener, ServerTls, Setup,
        Trust, server_config,
    },
    clock::{Clock, SystemClock},
    config::Config,
    consent,
    crypto::{Rng, SystemRng},
    domain::Method,
    edge::Edge,
    facts::{Facts, Kind},
    keyring::PublishedKeys,
    limits::{DRAIN_MS_MAX, PRUNE_ROWS},
    pipeline::{Gate, PersonLocks, Recent},
    rpc::{self, Desk, Services},
    seal::Opener,
    source::{LossRule, VaultError},
    state::Effect,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const START: Method = Method("/tollgate.internal/Start");
const STOP: Method = Method("/tollgate.internal/Stop");
/// How often what is due is looked for.
const TICK: Duration = Duration::from_secs(30);

/// A gateway that serves.
pub struct Running {
    partners: SocketAddr,
    staff: SocketAddr,
    gate: Arc<Gate>,
    keys: Arc<PublishedKeys>,
    connections: Arc<Connections>,
    denylist: Arc<Denylist>,
    stop: CancellationToken,
    cases: TaskTracker,
    tasks: JoinSet<Result<(), AppError>>,
    worker: Worker,
    snapshot: [u8; 32],
}

/// Starts with the system's clock and randomness.
pub async fn start(config: &Config) -> Result<Running, AppError> {
    start_with(config, Arc::new(SystemClock), Arc::new(SystemRng::default())).await
}

/// Starts: everything is read and checked before a port is bound.
pub async fn start_with(config: &Config, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Running, AppError> {
    let view = Arc::new(judge_by(config)?);
    let trust = Trust::load(&config.tls.trust)?;
    let credential = Credential::load(&config.tls.chain, &config.tls.key)?;
    let kept = Kept::open(config, &view.catalogue, LossRule::Refuse, &clock, &rng)?;
    tracing::info!(recovery = %kept.recovery, "log opened");
    let mut memory = CrlMemory::load(&*kept.state)?;
    let crl_effects = trust.crl_effects(&memory)?;
    memory.apply(&crl_effects);
    let snapshot = view.snapshot.hash();
    record_start(&kept, snapshot, crl_effects).await?;
    let mut publisher = Publisher::new(
        config,
        Arc::clone(&kept.keyring),
        kept.log.clone(),
        snapshot,
        Arc::clone(&clock),
        Arc::clone(&rng),
    )?;
    publisher.keep_current().await?;
    let counter = Arc::new(Counter::new(kept.log.clone(), Arc::clone(&clock)));
    let gate = Arc::new(Gate {
        records: Arc::clone(&kept.vault) as _,
        vault: Arc::clone(&kept.vault),
        state: Arc::clone(&kept.state),
        log: kept.log.clone(),
        opener: Opener::new(config.gateway.uri.clone(), Arc::clone(&kept.keyring)),
        person_keys: consent::Keys {
            epoch: kept.keyring.epoch(),
            pseudonym: kept.keyring.pseudonym(),
        },
        period_key: kept.keyring.period_detail(),
        clock: Arc::clone(&clock),
        rng,
        recent: Recent::load(&*kept.state, clock.now())?,
        quotas: Quotas::load(&*kept.state, view.snapshot.agreements())?,
        people: PersonLocks::default(),
        view,
    });
    let cases = TaskTracker::new();
    let denylist = Arc::new(Denylist::load(&*kept.state)?);
    let desk = Desk {
        gate: Arc::clone(&gate),
        keys: Arc::clone(&publisher.published),
        edge: Arc::default(),
        counter: Arc::clone(&counter),
        denylist: Arc::clone(&denylist),
        tasks: cases.clone(),
        reply_quantum: Duration::from_millis(config.gateway.reply_quantum_ms),
    };
    let connections = Connections::new(Limits::default());
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let events: HandshakeEvents = {
        let counter = Arc::clone(&counter);
        Arc::new(move |reason, peer| counter.count(reason, peer))
    };
    let tls = |listener| server_config(&trust, listener, &credential, Arc::clone(&clock), &memory);
    let (partner_tls, staff_tls) = (tls(Listener::Partner)?, tls(Listener::Staff)?);
    let mut addresses = Vec::new();
    for (address, tls) in [
        (config.listen.partners, &partner_tls),
        (config.listen.staff, &staff_tls),
    ] {
        let setup = Setup {
            tls: Arc::clone(tls),
            connections: Arc::clone(&connections),
            denylist: Arc::clone(&denylist),
            events: Arc::clone(&events),
            clock: Arc::clone(&clock),
        };
        addresses.push(listen(&mut tasks, address, setup, &desk, config.gateway.reflection, &stop).await?);
    }
    let [partners, staff] = addresses.as_slice() else {
        return Err(AppError::Server("two listeners were expected".to_owned()));
    };
    let (partners, staff) = (*partners, *staff);
    let stopping = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = counter.run() => {}
            () = stopping.cancelled() => {}
        }
        // What was counted since the last minute.
        Ok(counter.flush().await?)
    });
    tasks.spawn(housekeeping(
        publisher,
        Arc::clone(&desk.edge),
        Arc::clone(&gate),
        stop.clone(),
    ));
    tracing::info!(%partners, %staff, "serving");
    Ok(Running {
        partners,
        staff,
        keys: Arc::clone(&desk.keys),
        gate,
        connections,
        denylist,
        stop,
        cases,
        tasks,
        worker: kept.worker,
        snapshot,
    })
}

async fn record_start(kept: &Kept, snapshot: [u8; 32], effects: Vec<Effect>) -> Result<(), AppError> {
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", START, snapshot);
    facts.note = format!("tollgate {}: {}", env!("CARGO_PKG_VERSION"), kept.recovery);
    facts.effects = effects;
    kept.log.append(Event::new(facts)).await?;
    let mut facts = Facts::new(Kind::Configuration, "gateway", START, snapshot);
    facts.note = "configuration active".to_owned();
    kept.log.append(Event::new(facts)).await?;
    Ok(())
}

async fn listen(
    tasks: &mut JoinSet<Result<(), AppError>>,
    address: SocketAddr,
    setup: Setup,
    desk: &Desk,
    reflection: bool,
    stop: &CancellationToken,
) -> Result<SocketAddr, AppError> {
    let failed = |why| AppError::Listen { address, why };
    let (tls, clock) = (Arc::clone(&setup.tls), Arc::clone(&setup.clock));
    let acceptor = Acceptor::bind(address, setup).await.map_err(failed)?;
    let bound = acceptor.local_addr().map_err(failed)?;
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let services = Services {
        desk: desk.clone(),
        health,
        reflection,
    };
    let (until, stopped) = (stop.clone(), stop.clone());
    let log = desk.gate.log.clone();
    tasks.spawn(async move {
        rpc::serve(services, acceptor.incoming(), async move { until.cancelled().await })
            .await
            .map_err(|e| AppError::Server(e.to_string()))
    });
    tasks.spawn(async move {
        watch_health(&reporter, &tls, &log, &*clock, &stopped).await;
        Ok(())
    });
    Ok(bound)
}

/// Health follows the log and the listener: without a log nothing is answered, so nothing is healthy.
async fn watch_health(
    reporter: &tonic_health::server::HealthReporter,
    tls: &ServerTls,
    log: &crate::audit::Log,
    clock: &dyn Clock,
    stop: &CancellationToken,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = Vec::new();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => break,
        }
        let healthy = !log.has_failed() && !log.is_disk_full();
        let status = if healthy {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        reporter.set_service_status("", status).await;
        let degraded = tls.degraded(clock.now());
        if degraded != told {
            for reason in &degraded {
                tracing::warn!(%reason, "degraded");
            }
            told = degraded;
        }
    }
    reporter
        .set_service_status("", tonic_health::ServingStatus::NotServing)
        .await;
}

/// What is due: key lists, sessions that ended, rates of peers that have been quiet.
async fn housekeeping(
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

impl Running {
    /// Where partners connect.
    pub fn partners(&self) -> SocketAddr {
        self.partners
    }
    /// Where staff connect.
    pub fn staff(&self) -> SocketAddr {
        self.staff
    }
    /// The request path, for what runs beside it in this process.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
    /// The key list that is served.
    pub fn keys(&self) -> &PublishedKeys {
        &self.keys
    }
    /// Live connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }
    /// Revoked certificates and keys.
    pub fn denylist(&self) -> &Denylist {
        &self.denylist
    }

    /// Stops: no new calls, cases that are under way end in the log, then the log is flushed and closed.
    pub async fn stop(mut self) -> Result<(), AppError> {
        self.stop.cancel();
        self.cases.close();
        let drain = Duration::from_millis(DRAIN_MS_MAX);
        let drained = tokio::time::timeout(drain, self.cases.wait()).await.is_ok();
        // Connections that stay open past the drain are cut.
        self.connections.end_where(|_| true);
        let mut failure = None;
        let ended = tokio::time::timeout(drain, async {
            while let Some(task) = self.tasks.join_next().await {
                match task {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => failure = Some(error),
                    Err(error) => failure = Some(AppError::Server(error.to_string())),
                }
            }
        })
        .await;
        if ended.is_err() {
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

/// Resolves at SIGTERM or SIGINT.
pub async fn until_told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
