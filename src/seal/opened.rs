//! `Opened<P>`: an envelope that opened, fresh, signed by the partner, canonical.
use super::reply::ReplyKeys;
use crate::{agreement::Partner, case::After, domain::RequestId};

/// Proof: this payload came from this partner, now, once. Made by `seal::open` only.
///
/// ```compile_fail,E0451
/// use tollgate::{agreement::Partner, domain::RequestId, seal::{Opened, ReplyKeys}};
/// fn forge(partner: Partner, reply: ReplyKeys) -> Opened<()> {
///     Opened { partner, payload: (), request_id: RequestId([0; 16]), request_digest: [0; 32], signed: true, reply }
/// }
/// ```
/// ```
/// use tollgate::seal::Opened;
/// fn read<P>(opened: &Opened<P>) -> &P {
///     opened.payload()
/// }
/// ```
pub struct Opened<P> {
    partner: Partner,
    payload: P,
    request_id: RequestId,
    request_digest: [u8; 32],
    signed: bool,
    reply: ReplyKeys,
}

impl<P> After<Partner> for Opened<P> {}

impl<P> Opened<P> {
    pub(super) fn new(
        partner: Partner,
        payload: P,
        request_id: RequestId,
        request_digest: [u8; 32],
        signed: bool,
        reply: ReplyKeys,
    ) -> Self {
        Self {
            partner,
            payload,
            request_id,
            request_digest,
            signed,
            reply,
        }
    }
    /// What was asked.
    pub fn payload(&self) -> &P {
        &self.payload
    }
    /// Who asked.
    pub fn partner(&self) -> &Partner {
        &self.partner
    }
    /// Id of the request and SHA-256 of its signed payload.
    pub fn request_key(&self) -> (RequestId, [u8; 32]) {
        (self.request_id, self.request_digest)
    }
    /// Whether the partner signed these bytes, not only the opening of the session that they came in.
    pub fn is_signed(&self) -> bool {
        self.signed
    }
    /// The session it came in, if it came in one.
    pub fn session_id(&self) -> Option<[u8; 16]> {
        self.reply.session_id()
    }
    /// Taken apart when the answer is made.
    pub(crate) fn into_parts(self) -> (Partner, P, ReplyKeys) {
        (self.partner, self.payload, self.reply)
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(partner: Partner, payload: P) -> Self {
        Self {
            partner,
            payload,
            request_id: RequestId([0; 16]),
            request_digest: [0; 32],
            signed: true,
            reply: ReplyKeys::for_tests(),
        }
    }
}
