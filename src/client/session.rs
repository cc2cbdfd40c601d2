//! A session at the client's end: in memory, not `Clone`, one counter.
use super::{
    error::ClientError,
    key_list::ExchangeKey,
    sealing::{Draft, PendingReply, Reply, open_body, seal_to},
};
use crate::{
    clock::Time,
    crypto::{Broken, KemKeyPair, Rng, Secret},
    limits::{SESSION_MESSAGES_MAX, SESSION_MS_MAX, SKEW_MS_MAX},
    seal::{
        frame::{self, Direction, Parties, SessionKeys},
        signed::SigningIdentity,
    },
    wire::{Message, decode_canonical, millis, v1},
};
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroize;

/// The keys of a session. A copy would repeat sequence numbers, so there is none.
///
/// ```compile_fail,E0277
/// fn is_clone<T: Clone>() {}
/// is_clone::<tollgate::client::Session>();
/// ```
/// ```
/// fn is_send<T: Send>() {}
/// is_send::<tollgate::client::Session>();
/// ```
pub struct Session {
    id: [u8; 16],
    keys: SessionKeys,
    next_seq: AtomicU64,
    messages_max: u64,
    expires: Time,
    opening_is_evidence: bool,
}

impl Session {
    /// Whether another message may be sent.
    pub fn is_open(&self, now: Time) -> bool {
        now < self.expires && self.next_seq.load(Ordering::Relaxed) < self.messages_max
    }

    /// Only the opening is signed, and messages are not.
    pub fn opening_is_evidence(&self) -> bool {
        self.opening_is_evidence
    }

    /// Seals a draft under the next sequence number. A retry is the same draft sealed again.
    pub fn seal(
        &self,
        draft: &Draft,
        now: Time,
        rng: &dyn Rng,
    ) -> Result<(v1::SessionRequest, PendingReply), ClientError> {
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        if now >= self.expires || seq >= self.messages_max {
            return Err(ClientError::SessionSpent);
        }
        let mut salt = [0; 32];
        rng.fill(&mut salt)?;
        let key = frame::session_message_key(Direction::Request, &self.keys.c2s, &salt, seq)?;
        let aad = frame::session_request_aad(&self.id, seq, draft.method);
        let ciphertext = key.seal(&aad, draft.signed.to_vec())?;
        let pending = PendingReply(Reply::Session {
            keys: self.keys.clone(),
            session_id: self.id,
            seq,
            request_sha256: frame::envelope_sha256(&salt, &ciphertext),
            method: draft.method,
        });
        let request = v1::SessionRequest {
            session_id: self.id.to_vec(),
            seq,
            salt: salt.to_vec(),
            ciphertext,
        };
        Ok((request, pending))
    }
}

/// A session that was asked for and not yet accepted.
pub struct Opening {
    pair: KemKeyPair,
    client_secret: Secret<32>,
    enc: Vec<u8>,
    ciphertext: Vec<u8>,
    evidence: v1::Evidence,
    pub(super) detail: v1::PartnerDetail,
}

impl Opening {
    /// A fresh key pair and secret, signed and sealed to the exchange key.
    pub fn new(
        parties: Parties<'_>,
        key: &ExchangeKey,
        signer: &SigningIdentity<'_>,
        evidence: v1::Evidence,
        now: Time,
        rng: &dyn Rng,
    ) -> Result<(v1::OpenSessionRequest, Self), Broken> {
        let pair = KemKeyPair::generate(key.suite, rng)?;
        let client_secret = Secret::<32>::random(rng)?;
        let draft = Draft::new(
            parties,
            frame::OPEN_SESSION,
            false,
            Some(signer),
            (now, rng),
            |header| v1::SessionOpen {
                header: Some(header),
                client_kem_pk: pair.public().to_vec(),
                client_secret: client_secret.expose().to_vec(),
                evidence: evidence.into(),
            },
        )?;
        let info = parties.session_open_info(key.suite, &key.key_id);
        let open = seal_to(key, &info, &draft.signed, rng)?;
        let opening = Self {
            pair,
            client_secret,
            enc: open.enc.clone(),
            ciphertext: open.ciphertext.clone(),
            evidence,
            detail: draft.detail,
        };
        Ok((v1::OpenSessionRequest { open: Some(open) }, opening))
    }

    /// For vectors: the private key and the client's secret.
    #[cfg(test)]
    pub(crate) fn secrets(&self) -> (Secret<32>, Secret<32>) {
        (self.pair.secret().clone(), self.client_secret.clone())
    }

    /// Opens the acceptance and derives the keys. The session must not be used before the body's receipt was checked
    /// over the second value: the acceptance without the gateway's secret, which is what the log commits to.
    pub fn accept(
        self,
        parties: Parties<'_>,
        response: &v1::OpenSessionResponse,
        now: Time,
    ) -> Result<(Session, v1::ReplyBody, Vec<u8>), ClientError> {
        let open = (self.enc.as_slice(), self.ciphertext.as_slice());
        let suite = self.pair.suite();
        let info = parties.session_accept_info(suite, &frame::envelope_sha256(open.0, open.1));
        let padded = self
            .pair
            .open(&response.enc, &info, &response.ciphertext)
            .map_err(|_| ClientError::ReplyBroken)?;
        let body = open_body(padded)?;
        let malformed = || ClientError::ReplyMalformed;
        let mut accept: v1::SessionAccept = decode_canonical(&body.answer).map_err(|_| malformed())?;
        let server_secret = Secret::from_slice(&accept.server_secret);
        accept.server_secret.zeroize();
        accept.server_secret.clear();
        let committed = accept.encode_to_vec();
        let id: [u8; 16] = accept.session_id.try_into().map_err(|_| malformed())?;
        let expires = millis(accept.expires_at.as_ref()).map(Time).ok_or_else(malformed)?;
        let transcript = frame::transcript(open, (&response.enc, &response.ciphertext));
        let server_secret = server_secret.map_err(|_| malformed())?;
        let keys = parties.session_keys(suite, &transcript, &self.client_secret, &server_secret, &id)?;
        let session = Session {
            id,
            keys,
            next_seq: AtomicU64::new(0),
            messages_max: accept.messages_max.min(SESSION_MESSAGES_MAX),
            // Our own bound holds whatever the gateway says, and whatever its clock says.
            expires: expires.min(now.plus_ms(SESSION_MS_MAX)).plus_ms(-SKEW_MS_MAX / 4),
            opening_is_evidence: self.evidence == v1::Evidence::Session,
        };
        Ok((session, body, committed))
    }
}
