//! Opening a session: one key encapsulation each way, so that a stolen exchange key does not open past sessions.
use super::{
    envelope::OneShot,
    frame,
    open::{Found, Opener, check_header, undecodable, verify_signed},
    reply::padded_body,
    sessions::{Place, Terms},
};
use crate::{
    agreement::Partner,
    audit::{Auditable, Class, Recorded},
    case::{After, Case},
    clock::Time,
    crypto::{Broken, Rng, Secret, Suite},
    domain::Method,
    facts::Facts,
    limits::{SEALED_REQUEST_BYTES_MAX, SESSION_MESSAGES_MAX},
    refusal::{Code, Refusal},
    wire::{self, Message, decode_canonical, v1},
};
use zeroize::{Zeroize, Zeroizing};

/// An opening, as sent.
pub type OpenSession = v1::OneShotRequest;
/// An acceptance, as sent.
pub type SessionAccepted = v1::OpenSessionResponse;

/// A session that may begin once its entry is recorded.
pub struct SessionOffer {
    place: Place,
    client_kem_pk: Vec<u8>,
    client_secret: Secret<32>,
    server_secret: Secret<32>,
    open: (Vec<u8>, Vec<u8>),
    /// The acceptance without the server's secret: what the log commits to and keeps.
    answer: Vec<u8>,
}

impl After<Partner> for SessionOffer {}

impl Auditable for Case<SessionOffer> {
    fn class(&self) -> Class {
        Class::Admin
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        Some(&self.proof().answer)
    }
}

/// Checks an opening as `open` checks a request, and prepares the session.
pub fn open_session(
    opener: &Opener,
    mut case: Case<Partner>,
    request: v1::OneShotRequest,
    now: Time,
    rng: &dyn Rng,
) -> Result<Case<SessionOffer>, Refusal> {
    let mut found = Found::default();
    let outcome = steps(opener, case.proof(), request, now, rng, &mut found);
    found.note(case.note());
    match outcome {
        Ok(offer) => Ok(case.then(|_: Partner| offer)),
        Err(code) => Err(case.refuse(code)),
    }
}

fn steps(
    opener: &Opener,
    partner: &Partner,
    request: v1::OneShotRequest,
    now: Time,
    rng: &dyn Rng,
    found: &mut Found,
) -> Result<SessionOffer, Code> {
    let envelope = OneShot::from_wire(request).map_err(|_| Code::EnvelopeMalformed)?;
    if envelope.ciphertext.len() > SEALED_REQUEST_BYTES_MAX {
        return Err(Code::TooLarge);
    }
    let parties = opener.parties(partner);
    let info = |suite| parties.session_open_info(suite, &envelope.key_id);
    let (suite, plaintext) = opener.decapsulate(partner, &envelope, info, now, found)?;
    let open_sha256 = frame::envelope_sha256(&envelope.enc, &envelope.ciphertext);
    opener.sessions().accept_once(&partner.member().id, open_sha256, now)?;
    let payload = verify_signed(parties, partner, Method(frame::OPEN_SESSION), &plaintext, false, found)?;
    let mut message: v1::SessionOpen = decode_canonical(&payload).map_err(undecodable)?;
    let client_secret = Secret::from_slice(&message.client_secret);
    message.client_secret.zeroize();
    let (header, _) = check_header(message.header.take(), false, now)?;
    found.request_id = Some(header.request_id);
    let client_secret = client_secret.map_err(|_| Code::FieldInvalid)?;
    let opening_is_evidence = match message.evidence() {
        v1::Evidence::Request => false,
        v1::Evidence::Session => true,
        v1::Evidence::Unspecified => return Err(Code::FieldInvalid),
    };
    // A key that cannot be sealed to must be found now: after the entry is recorded it would be a fault of ours.
    suite
        .seal(rng, &message.client_kem_pk, &[], &[])
        .map_err(|_| Code::FieldInvalid)?;
    let mut id = [0; 16];
    rng.fill(&mut id).map_err(|_| Code::Internal)?;
    let server_secret = Secret::random(rng).map_err(|_| Code::Internal)?;
    let terms = Terms {
        id,
        partner: partner.member().id.clone(),
        uri: partner.peer().uri().to_owned(),
        suite,
        opening_is_evidence,
        exchange_key: found.exchange_key.clone(),
    };
    let place = opener.sessions().place(terms, now)?;
    let answer = accept(&place, None).encode_to_vec();
    Ok(SessionOffer {
        place,
        client_kem_pk: message.client_kem_pk,
        client_secret,
        server_secret,
        open: (envelope.enc, envelope.ciphertext),
        answer,
    })
}

/// Seals the acceptance with its receipt, and only then starts the session.
pub fn seal_accept(
    opener: &Opener,
    recorded: Recorded<Case<SessionOffer>>,
    rng: &dyn Rng,
) -> Result<v1::OpenSessionResponse, Broken> {
    let (case, receipt) = recorded.into_parts();
    let (facts, offer) = case.close();
    let session = offer.place.session();
    let (suite, id): (Suite, [u8; 16]) = (session.suite, session.id);
    let partner = session.partner.clone();
    let parties = frame::Parties {
        gateway: opener.gateway(),
        partner: partner.as_str(),
    };
    let open = (offer.open.0.as_slice(), offer.open.1.as_slice());
    let mut message = accept(&offer.place, Some(&offer.server_secret));
    let answer = message.encode_to_vec();
    message.server_secret.zeroize();
    let body = Zeroizing::new(padded_body(answer, facts.reference, &receipt));
    let info = parties.session_accept_info(suite, &frame::envelope_sha256(open.0, open.1));
    let (enc, ciphertext) = suite.seal(rng, &offer.client_kem_pk, &info, &body)?;
    let transcript = frame::transcript(open, (&enc, &ciphertext));
    let keys = parties.session_keys(suite, &transcript, &offer.client_secret, &offer.server_secret, &id)?;
    offer.place.start(keys);
    Ok(v1::OpenSessionResponse { enc, ciphertext })
}

fn accept(place: &Place, server_secret: Option<&Secret<32>>) -> v1::SessionAccept {
    let session = place.session();
    v1::SessionAccept {
        session_id: session.id.to_vec(),
        server_secret: server_secret.map(|s| s.expose().to_vec()).unwrap_or_default(),
        expires_at: Some(wire::timestamp(session.expires.0)),
        messages_max: SESSION_MESSAGES_MAX,
    }
}
