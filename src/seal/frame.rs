//! The input of every derivation and every seal, framed with `ctx`. Pure, and the same at both ends.
//!
//! `G` is the gateway's SPIFFE URI, `P` the partner's id, `S` the six bytes of the suite, `M` the gRPC method path.
use crate::crypto::{self, Broken, Label, Secret, Suite, ctx, hkdf, sha256, sha256_parts};
use zeroize::Zeroize;

/// The path of OpenSession: `M` of the message that opens a session.
pub const OPEN_SESSION: &str = "/tollgate.v1.ExchangeService/OpenSession";

/// The two ends of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// `G`.
    pub gateway: &'a str,
    /// `P`.
    pub partner: &'a str,
}

impl Parties<'_> {
    /// HPKE info of a one-shot request: `ctx("one-shot-request", G, P, M, S, key_id)`.
    pub fn one_shot_info(&self, method: &str, suite: Suite, key_id: &[u8]) -> Vec<u8> {
        let fields = [self.g(), self.p(), method.as_bytes(), &suite.bytes(), key_id];
        ctx(Label::OneShotRequest, &fields)
    }

    /// Key of a one-shot reply (RFC 9458 section 4.4):
    /// `HKDF(salt = enc ‖ nonce, ikm = reply_secret, info = ctx("one-shot-reply", G, P, M, S), 44)`.
    pub fn one_shot_reply_key(
        &self,
        method: &str,
        suite: Suite,
        enc: &[u8],
        nonce: &[u8; 32],
        reply_secret: &Secret<32>,
    ) -> Result<MessageKey, Broken> {
        let info = ctx(
            Label::OneShotReply,
            &[self.g(), self.p(), method.as_bytes(), &suite.bytes()],
        );
        MessageKey::derive(&[enc, nonce].concat(), reply_secret.expose(), &info)
    }

    /// HPKE info of a session opening: `ctx("session-open", G, P, S, key_id)`.
    pub fn session_open_info(&self, suite: Suite, key_id: &[u8]) -> Vec<u8> {
        ctx(Label::SessionOpen, &[self.g(), self.p(), &suite.bytes(), key_id])
    }

    /// HPKE info of a session acceptance: `ctx("session-accept", G, P, S, SHA-256(open))`.
    pub fn session_accept_info(&self, suite: Suite, open_sha256: &[u8; 32]) -> Vec<u8> {
        ctx(Label::SessionAccept, &[self.g(), self.p(), &suite.bytes(), open_sha256])
    }

    /// The keys of a session: `HKDF(salt = th, ikm = client_secret ‖ server_secret, info = ctx(label, G, P, S, id), 32)`.
    pub fn session_keys(
        &self,
        suite: Suite,
        transcript: &[u8; 32],
        client_secret: &Secret<32>,
        server_secret: &Secret<32>,
        session_id: &[u8; 16],
    ) -> Result<SessionKeys, Broken> {
        let mut ikm = [client_secret.expose().as_slice(), server_secret.expose()].concat();
        let derive = |label| {
            let info = ctx(label, &[self.g(), self.p(), &suite.bytes(), session_id]);
            hkdf::<32>(transcript, &ikm, &info).map(Secret::from)
        };
        let keys = derive(Label::SessionC2s).and_then(|c2s| {
            Ok(SessionKeys {
                c2s,
                s2c: derive(Label::SessionS2c)?,
            })
        });
        ikm.zeroize();
        keys
    }

    /// What a request's signature covers: `ctx("signed-message", G, P, signing_key_id, M, SHA-256(payload))`.
    pub fn signed_message(&self, signing_key_id: &str, method: &str, payload_sha256: &[u8; 32]) -> Vec<u8> {
        let fields = [
            self.g(),
            self.p(),
            signing_key_id.as_bytes(),
            method.as_bytes(),
            payload_sha256,
        ];
        ctx(Label::SignedMessage, &fields)
    }

    /// What proves possession of a signing key when it is registered: `ctx("register-key", G, P, key_id, pk)`.
    pub fn register_key(&self, key_id: &str, public_key: &[u8]) -> Vec<u8> {
        ctx(Label::RegisterKey, &[self.g(), self.p(), key_id.as_bytes(), public_key])
    }

    fn g(&self) -> &[u8] {
        self.gateway.as_bytes()
    }
    fn p(&self) -> &[u8] {
        self.partner.as_bytes()
    }
}

/// The two directions of a session.
#[derive(Clone)]
pub struct SessionKeys {
    /// Client to gateway.
    pub c2s: Secret<32>,
    /// Gateway to client.
    pub s2c: Secret<32>,
}

/// Digest of an envelope: `SHA-256(enc ‖ ciphertext)`.
pub fn envelope_sha256(enc: &[u8], ciphertext: &[u8]) -> [u8; 32] {
    sha256_parts(&[enc, ciphertext])
}

