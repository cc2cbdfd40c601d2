//! The step that looks for the consent a question names. It reads no record of the person.
use super::{
    Keys,
    record::Status,
    rows::{Rows, View},
};
use crate::{
    case::{After, Case},
    clock::Time,
    domain::{ConsentId, PartnerId, Purpose, SignalFamily, SubjectToken},
    facts::DetailKey,
    person::{self, LinkKey, PersonError},
    refusal::{Code, Refusal},
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

/// Looks for the consent and for a dispute, and notes the person and the key that the entry's details are sealed under.
///
/// # Errors
/// `INTERNAL` if a row cannot be read: a consent that does not open is no consent and no answer.
pub fn look_up(
    state: &dyn State,
    keys: &Keys,
    mut case: Case<Opened<Question>>,
    now: Time,
) -> Result<Case<Asked>, Refusal> {
    let question = case.proof().payload();
    let token = question.subject.token(&keys.pseudonym);
    let id = question.consent;
    let recipient = &case.proof().partner().member().id;
    let found = find(state, keys, &token, recipient, id, now);
    case.note().subject = Some(token);
    case.note().consent = Some(id);
    let Found {
        link,
        consent,
        disputed,
    } = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "a consent could not be read");
            return Err(case.refuse(Code::Internal));
        }
    };
    if let Some(link) = link {
        case.note().detail_key = DetailKey::Person(link.details());
    }
    Ok(case.then(|opened| Asked {
        opened,
        consent,
        disputed,
    }))
}

#[derive(Default)]
struct Found {
    link: Option<LinkKey>,
    consent: Option<ConsentFact>,
    disputed: bool,
}

fn find(
    state: &dyn State,
    keys: &Keys,
    token: &SubjectToken,
    recipient: &PartnerId,
    id: ConsentId,
    now: Time,
) -> Result<Found, PersonError> {
    let Some(link) = person::load(state, &keys.epoch, token)? else {
        return Ok(Found::default());
    };
    let record = Rows::new(state, &link).find(View::Recipient(recipient), id)?;
    let fact = record.map(|record| {
        let terms = record.terms();
        ConsentFact {
            status: record.status(now),
            recipient: terms.recipient.clone(),
            purposes: terms.purposes.clone(),
            families: terms.families.clone(),
            separate: terms.separate,
            look_back_days: terms.look_back_days,
        }
    });
    // Looked for whether or not the consent is one: what is done does not depend on it.
    let disputed = subject_request::is_disputed(state, &link)?;
    Ok(Found {
        link: Some(link),
        consent: fact,
        disputed,
    })
}
