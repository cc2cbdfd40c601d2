//! The last step before the log: from what was derived to the least that answers the question.
//!
//! It writes every requested signal in the order it was asked for, so that answers to one question have one shape. It
//! refuses to write anything that was computed from a field outside the permit, and to name a field where no consent is.
use crate::{
    audit::{Auditable, Class},
    case::{After, Case},
    domain::{FieldPath, FieldSet, SignalId},
    facts::Facts,
    limits::{ANSWER_BYTES_MAX, ID_BYTES_MAX, REASONS_MAX, SIGNALS_PER_QUERY_MAX},
    policy::{Permit, Snapshot, Withheld, Withhold},
    refusal::{Code, Refusal},
    seal::{Answered, Opened, Outgoing, ReplyKeys, payload::Question},
    signal::{self, Derived, SignalValue},
    wire::{self, Message, v1},
};
use v1::SignalOutcome as Outcome;

/// Proof: this answer holds permitted, consented signals, or nothing. Made by [`nothing`], [`keep`] and [`again`] only.
///
/// ```compile_fail,E0308
/// use tollgate::{case::Case, minimise, policy::{Permit, Snapshot}};
/// fn skip(permit: Case<Permit>, s: &Snapshot) { let _ = minimise::nothing(permit, s); }
/// ```
/// ```
/// use tollgate::{case::Case, minimise, policy::{Withheld, Snapshot}};
/// fn skip(withheld: Case<Withheld>, s: &Snapshot) { let _ = minimise::nothing(withheld, s); }
/// ```
/// ```compile_fail,E0308
/// use tollgate::{case::Case, minimise, policy::Snapshot, source::Raw};
/// fn skip(raw: Case<Raw>, s: &Snapshot) { let _ = minimise::keep(raw, s); }
/// ```
/// ```
/// use tollgate::{case::Case, minimise, policy::Snapshot, signal::Derived};
/// fn skip(derived: Case<Derived>, s: &Snapshot) { let _ = minimise::keep(derived, s); }
/// ```
pub struct Minimised {
    answer: Vec<u8>,
    reply: ReplyKeys,
}

impl After<Withheld> for Minimised {}
impl After<Derived> for Minimised {}
/// For [`again`]: an answer that went out before, checked against the permit of now.
impl After<Permit> for Minimised {}

impl Minimised {
    /// The serialised `Answer`.
    pub fn answer(&self) -> &[u8] {
        &self.answer
    }
}

impl Auditable for Case<Minimised> {
    fn class(&self) -> Class {
        Class::Sealed
    }
    fn facts(&self) -> &Facts {
        Case::facts(self)
    }
    fn answer(&self) -> Option<&[u8]> {
        Some(&self.proof().answer)
    }
}

impl Answered for Case<Minimised> {
    fn into_reply(self) -> Outgoing {
        let (facts, minimised) = self.close();
        Outgoing {
            answer: minimised.answer,
            reference: facts.reference,
            keys: minimised.reply,
        }
    }
}

/// The answer to a question that was decided with nothing to read: each signal with its reason.
pub fn nothing(mut case: Case<Withheld>, snapshot: &Snapshot) -> Case<Minimised> {
    let withheld = case.proof().withheld().iter();
    let mut lines: Vec<Line> = withheld.map(|(id, why)| Line::withheld(id, *why)).collect();
    let page = page(snapshot, case.proof().opened(), &mut lines);
    page.note(&lines, case.note());
    case.then(|withheld| page.finish(withheld.into_parts().0))
}

/// The answer that what was derived gives, and nothing beside it.
///
/// # Errors
/// `INTERNAL` if a value lies outside the permit, one is missing, or the answer would not fit one block: the checks at
/// load rule that out, and what they miss is not sent.
pub fn keep(mut case: Case<Derived>, snapshot: &Snapshot) -> Result<Case<Minimised>, Refusal> {
    let derived = case.proof();
    let Some((page, lines)) = write(derived.permit(), derived.values(), snapshot) else {
        return Err(case.refuse(Code::Internal));
    };
    page.note(&lines, case.note());
    Ok(case.then(|derived| page.finish(derived.into_parts().0.into_parts().0)))
}

