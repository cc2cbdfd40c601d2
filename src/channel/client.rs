//! The client's end: connects to one gateway, known by its SPIFFE identity, with the client's own certificate.
use super::credential::{Credential, certificates};
use crate::{
    identity::{IdentityError, SpiffeError, SpiffeId, check_server_leaf},
    limits::HANDSHAKE_MS_MAX,
};
use hyper_util::rt::TokioIo;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, ring},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Opens TLS connections to one gateway. Give it to tonic's `Endpoint::connect_with_connector`, with an endpoint of the
/// scheme `http`: tonic must not put a TLS of its own on top.
///
/// The server is known by its SPIFFE identity, not by its DNS name: an address may change, a gateway stays itself.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
}

/// Why a connector cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// No root in PEM.
    #[error("the roots have no certificate in PEM: give the gateway's root certificate")]
    NoRoot,
    /// A root that cannot be one.
    #[error("a root certificate cannot be used: {0}")]
    Root(Error),
    /// Chain and key do not fit.
    #[error("the client certificate cannot be used: {0}; check that key and certificate belong together")]
    Credential(Error),
    /// Not the name of a gateway.
    #[error("the gateway's URI is not accepted: {0}")]
    Gateway(SpiffeError),
}

impl Connector {
    /// `roots_pem`: roots of the gateway's trust domain; `gateway`: the SPIFFE URI that its certificate must have.
    pub fn new(roots_pem: &[u8], credential: &Credential, gateway: &str) -> Result<Self, ConnectorError> {
        let gateway = SpiffeId::parse(gateway).map_err(ConnectorError::Gateway)?;
        let mut roots = RootCertStore::empty();
        for root in certificates(roots_pem).ok_or(ConnectorError::NoRoot)? {
            roots.add(root).map_err(ConnectorError::Root)?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = GatewayVerifier::new(roots, gateway, Arc::clone(&provider)).map_err(ConnectorError::Root)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(ConnectorError::Credential)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(credential.chain(), credential.key())
            .map_err(ConnectorError::Credential)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// The certificate that the gateway at `address` shows.
    #[cfg(test)]
    pub(crate) async fn leaf_of(&self, address: std::net::SocketAddr) -> io::Result<Vec<u8>> {
        let uri = format!("http://{address}").parse().map_err(io::Error::other)?;
        let connected = self.clone().connect(uri).await?;
        let shown = connected.inner().get_ref().1.peer_certificates().unwrap_or_default();
        Ok(shown.first().map(|leaf| leaf.to_vec()).unwrap_or_default())
    }

    async fn connect(self, uri: http::Uri) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri
            .port_u16()
            .ok_or_else(|| io::Error::other("the address lacks a port: write `http://host:port`"))?;
        let name = ServerName::try_from(host.clone())
            .map_err(|_| io::Error::other("the address has no valid host name: write `http://host:port`"))?;
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        tcp.set_nodelay(true)?;
        let tls = self.tls.connect(name, tcp).await.map_err(say_what_to_do)?;
        if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the server does not speak HTTP/2: is this a gateway?"));
        }
        Ok(TokioIo::new(tls))
    }
}

impl tower_service::Service<http::Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let connecting = self.clone().connect(uri);
        Box::pin(async move {
            match tokio::time::timeout(Duration::from_millis(HANDSHAKE_MS_MAX), connecting).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the gateway did not answer in time",
                )),
            }
        })
    }
}

/// rustls prints our reasons as their names; a person needs their text.
fn say_what_to_do(error: io::Error) -> io::Error {
    let ours = error.get_ref().and_then(|inner| match inner.downcast_ref::<Error>() {
        Some(Error::InvalidCertificate(CertificateError::Other(why))) => Some(why.to_string()),
        _ => None,
    });
    ours.map_or(error, io::Error::other)
}

/// Verifies the chain by webpki, and the name by the SPIFFE identity instead of the DNS name.
struct GatewayVerifier {
    roots: RootCertStore,
    gateway: SpiffeId,
    provider: Arc<CryptoProvider>,
    signatures: Arc<WebPkiServerVerifier>,
}

impl GatewayVerifier {
    fn new(roots: RootCertStore, gateway: SpiffeId, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let signatures = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(Self {
            roots,
            gateway,
            provider,
            signatures,
        })
    }
}

impl fmt::Debug for GatewayVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayVerifier")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for GatewayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refuse = |why: IdentityError| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))));
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        check_server_leaf(end_entity, &self.gateway).map_err(refuse)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}
