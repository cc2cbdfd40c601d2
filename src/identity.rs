//! Who a verified certificate belongs to: one workload identity, read once per connection.
//!
//! The chain is the channel's business; here the leaf is read, and refused unless it is exactly what a workload's
//! certificate must be: one `spiffe://` URI, no CA, allowed to sign a handshake on its side of it. Two parsers read the
//! names, and a certificate on which they differ is refused.
mod spiffe;

use crate::{clock::Time, crypto::sha256};
use rustls_pki_types::CertificateDer;
#[cfg(feature = "gateway")]
use rustls_pki_types::pem::PemObject;
pub use spiffe::{SpiffeError, SpiffeId, check_trust_domain};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

/// The identity in a client certificate that the channel has verified. Made by `from_verified_leaf` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    uri: String,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    key_sha256: [u8; 32],
    not_after: Time,
}

impl PeerIdentity {
    /// The SPIFFE URI; for a certificate without one, the URI that the register binds its issuer and key to.
    pub fn uri(&self) -> &str {
        &self.uri
    }
    /// DER of the issuer's name.
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }
    /// Serial number, big endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
    /// SHA-256 of the subject public key info.
    pub fn key_sha256(&self) -> &[u8; 32] {
        &self.key_sha256
    }
    /// End of the certificate's validity.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
    /// For tests of the steps behind the channel.
    #[cfg(test)]
    pub(crate) fn for_tests(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            issuer: vec![1],
            serial: vec![1],
            key_sha256: [0; 32],
            not_after: Time(i64::MAX),
        }
    }
}

/// Why a leaf certificate names nobody. Each text says what to issue instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not X.509 in DER, or read differently by two parsers.
    #[error("the certificate cannot be read as X.509: issue it again")]
    Malformed,
    /// No URI name.
    #[error(
        "the certificate has no `spiffe://` URI name: issue one that has, or have its issuer and key pinned in the \
         trust file"
    )]
    NoUri,
    /// More than one URI name.
    #[error("the certificate has more than one URI name: issue one with exactly one")]
    ManyUris,
    /// The URI name is not a SPIFFE identity.
    #[error("the certificate's URI name is not accepted: {0}")]
    NotSpiffe(SpiffeError),
    /// A CA's certificate.
    #[error("the certificate is that of a CA: a workload needs one that cannot sign others")]
    Authority,
    /// Key usage is absent or lacks digitalSignature.
    #[error("the certificate's key usage lacks `digitalSignature`: issue it with that")]
    NoDigitalSignature,
    /// Extended key usage is absent or lacks clientAuth.
    #[error("the certificate's extended key usage lacks `clientAuth`: issue it with that")]
    NotForClients,
    /// Extended key usage is absent or lacks serverAuth.
    #[error("the certificate's extended key usage lacks `serverAuth`: issue it with that")]
    NotForServers,
    /// Somebody else answered.
    #[error("the server is not the gateway that was asked for: check the address and the gateway's URI")]
    OtherServer,
}

/// Which end of the connection the certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    #[cfg(feature = "gateway")]
    Client,
    Server,
}

/// A leaf certificate that may stand for a workload; whether it names one is still open.
pub(crate) struct Leaf {
    uris: Vec<String>,
    #[cfg_attr(
        not(feature = "gateway"),
        expect(dead_code, reason = "a client looks at the server's name only")
    )]
    identity: PeerIdentity,
    #[cfg(feature = "gateway")]
    not_before: Time,
}

