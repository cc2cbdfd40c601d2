//! The payloads of the notice methods. They name nobody: a notice speaks of the caller's own requests.
use super::{Payload, PayloadError, field};
use crate::{facts::Facts, limits::ACKNOWLEDGED_PER_CALL_MAX, wire::v1};

/// Bytes of a notice's id.
const NOTICE_ID_BYTES: usize = 26;

/// The payload of ListNotices.
pub struct ListNotices {
    /// The last notice that was looked at; `None` at the start.
    pub after: Option<[u8; NOTICE_ID_BYTES]>,
}

impl Payload for ListNotices {
    type Wire = v1::ListNotices;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        let after = match wire.page_token.is_empty() {
            true => None,
            false => Some(field(wire.page_token)?),
        };
        Ok(Self { after })
    }
    fn note(&self, _: &mut Facts) {}
}

/// The payload of AcknowledgeNotices.
pub struct AcknowledgeNotices {
    /// 1 to `ACKNOWLEDGED_PER_CALL_MAX`.
    pub notices: Vec<[u8; NOTICE_ID_BYTES]>,
}

impl Payload for AcknowledgeNotices {
    type Wire = v1::AcknowledgeNotices;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError> {
        if !(1..=ACKNOWLEDGED_PER_CALL_MAX).contains(&wire.notice_ids.len()) {
            return Err(PayloadError::FieldInvalid);
        }
        let notices = wire.notice_ids.into_iter().map(field);
        Ok(Self {
            notices: notices.collect::<Result<_, _>>()?,
        })
    }
    fn note(&self, _: &mut Facts) {}
}
