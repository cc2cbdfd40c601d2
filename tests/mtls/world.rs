//! A gateway's doors with two banks and staff, made anew for each test by the PKI that users get.
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tollgate::{
    channel::{
        Acceptor, ConnInfo, Connections, Credential, CrlMemory, Denylist, Limits, Listener, ServerTls, Setup, Swap,
        Trust, TrustFile, client::Connector, server_config,
    },
    clock::{Clock, ManualClock, SystemClock, Time},
    crypto::SystemRng,
    pki::{Authority, Issued, LeafPlan, Made, PartnerPlan, Plan, Usage, init},
};
use tonic::{
    Request, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint, Server},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

pub(super) const BANK_A: &str = "spiffe://bank-a.example/partner/bank-a";
pub(super) const BANK_B: &str = "spiffe://bank-b.example/partner/bank-b";
pub(super) const GATEWAY: &str = "spiffe://lender.example/gateway";
pub(super) const SECURITY: &str = "spiffe://lender.example/security/officer";
pub(super) const DAY_MS: i64 = 86_400_000;
/// Waiting for something that must happen. Never slept through when it does.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct World {
    folder: TempDir,
    pub(super) made: Made,
    pub(super) clock: Arc<ManualClock>,
    pub(super) rng: SystemRng,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let partner = |id: &str| PartnerPlan {
            id: id.parse().unwrap(),
            domain: format!("{id}.example"),
        };
        let plan = Plan {
            own_domain: "lender.example".to_owned(),
            partners: vec![partner("bank-a"), partner("bank-b")],
            providers: vec!["records".parse().unwrap()],
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let now = SystemClock.now();
        let made = init(&folder.path().join("pki"), &plan, now, &SystemRng::default()).unwrap();
        Self {
            folder,
            made,
            clock: Arc::new(ManualClock::new(now)),
            rng: SystemRng::default(),
        }
    }

    pub(super) fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join("pki").join(place)
    }
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }
    pub(super) fn authority(&self, place: &str) -> Authority {
        Authority::load(&self.path(place)).unwrap()
    }
    pub(super) fn credential(&self, place: &str) -> Credential {
        let at = self.path(place);
        Credential::load(&at.join("tls.pem"), &at.join("tls.key")).unwrap()
    }
    /// A client certificate from the CA in `place`, changed by `change`.
    pub(super) fn issue(&self, place: &str, uri: &str, change: impl FnOnce(&mut LeafPlan)) -> Issued {
        let mut plan = LeafPlan::new(uri, Usage::Client, self.now());
        change(&mut plan);
        self.authority(place).issue(&plan, &self.rng).unwrap()
    }
    pub(super) fn trust_file(&self) -> TrustFile {
        toml::from_str(&std::fs::read_to_string(self.path("trust.toml")).unwrap()).unwrap()
    }
    pub(super) fn trust(&self) -> Trust {
        Trust::load(&self.path("trust.toml")).unwrap()
    }
    /// Revokes in bank A's CA and brings the new lists to the gateway.
    pub(super) fn revoke_at_bank_a(&self, serial: &[u8]) {
        let crls = tollgate::pki::revoke(&self.path("partners/bank-a/ca"), serial, self.now()).unwrap();
        std::fs::write(self.path("trust/bank-a.example/crl.pem"), crls).unwrap();
    }
    pub(super) fn tls(&self, listener: Listener) -> Arc<ServerTls> {
        self.tls_of(&self.trust(), listener, &self.credential("gateway"))
    }
    pub(super) fn tls_of(&self, trust: &Trust, listener: Listener, credential: &Credential) -> Arc<ServerTls> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        server_config(trust, listener, credential, clock, &CrlMemory::default()).unwrap()
    }
    pub(super) fn roots(&self) -> Vec<u8> {
        std::fs::read(self.path("trust/lender.example/root.pem")).unwrap()
    }
    pub(super) async fn serve(&self, listener: Listener) -> Door {
        self.serve_with(self.tls(listener), Limits::default()).await
    }
    pub(super) async fn serve_with(&self, tls: Arc<ServerTls>, limits: Limits) -> Door {
        Door::open(tls, limits, Arc::clone(&self.clock) as _).await
    }
    pub(super) async fn ask(&self, door: &Door, credential: &Credential) -> Result<(), String> {
        let mut client = self.client(door, credential).await?;
        check(&mut client).await
    }
    pub(super) async fn client(&self, door: &Door, credential: &Credential) -> Result<HealthClient<Channel>, String> {
        let connector = Connector::new(&self.roots(), credential, GATEWAY).map_err(|e| e.to_string())?;
        let endpoint = Endpoint::from_shared(format!("http://{}", door.address)).unwrap();
        let channel = endpoint.connect_with_connector(connector).await;
        channel.map(HealthClient::new).map_err(|error| chain(&error))
    }
    /// The reason for which the gateway refuses this certificate. It must not answer.
    pub(super) async fn refused(&self, door: &Door, credential: &Credential) -> &'static str {
        door.events.lock().unwrap().clear();
        let answer = self.ask(door, credential).await;
        assert!(answer.is_err(), "the gateway answered");
        door.event().await.0
    }
}