/// AAD of a one-shot reply: `ctx("one-shot-reply", SHA-256(enc ‖ ciphertext))` of its request.
pub fn one_shot_reply_aad(request_sha256: &[u8; 32]) -> Vec<u8> {
    ctx(Label::OneShotReply, &[request_sha256])
}

/// `th = SHA-256(be32(len(open)) ‖ open ‖ be32(len(accept)) ‖ accept)`, each as `(enc, ciphertext)`.
pub fn transcript(open: (&[u8], &[u8]), accept: (&[u8], &[u8])) -> [u8; 32] {
    // Both are bounded far below 4 GiB by `limits`.
    let len = |(enc, ciphertext): (&[u8], &[u8])| ((enc.len() + ciphertext.len()) as u32).to_be_bytes();
    sha256_parts(&[&len(open), open.0, open.1, &len(accept), accept.0, accept.1])
}

/// Which way a session message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Client to gateway.
    Request,
    /// Gateway to client.
    Reply,
}

impl Direction {
    fn label(self) -> Label {
        match self {
            Direction::Request => Label::SessionRequest,
            Direction::Reply => Label::SessionReply,
        }
    }
}

/// Key of one session message: `HKDF(salt, k_dir, ctx("session-request" | "session-reply", be64(seq)), 44)`. The salt is
/// fresh for every message, so that no repetition of `seq` can repeat a key and nonce.
pub fn session_message_key(
    direction: Direction,
    key: &Secret<32>,
    salt: &[u8; 32],
    seq: u64,
) -> Result<MessageKey, Broken> {
    let info = ctx(direction.label(), &[&seq.to_be_bytes()]);
    MessageKey::derive(salt, key.expose(), &info)
}

/// AAD of a request in a session: `ctx("session-request", session_id, be64(seq), M)`.
pub fn session_request_aad(session_id: &[u8; 16], seq: u64, method: &str) -> Vec<u8> {
    ctx(
        Label::SessionRequest,
        &[session_id, &seq.to_be_bytes(), method.as_bytes()],
    )
}

/// AAD of a reply in a session: `ctx("session-reply", session_id, be64(seq), M, SHA-256(request salt ‖ ciphertext))`.
pub fn session_reply_aad(session_id: &[u8; 16], seq: u64, method: &str, request_sha256: &[u8; 32]) -> Vec<u8> {
    ctx(
        Label::SessionReply,
        &[session_id, &seq.to_be_bytes(), method.as_bytes(), request_sha256],
    )
}

/// What the online key signs: `ctx("key-list", G, be64(serial), SHA-256(list))`.
pub fn key_list(gateway: &str, serial: u64, list: &[u8]) -> Vec<u8> {
    ctx(
        Label::KeyList,
        &[gateway.as_bytes(), &serial.to_be_bytes(), &sha256(list)],
    )
}

/// What the gateway-identity key signs: `ctx("key-list-delegate", G, pk, be64(not_before_s), be64(not_after_s))`.
pub fn key_list_delegate(gateway: &str, public_key: &[u8], not_before_s: u64, not_after_s: u64) -> Vec<u8> {
    let fields = [
        gateway.as_bytes(),
        public_key,
        &not_before_s.to_be_bytes(),
        &not_after_s.to_be_bytes(),
    ];
    ctx(Label::KeyListDelegate, &fields)
}

/// An AES-256-GCM key and nonce for exactly one message: both methods consume it.
pub struct MessageKey {
    key: Secret<32>,
    nonce: [u8; 12],
}

impl MessageKey {
    fn derive(salt: &[u8], ikm: &[u8], info: &[u8]) -> Result<Self, Broken> {
        let mut okm: [u8; 44] = hkdf(salt, ikm, info)?;
        let (key, nonce) = okm.split_at_checked(32).ok_or(Broken)?;
        let made = Secret::from_slice(key).and_then(|key| {
            Ok(Self {
                key,
                nonce: nonce.try_into().map_err(|_| Broken)?,
            })
        });
        okm.zeroize();
        made
    }

    /// For vectors.
    #[cfg(test)]
    pub(super) fn parts(&self) -> ([u8; 32], [u8; 12]) {
        (*self.key.expose(), self.nonce)
    }

    /// Encrypts; the tag is appended.
    pub fn seal(self, aad: &[u8], plaintext: Vec<u8>) -> Result<Vec<u8>, Broken> {
        crypto::seal(self.key.expose(), &self.nonce, aad, plaintext)
    }

    /// Decrypts and checks.
    pub fn open(self, aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Broken> {
        crypto::open(self.key.expose(), &self.nonce, aad, ciphertext)
    }
}
