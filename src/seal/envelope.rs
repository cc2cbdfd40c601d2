//! An envelope whose parts are all there and of the right length. Nothing is opened here.
use crate::{
    crypto::Suite,
    limits::MESSAGE_BYTES_MAX,
    wire::v1::{self, sealed_request::Mode},
};

const KEY_ID_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

/// The envelope lacks a part, or has one of the wrong length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed envelope lacks a part or has one of the wrong length")]
pub struct Malformed;

/// A well-shaped envelope.
pub struct Envelope(pub(super) Shape);

pub(super) enum Shape {
    OneShot(OneShot),
    Session(InSession),
}

pub(super) struct OneShot {
    /// `None` where the identifiers are none of ours.
    pub(super) suite: Option<Suite>,
    pub(super) key_id: [u8; KEY_ID_BYTES],
    pub(super) enc: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

pub(super) struct InSession {
    pub(super) session_id: [u8; 16],
    pub(super) seq: u64,
    pub(super) salt: [u8; 32],
    pub(super) ciphertext: Vec<u8>,
}

impl Envelope {
    /// Checks presence and lengths. How long the ciphertext may be depends on the method and is checked by `open`.
    pub fn from_wire(sealed: v1::SealedRequest) -> Result<Self, Malformed> {
        match sealed.mode.ok_or(Malformed)? {
            Mode::OneShot(request) => OneShot::from_wire(request).map(|shape| Self(Shape::OneShot(shape))),
            Mode::Session(request) => {
                bounded(&request.ciphertext)?;
                // Above 2^32 nothing honest can be: a session has 2^20 messages.
                if request.seq > u64::from(u32::MAX) {
                    return Err(Malformed);
                }
                Ok(Self(Shape::Session(InSession {
                    session_id: request.session_id.try_into().map_err(|_| Malformed)?,
                    seq: request.seq,
                    salt: request.salt.try_into().map_err(|_| Malformed)?,
                    ciphertext: request.ciphertext,
                })))
            }
        }
    }

    /// Whether opening it costs a key encapsulation.
    pub fn is_one_shot(&self) -> bool {
        matches!(self.0, Shape::OneShot(_))
    }

    pub(super) fn ciphertext_bytes(&self) -> usize {
        match &self.0 {
            Shape::OneShot(e) => e.ciphertext.len(),
            Shape::Session(e) => e.ciphertext.len(),
        }
    }
}

impl OneShot {
    pub(super) fn from_wire(request: v1::OneShotRequest) -> Result<Self, Malformed> {
        let ids = request.suite.ok_or(Malformed)?;
        let suite = Suite::from_ids(ids.kem, ids.kdf, ids.aead);
        bounded(&request.ciphertext)?;
        if suite.is_some_and(|s| request.enc.len() != enc_bytes(s)) {
            return Err(Malformed);
        }
        Ok(Self {
            suite,
            key_id: request.key_id.try_into().map_err(|_| Malformed)?,
            enc: request.enc,
            ciphertext: request.ciphertext,
        })
    }
}

/// Length of an encapsulated key (RFC 9180 section 7.1; draft-connolly-cfrg-xwing-kem section 6).
pub(super) fn enc_bytes(suite: Suite) -> usize {
    match suite {
        Suite::X25519 => 32,
        Suite::XWing => 1_120,
    }
}

fn bounded(ciphertext: &[u8]) -> Result<(), Malformed> {
    if (TAG_BYTES..=MESSAGE_BYTES_MAX).contains(&ciphertext.len()) {
        Ok(())
    } else {
        Err(Malformed)
    }
}
