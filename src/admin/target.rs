//! Who or what is shut out.
use super::hex;
use crate::{
    crypto::sha256,
    domain::PartnerId,
    limits::{ISSUER_BYTES_MAX, SERIAL_BYTES_MAX},
    wire::v1::{self, target},
};
use std::fmt;

/// First byte of a row's key. On disk: never reuse one.
const MEMBER: u8 = 1;
const CERTIFICATE: u8 = 2;
const KEY: u8 = 3;

/// One member, one certificate, or every certificate over one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By its id, whatever URI the register gives it.
    Member(PartnerId),
    /// By what its CA calls it.
    Certificate {
        /// DER of the issuer's name.
        issuer: Vec<u8>,
        /// Serial number, big endian, without leading zeros.
        serial: Vec<u8>,
    },
    /// SHA-256 of the subject public key info.
    Key([u8; 32]),
}

impl Target {
    /// `None` for one that names nothing.
    pub fn from_wire(wire: v1::Target) -> Option<Self> {
        match wire.target? {
            target::Target::Member(id) => id.parse().ok().map(Target::Member),
            target::Target::Certificate(v1::CertificateTarget { issuer, serial }) => {
                let fits = (1..=ISSUER_BYTES_MAX).contains(&issuer.len())
                    && (1..=SERIAL_BYTES_MAX).contains(&serial.len())
                    && serial.first() != Some(&0);
                fits.then_some(Target::Certificate { issuer, serial })
            }
            target::Target::KeySha256(key) => key.try_into().ok().map(Target::Key),
        }
    }

    /// As sent and kept.
    pub fn to_wire(&self) -> v1::Target {
        let target = match self {
            Target::Member(id) => target::Target::Member(id.to_string()),
            Target::Certificate { issuer, serial } => target::Target::Certificate(v1::CertificateTarget {
                issuer: issuer.clone(),
                serial: serial.clone(),
            }),
            Target::Key(sha256) => target::Target::KeySha256(sha256.to_vec()),
        };
        v1::Target { target: Some(target) }
    }

    pub(super) fn row(&self) -> Vec<u8> {
        match self {
            Target::Member(id) => [&[MEMBER][..], id.as_str().as_bytes()].concat(),
            Target::Certificate { issuer, serial } => [&[CERTIFICATE][..], &sha256(issuer), serial].concat(),
            Target::Key(sha256) => [&[KEY][..], sha256].concat(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Member(id) => write!(f, "member {id}"),
            Target::Certificate { serial, .. } => write!(f, "certificate {}", hex(serial)),
            Target::Key(sha256) => write!(f, "key {}", hex(sha256)),
        }
    }
}