/// The stored answer to the same request goes out again: decided anew, read no more. It must be of this request and this
/// snapshot, and tell exactly what is permitted now; if not, the case comes back, to be answered afresh.
#[expect(clippy::result_large_err, reason = "no error: the case goes on, on another road")]
pub fn again(mut case: Case<Permit>, stored: &[u8], snapshot: &Snapshot) -> Result<Case<Minimised>, Case<Permit>> {
    let Some(lines) = repeated(case.proof(), stored, snapshot) else {
        return Err(case);
    };
    let facts = case.note();
    facts.outcomes = lines.iter().map(|line| line.word.to_owned()).collect();
    // Nothing is read this time.
    facts.fields_read = FieldSet::default();
    let answer = stored.to_vec();
    Ok(case.then(|permit| {
        let (_, _, reply) = permit.into_parts().0.into_parts();
        Minimised { answer, reply }
    }))
}

fn repeated(permit: &Permit, stored: &[u8], snapshot: &Snapshot) -> Option<Vec<Line>> {
    let answer: v1::Answer = wire::decode_canonical(stored).ok()?;
    let question = permit.opened().payload();
    let same = answer.request_id == permit.opened().request_id().0
        && answer.policy_hash == snapshot.hash()
        && answer.agreement_id == question.agreement.as_str()
        && answer.consent_id == question.consent.0
        // What was told before a dispute began or ended is not sent again as it was.
        && answer.disputed == is_marked(permit, &answer)
        && answer.signals.len() == question.signals.len();
    let line = |(id, told): (&SignalId, v1::SignalAnswer)| {
        let tells = matches!(told.outcome(), Outcome::Band | Outcome::NoFile | Outcome::NotAvailable);
        let fits = told.signal == id.to_string() && tells == permit.permitted().contains(id);
        fits.then(|| Line::plain(id, told.outcome()))
    };
    same.then(|| {
        question
            .signals
            .iter()
            .zip(answer.signals)
            .map(line)
            .collect::<Option<_>>()
    })
    .flatten()
}

fn write(permit: &Permit, values: &[SignalValue], snapshot: &Snapshot) -> Option<(Page, Vec<Line>)> {
    let mut lines = Vec::new();
    for id in &permit.opened().payload().signals {
        let permitted = permit.permitted().contains(id);
        let value = values.iter().find(|value| value.id == *id);
        let withheld = permit.withheld().iter().find(|(of, _)| of == id);
        lines.push(match (permitted, value, withheld) {
            (true, Some(value), None) => Line::told(id, &value.outcome),
            (false, None, Some((_, why))) => Line::withheld(id, *why),
            _ => return None,
        });
    }
    let mut page = page(snapshot, permit.opened(), &mut lines);
    page.answer.disputed = is_marked(permit, &page.answer);
    let sound = values.len() == permit.permitted().len() && page.read.is_subset(&permit.fields());
    (sound && page.answer.encoded_len() <= ANSWER_BYTES_MAX).then_some((page, lines))
}

/// Whether this answer must say that the person disputes it: only a band can be disputed.
fn is_marked(permit: &Permit, answer: &v1::Answer) -> bool {
    permit.disputed() && answer.signals.iter().any(|told| told.outcome() == Outcome::Band)
}

/// What the entry says of a signal.
/// The words of outcomes, as entries say them.
pub const WORDS: [&str; 6] = [
    "unspecified",
    "band",
    "no_valid_consent",
    "no_file",
    "budget_spent",
    "not_available",
];

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "unspecified",
        Outcome::Band => "band",
        Outcome::NoValidConsent => "no_valid_consent",
        Outcome::NoFile => "no_file",
        Outcome::BudgetSpent => "budget_spent",
        Outcome::NotAvailable => "not_available",
    }
}

