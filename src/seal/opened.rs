//! `Opened<P>`: an envelope that opened, fresh, signed by the partner, canonical.
use crate::{agreement::Partner, case::After, domain::RequestId};

/// What one reply is sealed with. Opaque; consumed by the one reply.
pub struct ReplyKeys(());

/// Proof: this payload came from this partner, now, once.
pub struct Opened<P> {
    partner: Partner,
    payload: P,
    request_id: RequestId,
    request_digest: [u8; 32],
    reply: ReplyKeys,
}

impl<P> After<Partner> for Opened<P> {}

impl<P> Opened<P> {
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
            reply: ReplyKeys(()),
        }
    }
}