impl Leaf {
    /// Reads a certificate and checks all but its names.
    pub(crate) fn parse(der: &[u8], side: Side) -> Result<Self, IdentityError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
        if !rest.is_empty() {
            return Err(IdentityError::Malformed);
        }
        check_usage(&certificate, side)?;
        let uris = uris(&certificate)?;
        if uris != uris_again(der)? {
            return Err(IdentityError::Malformed);
        }
        let identity = PeerIdentity {
            uri: String::new(),
            issuer: certificate.issuer().as_raw().to_vec(),
            serial: without_leading_zeros(certificate.raw_serial()).to_vec(),
            key_sha256: sha256(certificate.public_key().raw),
            not_after: Time(certificate.validity().not_after.timestamp().saturating_mul(1000)),
        };
        Ok(Self {
            uris,
            identity,
            #[cfg(feature = "gateway")]
            not_before: Time(certificate.validity().not_before.timestamp().saturating_mul(1000)),
        })
    }

    /// The one SPIFFE identity. `None` when no URI name is a SPIFFE one, so that a pin may name the peer.
    pub(crate) fn spiffe(&self) -> Result<Option<SpiffeId>, IdentityError> {
        let claims = self.uris.iter().any(|uri| {
            uri.get(..7)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
        });
        match self.uris.as_slice() {
            _ if !claims => Ok(None),
            [uri] => SpiffeId::parse(uri).map(Some).map_err(IdentityError::NotSpiffe),
            _ => Err(IdentityError::ManyUris),
        }
    }

    #[cfg(feature = "gateway")]
    /// SHA-256 of the issuer's name in DER.
    pub(crate) fn issuer_sha256(&self) -> [u8; 32] {
        sha256(&self.identity.issuer)
    }
    #[cfg(feature = "gateway")]
    /// SHA-256 of the subject public key info.
    pub(crate) fn key_sha256(&self) -> &[u8; 32] {
        &self.identity.key_sha256
    }
    #[cfg(feature = "gateway")]
    /// Start of the certificate's validity.
    pub(crate) fn not_before(&self) -> Time {
        self.not_before
    }
    #[cfg(feature = "gateway")]
    /// End of the certificate's validity.
    pub(crate) fn not_after(&self) -> Time {
        self.identity.not_after
    }
}

/// What a certificate is called by, and its key: to deny it. Nothing of it is verified.
#[cfg(feature = "gateway")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNames {
    /// DER of the issuer's name.
    pub issuer: Vec<u8>,
    /// Serial number, big endian, without leading zeros.
    pub serial: Vec<u8>,
    /// SHA-256 of the subject public key info.
    pub key_sha256: [u8; 32],
}

#[cfg(feature = "gateway")]
impl CertificateNames {
    /// Of the first certificate in a PEM file, or of one in DER.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`].
    pub fn read(file: &[u8]) -> Result<Self, IdentityError> {
        let der = match file.starts_with(b"\x30") {
            true => CertificateDer::from(file),
            false => CertificateDer::from_pem_slice(file).map_err(|_| IdentityError::Malformed)?,
        };
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| IdentityError::Malformed)?;
        Ok(Self {
            issuer: certificate.issuer().as_raw().to_vec(),
            serial: without_leading_zeros(certificate.raw_serial()).to_vec(),
            key_sha256: sha256(certificate.public_key().raw),
        })
    }
}

#[cfg(feature = "gateway")]
/// The peer behind a leaf whose chain the channel has verified, under the name that the leaf has or a pin gives it.
pub(crate) fn from_verified_leaf(mut leaf: Leaf, id: &SpiffeId) -> PeerIdentity {
    leaf.identity.uri = id.as_str().to_owned();
    leaf.identity
}

/// Whether a server's leaf certificate, whose chain was verified, is that of `expected`.
pub(crate) fn check_server_leaf(der: &[u8], expected: &SpiffeId) -> Result<(), IdentityError> {
    let id = Leaf::parse(der, Side::Server)?.spiffe()?.ok_or(IdentityError::NoUri)?;
    if id == *expected {
        Ok(())
    } else {
        Err(IdentityError::OtherServer)
    }
}

fn check_usage(certificate: &X509Certificate<'_>, side: Side) -> Result<(), IdentityError> {
    // Each of these fails when the extension occurs twice.
    let constraints = certificate.basic_constraints().map_err(|_| IdentityError::Malformed)?;
    let usage = certificate.key_usage().map_err(|_| IdentityError::Malformed)?;
    let extended = certificate.extended_key_usage().map_err(|_| IdentityError::Malformed)?;
    let signs_others = usage
        .as_ref()
        .is_some_and(|u| u.value.key_cert_sign() || u.value.crl_sign());
    if constraints.is_some_and(|c| c.value.ca) || signs_others {
        return Err(IdentityError::Authority);
    }
    if !usage.is_some_and(|u| u.value.digital_signature()) {
        return Err(IdentityError::NoDigitalSignature);
    }
    let extended = extended.map(|extension| extension.value);
    match side {
        #[cfg(feature = "gateway")]
        Side::Client if !extended.is_some_and(|e| e.client_auth) => Err(IdentityError::NotForClients),
        Side::Server if !extended.is_some_and(|e| e.server_auth) => Err(IdentityError::NotForServers),
        _ => Ok(()),
    }
}

