//! The third step of the request path: from a partner and an envelope to a payload that this partner signed, now.
use super::{
    Envelope, Header, Opened, Payload, PayloadError, ReplyKeys, Sessions,
    envelope::{InSession, OneShot, Shape},
    frame::{self, Direction, Parties},
    signed,
};
use crate::{
    agreement::Partner,
    case::Case,
    clock::Time,
    crypto::{Secret, Suite, sha256},
    domain::{Method, RequestId},
    facts::Facts,
    keyring::{KeyId, Keyring},
    limits::{ID_BYTES_MAX, SKEW_MS_MAX},
    refusal::{Code, Refusal},
    wire::{self, WireError, decode_canonical, v1},
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What opening needs: who we are, our keys, and the sessions. The caller holds the rate of decapsulations before it
/// opens: see `edge`.
pub struct Opener {
    gateway: String,
    keyring: Arc<Keyring>,
    sessions: Arc<Sessions>,
}

impl Opener {
    /// `gateway` is our SPIFFE URI: `G` in every derivation.
    pub fn new(gateway: impl Into<String>, keyring: Arc<Keyring>) -> Self {
        Self {
            gateway: gateway.into(),
            keyring,
            sessions: Arc::new(Sessions::new()),
        }
    }

    /// Our SPIFFE URI.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The open sessions: to sweep, to close, to end at a suspension.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    pub(super) fn parties<'a>(&'a self, partner: &'a Partner) -> Parties<'a> {
        Parties {
            gateway: &self.gateway,
            partner: partner.member().id.as_str(),
        }
    }

    /// Suite and key, then the decapsulation: the only expensive step comes last.
    pub(super) fn decapsulate(
        &self,
        partner: &Partner,
        envelope: &OneShot,
        info: impl FnOnce(Suite) -> Vec<u8>,
        now: Time,
        found: &mut Found,
    ) -> Result<(Suite, Zeroizing<Vec<u8>>), Code> {
        let allowed = |suite: &Suite| partner.member().suites.contains(suite);
        let suite = envelope.suite.filter(allowed).ok_or(Code::SuiteNotAllowed)?;
        let key = self
            .keyring
            .exchange(&envelope.key_id, now)
            .filter(|key| key.suite() == suite)
            .ok_or(Code::KeyUnknown)?;
        found.exchange_key = KeyId(envelope.key_id).to_string();
        let plaintext = key
            .open(&envelope.enc, &info(suite), &envelope.ciphertext)
            .map_err(|_| Code::OpenFailed)?;
        Ok((suite, Zeroizing::new(plaintext)))
    }
}

/// Opens an envelope: shape, suite, key, decapsulation or session window, signature, canonical bytes,
/// header, payload, in this order. A refusal carries what was known by then.
pub fn open<P: Payload>(
    opener: &Opener,
    mut case: Case<Partner>,
    envelope: Envelope,
    method: Method,
    now: Time,
) -> Result<Case<Opened<P>>, Refusal> {
    let mut found = Found::default();
    let outcome = steps::<P>(opener, case.proof(), envelope, method, now, &mut found);
    found.note(case.note());
    match outcome {
        Ok((payload, id, digest, reply)) => {
            payload.note(case.note());
            Ok(case.then(|partner| Opened::new(partner, payload, id, digest, reply)))
        }
        Err(code) => Err(case.refuse(code)),
    }
}

/// What was learned on the way; it goes into the entry whether the envelope opens or not.
#[derive(Default)]
pub(super) struct Found {
    pub(super) exchange_key: String,
    pub(super) request_digest: Option<[u8; 32]>,
    pub(super) request_id: Option<RequestId>,
    signing_key_id: String,
    signature: Vec<u8>,
}

impl Found {
    pub(super) fn note(self, facts: &mut Facts) {
        let keys = [self.exchange_key, self.signing_key_id.clone()];
        facts.key_ids.extend(keys.into_iter().filter(|id| !id.is_empty()));
        facts.request_digest = self.request_digest;
        facts.request_id = self.request_id;
        facts.signing_key_id = self.signing_key_id;
        facts.signature = self.signature;
    }
}

/// How the reply will be sealed, as far as the envelope tells.
enum Way {
    OneShot {
        suite: Suite,
        enc: Vec<u8>,
        request_sha256: [u8; 32],
    },
    Session(ReplyKeys),
}

type Parts<P> = (P, RequestId, [u8; 32], ReplyKeys);

