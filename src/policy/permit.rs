//! The proofs of a decision.
use crate::{
    case::After,
    consent::Asked,
    domain::{FieldSet, SignalFamily, SignalId},
    seal::{Opened, payload::Question},
};

/// Why a permitted question still gets nothing for a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withhold {
    /// No confirmed consent that covers it.
    NoValidConsent,
}

/// How far the permitted signals may go: what consent and agreement both leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// How old what is read may be, in days.
    pub look_back_days: u32,
    /// Families that may be told about: a reason that belongs to another is not given.
    pub families: Vec<SignalFamily>,
}

/// Proof: these signals may be read for this question, and no others. Only [`super::decide`] makes one.
///
/// ```compile_fail,E0451
/// use tollgate::{domain::{FieldSet, SignalId}, policy::{Bounds, Permit}, seal::{Opened, payload::Question}};
/// fn forge(opened: Opened<Question>, permitted: Vec<SignalId>, fields: FieldSet, bounds: Bounds) -> Permit {
///     Permit { opened, permitted, withheld: Vec::new(), fields, bounds, disputed: false }
/// }
/// ```
/// ```
/// use tollgate::{domain::{FieldSet, SignalId}, policy::{Bounds, Permit}, seal::{Opened, payload::Question}};
/// fn look(permit: &Permit) -> (&Opened<Question>, &[SignalId], FieldSet, &Bounds) {
///     (permit.opened(), permit.permitted(), permit.fields(), permit.bounds())
/// }
/// ```
pub struct Permit {
    opened: Opened<Question>,
    permitted: Vec<SignalId>,
    withheld: Vec<(SignalId, Withhold)>,
    fields: FieldSet,
    bounds: Bounds,
    disputed: bool,
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
        bounds: Bounds,
    ) -> Self {
        Self {
            opened,
            permitted,
            withheld,
            fields,
            bounds,
            disputed: false,
        }
    }
    /// Whether what is told is disputed by the person.
    pub(crate) fn marked(self, disputed: bool) -> Self {
        Self { disputed, ..self }
    }
    /// Whether a band that is told must say that the person disputes it.
    pub fn disputed(&self) -> bool {
        self.disputed
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
    /// How far they may go.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }
    pub(crate) fn into_parts(self) -> (Opened<Question>, Vec<(SignalId, Withhold)>) {
        (self.opened, self.withheld)
    }
    /// For tests of later steps: as far back as any record reaches, no family told about.
    #[cfg(test)]
    pub(crate) fn for_tests(opened: Opened<Question>, permitted: Vec<SignalId>, fields: FieldSet) -> Self {
        let bounds = Bounds {
            look_back_days: u32::MAX,
            families: Vec::new(),
        };
        Self::new(opened, permitted, Vec::new(), fields, bounds)
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
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
