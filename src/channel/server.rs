//! One listener's TLS configuration: the gateway's certificate, roots, lists and rules, which change together or not at
//! all.
use super::{
    credential::Credential,
    crl::{Crl, CrlMemory},
    issuers::SeenIssuers,
    leaf::Validity,
    trust::{Trust, TrustError},
    verifier::{DomainVerifier, unix},
};
use crate::{
    clock::{Clock, Time},
    identity::{Leaf, PeerIdentity, Side, SpiffeId},
};
use rustls::{ServerConfig, crypto::ring, server::NoServerSessionStorage, time_provider::TimeProvider};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::{fmt, sync::Arc};

/// Who is expected to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Partners, and the data holder's own systems.
    Partner,
    /// Compliance, security and operators.
    Staff,
}

/// A listener's configuration, as it is at one moment. The next one replaces it whole.
pub struct ServerTls {
    listener: Listener,
    uri: SpiffeId,
    config: Arc<ServerConfig>,
    verifier: Arc<DomainVerifier>,
    watches: Vec<(Time, String)>,
    validity: Validity,
    lists: Vec<ListInUse>,
}

/// A list of revoked certificates that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListInUse {
    /// The CA's name.
    pub issuer: String,
    /// Hexadecimal.
    pub number: String,
    /// The list is current until here.
    pub next_update: Time,
}

/// Builds a listener's configuration. Refused when a list of revoked certificates is older than `memory` has seen, or
/// when the gateway's certificate is not one of a server.
pub fn server_config(
    trust: &Trust,
    listener: Listener,
    credential: &Credential,
    clock: Arc<dyn Clock>,
    memory: &CrlMemory,
) -> Result<Arc<ServerTls>, TrustError> {
    trust.crl_effects(memory, &SeenIssuers::default())?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(match listener {
        Listener::Partner => DomainVerifier::for_partners(trust, Arc::clone(&provider))?,
        Listener::Staff => DomainVerifier::for_staff(trust, Arc::clone(&provider))?,
    });
    let (uri, not_after) = own_identity(trust, credential)?;
    let validity = credential
        .validity()
        .map_err(|why| TrustError::Server(why.to_string()))?;
    let unusable = |error: rustls::Error| TrustError::Server(format!("{error}; check that key and chain fit"));
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(HandshakeTime(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(Arc::clone(&verifier) as _)
        .with_single_cert(credential.chain(), credential.key())
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Resumption would skip the verifier: see the module's own words.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    let mut watches = watches(trust, listener);
    watches.push((
        not_after,
        "the gateway's own certificate has expired: renew it".to_owned(),
    ));
    Ok(Arc::new(ServerTls {
        listener,
        uri,
        config: Arc::new(config),
        verifier,
        watches,
        validity,
        lists: lists(trust, listener),
    }))
}

impl ServerTls {
    /// Whose calls it takes.
    pub fn listener(&self) -> Listener {
        self.listener
    }
    /// The gateway's own SPIFFE URI, from its certificate.
    pub fn uri(&self) -> &str {
        self.uri.as_str()
    }
    /// Why the gateway serves less than it should at `now`: expired or missing lists of revoked certificates, an
    /// expired certificate. For health; empty when all is well.
    pub fn degraded(&self, now: Time) -> Vec<String> {
        let over = self.watches.iter().filter(|(until, _)| *until < now);
        over.map(|(_, text)| text.clone()).collect()
    }

    /// When the gateway's own certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }
    /// End of the gateway's own certificate.
    pub fn not_after(&self) -> Time {
        self.validity.not_after
    }
    /// The lists of revoked certificates that this listener judges by.
    pub fn lists(&self) -> &[ListInUse] {
        &self.lists
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
    /// The peer behind a leaf that this configuration has admitted in a handshake.
    pub(super) fn admitted(&self, leaf: &CertificateDer<'_>) -> Result<PeerIdentity, rustls::Error> {
        self.verifier.admitted(leaf)
    }
    /// The peer behind a chain, by this configuration, at `now`.
    pub(super) fn peer(&self, chain: &[CertificateDer<'_>], now: Time) -> Result<PeerIdentity, rustls::Error> {
        self.verifier.peer(chain, now)
    }
}

fn own_identity(trust: &Trust, credential: &Credential) -> Result<(SpiffeId, Time), TrustError> {
    let refuse = |why: String| TrustError::Server(why);
    let leaf = Leaf::parse(credential.leaf(), Side::Server).map_err(|why| refuse(why.to_string()))?;
    let uri = leaf
        .spiffe()
        .map_err(|why| refuse(why.to_string()))?
        .ok_or_else(|| refuse("it has no `spiffe://` URI name: partners know the gateway by it".to_owned()))?;
    let own = trust.domains.iter().any(|d| d.own && d.name == uri.trust_domain());
    if !own {
        return Err(refuse(format!(
            "it names `{uri}`, which is not of the domain with `own = true`: issue it there, or mend the trust file"
        )));
    }
    Ok((uri, leaf.not_after()))
}

fn watches(trust: &Trust, listener: Listener) -> Vec<(Time, String)> {
    let mut watches = Vec::new();
    for domain in &trust.domains {
        match listener {
            Listener::Partner if !domain.allow.is_empty() => watches.extend(domain.anchors.watches(&domain.name)),
            Listener::Staff => watches.extend(domain.staff.iter().flat_map(|staff| staff.watches(&domain.name))),
            Listener::Partner => {}
        }
    }
    watches
}

fn lists(trust: &Trust, listener: Listener) -> Vec<ListInUse> {
    let anchors = trust.domains.iter().filter_map(|domain| match listener {
        Listener::Partner if domain.allow.is_empty() => None,
        Listener::Partner => Some(&domain.anchors),
        Listener::Staff => domain.staff.as_ref(),
    });
    let list = |crl: &Crl| ListInUse {
        issuer: crl.issuer_text.clone(),
        number: crl.number_text(),
        next_update: crl.next_update,
    };
    anchors.flat_map(|anchors| &anchors.crls).map(list).collect()
}

/// Certificates are judged by the clock that was passed in.
struct HandshakeTime(Arc<dyn Clock>);

impl TimeProvider for HandshakeTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(self.0.now()))
    }
}

impl fmt::Debug for HandshakeTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandshakeTime")
    }
}