/// One signal of the answer.
struct Line {
    signal: SignalId,
    /// What the entry says.
    word: &'static str,
    /// Whether the person's record was read for it.
    read: bool,
    answer: v1::SignalAnswer,
}

impl Line {
    fn plain(signal: &SignalId, outcome: Outcome) -> Self {
        Self {
            signal: signal.clone(),
            word: word(outcome),
            read: false,
            answer: v1::SignalAnswer {
                signal: signal.to_string(),
                outcome: outcome as i32,
                ..Default::default()
            },
        }
    }

    fn withheld(signal: &SignalId, why: Withhold) -> Self {
        match why {
            Withhold::NoValidConsent => Self::plain(signal, Outcome::NoValidConsent),
        }
    }

    fn told(signal: &SignalId, outcome: &signal::Outcome) -> Self {
        match outcome {
            signal::Outcome::NoFile => Self::plain(signal, Outcome::NoFile),
            signal::Outcome::NotAvailable => Self {
                read: true,
                ..Self::plain(signal, Outcome::NotAvailable)
            },
            signal::Outcome::Band {
                index,
                label,
                reasons,
                as_of,
                valid_until,
            } => {
                let mut line = Self::plain(signal, Outcome::Band);
                line.read = true;
                line.answer.band = label.clone();
                line.answer.band_index = *index;
                line.answer.as_of = Some(wire::timestamp(as_of.0));
                line.answer.valid_until = Some(wire::timestamp(valid_until.0));
                line.answer.reason_codes = reasons.iter().take(REASONS_MAX).cloned().collect();
                line
            }
        }
    }
}

/// The answer, and which fields it stands on.
struct Page {
    answer: v1::Answer,
    read: FieldSet,
    withheld: FieldSet,
}

/// Takes the answers out of the lines; their words stay, for the entry.
fn page(snapshot: &Snapshot, opened: &Opened<Question>, lines: &mut [Line]) -> Page {
    let lineage = |wanted: fn(&Line) -> bool| {
        let facts = lines
            .iter()
            .filter(|line| wanted(line))
            .filter_map(|line| snapshot.signal(&line.signal));
        facts.fold(FieldSet::default(), |set, fact| set.union(fact.lineage))
    };
    let read = lineage(|line| line.read);
    let withheld = lineage(|_| true).without(read);
    let consented = lines
        .iter()
        .any(|line| line.answer.outcome != Outcome::NoValidConsent as i32);
    let names = |fields| match consented {
        true => snapshot.names(fields).into_iter().map(FieldPath::to_string).collect(),
        false => Vec::new(),
    };
    let question = opened.payload();
    let answer = v1::Answer {
        request_id: opened.request_id().0.to_vec(),
        signals: lines.iter_mut().map(|line| std::mem::take(&mut line.answer)).collect(),
        policy_hash: snapshot.hash().to_vec(),
        agreement_id: question.agreement.to_string(),
        consent_id: question.consent.0.to_vec(),
        fields_read: names(read),
        fields_withheld: names(withheld),
        disputed: false,
    };
    Page { answer, read, withheld }
}

impl Page {
    fn note(&self, lines: &[Line], facts: &mut Facts) {
        facts.outcomes = lines.iter().map(|line| line.word.to_owned()).collect();
        facts.fields_read = self.read;
        facts.fields_withheld = self.withheld;
    }

    fn finish(self, opened: Opened<Question>) -> Minimised {
        let (_, _, reply) = opened.into_parts();
        Minimised {
            answer: self.answer.encode_to_vec(),
            reply,
        }
    }
}

