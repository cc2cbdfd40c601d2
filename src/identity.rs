//! Who a verified certificate belongs to: one workload identity, read once per connection.
use crate::clock::Time;

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
    /// Serial number, big endian.
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
