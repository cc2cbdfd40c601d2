//! A real site in a temporary folder, for tests: real certificates, real files, a real gateway on free ports.
use super::{AppError, Kept, Running, judge_by, site, site::Site, start_with};
use crate::{
    audit::open_details,
    channel::{Credential, client::Connector},
    client::{Client, Partnership, Pinned},
    clock::{Clock, ManualClock, SystemClock},
    config::Config,
    crypto::{Ed25519Signer, Rng, Suite, SystemRng, VerifyKey, sha256},
    source::LossRule,
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// Far beyond what anything here takes; never waited out when all is well.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `happened`, at most [`PATIENCE`].
pub(super) async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "it never happened: {what}");
}

pub(super) struct Place {
    _folder: TempDir,
    pub(super) site: Site,
    pub(super) clock: Arc<ManualClock>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let site = Site::make(&folder.path().join("site"), free, free, now, &SystemRng::default()).unwrap();
        Self {
            _folder: folder,
            site,
            clock: Arc::new(ManualClock::new(now)),
        }
    }

    pub(super) fn path(&self, place: &str) -> PathBuf {
        self.site.folder().join(place)
    }

    pub(super) fn edit(&self, place: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(place)).unwrap();
        assert!(text.contains(from), "`{from}` is not in `{place}`");
        std::fs::write(self.path(place), text.replace(from, to)).unwrap();
    }

    pub(super) fn config(&self) -> Config {
        Config::load(&self.site.config()).unwrap()
    }

    pub(super) async fn try_start(&self) -> Result<Running, AppError> {
        self.try_start_by(&self.config()).await
    }

    /// By settings that no file may hold.
    pub(super) async fn try_start_by(&self, config: &Config) -> Result<Running, AppError> {
        start_with(config, Arc::clone(&self.clock) as _, Arc::new(SystemRng::default())).await
    }

    pub(super) async fn start(&self) -> Running {
        self.try_start().await.unwrap_or_else(|e| panic!("{e}"))
    }

    pub(super) fn credential(&self, keys: &str) -> Credential {
        let at = self.site.pki().join(keys);
        Credential::load(&at.join("tls.pem"), &at.join("tls.key")).unwrap()
    }

    /// The serial number of the certificate with `keys`.
    pub(super) fn serial(&self, keys: &str) -> Vec<u8> {
        let chain = std::fs::read(self.path(&format!("pki/{keys}/tls.pem"))).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&chain).unwrap();
        pem.parse_x509().unwrap().raw_serial().to_vec()
    }

    /// SHA-256 of the public key in the certificate with `keys`.
    pub(super) fn key_sha256(&self, keys: &str) -> [u8; 32] {
        let chain = std::fs::read(self.path(&format!("pki/{keys}/tls.pem"))).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&chain).unwrap();
        sha256(pem.parse_x509().unwrap().public_key().raw)
    }

    /// A connection of whoever has `keys`.
    pub(super) async fn channel(&self, address: SocketAddr, keys: &str) -> Result<Channel, String> {
        let roots = std::fs::read(self.path(&format!("pki/trust/{}/root.pem", site::DOMAIN))).unwrap();
        let connector = Connector::new(&roots, &self.credential(keys), site::GATEWAY).unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let connected = endpoint.connect_with_connector(connector).await;
        connected.map_err(|e| format!("{e:?}"))
    }

    /// Whether the gateway answers whoever has `keys`. A client of TLS 1.3 learns that it was refused from the first
    /// answer that does not come.
    pub(super) async fn answers(&self, address: SocketAddr, keys: &str) -> bool {
        let Ok(channel) = self.channel(address, keys).await else {
            return false;
        };
        HealthClient::new(channel)
            .check(HealthCheckRequest::default())
            .await
            .is_ok()
    }

    /// The library's client, as the member `id` whose keys are in `keys`.
    pub(super) async fn client(&self, running: &Running, id: &str, keys: &str) -> Client {
        let channel = self.channel(running.partners(), keys).await.unwrap();
        let text = |place: String| std::fs::read_to_string(self.path(&place)).unwrap();
        let signer = Ed25519Signer::from_pkcs8_pem(&text(format!("pki/{keys}/signing.key"))).unwrap();
        let identity = VerifyKey::from_spki_pem(&text("pki/gateway/identity.pub".to_owned())).unwrap();
        let partnership = Partnership {
            pinned: Pinned {
                gateway: site::GATEWAY.to_owned(),
                identity,
            },
            partner: id.to_owned(),
            signing_key_id: format!("{id}-1"),
            signer: Arc::new(signer),
            suite: Suite::X25519,
        };
        let rng = Arc::new(SystemRng::default());
        Client::over(channel, partnership, None, Arc::clone(&self.clock) as _, rng).unwrap()
    }

    /// What is kept on disk, without a gateway around it.
    pub(super) fn kept(&self) -> Kept {
        self.kept_by(LossRule::Refuse)
    }

    /// The same, by another rule for records that are lost.
    pub(super) fn kept_by(&self, on_loss: LossRule) -> Kept {
        let (clock, rng) = (
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(SystemRng::default()),
        );
        let (config, rng) = (self.config(), rng as Arc<dyn Rng>);
        let catalogue = judge_by(&config).unwrap().catalogue;
        Kept::open(&config, &catalogue, on_loss, &clock, &rng).unwrap()
    }

    /// The notes of all entries of the stopped gateway that the institution can read without a person's key, each with
    /// its outcomes.
    pub(super) fn notes(&self) -> Vec<String> {
        let kept = self.kept();
        let key = kept.keyring.period_detail();
        let mut notes = Vec::new();
        for index in 0.. {
            let Some(entry) = kept.log.entry(index).unwrap() else {
                break;
            };
            if let Ok(details) = open_details(&key, kept.log.origin(), &entry.leaf, &entry.details) {
                notes.push(
                    format!("{} {}", details.i.outcomes.join(" "), details.i.note)
                        .trim()
                        .to_owned(),
                );
            }
        }
        drop((kept.log, kept.state, kept.vault));
        kept.worker.close().unwrap();
        notes
    }
}
