//! The step that looks for the consent a question names. It reads no record of the person.
use super::{
    Keys,
    record::Status,
    rows::{Rows, View},
};
use crate::{
    case::{After, Case},
    clock::Time,
    crypto::Rng,
    domain::{ConsentId, PartnerId, Purpose, SignalFamily},
    person::{self, LinkKey, Person, PersonError},
    refusal::{Code, Refusal},
    restored::Restored,
    seal::{Opened, payload::Question},
    state::State,
    subject_request,
};

/// Proof: the consent of this question was looked for.
///
/// ```compile_fail,E0451
/// use tollgate::{consent::{Asked, ConsentFact}, seal::{Opened, payload::Question}};
/// fn skip(opened: Opened<Question>, fact: ConsentFact) -> Asked {
///     Asked { opened, consent: Some(fact), disputed: false }
/// }
/// ```
/// ```
/// use tollgate::{consent::{Asked, ConsentFact}, seal::{Opened, payload::Question}};
/// fn skip(opened: Opened<Question>, fact: ConsentFact) -> (Opened<Question>, Option<ConsentFact>) { (opened, Some(fact)) }
/// ```
pub struct Asked {
    opened: Opened<Question>,
    consent: Option<ConsentFact>,
    disputed: bool,
}

impl After<Opened<Question>> for Asked {}

/// What a consent says, for the policy. Whether it covers the question is decided there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentFact {
    /// At the time of the question.
    pub status: Status,
    /// To whom it was given.
    pub recipient: PartnerId,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// About what, with the finest granularity allowed.
    pub families: Vec<(SignalFamily, u8)>,
    /// Given separately for this disclosure.
    pub separate: bool,
    /// How far back records may go, in days.
    pub look_back_days: u32,
}

impl Asked {
    /// The question.
    pub fn opened(&self) -> &Opened<Question> {
        &self.opened
    }
    /// What the consent says; `None` if the caller has none of this id for this person.
    pub fn consent(&self) -> Option<&ConsentFact> {
        self.consent.as_ref()
    }
    /// Whether the person disputes what is told of them.
    pub fn disputed(&self) -> bool {
        self.disputed
    }
    pub(crate) fn into_opened(self) -> Opened<Question> {
        self.opened
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(opened: Opened<Question>, consent: Option<ConsentFact>) -> Self {
        Self {
            opened,
            consent,
            disputed: false,
        }
    }
}

/// A question whose consent was looked for, or one about somebody whom no entry has named: that one goes on to [`meet`].
pub type LookedUp = Result<Case<Asked>, Case<Opened<Question>>>;

/// Looks for the consent and for a dispute, and notes the person and the key that the entry's details are sealed under.
///
/// # Errors
/// `INTERNAL` if a row cannot be read: a consent that does not open is no consent and no answer.
pub fn look_up(state: &dyn State, keys: &Keys, case: Case<Opened<Question>>, now: Time) -> Result<LookedUp, Refusal> {
    let token = case.proof().payload().subject.token(&keys.pseudonym);
    let known = person::load(state, &keys.epochs, &token).map(|link| link.map(|link| Person::of(token, link)));
    match known {
        Ok(Some(known)) => find(state, known, case, now).map(Ok),
        Ok(None) => Ok(Err(case)),
        Err(error) => Err(unread(case, &error)),
    }
}

/// As [`look_up`], for somebody whom no entry may have named: makes the key that this entry is the first to need. The
/// caller holds the person's lock until the entry is recorded.
///
/// # Errors
/// As [`look_up`].
pub fn meet(
    state: &dyn State,
    keys: &Keys,
    rng: &dyn Rng,
    case: Case<Opened<Question>>,
    now: Time,
) -> Result<Case<Asked>, Refusal> {
    let token = case.proof().payload().subject.token(&keys.pseudonym);
    match person::know(state, &keys.epochs, rng, token) {
        Ok(known) => find(state, known, case, now),
        Err(error) => Err(unread(case, &error)),
    }
}

fn find(
    state: &dyn State,
    mut known: Person,
    mut case: Case<Opened<Question>>,
    now: Time,
) -> Result<Case<Asked>, Refusal> {
    let id = case.proof().payload().consent;
    known.note(case.note());
    case.note().consent = Some(id);
    let recipient = &case.proof().partner().member().id;
    match fact(state, &known.link, recipient, id, now) {
        Ok((consent, disputed)) => Ok(case.then(|opened| Asked {
            opened,
            consent,
            disputed,
        })),
        Err(error) => Err(unread(case, &error)),
    }
}

fn unread(case: Case<Opened<Question>>, error: &PersonError) -> Refusal {
    tracing::error!(%error, "a consent could not be read");
    case.refuse(Code::Internal)
}

fn fact(
    state: &dyn State,
    link: &LinkKey,
    recipient: &PartnerId,
    id: ConsentId,
    now: Time,
) -> Result<(Option<ConsentFact>, bool), PersonError> {
    let record = Rows::new(state, link).find(View::Recipient(recipient), id)?;
    let restored = Restored::load(state)?.filter(|restored| restored.withdrawals);
    let fact = record.map(|record| {
        let terms = record.terms();
        ConsentFact {
            status: match restored.is_some_and(|restored| record.is_granted_before(restored.at)) {
                // It may have been withdrawn after the backup: worth nothing until somebody says that it was not.
                true => Status::Pending,
                false => record.status(now),
            },
            recipient: terms.recipient.clone(),
            purposes: terms.purposes.clone(),
            families: terms.families.clone(),
            separate: terms.separate,
            look_back_days: terms.look_back_days,
        }
    });
    // Looked for whether or not the consent is one: what is done does not depend on it.
    Ok((fact, subject_request::is_disputed(state, link)?))
}