pub(super) fn credential(issued: &Issued) -> Credential {
    Credential::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes()).unwrap()
}

pub(super) async fn check(client: &mut HealthClient<Channel>) -> Result<(), String> {
    let request = HealthCheckRequest { service: String::new() };
    client.check(request).await.map(drop).map_err(|status| chain(&status))
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Waits until `happened`, at most [`PATIENCE`].
pub(super) async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !happened() {
        assert!(tokio::time::Instant::now() < deadline, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) type Events = Arc<Mutex<Vec<(&'static str, String)>>>;

/// A listening gateway with the health service behind it.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) swap: Swap,
    pub(super) connections: Arc<Connections>,
    pub(super) denylist: Arc<Denylist>,
    pub(super) events: Events,
    /// Peers of calls that arrived.
    pub(super) peers: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Door {
    async fn open(tls: Arc<ServerTls>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let connections = Connections::new(limits);
        let denylist = Arc::new(Denylist::default());
        let events = Events::default();
        let heard = Arc::clone(&events);
        let setup = Setup {
            tls,
            connections: Arc::clone(&connections),
            denylist: Arc::clone(&denylist),
            events: Arc::new(move |reason, who| heard.lock().unwrap().push((reason, who.to_owned()))),
            clock,
        };
        let acceptor = Acceptor::bind("127.0.0.1:0".parse().unwrap(), setup).await.unwrap();
        let (address, swap) = (acceptor.local_addr().unwrap(), acceptor.swap());
        let peers: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&peers);
        let (_, health) = tonic_health::server::health_reporter();
        let health = InterceptedService::new(health, move |request: Request<()>| {
            let info = request.extensions().get::<ConnInfo>();
            let info = info.ok_or_else(|| Status::internal("a call without a connection"))?;
            seen.lock().unwrap().push(info.peer().uri().to_owned());
            Ok(request)
        });
        let serving = Server::builder()
            .add_service(health)
            .serve_with_incoming(acceptor.incoming());
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            swap,
            connections,
            denylist,
            events,
            peers,
            server,
        }
    }

    /// The first failed handshake since the list was cleared.
    pub(super) async fn event(&self) -> (&'static str, String) {
        until("a failed handshake is reported", || {
            !self.events.lock().unwrap().is_empty()
        })
        .await;
        self.events.lock().unwrap()[0].clone()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A health stream that goes on until somebody ends it.
pub(super) async fn watch(
    client: &mut HealthClient<Channel>,
) -> tonic::Streaming<tonic_health::pb::HealthCheckResponse> {
    let request = HealthCheckRequest { service: String::new() };
    let mut stream = client.watch(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    stream
}

/// Whether the stream ends with an error, and how soon.
pub(super) async fn ends(stream: &mut tonic::Streaming<tonic_health::pb::HealthCheckResponse>) -> Duration {
    let start = tokio::time::Instant::now();
    let end = tokio::time::timeout(PATIENCE, stream.message()).await;
    assert!(
        end.expect("the stream goes on").is_err(),
        "the stream ended as if all were well"
    );
    start.elapsed()
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
