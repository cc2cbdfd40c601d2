//! The filters of a search as they stand in a URL, and what they mean. Whatever no entry can have is refused, so that a
//! slip of the hand is not taken for "nothing found".
use super::{
    handles::Handles,
    link::link,
    moment,
    names::{CLASSES, KINDS},
    trouble::Problem,
    words::Text,
};
use crate::{
    audit::Dimension,
    clock::Time,
    domain::{AgreementId, PartnerId, Purpose, SignalId},
    inspect::{Conditions, Periods},
    limits::FILTER_VALUE_BYTES_MAX,
    refusal::Code,
};
use serde::Deserialize;

/// Everything that the address of a search can say. An empty field is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    /// A period of the log by its number, or `all`; empty is the one that takes entries.
    pub(super) period: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) kind: String,
    pub(super) class: String,
    pub(super) partner: String,
    pub(super) refusal: String,
    pub(super) agreement: String,
    pub(super) method: String,
    pub(super) purpose: String,
    pub(super) outcome: String,
    pub(super) signal: String,
    pub(super) consent: String,
    pub(super) request: String,
    /// A handle; see [`Handles`].
    pub(super) person: String,
    /// A page token of the same search.
    pub(super) page: String,
    /// Read by the visitor, not a condition.
    pub(super) lang: String,
}

impl Filter {
    /// What must hold. `member` is whose handles count.
    pub(super) fn conditions(&self, member: &str, handles: &Handles, now: Time) -> Result<Conditions, Problem> {
        let person = match self.person.as_str() {
            "" => None,
            text => Some(handles.person(member, text, now).ok_or(Problem {
                code: Code::FieldInvalid,
                advice: Some(Text::NameAgain),
            })?),
        };
        let (from, until) = (time(&self.from)?, time(&self.until)?);
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            return Err(Code::FieldInvalid.into());
        }
        let kind = KINDS.iter().map(|(name, kind, _)| (*name, kind.as_str_name()));
        let class = CLASSES.iter().map(|(name, class, _)| (*name, class.as_str_name()));
        let terms = [
            (Dimension::Kind, one_of(&self.kind, kind)),
            (Dimension::Class, one_of(&self.class, class)),
            (Dimension::Partner, name::<PartnerId>(&self.partner)),
            (Dimension::Refusal, refusal(&self.refusal)),
            (Dimension::Agreement, name::<AgreementId>(&self.agreement)),
            (Dimension::Method, printable(&self.method)),
            (Dimension::Purpose, name::<Purpose>(&self.purpose)),
            (Dimension::Outcome, printable(&self.outcome)),
            (Dimension::Signal, name::<SignalId>(&self.signal)),
            (Dimension::Consent, id(&self.consent)),
            (Dimension::Request, id(&self.request)),
        ];
        let mut all = Vec::new();
        for (dimension, value) in terms {
            match value {
                Ok(None) => {}
                Ok(Some(value)) => all.push((dimension, value)),
                Err(Invalid) => return Err(Code::FieldInvalid.into()),
            }
        }
        Ok(Conditions {
            periods: periods(&self.period)?,
            from,
            until,
            terms: all,
            person,
        })
    }

    /// Its fields by name, without page and language.
    pub(super) fn fields(&self) -> [(&'static str, &str); 15] {
        [
            ("period", &self.period),
            ("from", &self.from),
            ("until", &self.until),
            ("kind", &self.kind),
            ("class", &self.class),
            ("partner", &self.partner),
            ("refusal", &self.refusal),
            ("agreement", &self.agreement),
            ("method", &self.method),
            ("purpose", &self.purpose),
            ("outcome", &self.outcome),
            ("signal", &self.signal),
            ("consent", &self.consent),
            ("request", &self.request),
            ("person", &self.person),
        ]
    }

    /// The address of `path` with these filters.
    pub(super) fn at(&self, path: &str) -> String {
        link(path, self.fields())
    }

    /// The same search, another page.
    pub(super) fn page(&self, token: &str) -> String {
        link("/search", self.fields().into_iter().chain([("page", token)]))
    }
}

/// The periods of the log that an address names.
pub(super) fn periods(text: &str) -> Result<Periods, Problem> {
    match text {
        "" => Ok(Periods::default()),
        "all" => Ok(Periods::All),
        number => number.parse().map(Periods::One).map_err(|_| Code::FieldInvalid.into()),
    }
}

struct Invalid;
type Value = Result<Option<Vec<u8>>, Invalid>;

fn time(text: &str) -> Result<Option<Time>, Problem> {
    match text {
        "" => Ok(None),
        text => moment::parse(text).map(Some).ok_or(Code::FieldInvalid.into()),
    }
}

