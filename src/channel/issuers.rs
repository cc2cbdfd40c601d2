//! CAs whose certificates are known, and whether one of them has signed something.
//!
//! The trust file names roots only; an issuing CA's certificate comes with the chains of its customers. So the memory of
//! CRL numbers (see `crl`) learns a number only from a list whose signature has been verified: of a root at once, of an
//! issuing CA as soon as somebody connected with a chain that leads through it to a root of the same trust domain. A
//! list that nobody signed, put in place with a huge number, would otherwise make every genuine list "older" for ever.
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use x509_parser::{
    asn1_rs::{Any, FromDer as _, Tag},
    prelude::X509Certificate,
};

/// Certificates of issuing CAs from chains that were verified in a handshake.
#[derive(Default, Clone)]
pub struct SeenIssuers {
    /// Rises when there is one more.
    pub(super) generation: u64,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl SeenIssuers {
    /// Which state of the collection this is: equal numbers, equal certificates.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// The CAs of one set of roots.
pub(super) struct Issuers(Vec<Issuer>);

struct Issuer {
    /// DER of the name.
    name: Vec<u8>,
    /// Content of the key's algorithm identifier.
    algorithm: Vec<u8>,
    key: Vec<u8>,
}

impl Issuers {
    /// The roots, and of `seen` those to which signatures lead from a root. What a peer presents beside its chain is
    /// unverified, so nothing is believed because it was seen.
    pub(super) fn of(roots: &[CertificateDer<'_>], seen: &[CertificateDer<'_>]) -> Self {
        let mut issuers = Self(roots.iter().filter_map(|root| Issuer::read(root)).collect());
        let mut left: Vec<_> = seen.iter().collect();
        loop {
            let before = left.len();
            left.retain(|certificate| match issuers.below(certificate) {
                Some(issuer) => {
                    issuers.0.push(issuer);
                    false
                }
                None => true,
            });
            if left.len() == before {
                return issuers;
            }
        }
    }

    /// Whether a known CA of the name `issuer` has signed `der`; `None` if no CA of that name is known.
    pub(super) fn signed(&self, issuer: &[u8], der: &[u8]) -> Option<bool> {
        let mut named = self.0.iter().filter(|known| known.name == issuer).peekable();
        named.peek()?;
        let parts = Parts::read(der);
        Some(parts.is_some_and(|parts| named.any(|known| known.verifies(&parts))))
    }

    /// The CA of a certificate that a known CA has signed.
    fn below(&self, certificate: &CertificateDer<'_>) -> Option<Issuer> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let authority = read.basic_constraints().ok()?.is_some_and(|b| b.value.ca);
        let may_sign = read.key_usage().ok()?.is_none_or(|usage| usage.value.crl_sign());
        let signed = self.signed(read.issuer().as_raw(), certificate) == Some(true);
        (authority && may_sign && signed).then(|| Issuer::read(certificate))?
    }
}

impl Issuer {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let spki = read.public_key();
        let (_, sequence) = Any::from_der(spki.raw).ok()?;
        let (_, algorithm) = Any::from_der(sequence.data).ok()?;
        Some(Self {
            name: read.subject().as_raw().to_vec(),
            algorithm: algorithm.data.to_vec(),
            key: spki.subject_public_key.data.to_vec(),
        })
    }

    fn verifies(&self, parts: &Parts<'_>) -> bool {
        let known = ring::default_provider().signature_verification_algorithms.all;
        known.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == parts.algorithm
                && algorithm.public_key_alg_id().as_ref() == self.algorithm
                && algorithm
                    .verify_signature(&self.key, parts.signed, parts.signature)
                    .is_ok()
        })
    }
}

/// `SIGNED{}` of X.509: a certificate and a CRL are both such.
struct Parts<'a> {
    signed: &'a [u8],
    /// Content of the algorithm identifier, as rustls compares it.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (_, whole) = Any::from_der(der).ok()?;
        let (after, _) = Any::from_der(whole.data).ok()?;
        let signed = whole.data.get(..whole.data.len() - after.len())?;
        let (after, algorithm) = Any::from_der(after).ok()?;
        let (_, bits) = Any::from_der(after).ok()?;
        let (0, signature) = bits.data.split_first()? else {
            return None;
        };
        (bits.tag() == Tag::BitString).then_some(Self {
            signed,
            algorithm: algorithm.data,
            signature,
        })
    }
}
