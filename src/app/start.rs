//! The start: everything is read and checked before a port is bound, then everything is wired together.
use super::{
    AppError, Kept, Running, archive, console,
    erasing::Erasing,
    health::{self, Watched},
    housekeeping::Housekeeping,
    jobs, judge_by,
    keys::Publisher,
    leaf::OwnFiles,
    log_key::{LogKeyRotation, LogKeys},
    pruning, restoring,
    revocation::{Revocation, record_numbers},
    switch::Machine,
    witnesses,
};
use crate::{
    agreement::Quotas,
    audit::{Counter, Event},
    channel::{
        Acceptor, Connections, Credential, CrlMemory, Denylist, HandshakeEvents, Limits, Listener, SeenIssuers,
        ServerTls, Setup, Trust, server_config,
    },
    clock::{Clock, SystemClock},
    config::Config,
    consent,
    crypto::{Rng, SystemRng, age::Recipient},
    domain::Method,
    facts::{Facts, Kind},
    pipeline::{Gate, PeriodBound, PersonLocks, Recent, admin::Admin, backups::Backups, persons},
    restored::Restored,
    rpc::{self, Desk, Services},
    seal::Opener,
    source::LossRule,
    state::Effect,
    store::DataDir,
    web, witness,
};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Mutex,
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const DAY_MS: i64 = 86_400_000;
const START: Method = Method("/tollgate.internal/Start");

/// Starts with the system's clock and randomness.
pub async fn start(config: &Config) -> Result<Running, AppError> {
    start_with(config, Arc::new(SystemClock), Arc::new(SystemRng::default())).await
}

