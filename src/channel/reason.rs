//! Why a handshake failed, in a closed list of words: they are counted per peer, so neither their number nor their text
//! may come from outside.
use super::verifier::NotAdmitted;
use rustls::{CertificateError, Error};
use std::io;

pub(super) const TIMEOUT: &str = "timeout";
pub(super) const TOO_MANY: &str = "too_many";
pub(super) const NOT_H2: &str = "not_h2";
pub(super) const REVOKED: &str = "revoked";
pub(super) const EXPIRED: &str = "expired";
pub(super) const OTHER: &str = "other";

/// The word for a failed handshake.
pub(super) fn of(error: &io::Error) -> &'static str {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
        .map_or(OTHER, of_tls)
}

/// The word for a refused chain.
pub(super) fn of_tls(error: &Error) -> &'static str {
    match error {
        Error::NoCertificatesPresented => "no_certificate",
        Error::InvalidCertificate(why) => of_certificate(why),
        Error::InvalidCertRevocationList(_) => "crl_expired",
        Error::NoApplicationProtocol => NOT_H2,
        // We speak 1.3 and nothing else, so every incompatibility of versions ends here.
        Error::PeerIncompatible(
            rustls::PeerIncompatible::SupportedVersionsExtensionRequired
            | rustls::PeerIncompatible::Tls12NotOfferedOrEnabled
            | rustls::PeerIncompatible::Tls12NotOffered
            | rustls::PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => "not_tls13",
        _ => OTHER,
    }
}

fn of_certificate(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => EXPIRED,
        CertificateError::Revoked => REVOKED,
        // A CA whose list is missing is as silent as one whose list is too old.
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::UnknownRevocationStatus => "crl_expired",
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "unknown_issuer",
        CertificateError::InvalidPurpose
        | CertificateError::InvalidPurposeContext { .. }
        | CertificateError::BadEncoding => "bad_identity",
        CertificateError::Other(other) if other.0.is::<NotAdmitted>() => "bad_identity",
        _ => OTHER,
    }
}