/// A value that `good` accepts.
fn value(text: &str, good: impl FnOnce(&str) -> bool) -> Value {
    match text {
        "" => Ok(None),
        text if text.len() <= FILTER_VALUE_BYTES_MAX && good(text) => Ok(Some(text.as_bytes().to_vec())),
        _ => Err(Invalid),
    }
}

fn name<N: std::str::FromStr>(text: &str) -> Value {
    value(text.trim(), |text| text.parse::<N>().is_ok())
}

fn printable(text: &str) -> Value {
    value(text.trim(), |text| text.bytes().all(|b| b.is_ascii_graphic()))
}

fn refusal(text: &str) -> Value {
    value(text.trim(), |text| Code::ALL.iter().any(|code| code.name() == text))
}

fn one_of<'a>(text: &str, mut known: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    if text.is_empty() {
        return Ok(None);
    }
    let found = known.find(|(name, _)| *name == text).ok_or(Invalid)?;
    Ok(Some(found.1.as_bytes().to_vec()))
}

/// 16 bytes, in hexadecimal digits.
fn id(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Invalid);
    }
    let number = u128::from_str_radix(text, 16).map_err(|_| Invalid)?;
    Ok(Some(number.to_be_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::SeededRng, domain::SubjectToken};
    use axum::extract::Query;
    use proptest::prelude::*;

    const NOW: Time = Time(1_800_000_000_000);

    fn read(query: &str) -> Result<Conditions, Option<Problem>> {
        let uri = format!("https://c.test/search?{query}").parse().unwrap();
        let Query(filter) = Query::<Filter>::try_from_uri(&uri).map_err(|_| None)?;
        filter.conditions("m", &Handles::default(), NOW).map_err(Some)
    }

    #[test]
    fn filters_become_conditions() {
        let read = |query| read(query).map_err(|_| query).unwrap();
        assert!(read("partner=&kind=&from=&lang=zh").terms.is_empty());
        let all = read(
            "from=2026-01-01&until=2026-01-02T10%3A00&kind=query&class=refused&partner=bank-a&refusal=QUOTA_SPENT&\
             agreement=a-1&method=%2Ftollgate.v1.X%2FY&purpose=credit.origination&outcome=band&signal=risk_band%401&\
             consent=000102030405060708090a0b0c0d0e0f&request=FF0102030405060708090a0b0c0d0e0f",
        );
        assert_eq!(all.terms.len(), 11);
        assert_eq!(all.terms[0], (Dimension::Kind, b"ENTRY_KIND_QUERY".to_vec()));
        assert_eq!(all.terms[1], (Dimension::Class, b"ENTRY_CLASS_REFUSED".to_vec()));
        assert_eq!(all.terms[9].1[15], 15);
        assert_eq!(all.terms[10].1[0], 255);
        assert!(all.from < all.until);
    }

    #[test]
    fn what_no_entry_can_have_is_refused() {
        for query in [
            "from=yesterday",
            "from=2026-01-02&until=2026-01-01",
            "from=2026-01-01&until=2026-01-01",
            "kind=ENTRY_KIND_QUERY",
            "period=first",
            "period=-1",
            "class=denied",
            "partner=Bank%20A",
            "refusal=NO",
            "signal=risk_band",
            "consent=00",
            "request=+0102030405060708090a0b0c0d0e0ff",
            "method=%00",
            "person=AAAAAAAAAAAAAAAAAAAAAA",
            "outcome=a%20b",
        ] {
            assert_eq!(
                read(query).err().flatten().map(|p| p.code),
                Some(Code::FieldInvalid),
                "{query}"
            );
        }
        let long = format!("outcome={}", "x".repeat(FILTER_VALUE_BYTES_MAX + 1));
        assert!(read(&long).is_err());
        for query in ["partner=a&partner=b", "nobody=1", "subject=110101199003070000"] {
            assert!(matches!(read(query), Err(None)), "{query}");
        }
    }

    #[test]
    fn a_person_stands_as_a_handle_only() {
        let (handles, rng) = (Handles::default(), SeededRng::new(3));
        let person = handles.give("m", &SubjectToken([7; 32]), NOW, &rng).unwrap();
        let filter = Filter {
            person: person.clone(),
            ..Filter::default()
        };
        let found = filter.conditions("m", &handles, NOW).unwrap_or_default();
        assert_eq!(found.person, Some(SubjectToken([7; 32])));
        assert!(filter.conditions("other", &handles, NOW).is_err());
        assert_eq!(filter.at("/search"), format!("/search?person={person}"));
    }

    proptest! {
        #[test]
        fn addresses_round_trip(partner in "\\PC{0,20}", outcome in "\\PC{0,20}") {
            let filter = Filter { partner, outcome, ..Filter::default() };
            let uri = format!("https://c.test{}", filter.at("/search")).parse().unwrap();
            let Query(read) = Query::<Filter>::try_from_uri(&uri).unwrap();
            prop_assert_eq!(read, filter);
        }
    }
}