fn steps<P: Payload>(
    opener: &Opener,
    partner: &Partner,
    envelope: Envelope,
    method: Method,
    now: Time,
    found: &mut Found,
) -> Result<Parts<P>, Code> {
    if envelope.ciphertext_bytes() > P::BYTES_MAX {
        return Err(Code::TooLarge);
    }
    let parties = opener.parties(partner);
    let (plaintext, way, unsigned_allowed) = match envelope.0 {
        Shape::OneShot(_) if P::SESSION_ONLY => return Err(Code::SessionRequired),
        Shape::OneShot(envelope) => {
            let info = |suite| parties.one_shot_info(method.path(), suite, &envelope.key_id);
            let (suite, plaintext) = opener.decapsulate(partner, &envelope, info, now, found)?;
            let request_sha256 = frame::envelope_sha256(&envelope.enc, &envelope.ciphertext);
            let way = Way::OneShot {
                suite,
                enc: envelope.enc,
                request_sha256,
            };
            (plaintext, way, false)
        }
        Shape::Session(envelope) => open_in_session(opener, partner, &envelope, method, now, found)?,
    };
    let payload = verify_signed(parties, partner, method, &plaintext, unsigned_allowed, found)?;
    let mut message: P::Wire = decode_canonical(&payload).map_err(undecodable)?;
    let (header, reply) = match way {
        Way::OneShot {
            suite,
            enc,
            request_sha256,
        } => {
            let (header, secret) = check_header(P::header(&mut message), true, now)?;
            let secret = secret.ok_or(Code::FieldInvalid)?;
            let reply = ReplyKeys::one_shot(parties, method, suite, enc, request_sha256, secret);
            (header, reply)
        }
        Way::Session(reply) => (check_header(P::header(&mut message), false, now)?.0, reply),
    };
    found.request_id = Some(header.request_id);
    let digest = found.request_digest.ok_or(Code::Internal)?;
    let payload = P::from_wire(message).map_err(PayloadError::code)?;
    Ok((payload, header.request_id, digest, reply))
}

/// Window, then the AEAD, then the atomic test-and-set.
fn open_in_session(
    opener: &Opener,
    partner: &Partner,
    envelope: &InSession,
    method: Method,
    now: Time,
    found: &mut Found,
) -> Result<(Zeroizing<Vec<u8>>, Way, bool), Code> {
    let (id, seq) = (&envelope.session_id, envelope.seq);
    let session = opener
        .sessions
        .find(id, &partner.member().id, partner.peer().uri())
        .ok_or(Code::SessionUnknown)?;
    // An agreement may have been narrowed since the session was opened.
    if !partner.member().suites.contains(&session.suite) {
        return Err(Code::SuiteNotAllowed);
    }
    found.exchange_key.clone_from(&session.exchange_key);
    let keys = session.check(seq, now)?;
    let key =
        frame::session_message_key(Direction::Request, &keys.c2s, &envelope.salt, seq).map_err(|_| Code::OpenFailed)?;
    let plaintext = key
        .open(
            &frame::session_request_aad(id, seq, method.path()),
            &envelope.ciphertext,
        )
        .map(Zeroizing::new)
        .map_err(|_| Code::OpenFailed)?;
    session.take(seq)?;
    let request_sha256 = frame::envelope_sha256(&envelope.salt, &envelope.ciphertext);
    let reply = ReplyKeys::session(keys.s2c.clone(), *id, seq, method, request_sha256);
    Ok((plaintext, Way::Session(reply), session.opening_is_evidence))
}

/// The payload of a `SignedMessage`, after its signature was checked over the raw bytes.
pub(super) fn verify_signed(
    parties: Parties<'_>,
    partner: &Partner,
    method: Method,
    plaintext: &[u8],
    unsigned_allowed: bool,
    found: &mut Found,
) -> Result<Zeroizing<Vec<u8>>, Code> {
    let message: v1::SignedMessage = decode_canonical(plaintext).map_err(|_| Code::OpenFailed)?;
    let payload = Zeroizing::new(message.payload);
    let digest = sha256(&payload);
    found.request_digest = Some(digest);
    if unsigned_allowed && message.signing_key_id.is_empty() && message.signature.is_empty() {
        return Ok(payload);
    }
    let key_id = message.signing_key_id;
    let registered = partner.member().signing_keys.iter().find(|key| key.id == key_id);
    let key = registered
        .filter(|_| key_id.len() <= ID_BYTES_MAX)
        .ok_or(Code::SigningKeyUnknown)?;
    signed::verify(parties, method.path(), &key.key, &key_id, &digest, &message.signature)
        .map_err(|_| Code::SignatureInvalid)?;
    found.signing_key_id = key_id;
    found.signature = message.signature;
    Ok(payload)
}

/// Lengths and freshness. The reply secret is there in one-shot mode, and only there.
pub(super) fn check_header(
    header: Option<v1::RequestHeader>,
    one_shot: bool,
    now: Time,
) -> Result<(Header, Option<Secret<32>>), Code> {
    let header = header.ok_or(Code::FieldInvalid)?;
    let secret = Zeroizing::new(header.reply_secret);
    let secret = match (one_shot, secret.is_empty()) {
        (true, _) => Some(Secret::from_slice(&secret).map_err(|_| Code::FieldInvalid)?),
        (false, true) => None,
        (false, false) => return Err(Code::FieldInvalid),
    };
    let issued_at = wire::millis(header.issued_at.as_ref())
        .map(Time)
        .ok_or(Code::FieldInvalid)?;
    let header = Header {
        request_id: RequestId(header.request_id.try_into().map_err(|_| Code::FieldInvalid)?),
        blind: header.blind.try_into().map_err(|_| Code::FieldInvalid)?,
        issued_at,
    };
    // `unsigned_abs`: the difference saturates, and its absolute value must not overflow.
    if now.since(issued_at).unsigned_abs() > SKEW_MS_MAX.unsigned_abs() {
        return Err(Code::Stale);
    }
    Ok((header, secret))
}

/// A payload that is no message of this method, or is in another form than the one that was agreed.
pub(super) fn undecodable(error: WireError) -> Code {
    match error {
        WireError::Malformed | WireError::NotCanonical => Code::NotCanonical,
    }
}
