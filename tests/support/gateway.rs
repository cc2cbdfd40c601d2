//! A gateway that runs, with a clock that stands still until it is told.
use super::{Caller, Place, Who};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tollgate::{
    app::{self, Running, site},
    channel::{Credential, client::Connector},
    clock::{Clock, ManualClock, SystemClock, Time},
    crypto::{Rng, SystemRng},
    pipeline::Gate,
};
use tonic::transport::{Channel, Endpoint};

/// Refusals of one peer per second, and at once: a little under the gateway's own limits.
const PACE: f64 = 9.0;
const AT_ONCE: f64 = 80.0;

/// A running gateway and its files.
pub(crate) struct Gateway {
    pub(crate) running: Running,
    pub(crate) place: Place,
    pub(crate) clock: Arc<ManualClock>,
    /// Refusals that a peer has had lately, by its URI.
    refusals: Mutex<HashMap<&'static str, (f64, Instant)>>,
}

impl Gateway {
    /// Starts at the system's time: certificates are judged by it at the caller's end.
    pub(crate) async fn start(place: Place) -> Self {
        Self::start_at(place, SystemClock.now()).await
    }
    pub(crate) async fn start_at(place: Place, at: Time) -> Self {
        Self::start_with(place, at, Arc::new(SystemRng::default())).await
    }
    pub(crate) async fn start_with(place: Place, at: Time, rng: Arc<dyn Rng>) -> Self {
        let clock = Arc::new(ManualClock::new(at));
        let running = app::start_with(&place.config(), Arc::clone(&clock) as _, rng).await;
        Self {
            running: running.unwrap_or_else(|e| panic!("{e}")),
            place,
            clock,
            refusals: Mutex::default(),
        }
    }

    /// Stops; gives the files.
    pub(crate) async fn stop(self) -> Place {
        self.running.stop().await.unwrap();
        self.place
    }
    /// Stops, and starts again on the same files at the same time.
    pub(crate) async fn restart(self) -> Self {
        let now = self.now();
        Self::start_at(self.stop().await, now).await
    }

    /// Waits until this peer may be refused once more: whoever collects refusals faster than 10 a second is turned away.
    pub(crate) async fn pace(&self, uri: &'static str) {
        let rest = {
            let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            let (level, at) = all.entry(uri).or_insert((0.0, Instant::now()));
            *level = (*level - at.elapsed().as_secs_f64() * PACE).max(0.0) + 1.0;
            *at = Instant::now();
            (*level - AT_ONCE).max(0.0) / PACE
        };
        tokio::time::sleep(Duration::from_secs_f64(rest)).await;
    }

    pub(crate) fn gate(&self) -> &Gate {
        self.running.gate()
    }
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }
    /// Entries in the log.
    pub(crate) fn size(&self) -> u64 {
        self.gate().log.head().size
    }
    pub(crate) fn address(&self, staff: bool) -> SocketAddr {
        if staff {
            self.running.staff()
        } else {
            self.running.partners()
        }
    }
    pub(crate) fn connector(&self, credential: &Credential) -> Connector {
        Connector::new(&self.place.roots(), credential, site::GATEWAY).unwrap()
    }

    /// A connection with this certificate, or why there is none.
    pub(crate) async fn channel(&self, credential: &Credential, staff: bool) -> Result<Channel, String> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address(staff))).unwrap();
        let channel = endpoint.connect_with_connector(self.connector(credential)).await;
        channel.map_err(|error| format!("{error:?}"))
    }
    /// Somebody of the register, connected.
    pub(crate) async fn caller(&self, who: Who) -> Caller {
        let channel = self.channel(&self.place.credential(who), who.staff).await.unwrap();
        Caller::new(self, channel, who)
    }
}
