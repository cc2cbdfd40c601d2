//! What an officer looks for, from the wire. Whatever does not convert exactly is refused: a condition that was dropped or
//! bent would show another part of the log than was asked for, and no hit would look like none.
use super::{Conditions, Periods};
use crate::{
    audit::Dimension,
    clock::Time,
    domain::{AgreementId, PartnerId, Purpose, Scheme, SignalId, SubjectRef, SubjectToken},
    limits::{ID_BYTES_MAX, METHOD_BYTES_MAX},
    pipeline::Gate,
    refusal::Code,
    wire::{self, Timestamp, v1},
};
use std::str::FromStr;
use zeroize::Zeroizing;

impl Conditions {
    /// Reads a filter. The identity in it becomes the pseudonym at once and is wiped.
    ///
    /// # Errors
    /// `SUBJECT_MALFORMED` for an identity, `FIELD_INVALID` for everything else.
    pub fn of(gate: &Gate, filter: v1::EntryFilter) -> Result<Self, Code> {
        let (from, until) = period(filter.from.as_ref(), filter.until.as_ref())?;
        let kind = v1::EntryKind::try_from(filter.kind).map_err(|_| Code::FieldInvalid)?;
        let class = v1::EntryClass::try_from(filter.class).map_err(|_| Code::FieldInvalid)?;
        let kind = (kind != v1::EntryKind::Unspecified).then(|| kind.as_str_name());
        let class = (class != v1::EntryClass::Unspecified).then(|| class.as_str_name());
        let texts = [
            (Dimension::Kind, kind.unwrap_or_default().to_owned()),
            (Dimension::Class, class.unwrap_or_default().to_owned()),
            (Dimension::Refusal, checked(filter.refusal, is_refusal)?),
            (Dimension::Partner, checked(filter.partner, is::<PartnerId>)?),
            (Dimension::Agreement, checked(filter.agreement, is::<AgreementId>)?),
            (Dimension::Method, checked(filter.method, is_method)?),
            (Dimension::Purpose, checked(filter.purpose, is::<Purpose>)?),
            (Dimension::Outcome, checked(filter.outcome, is_word)?),
            (Dimension::Signal, checked(filter.signal, is::<SignalId>)?),
        ];
        let ids = [
            (Dimension::Consent, filter.consent_id),
            (Dimension::Request, filter.request_id),
        ];
        if ids.iter().any(|(_, id)| !matches!(id.len(), 0 | 16)) {
            return Err(Code::FieldInvalid);
        }
        let texts = texts.map(|(dimension, text)| (dimension, text.into_bytes()));
        let terms = texts.into_iter().chain(ids).filter(|(_, value)| !value.is_empty());
        Ok(Self {
            periods: periods(filter.period, filter.all_periods)?,
            from,
            until,
            terms: terms.collect(),
            person: filter.subject.map(|subject| token(gate, subject)).transpose()?,
        })
    }
}

/// Which periods of the log: one, or all.
///
/// # Errors
/// `FIELD_INVALID` where both are said.
pub(super) fn periods(period: u32, all: bool) -> Result<Periods, Code> {
    match (period, all) {
        (period, false) => Ok(Periods::One(period)),
        (0, true) => Ok(Periods::All),
        _ => Err(Code::FieldInvalid),
    }
}

/// A half-open period, either end open.
///
/// # Errors
/// `FIELD_INVALID` if it is empty or ends before it begins, or a time is none.
pub fn period(from: Option<&Timestamp>, until: Option<&Timestamp>) -> Result<(Option<Time>, Option<Time>), Code> {
    let time = |t: Option<&Timestamp>| match t {
        None => Ok(None),
        given => wire::millis(given).map(|ms| Some(Time(ms))).ok_or(Code::FieldInvalid),
    };
    let (from, until) = (time(from)?, time(until)?);
    match from.zip(until) {
        Some((from, until)) if until <= from => Err(Code::FieldInvalid),
        _ => Ok((from, until)),
    }
}

/// The pseudonym of a person who is named on the wire.
pub(super) fn token(gate: &Gate, wire: v1::Subject) -> Result<SubjectToken, Code> {
    Ok(subject(wire)?.token(&gate.person_keys.pseudonym))
}

/// A person who is named on the wire; the text as it came is wiped.
///
/// # Errors
/// `SUBJECT_MALFORMED`, also for a scheme that is none.
pub fn subject(subject: v1::Subject) -> Result<SubjectRef, Code> {
    let value = Zeroizing::new(subject.value);
    let scheme = match v1::SubjectScheme::try_from(subject.scheme) {
        Ok(v1::SubjectScheme::CnResidentId) => Scheme::CnResidentId,
        Ok(v1::SubjectScheme::CnMobile) => Scheme::CnMobile,
        Ok(v1::SubjectScheme::Opaque) => Scheme::Opaque,
        Ok(v1::SubjectScheme::Unspecified) | Err(_) => return Err(Code::SubjectMalformed),
    };
    SubjectRef::parse(scheme, &value).map_err(|_| Code::SubjectMalformed)
}

/// An empty text is no condition.
fn checked(text: String, is_good: fn(&str) -> bool) -> Result<String, Code> {
    if text.is_empty() || is_good(&text) {
        Ok(text)
    } else {
        Err(Code::FieldInvalid)
    }
}

fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

fn is_refusal(text: &str) -> bool {
    Code::ALL.iter().any(|code| code.name() == text)
}

fn is_method(text: &str) -> bool {
    text.starts_with('/') && text.len() <= METHOD_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Outcomes are words such as `band` and refusal codes.
fn is_word(text: &str) -> bool {
    text.len() <= ID_BYTES_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_whole_or_refused() {
        let refused = Err(Code::FieldInvalid);
        assert_eq!(checked("QUOTA_SPENT".into(), is_refusal), Ok("QUOTA_SPENT".into()));
        assert_eq!(checked(String::new(), is_refusal), Ok(String::new()));
        for (text, is_good) in [
            ("quota_spent", is_refusal as fn(&str) -> bool),
            ("Bank", is::<PartnerId>),
            ("limit_band", is::<SignalId>),
            ("no valid", is_word),
            (&"a".repeat(ID_BYTES_MAX + 1), is_word),
            ("Query", is_method),
            ("/a b", is_method),
            (&"/a".repeat(METHOD_BYTES_MAX), is_method),
        ] {
            assert_eq!(checked(text.to_owned(), is_good), refused, "{text}");
        }
    }

    #[test]
    fn a_period_has_a_beginning_before_its_end() {
        let at = |ms| wire::timestamp(ms);
        let refused = Err(Code::FieldInvalid);
        assert_eq!(period(Some(&at(5)), Some(&at(6))), Ok((Some(Time(5)), Some(Time(6)))));
        assert_eq!(period(Some(&at(5)), None), Ok((Some(Time(5)), None)));
        assert_eq!(period(Some(&at(5)), Some(&at(5))), refused);
        let odd = Timestamp {
            seconds: 1,
            nanos: 1_000_000_000,
        };
        assert_eq!(period(Some(&odd), None), refused);
        assert_eq!(
            period(
                Some(&Timestamp {
                    seconds: i64::MAX,
                    nanos: 0
                }),
                None
            ),
            refused
        );
    }
}
