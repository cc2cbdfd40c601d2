//! Requests: built, signed once, sealed as often as they are sent; and the replies opened.
use super::{error::ClientError, key_list::ExchangeKey};
use crate::{
    clock::Time,
    crypto::{Broken, Rng, Secret, sha256},
    seal::{
        frame::{self, Direction, Parties, SessionKeys},
        padding::unpad,
        signed::{self, SigningIdentity},
    },
    wire::{self, Message, decode_canonical, v1},
};
use zeroize::{Zeroize, Zeroizing};

/// A signed request. The same bytes are sent again under a new seal, so that the gateway knows them as the same request.
pub struct Draft {
    /// A serialised `SignedMessage`.
    pub(super) signed: Zeroizing<Vec<u8>>,
    pub(super) method: &'static str,
    /// What the receipt will commit to, as far as the request tells.
    pub(super) detail: v1::PartnerDetail,
    /// In one-shot mode.
    reply_secret: Option<Secret<32>>,
}

impl Draft {
    /// Makes the header and signs. `make` puts the header into the payload. Without a signer the payload stays unsigned:
    /// only in a session whose evidence is the opening.
    pub fn new<M: Message>(
        parties: Parties<'_>,
        method: &'static str,
        one_shot: bool,
        signer: Option<&SigningIdentity<'_>>,
        (now, rng): (Time, &dyn Rng),
        make: impl FnOnce(v1::RequestHeader) -> M,
    ) -> Result<Self, Broken> {
        let (mut request_id, mut blind) = ([0; 16], [0; 32]);
        rng.fill(&mut request_id)?;
        rng.fill(&mut blind)?;
        let reply_secret = one_shot.then(|| Secret::<32>::random(rng)).transpose()?;
        let payload = make(v1::RequestHeader {
            request_id: request_id.to_vec(),
            blind: blind.to_vec(),
            issued_at: Some(wire::timestamp(now.0)),
            reply_secret: reply_secret.as_ref().map(|s| s.expose().to_vec()).unwrap_or_default(),
        })
        .encode_to_vec();
        let request_digest = sha256(&payload).to_vec();
        let signed = Zeroizing::new(signed::sign(parties, method, payload, signer)?);
        let mut message = v1::SignedMessage::decode(signed.as_slice()).map_err(|_| Broken)?;
        message.payload.zeroize();
        let detail = v1::PartnerDetail {
            request_id: request_id.to_vec(),
            request_digest,
            signing_key_id: message.signing_key_id,
            signature: message.signature,
            ..Default::default()
        };
        Ok(Self {
            signed,
            method,
            detail,
            reply_secret,
        })
    }

    /// A serialised `SignedMessage`.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// What the receipt will commit to, as far as the request tells: id, digest, key and signature.
    pub fn detail(&self) -> &v1::PartnerDetail {
        &self.detail
    }
}

/// What opens the one reply to a sealed request.
pub struct PendingReply(pub(super) Reply);

pub(super) enum Reply {
    OneShot {
        suite: crate::crypto::Suite,
        enc: Vec<u8>,
        request_sha256: [u8; 32],
        secret: Secret<32>,
        method: &'static str,
    },
    Session {
        keys: SessionKeys,
        session_id: [u8; 16],
        seq: u64,
        request_sha256: [u8; 32],
        method: &'static str,
    },
}

/// Seals a draft to an exchange key.
pub fn seal_one_shot(
    parties: Parties<'_>,
    draft: &Draft,
    key: &ExchangeKey,
    rng: &dyn Rng,
) -> Result<(v1::OneShotRequest, PendingReply), Broken> {
    let info = parties.one_shot_info(draft.method, key.suite, &key.key_id);
    let request = seal_to(key, &info, &draft.signed, rng)?;
    let pending = PendingReply(Reply::OneShot {
        suite: key.suite,
        enc: request.enc.clone(),
        request_sha256: frame::envelope_sha256(&request.enc, &request.ciphertext),
        secret: draft.reply_secret.clone().ok_or(Broken)?,
        method: draft.method,
    });
    Ok((request, pending))
}

/// HPKE to an exchange key, in the shape that both the one-shot request and the session opening have.
pub(super) fn seal_to(
    key: &ExchangeKey,
    info: &[u8],
    plaintext: &[u8],
    rng: &dyn Rng,
) -> Result<v1::OneShotRequest, Broken> {
    let (enc, ciphertext) = key.suite.seal(rng, &key.public_key, info, plaintext)?;
    let (kem, kdf, aead) = key.suite.ids();
    Ok(v1::OneShotRequest {
        suite: Some(v1::Suite {
            kem: kem.into(),
            kdf: kdf.into(),
            aead: aead.into(),
        }),
        key_id: key.key_id.clone(),
        enc,
        ciphertext,
    })
}

impl PendingReply {
    /// Opens the reply to this request; the keys are used once.
    pub fn open(self, parties: Parties<'_>, reply: &v1::SealedReply) -> Result<v1::ReplyBody, ClientError> {
        let opened = match (self.0, &reply.mode) {
            (
                Reply::OneShot {
                    suite,
                    enc,
                    request_sha256,
                    secret,
                    method,
                },
                Some(v1::sealed_reply::Mode::OneShot(reply)),
            ) => salt(&reply.nonce)
                .and_then(|nonce| parties.one_shot_reply_key(method, suite, &enc, &nonce, &secret))
                .and_then(|key| key.open(&frame::one_shot_reply_aad(&request_sha256), &reply.ciphertext)),
            (
                Reply::Session {
                    keys,
                    session_id,
                    seq,
                    request_sha256,
                    method,
                },
                Some(v1::sealed_reply::Mode::Session(reply)),
            ) => salt(&reply.salt)
                .and_then(|salt| frame::session_message_key(Direction::Reply, &keys.s2c, &salt, seq))
                .and_then(|key| {
                    let aad = frame::session_reply_aad(&session_id, seq, method, &request_sha256);
                    key.open(&aad, &reply.ciphertext)
                }),
            _ => Err(Broken),
        };
        open_body(opened.map_err(|_| ClientError::ReplyBroken)?)
    }
}

/// Takes the padding off and reads the body.
pub fn open_body(mut padded: Vec<u8>) -> Result<v1::ReplyBody, ClientError> {
    unpad(&mut padded).map_err(|_| ClientError::ReplyBroken)?;
    let body = decode_canonical(&padded).map_err(|_| ClientError::ReplyMalformed);
    padded.zeroize();
    body
}

fn salt(bytes: &[u8]) -> Result<[u8; 32], Broken> {
    bytes.try_into().map_err(|_| Broken)
}
