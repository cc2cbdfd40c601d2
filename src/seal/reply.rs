//! Replies: sealed only from what is recorded, once, padded.
use super::{
    frame::{self, Direction, Parties},
    padding::{TAG_BYTES, pad, padded_len},
};
use crate::{
    audit::{self, Auditable, Receipt, Recorded},
    crypto::{Broken, Rng, Secret, Suite},
    domain::Method,
    wire::{Message, v1},
};

/// What one reply is sealed with. Opaque; consumed by the one reply.
///
/// ```compile_fail,E0382
/// use tollgate::seal::{Outgoing, ReplyKeys};
/// fn twice(keys: ReplyKeys) -> [Outgoing; 2] {
///     let make = |keys| Outgoing { answer: Vec::new(), reference: String::new(), keys };
///     [make(keys), make(keys)]
/// }
/// ```
/// ```
/// use tollgate::seal::{Outgoing, ReplyKeys};
/// fn once(keys: ReplyKeys) -> [Outgoing; 1] {
///     let make = |keys| Outgoing { answer: Vec::new(), reference: String::new(), keys };
///     [make(keys)]
/// }
/// ```
pub struct ReplyKeys(Keys);

enum Keys {
    OneShot {
        gateway: String,
        partner: String,
        method: Method,
        suite: Suite,
        enc: Vec<u8>,
        request_sha256: [u8; 32],
        secret: Secret<32>,
    },
    Session {
        key: Secret<32>,
        session_id: [u8; 16],
        seq: u64,
        method: Method,
        request_sha256: [u8; 32],
    },
}

impl ReplyKeys {
    pub(super) fn one_shot(
        parties: Parties<'_>,
        method: Method,
        suite: Suite,
        enc: Vec<u8>,
        request_sha256: [u8; 32],
        secret: Secret<32>,
    ) -> Self {
        Self(Keys::OneShot {
            gateway: parties.gateway.to_owned(),
            partner: parties.partner.to_owned(),
            method,
            suite,
            enc,
            request_sha256,
            secret,
        })
    }

    pub(super) fn session(
        key: Secret<32>,
        session_id: [u8; 16],
        seq: u64,
        method: Method,
        request_sha256: [u8; 32],
    ) -> Self {
        Self(Keys::Session {
            key,
            session_id,
            seq,
            method,
            request_sha256,
        })
    }

    pub(super) fn session_id(&self) -> Option<[u8; 16]> {
        match &self.0 {
            Keys::OneShot { .. } => None,
            Keys::Session { session_id, .. } => Some(*session_id),
        }
    }

    fn seal(self, rng: &dyn Rng, plaintext: Vec<u8>) -> Result<v1::SealedReply, Broken> {
        let mut salt = [0; 32];
        rng.fill(&mut salt)?;
        let mode = match self.0 {
            Keys::OneShot {
                gateway,
                partner,
                method,
                suite,
                enc,
                request_sha256,
                secret,
            } => {
                let parties = Parties {
                    gateway: &gateway,
                    partner: &partner,
                };
                let key = parties.one_shot_reply_key(method.path(), suite, &enc, &salt, &secret)?;
                v1::sealed_reply::Mode::OneShot(v1::OneShotReply {
                    nonce: salt.to_vec(),
                    ciphertext: key.seal(&frame::one_shot_reply_aad(&request_sha256), plaintext)?,
                })
            }
            Keys::Session {
                key,
                session_id,
                seq,
                method,
                request_sha256,
            } => {
                let aad = frame::session_reply_aad(&session_id, seq, method.path(), &request_sha256);
                let key = frame::session_message_key(Direction::Reply, &key, &salt, seq)?;
                v1::sealed_reply::Mode::Session(v1::SessionReply {
                    salt: salt.to_vec(),
                    ciphertext: key.seal(&aad, plaintext)?,
                })
            }
        };
        Ok(v1::SealedReply { mode: Some(mode) })
    }

    /// For tests of steps that never reply.
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self::session(Secret::from([0; 32]), [0; 16], 0, Method("/test"), [0; 32])
    }
}

/// An answer that can be sent once it is recorded.
pub trait Answered: Auditable {
    /// Taken apart for sealing.
    fn into_reply(self) -> Outgoing;
}

/// What goes out.
pub struct Outgoing {
    /// The answer, exactly as the log committed to it.
    pub answer: Vec<u8>,
    /// For people.
    pub reference: String,
    /// Of the request that is answered.
    pub keys: ReplyKeys,
}

/// A reply that only the asker can open.
pub struct Sealed(v1::SealedReply);

impl Sealed {
    /// As sent.
    pub fn into_wire(self) -> v1::SealedReply {
        self.0
    }
}

/// Seals a recorded answer with its receipt.
pub fn seal<T: Answered>(recorded: Recorded<T>, rng: &dyn Rng) -> Result<Sealed, Broken> {
    let (value, receipt) = recorded.into_parts();
    let outgoing = value.into_reply();
    let body = padded_body(outgoing.answer, outgoing.reference, &receipt);
    outgoing.keys.seal(rng, body).map(Sealed)
}

/// A padded `ReplyBody`.
pub(super) fn padded_body(answer: Vec<u8>, reference: String, receipt: &Receipt) -> Vec<u8> {
    let body = v1::ReplyBody {
        answer,
        receipt: Some(v1::Receipt {
            leaf: receipt.leaf.clone(),
            proof: audit::proof::encode(receipt.index, &receipt.proof, &receipt.checkpoint),
            commitment_key: receipt.commitment_key.expose().to_vec(),
        }),
        reference,
    };
    let mut plaintext = Vec::with_capacity(padded_len(body.encoded_len()) + TAG_BYTES);
    body.encode_raw(&mut plaintext);
    pad(plaintext)
}
