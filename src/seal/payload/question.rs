//! The payload of Query.
use crate::domain::{AgreementId, ConsentId, Purpose, SignalId, SubjectRef};

/// A question about one person.
pub struct Question {
    /// Who.
    pub subject: SubjectRef,
    /// What for.
    pub purpose: Purpose,
    /// Which signals: 1 to 8, no repetition.
    pub signals: Vec<SignalId>,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// By which consent.
    pub consent: ConsentId,
}
