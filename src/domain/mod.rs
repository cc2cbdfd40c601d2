//! The words of the trade as types: what is checked once, at the edge, stays checked.
mod ids;
#[cfg(feature = "gateway")]
mod language;
mod subject;

pub use ids::{
    AgreementId, ConsentId, FieldPath, FieldSet, IdError, Method, OfficerId, PartnerId, Purpose, RequestId,
    SignalFamily, SignalId,
};
#[cfg(feature = "gateway")]
pub use language::Language;
#[cfg(feature = "gateway")]
pub(crate) use subject::check_character;
pub use subject::{Scheme, SubjectError, SubjectRef, SubjectToken};