/// `TG-XXXX-XXXX`: 40 bits in Crockford's base 32, which has no letter that reads as a digit.
pub fn reference(random: [u8; 5]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = random.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = String::from("TG");
    for place in 0..8 {
        if place % 4 == 0 {
            text.push('-');
        }
        let digit = (bits >> (35 - 5 * place)) & 31;
        text.push(ALPHABET.get(digit as usize).copied().map_or('0', char::from));
    }
    text
}

/// A signal as [`check_size`] sees it.
pub struct Shape<'a> {
    /// Its id.
    pub signal: &'a SignalId,
    /// All its labels.
    pub bands: &'a [String],
    /// All its reason codes.
    pub reasons: &'a [String],
    /// Names of its fields.
    pub fields: Vec<&'a FieldPath>,
}

/// An answer that would need a second reply block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the largest answer has {bytes} bytes and may have {ANSWER_BYTES_MAX}: shorten the labels or reason codes of `{widest}`"
)]
pub struct AnswerTooLarge {
    /// Size of the largest answer.
    pub bytes: usize,
    /// The signal that takes most.
    pub widest: SignalId,
}

/// Whether every answer fits one reply block, whatever eight signals are asked for: if one did not, the size of a reply
/// would tell something about the person.
///
/// # Errors
/// [`AnswerTooLarge`], at load.
pub fn check_size(shapes: &[Shape<'_>]) -> Result<(), AnswerTooLarge> {
    let mut lines: Vec<(usize, &SignalId)> = shapes.iter().map(|s| (largest_line(s), s.signal)).collect();
    lines.sort_by(|a, b| b.cmp(a));
    let mut fields: Vec<usize> = shapes
        .iter()
        .map(|s| s.fields.iter().map(|f| framed(f.as_str().len())).sum())
        .collect();
    fields.sort_by(|a, b| b.cmp(a));
    let head = v1::Answer {
        request_id: vec![0xff; 16],
        policy_hash: vec![0xff; 32],
        agreement_id: "a".repeat(ID_BYTES_MAX),
        consent_id: vec![0xff; 16],
        disputed: true,
        ..Default::default()
    };
    let largest = |sizes: &mut dyn Iterator<Item = usize>| sizes.take(SIGNALS_PER_QUERY_MAX).sum::<usize>();
    let bytes = head.encoded_len()
        + largest(&mut lines.iter().map(|(size, _)| *size))
        + largest(&mut fields.iter().copied()).min(all_fields(shapes));
    match lines.first() {
        Some((_, widest)) if bytes > ANSWER_BYTES_MAX => Err(AnswerTooLarge {
            bytes,
            widest: (*widest).clone(),
        }),
        _ => Ok(()),
    }
}

/// A field is named once in an answer, as read or as withheld.
fn all_fields(shapes: &[Shape<'_>]) -> usize {
    let names: std::collections::BTreeSet<&FieldPath> = shapes.iter().flat_map(|s| s.fields.iter().copied()).collect();
    names.iter().map(|f| framed(f.as_str().len())).sum()
}

fn largest_line(shape: &Shape<'_>) -> usize {
    let mut reasons: Vec<&String> = shape.reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.len()));
    // The last millisecond of the year 9999: the longest timestamp of protobuf.
    let latest = wire::timestamp(253_402_300_799_999);
    let line = v1::SignalAnswer {
        signal: shape.signal.to_string(),
        outcome: Outcome::Band as i32,
        band: shape.bands.iter().max_by_key(|b| b.len()).cloned().unwrap_or_default(),
        band_index: u32::try_from(shape.bands.len()).unwrap_or(u32::MAX),
        as_of: Some(latest),
        valid_until: Some(latest),
        reason_codes: reasons.into_iter().take(REASONS_MAX).cloned().collect(),
    };
    framed(line.encoded_len())
}

/// With its tag and length.
fn framed(len: usize) -> usize {
    let length_bytes = match len {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        _ => 3,
    };
    1 + length_bytes + len
}

#[cfg(test)]
mod tests;
