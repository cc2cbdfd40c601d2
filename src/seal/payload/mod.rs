//! What may be inside an envelope, one type per method.
mod consents;
mod notices;
mod question;
mod records;

pub use consents::{ConfirmConsent, ConsentRef, GrantConsent, ListConsents};
pub use notices::{AcknowledgeNotices, ListNotices};
pub use question::Question;
pub use records::{CorrectRecord, LoadChunk};

use crate::{
    clock::Time,
    domain::{RequestId, Scheme, SubjectError, SubjectRef},
    facts::Facts,
    limits::SEALED_REQUEST_BYTES_MAX,
    refusal::Code,
    wire::{Message, v1},
};
use zeroize::Zeroizing;

/// The first field of every payload, checked.
pub struct Header {
    /// Chosen by the caller; the same request sent again keeps it.
    pub request_id: RequestId,
    /// Makes the digest of the request unguessable.
    pub blind: [u8; 32],
    /// Within `SKEW_MS_MAX` of our clock.
    pub issued_at: Time,
}

/// Why a payload that was signed and canonical is still no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadError {
    /// Not in canonical form.
    NotCanonical,
    /// A field is missing or has a value that no valid request has.
    FieldInvalid,
    /// The identity does not have the form of its scheme.
    SubjectMalformed,
}

impl PayloadError {
    /// The refusal it becomes.
    pub fn code(self) -> Code {
        match self {
            PayloadError::NotCanonical => Code::NotCanonical,
            PayloadError::FieldInvalid => Code::FieldInvalid,
            PayloadError::SubjectMalformed => Code::SubjectMalformed,
        }
    }
}

/// The payload of one method, in domain types.
pub trait Payload: Sized {
    /// The message that was signed.
    type Wire: Message + Default;
    /// Longest ciphertext of this method.
    const BYTES_MAX: usize = SEALED_REQUEST_BYTES_MAX;
    /// Refused in one-shot mode.
    const SESSION_ONLY: bool = false;
    /// Takes the header out.
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader>;
    /// Checks every field.
    fn from_wire(wire: Self::Wire) -> Result<Self, PayloadError>;
    /// What the entry will say of it.
    fn note(&self, facts: &mut Facts);
}

/// The payload of CloseSession: nothing but its header.
pub struct CloseSession;

impl Payload for CloseSession {
    type Wire = v1::CloseSession;
    const SESSION_ONLY: bool = true;
    fn header(wire: &mut Self::Wire) -> Option<v1::RequestHeader> {
        wire.header.take()
    }
    fn from_wire(_: Self::Wire) -> Result<Self, PayloadError> {
        Ok(Self)
    }
    fn note(&self, _: &mut Facts) {}
}

/// The person, normalised; the text as sent is wiped.
///
/// # Errors
/// If there is none, or the identity does not have the form of its scheme.
pub fn subject(wire: Option<v1::Subject>) -> Result<SubjectRef, PayloadError> {
    let wire = wire.ok_or(PayloadError::FieldInvalid)?;
    let (scheme, value) = (wire.scheme(), Zeroizing::new(wire.value));
    let scheme = match scheme {
        v1::SubjectScheme::CnResidentId => Scheme::CnResidentId,
        v1::SubjectScheme::CnMobile => Scheme::CnMobile,
        v1::SubjectScheme::Opaque => Scheme::Opaque,
        v1::SubjectScheme::Unspecified => return Err(PayloadError::FieldInvalid),
    };
    SubjectRef::parse(scheme, &value).map_err(|_: SubjectError| PayloadError::SubjectMalformed)
}

/// Text, identifier or fixed-length bytes: whatever does not convert is an invalid field.
fn field<T: TryInto<U>, U>(value: T) -> Result<U, PayloadError> {
    value.try_into().map_err(|_| PayloadError::FieldInvalid)
}
