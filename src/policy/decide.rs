//! The step from a question to a permit.
use super::{
    facts::{ConsentStanding, SignalFact, Standing},
    guards::Then,
    permit::{Bounds, Permit, Withheld, Withhold},
    snapshot::{Key, Snapshot, Verdict},
};
use crate::{
    agreement::{Agreement, Evidence},
    case::Case,
    clock::Time,
    consent::{Asked, ConsentFact, Status},
    domain::{FieldSet, PartnerId, Purpose, SignalFamily, SignalId},
    limits::SIGNALS_PER_QUERY_MAX,
    refusal::{Code, Refusal},
    seal::payload::Question,
};

/// Two roads on, both with an answer of the same size at the end.
pub enum Decided {
    /// Some of the signals may be derived.
    Permit(Case<Permit>),
    /// None may.
    Withheld(Case<Withheld>),
}

/// Decides each signal of the question.
///
/// # Errors
/// `AGREEMENT_UNKNOWN`, `SIGNATURE_REQUIRED`, `PURPOSE_UNKNOWN`, `SIGNAL_UNKNOWN`, the code of the first guard that fires and does not depend
/// on the person, `POLICY_ERROR` if anything could not be evaluated. Guards that look at the consent give reasons to
/// withhold instead.
pub fn decide(snapshot: &Snapshot, mut case: Case<Asked>, now: Time) -> Result<Decided, Refusal> {
    // The entry names what decided, whatever was in force when the call began.
    case.note().snapshot = snapshot.hash();
    let opened = case.proof().opened();
    let agreement = match own_agreement(snapshot, opened.payload(), &opened.partner().member().id) {
        Ok(agreement) => agreement,
        Err(code) => return Err(case.refuse(code)),
    };
    let question = case.proof().opened().payload();
    let id = question.agreement.clone();
    let signed_each = snapshot.agreements().at(agreement).map(Agreement::evidence) != Some(Evidence::Session);
    if signed_each && case.facts().signature.is_empty() {
        case.note().agreement = Some(id);
        return Err(case.refuse(Code::SignatureRequired));
    }
    let weighed = weigh(snapshot, agreement, case.proof(), now);
    let bounds = bounds(snapshot, agreement, case.proof());
    case.note().agreement = Some(id);
    let weighed = match weighed {
        Ok(weighed) => weighed,
        Err(code) => return Err(case.refuse(code)),
    };
    case.note().note = weighed.why();
    if !weighed.withheld.is_empty() {
        case.note().guards = weighed.guards;
    }
    if weighed.permitted.is_empty() {
        let withhold = |asked: Asked| Withheld::new(asked.into_opened(), weighed.withheld);
        return Ok(Decided::Withheld(case.then(withhold)));
    }
    let permit = |asked: Asked| {
        let disputed = asked.disputed();
        Permit::new(
            asked.into_opened(),
            weighed.permitted,
            weighed.withheld,
            weighed.fields,
            bounds,
        )
        .marked(disputed)
    };
    Ok(Decided::Permit(case.then(permit)))
}

/// What was decided about all signals of a question.
#[derive(Default)]
struct Weighed {
    permitted: Vec<SignalId>,
    withheld: Vec<(SignalId, Withhold)>,
    fields: FieldSet,
    /// The guard that withheld each signal, empty where none did, for the entry: only the institution sees them.
    guards: Vec<String>,
}

impl Weighed {
    /// The guards, each once.
    fn why(&self) -> String {
        let mut why: Vec<&str> = Vec::new();
        for guard in self.guards.iter().filter(|guard| !guard.is_empty()) {
            if !why.contains(&guard.as_str()) {
                why.push(guard);
            }
        }
        why.join(" ")
    }
}

fn own_agreement(snapshot: &Snapshot, question: &Question, partner: &PartnerId) -> Result<usize, Code> {
    let index = snapshot.agreements().index(&question.agreement);
    // Another partner's agreement looks like none.
    index
        .filter(|i| snapshot.agreements().at(*i).is_some_and(|a| a.partner == *partner))
        .ok_or(Code::AgreementUnknown)
}

fn weigh(snapshot: &Snapshot, agreement: usize, asked: &Asked, now: Time) -> Result<Weighed, Code> {
    let question = asked.opened().payload();
    if question.signals.is_empty() || question.signals.len() > SIGNALS_PER_QUERY_MAX {
        return Err(Code::FieldInvalid);
    }
    let purpose = snapshot.purpose_place(&question.purpose).ok_or(Code::PurposeUnknown)?;
    let in_force = snapshot.agreements().at(agreement).is_some_and(|a| a.in_force(now));
    let partner = &asked.opened().partner().member().id;
    let mut weighed = Weighed::default();
    for id in &question.signals {
        let place = snapshot.signal_place(id).ok_or(Code::SignalUnknown)?;
        let signal = snapshot.signal(id).ok_or(Code::SignalUnknown)?;
        let consent = asked.consent().map(|c| stand(c, partner, &question.purpose, signal));
        let key = Key {
            agreement,
            purpose,
            signal: place,
            standing: Standing { in_force, consent },
        };
        match snapshot.verdict(key) {
            Verdict::Release => {
                weighed.fields = weighed.fields.union(signal.lineage);
                weighed.permitted.push(id.clone());
                weighed.guards.push(String::new());
            }
            Verdict::Error => return Err(Code::PolicyError),
            Verdict::Guard(guard) => match snapshot.then(guard) {
                Then::Refuse(code) => return Err(code),
                Then::Withhold(reason) => {
                    weighed.withheld.push((id.clone(), reason));
                    weighed.guards.push(snapshot.guard_id(guard).to_owned());
                }
            },
        }
    }
    Ok(weighed)
}

/// What consent and agreement both leave; nothing where there is no consent.
fn bounds(snapshot: &Snapshot, agreement: usize, asked: &Asked) -> Bounds {
    let agreed = |family: &SignalFamily| {
        let agreement = snapshot.agreements().at(agreement);
        agreement.is_some_and(|a| a.families.contains_key(family))
    };
    let consented = asked.consent().map(|c| c.families.as_slice()).unwrap_or_default();
    let both = consented.iter().map(|(family, _)| family).filter(|f| agreed(f));
    Bounds {
        look_back_days: asked.consent().map_or(0, |c| c.look_back_days),
        families: both.cloned().collect(),
    }
}

/// The consent as this signal sees it.
fn stand(consent: &ConsentFact, partner: &PartnerId, purpose: &Purpose, signal: &SignalFact) -> ConsentStanding {
    let family = consent.families.iter().find(|(family, _)| *family == signal.family);
    ConsentStanding {
        recipient: consent.recipient == *partner,
        current: consent.status == Status::Active,
        purpose: consent.purposes.contains(purpose),
        granularity: family.map_or(0, |(_, granularity)| *granularity),
        separate: consent.separate,
        look_back: signal.look_back_days <= consent.look_back_days,
    }
}