fn uris(certificate: &X509Certificate<'_>) -> Result<Vec<String>, IdentityError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| IdentityError::Malformed)?;
    let mut out = Vec::new();
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::URI(uri) => out.push((*uri).to_owned()),
            // A name that one parser skips may be the one another parser reads.
            GeneralName::Invalid(..) => return Err(IdentityError::Malformed),
            _ => {}
        }
    }
    Ok(out)
}

fn uris_again(der: &[u8]) -> Result<Vec<String>, IdentityError> {
    let der = CertificateDer::from(der);
    let certificate = webpki::EndEntityCert::try_from(&der).map_err(|_| IdentityError::Malformed)?;
    Ok(certificate.valid_uri_names().map(str::to_owned).collect())
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

#[cfg(test)]
#[cfg(feature = "gateway")]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRng,
        pki::{Authority, LeafPlan, Usage},
    };
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const NOW: Time = Time(1_750_000_000_000);
    static AUTHORITY: LazyLock<Authority> =
        LazyLock::new(|| Authority::create("bank-a.example", NOW, &SeededRng::new(1)).unwrap());

    fn read(der: &[u8]) -> Result<PeerIdentity, IdentityError> {
        let leaf = Leaf::parse(der, Side::Client)?;
        let id = leaf.spiffe()?.ok_or(IdentityError::NoUri)?;
        Ok(from_verified_leaf(leaf, &id))
    }

    fn leaf(change: impl FnOnce(&mut LeafPlan)) -> Vec<u8> {
        let mut plan = LeafPlan::new("spiffe://bank-a.example/partner/bank-a", Usage::Client, NOW);
        change(&mut plan);
        AUTHORITY.issue(&plan, &SeededRng::new(2)).unwrap().leaf_der
    }

    #[test]
    fn a_workload_certificate_names_its_peer() {
        let peer = read(&leaf(|_| {})).unwrap();
        assert_eq!(peer.uri(), "spiffe://bank-a.example/partner/bank-a");
        assert!(!peer.serial().is_empty() && peer.serial()[0] != 0);
        assert_eq!(peer.not_after(), NOW.plus_ms(30 * 86_400_000));
    }

    #[test]
    fn every_other_leaf_is_refused_for_its_reason() {
        let refused = |change: fn(&mut LeafPlan)| read(&leaf(change)).unwrap_err();
        assert_eq!(
            refused(|p| p.uris.push("spiffe://bank-a.example/partner/bank-b".to_owned())),
            IdentityError::ManyUris
        );
        assert_eq!(
            refused(|p| p.uris.push("https://bank-a.example/".to_owned())),
            IdentityError::ManyUris
        );
        assert_eq!(refused(|p| p.uris.clear()), IdentityError::NoUri);
        assert_eq!(
            refused(|p| p.uris = vec!["https://bank-a.example/".to_owned()]),
            IdentityError::NoUri
        );
        assert_eq!(refused(|p| p.authority = true), IdentityError::Authority);
        assert_eq!(refused(|p| p.usage = Usage::Server), IdentityError::NotForClients);
        assert_eq!(
            refused(|p| p.uris = vec!["Spiffe://bank-a.example/partner/bank-a".to_owned()]),
            IdentityError::NotSpiffe(SpiffeError::Scheme)
        );
        assert_eq!(
            refused(|p| p.uris = vec!["spiffe://cluster.local/ns/default".to_owned()]),
            IdentityError::NotSpiffe(SpiffeError::ClusterLocal)
        );
    }

    #[test]
    fn a_client_knows_the_gateway_it_asked_for() {
        let expected = SpiffeId::parse("spiffe://bank-a.example/partner/bank-a").unwrap();
        let other = SpiffeId::parse("spiffe://bank-a.example/gateway").unwrap();
        let server = leaf(|p| p.usage = Usage::Server);
        assert_eq!(check_server_leaf(&server, &expected), Ok(()));
        assert_eq!(check_server_leaf(&server, &other), Err(IdentityError::OtherServer));
        assert_eq!(
            check_server_leaf(&leaf(|_| {}), &expected),
            Err(IdentityError::NotForServers)
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(Leaf::parse(&bytes, Side::Client).is_err());
        }

        #[test]
        fn a_changed_certificate_never_panics(at in 0usize..900, to in any::<u8>()) {
            let mut der = leaf(|_| {});
            let at = at % der.len();
            der[at] = to;
            let _ = read(&der);
            let _ = read(&der[..at]);
        }
    }
}
