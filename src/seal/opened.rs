//! `Opened<P>`: an envelope that opened, fresh, signed by the partner, canonical.
use super::reply::ReplyKeys;
use crate::{
    agreement::Partner,
    case::After,
    domain::{Method, PartnerId, RequestId},
};

/// By whom, under which id, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks.
    pub partner: PartnerId,
    /// Chosen by the caller, used once.
    pub id: RequestId,
    /// What is called.
    pub method: Method,
    /// SHA-256 of the signed payload.
    pub digest: [u8; 32],
}

/// Proof: this payload came from this partner, now, once. Made by `seal::open` only.
///
/// ```compile_fail,E0451
/// use tollgate::{agreement::Partner, domain::RequestId, seal::{Opened, ReplyKeys}};
/// fn forge(partner: Partner, reply: ReplyKeys) -> Opened<()> {
///     Opened { partner, payload: (), request_id: RequestId([0; 16]), request_digest: [0; 32], reply }
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
    reply: ReplyKeys,
}

impl<P> After<Partner> for Opened<P> {}

impl<P> Opened<P> {
    pub(super) fn new(
        partner: Partner,
        payload: P,
        request_id: RequestId,
        request_digest: [u8; 32],
        reply: ReplyKeys,
    ) -> Self {
        Self {
            partner,
            payload,
            request_id,
            request_digest,
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
    /// What makes this request the same as another. The method belongs to it: payloads of two methods can have the same
    /// bytes, and a look must never stand for a change.
    pub fn key(&self, method: Method) -> RequestKey {
        RequestKey {
            partner: self.partner.member().id.clone(),
            id: self.request_id,
            method,
            digest: self.request_digest,
        }
    }
    /// Chosen by the caller.
    pub fn request_id(&self) -> RequestId {
        self.request_id
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
            reply: ReplyKeys::for_tests(),
        }
    }
}
