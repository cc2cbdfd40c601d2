//! The client verifier: reads whom a certificate claims to be, and lets only that trust domain's roots confirm it.
use super::trust::{Anchors, Domain, Pin, Trust, TrustError};
use crate::{
    clock::Time,
    identity::{IdentityError, Leaf, PeerIdentity, Side, SpiffeId, from_verified_leaf},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls13_signature},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

/// Roles that exist on the staff listener only.
const STAFF_ROLES: [&str; 4] = ["/compliance/", "/auditor/", "/security/", "/operator/"];

/// Why a certificate with a good chain is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdmitted {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the certificate names a path that its trust domain may not name here")]
    Path,
    #[error("certificates of this trust domain are admitted by a pin only")]
    PinOnly,
}

/// One trust domain as one listener knows it.
struct Room {
    verifier: Arc<dyn ClientCertVerifier>,
    paths: Paths,
    pinned_only: bool,
}

enum Paths {
    Exactly(HashSet<String>),
    Staff,
}

impl Paths {
    fn allow(&self, path: &str) -> bool {
        match self {
            Paths::Exactly(paths) => paths.contains(path),
            Paths::Staff => STAFF_ROLES.iter().any(|role| {
                path.strip_prefix(role)
                    .is_some_and(|person| !person.is_empty() && !person.contains('/'))
            }),
        }
    }
}

/// Delegates by trust domain. One listener has one.
pub(super) struct DomainVerifier {
    rooms: HashMap<String, Room>,
    pins: HashMap<([u8; 32], [u8; 32]), SpiffeId>,
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl DomainVerifier {
    /// Foreign domains, and the own one for its providers.
    pub(super) fn for_partners(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let pins = trust
            .pins
            .iter()
            .map(|pin: &Pin| ((pin.issuer_sha256, pin.key_sha256), pin.id.clone()));
        let mut verifier = Self::empty(provider);
        verifier.pins = pins.collect();
        for domain in trust.domains.iter().filter(|domain| !domain.allow.is_empty()) {
            verifier.add(domain, &domain.anchors, Paths::Exactly(domain.allow.clone()))?;
        }
        Ok(verifier)
    }

    /// Staff of the own domain, by staff's roots.
    pub(super) fn for_staff(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let mut verifier = Self::empty(provider);
        for domain in trust.domains.iter().filter(|domain| domain.own) {
            let staff = domain.staff.as_ref().ok_or_else(|| {
                TrustError::Paths(
                    domain.name.clone(),
                    "staff: name their roots and CRLs in `staff_roots`, `staff_crls`",
                )
            })?;
            verifier.add(domain, staff, Paths::Staff)?;
        }
        Ok(verifier)
    }

    fn empty(provider: Arc<CryptoProvider>) -> Self {
        Self {
            rooms: HashMap::new(),
            pins: HashMap::new(),
            hints: Vec::new(),
            provider,
        }
    }

    fn add(&mut self, domain: &Domain, anchors: &Anchors, paths: Paths) -> Result<(), TrustError> {
        let refuse = |error: String| TrustError::Root(domain.name.clone(), error);
        let mut roots = RootCertStore::empty();
        for root in &anchors.roots {
            roots.add(root.clone()).map_err(|error| refuse(error.to_string()))?;
        }
        self.hints.extend(roots.subjects());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .with_crls(anchors.crls.iter().map(|crl| crl.der()))
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        let room = Room {
            verifier,
            paths,
            pinned_only: domain.pinned_only,
        };
        self.rooms.insert(domain.name.clone(), room);
        Ok(())
    }

    /// Whom a leaf claims to be, before its chain is verified, and whether a pin says so.
    fn claim(&self, leaf: &Leaf) -> Result<(SpiffeId, bool), NotAdmitted> {
        if let Some(id) = leaf.spiffe()? {
            return Ok((id, false));
        }
        let pinned = self.pins.get(&(leaf.issuer_sha256(), *leaf.key_sha256()));
        pinned
            .map(|id| (id.clone(), true))
            .ok_or(NotAdmitted::Identity(IdentityError::NoUri))
    }

    /// The peer behind a chain, or why there is none.
    fn admit(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<PeerIdentity, Error> {
        let leaf = Leaf::parse(end_entity, Side::Client).map_err(|why| refuse(NotAdmitted::Identity(why)))?;
        let (id, pinned) = self.claim(&leaf).map_err(refuse)?;
        let room = self
            .rooms
            .get(id.trust_domain())
            .ok_or(CertificateError::UnknownIssuer)?;
        room.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if room.pinned_only && !pinned {
            return Err(refuse(NotAdmitted::PinOnly));
        }
        if !room.paths.allow(id.path()) {
            return Err(refuse(NotAdmitted::Path));
        }
        Ok(from_verified_leaf(leaf, &id))
    }

    /// The peer behind a leaf whose chain this verifier has admitted in the handshake that just ended.
    pub(super) fn admitted(&self, leaf: &CertificateDer<'_>) -> Result<PeerIdentity, Error> {
        let leaf = Leaf::parse(leaf, Side::Client).map_err(|why| refuse(NotAdmitted::Identity(why)))?;
        let (id, _) = self.claim(&leaf).map_err(refuse)?;
        Ok(from_verified_leaf(leaf, &id))
    }

    /// The peer behind a chain at `now`, verified anew: for live connections when trust has changed.
    pub(super) fn peer(&self, chain: &[CertificateDer<'_>], now: Time) -> Result<PeerIdentity, Error> {
        let (leaf, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.admit(leaf, intermediates, unix(now))
    }
}

/// `now` as rustls has it. Before 1970 nothing is valid yet.
pub(super) fn unix(now: Time) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now.0).unwrap_or(0)))
}

fn refuse(why: NotAdmitted) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
}

impl fmt::Debug for DomainVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainVerifier")
            .field("domains", &self.rooms.len())
            .finish_non_exhaustive()
    }
}

impl ClientCertVerifier for DomainVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.admit(end_entity, intermediates, now)
            .map(|_| ClientCertVerified::assertion())
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
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_paths_are_a_role_and_one_person() {
        for path in ["/compliance/li", "/auditor/zhou", "/security/wang", "/operator/duty"] {
            assert!(Paths::Staff.allow(path), "{path}");
        }
        for path in [
            "/compliance/",
            "/security",
            "/security/a/b",
            "/partner/bank-a",
            "/provider/x",
            "/x/security/a",
        ] {
            assert!(!Paths::Staff.allow(path), "{path}");
        }
    }
}