/// Starts: everything is read and checked before a port is bound.
pub async fn start_with(config: &Config, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Running, AppError> {
    let view = Arc::new(judge_by(config)?);
    let trust = Arc::new(Trust::load(&config.tls.trust)?);
    let credential = Arc::new(Credential::load(&config.tls.chain, &config.tls.key)?);
    let kept = Kept::open(config, &view.catalogue, LossRule::Refuse, &clock, &rng)?;
    if kept.keyring.is_development() && !config.gateway.development {
        return Err(AppError::DevelopmentKeys);
    }
    tracing::info!(recovery = %kept.recovery, "log opened");
    let snapshot = view.snapshot.hash();
    let log_key = LogKeyRotation {
        keys: LogKeys::new(Arc::clone(&kept.keyring), Arc::clone(&clock), Arc::clone(&rng)),
        state: Arc::clone(&kept.state),
        log: kept.log.clone(),
        snapshot,
    };
    let witnesses = witnesses::witnesses(config, &kept, &clock, snapshot)?;
    // Before anything is added: what is added behind a witness would be a second history.
    if let Err(error) = witnesses::before_serving(witnesses.as_ref()).await {
        return Err(closed(kept, error).await);
    }
    restoring::tell(&kept, config, clock.now(), snapshot).await?;
    let restored = Restored::load(&*kept.state)?;
    view.register
        .hold_partners(restored.is_some_and(|restored| restored.suspensions));
    let mut memory = CrlMemory::load(&*kept.state)?;
    // Nobody has connected yet: the numbers of issuing CAs are learned when somebody has.
    let crl_effects = trust.crl_effects(&memory, &SeenIssuers::default())?;
    memory.apply(&crl_effects);
    record_start(&kept, snapshot, &crl_effects).await?;
    let mut publisher = Publisher::new(
        config,
        Arc::clone(&kept.keyring),
        kept.log.clone(),
        snapshot,
        Arc::clone(&clock),
        Arc::clone(&rng),
    )?;
    log_key.keep_current(&mut publisher).await?;
    let period_bound = PeriodBound {
        began: kept.log.began()?.unwrap_or_else(|| clock.now()),
        days: config.retention.period_days,
        entries: config.retention.period_entries,
    };
    let counter = Arc::new(Counter::new(kept.log.clone(), Arc::clone(&clock)));
    let opener = Opener::new(config.gateway.uri.clone(), Arc::clone(&kept.keyring));
    let denylist = Arc::new(Denylist::load(&*kept.state)?);
    let connections = Connections::new(Limits::default());
    let machine = Arc::new(Machine {
        view: Arc::clone(&view),
        denylist: Arc::clone(&denylist),
        connections: Arc::clone(&connections),
        sessions: Arc::clone(opener.sessions()),
        clock: Arc::clone(&clock),
        keys: Arc::clone(&publisher.published),
        jobs: Arc::default(),
        swaps: OnceLock::new(),
    });
    machine.load(&*kept.state)?;
    let gate = Arc::new(Gate {
        records: Arc::clone(&kept.vault) as _,
        vault: Arc::clone(&kept.vault),
        state: Arc::clone(&kept.state),
        log: kept.log.clone(),
        opener,
        person_keys: consent::Keys {
            epochs: kept.keyring.epochs(),
            pseudonym: kept.keyring.pseudonym(),
        },
        period_key: kept.keyring.period_detail(),
        period: kept.keyring.period(),
        archives: Arc::new(archive::to_read(config, &kept.keyring, &clock)?),
        bound: period_bound,
        clock: Arc::clone(&clock),
        rng,
        recent: Recent::load(&*kept.state, clock.now())?,
        quotas: Quotas::load(&*kept.state, view.snapshot.agreements())?,
        people: PersonLocks::default(),
        erasing: persons::Erasing::of(kept.erasures),
        deadlines: config.subject_requests,
        case_list: Mutex::default(),
        admin: Admin::new(Arc::clone(&machine) as _, Arc::clone(&kept.keyring)),
        backups: Backups {
            recipients: recipients(config)?,
            keyring: DataDir::keyring_dir_of(&config.gateway.data_dir),
        },
        view,
    });
    // What a crash cut off is ended before anybody connects.
    let jobs_stay = jobs::carry_out(&gate, &mut publisher).await;
    let cases = TaskTracker::new();
    let (stop, served) = (CancellationToken::new(), CancellationToken::new());
    let desk = Desk {
        gate: Arc::clone(&gate),
        keys: Arc::clone(&publisher.published),
        edge: Arc::default(),
        counter: Arc::clone(&counter),
        denylist: Arc::clone(&denylist),
        tasks: cases.clone(),
        stopping: stop.clone(),
        witnesses: witnesses.clone(),
        reply_quantum: Duration::from_millis(config.gateway.reply_quantum_ms),
    };
    let (mut servers, mut tasks) = (JoinSet::new(), JoinSet::new());
    let events: HandshakeEvents = {
        let counter = Arc::clone(&counter);
        Arc::new(move |reason, peer| counter.count(reason, peer))
    };
    let tls = |listener| server_config(&trust, listener, &credential, Arc::clone(&clock), &memory);
    let (partner_tls, staff_tls) = (tls(Listener::Partner)?, tls(Listener::Staff)?);
    let setup = |tls: &Arc<ServerTls>| Setup {
        tls: Arc::clone(tls),
        connections: Arc::clone(&connections),
        denylist: Arc::clone(&denylist),
        events: Arc::clone(&events),
        clock: Arc::clone(&clock),
    };
    let (mut addresses, mut swaps) = (Vec::new(), Vec::new());
    for (address, tls, for_staff) in [
        (config.listen.partners, &partner_tls, false),
        (config.listen.staff, &staff_tls, true),
    ] {
        let (acceptor, bound) = bind(address, setup(tls)).await?;
        addresses.push(bound);
        let swap = acceptor.swap();
        swaps.push(swap.clone());
        let (reporter, health) = tonic_health::server::health_reporter();
        let services = Services {
            desk: desk.clone(),
            health,
            reflection: config.gateway.reflection,
            staff: for_staff,
        };
        let until = stop.clone();
        servers.spawn(async move {
            rpc::serve(services, acceptor.incoming(), async move { until.cancelled().await })
                .await
                .map_err(|e| AppError::Server(e.to_string()))
        });
        let watched = Watched {
            listener: swap,
            log: kept.log.clone(),
            keys: Arc::clone(&desk.keys),
            bound: period_bound,
            clock: Arc::clone(&clock),
            witnesses: witnesses.clone(),
        };
        let stop = stop.clone();
        tasks.spawn(async move {
            health::report(reporter, watched, stop).await;
            Ok(())
        });
    }
    let [partners, staff] = addresses.as_slice() else {
        return Err(AppError::Server("two listeners were expected".to_owned()));
    };
    let (partners, staff) = (*partners, *staff);
    let mut witness_address = None;
    let own = kept.keyring.log_signers();
    if let (Some(address), Some(witness)) = (config.listen.witness, witnesses::witness(config, &own, &gate)?) {
        let (acceptor, bound) = bind(address, setup(&partner_tls)).await?;
        swaps.push(acceptor.swap());
        witness_address = Some(bound);
        let door = web::Door {
            denylist: Arc::clone(&denylist),
            clock: Arc::clone(&clock),
            turned_away: Arc::clone(&events),
        };
        let route = witness::route(witness, Arc::clone(&desk.edge), Arc::clone(&counter), cases.clone());
        let until = stop.clone();
        servers.spawn(async move {
            web::serve(route, door, acceptor.incoming(), until)
                .await
                .map_err(|e| AppError::Server(e.to_string()))
        });
    }
    let mut console_address = None;
    if let Some(address) = config.listen.console {
        let (acceptor, bound) = bind(address, setup(&staff_tls)).await?;
        swaps.push(acceptor.swap());
        console_address = Some(bound);
        let (signers, log) = (kept.keyring.log_signers(), kept.log.clone());
        let verifier_key = Arc::new(move || signers.text(log.origin()));
        servers.spawn(console::serve(
            &desk,
            acceptor,
            verifier_key,
            witnesses.clone(),
            Arc::clone(&events),
        ));
    }
    if let Some(witnesses) = witnesses.clone() {
        let stop = stop.clone();
        tasks.spawn(async move {
            witnesses.run(stop).await;
            Ok(())
        });
    }
    let quiet = served.clone();
    #[cfg(test)]
    let counted = Arc::clone(&counter);
    tasks.spawn(async move {
        tokio::select! {
            () = counter.run() => {}
            () = quiet.cancelled() => {}
        }
        // What was counted since the last minute, up to the last call.
        Ok(counter.flush().await?)
    });
    // Every listener is bound.
    let _ = machine.swaps.set(swaps.clone());
    let revocation = Revocation {
        trust,
        memory,
        credential,
        files: OwnFiles::new(config.tls.chain.clone(), config.tls.key.clone()),
        connections: Arc::clone(&connections),
        swaps,
        log: kept.log.clone(),
        clock,
        snapshot,
        seen: 0,
        told: String::new(),
    };
    let log_keys = log_key.keys.clone();
    let due = Housekeeping {
        publisher,
        log_key,
        revocation,
        edge: Arc::clone(&desk.edge),
        gate: Arc::clone(&gate),
        jobs: Arc::clone(&machine.jobs),
        jobs_stay,
        hangup: signal(SignalKind::hangup()).map_err(|e| AppError::Server(e.to_string()))?,
    };
    tasks.spawn(due.run(stop.clone()));
    let erasing = Erasing {
        gate: Arc::clone(&gate),
        keyring: kept.keyring,
        provision_ms: i64::from(config.retention.provision_days) * DAY_MS,
        stop: stop.clone(),
    };
    tasks.spawn(erasing.run());
    tasks.spawn(pruning::run(Arc::clone(&desk.gate), stop.clone()));
    tracing::info!(%partners, %staff, console = console_address.map(tracing::field::display), "serving");
    Ok(Running {
        partners,
        staff,
        console: console_address,
        witness: witness_address,
        witnesses,
        keys: Arc::clone(&desk.keys),
        log_keys,
        gate,
        connections,
        denylist,
        #[cfg(test)]
        counter: counted,
        stop,
        served,
        cases,
        servers,
        tasks,
        worker: kept.worker,
        recovery: kept.recovery,
        snapshot,
    })
}

fn recipients(config: &Config) -> Result<Vec<Recipient>, AppError> {
    let named = config.backup.as_ref().map(|to| to.recipients()).transpose();
    Ok(named.map_err(AppError::Backup)?.unwrap_or_default())
}

/// Why it does not start, once the data directory is free for whoever mends it.
async fn closed(kept: Kept, error: AppError) -> AppError {
    let Kept {
        worker,
        log,
        state,
        vault,
        ..
    } = kept;
    drop((log, state, vault));
    match tokio::task::spawn_blocking(move || worker.close()).await {
        Ok(Ok(())) => error,
        Ok(Err(panicked)) => AppError::Server(format!("{error}; and {panicked}")),
        Err(panicked) => AppError::Server(format!("{error}; and {panicked}")),
    }
}

async fn record_start(kept: &Kept, snapshot: [u8; 32], effects: &[Effect]) -> Result<(), AppError> {
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", START, snapshot);
    facts.note = format!("tollgate {}: {}", env!("CARGO_PKG_VERSION"), kept.recovery);
    kept.log.append(Event::new(facts)).await?;
    let numbers = || Facts::new(Kind::Configuration, "gateway", START, snapshot);
    record_numbers(&kept.log, effects, numbers).await?;
    let mut facts = Facts::new(Kind::Configuration, "gateway", START, snapshot);
    facts.note = "configuration active".to_owned();
    kept.log.append(Event::new(facts)).await?;
    Ok(())
}

async fn bind(address: SocketAddr, setup: Setup) -> Result<(Acceptor, SocketAddr), AppError> {
    let failed = |why| AppError::Listen { address, why };
    let acceptor = Acceptor::bind(address, setup).await.map_err(failed)?;
    let bound = acceptor.local_addr().map_err(failed)?;
    Ok((acceptor, bound))
}

#[cfg(test)]
mod tests;
