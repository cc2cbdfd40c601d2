//! The proofs of a decision.
use crate::{
    case::After,
    consent::Asked,
    domain::{FieldSet, SignalId},
    seal::{Opened, payload::Question},
};

/// Why a permitted question still gets nothing for a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withhold {
    /// No confirmed consent that covers it.
    NoValidConsent,
}

/// Proof: these signals may be read for this question, and no others. Only [`super::decide`] makes one.
///
/// ```compile_fail,E0451
/// use tollgate::{domain::{FieldSet, SignalId}, policy::Permit, seal::{Opened, payload::Question}};
/// fn forge(opened: Opened<Question>, permitted: Vec<SignalId>, fields: FieldSet) -> Permit {
///     Permit { opened, permitted, withheld: Vec::new(), fields }
/// }
/// ```
/// ```
/// use tollgate::{domain::{FieldSet, SignalId}, policy::Permit, seal::{Opened, payload::Question}};
/// fn look(permit: &Permit) -> (&Opened<Question>, &[SignalId], FieldSet) {
///     (permit.opened(), permit.permitted(), permit.fields())
/// }
/// ```
pub struct Permit {
    opened: Opened<Question>,
    permitted: Vec<SignalId>,
    withheld: Vec<(SignalId, Withhold)>,
    fields: FieldSet,
}

/// Proof: the question was decided, and nothing may be read.
pub struct Withheld {
    opened: Opened<Question>,
    withheld: Vec<(SignalId, Withhold)>,
}

impl After<Asked> for Permit {}
impl After<Asked> for Withheld {}

impl Permit {
    pub(super) fn new(
        opened: Opened<Question>,
        permitted: Vec<SignalId>,
        withheld: Vec<(SignalId, Withhold)>,
        fields: FieldSet,
    ) -> Self {
        Self {
            opened,
            permitted,
            withheld,
            fields,
        }
    }
    /// The question.
    pub fn opened(&self) -> &Opened<Question> {
        &self.opened
    }
    /// Signals that may be derived.
    pub fn permitted(&self) -> &[SignalId] {
        &self.permitted
    }
    /// Signals that may not, and why.
    pub fn withheld(&self) -> &[(SignalId, Withhold)] {
        &self.withheld
    }
    /// Union of the lineages of the permitted signals.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }
    pub(crate) fn into_parts(self) -> (Opened<Question>, Vec<(SignalId, Withhold)>) {
        (self.opened, self.withheld)
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(opened: Opened<Question>, permitted: Vec<SignalId>, fields: FieldSet) -> Self {
        Self::new(opened, permitted, Vec::new(), fields)
    }
}

impl Withheld {
    pub(super) fn new(opened: Opened<Question>, withheld: Vec<(SignalId, Withhold)>) -> Self {
        Self { opened, withheld }
    }
    /// The question.
    pub fn opened(&self) -> &Opened<Question> {
        &self.opened
    }
    /// Every signal, and why.
    pub fn withheld(&self) -> &[(SignalId, Withhold)] {
        &self.withheld
    }
    pub(crate) fn into_parts(self) -> (Opened<Question>, Vec<(SignalId, Withhold)>) {
        (self.opened, self.withheld)
    }
}
