//! A request as it is kept: a line that names nobody, and beside it what names the person.
use super::{Kind, LetterKind, Outcome, State};
use crate::{
    clock::Time,
    crypto::Broken,
    domain::PartnerId,
    limits::SUBJECT_LETTERS_MAX,
    wire::{self, Message, store::v1},
};

/// Six bytes of the time it was opened, ten random ones: unique, and in order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub [u8; 16]);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for RequestId {
    type Err = Broken;

    /// Exactly as it is displayed.
    fn from_str(text: &str) -> Result<Self, Broken> {
        let number = u128::from_str_radix(text, 16).map_err(|_| Broken)?;
        let id = Self(number.to_be_bytes());
        if id.to_string() == text { Ok(id) } else { Err(Broken) }
    }
}

impl RequestId {
    /// When it was opened.
    pub fn opened(&self) -> Time {
        Time(i64::try_from(u128::from_be_bytes(self.0) >> 80).unwrap_or(0))
    }

    /// A new one.
    pub fn new(now: Time, random: [u8; 10]) -> Self {
        let time = (u128::try_from(now.0).unwrap_or(0) & 0xffff_ffff_ffff) << 80;
        let rest = random.iter().fold(0u128, |n, byte| n << 8 | u128::from(*byte));
        Self((time | rest).to_be_bytes())
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What is asked.
    pub kind: Kind,
    /// How far it is.
    pub state: State,
    /// The officer who answers for it.
    pub owner: PartnerId,
    /// When it reached the institution.
    pub received: Time,
    /// When it must be answered.
    pub due: Time,
    /// When and how it ended.
    pub ended: Option<(Time, Outcome)>,
    /// Stands on the letters.
    pub reference: String,
    /// What was written, oldest first; at most [`SUBJECT_LETTERS_MAX`], the entries have all.
    pub letters: Vec<LetterSent>,
}

/// A letter that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterSent {
    /// Which.
    pub kind: LetterKind,
    /// When.
    pub at: Time,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// In Chinese, else in English.
    pub chinese: bool,
}

/// What names the person. It has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonPart {
    /// Where letters go.
    pub contact: String,
    /// What they ask.
    pub text: String,
    /// Why it ended as it did.
    pub reason: String,
}

impl Request {
    /// Not ended, and past its deadline.
    pub fn is_overdue(&self, now: Time) -> bool {
        self.state != State::Closed && now > self.due
    }

    /// Notes a letter; the oldest makes room.
    pub fn wrote(&mut self, letter: LetterSent) {
        if self.letters.len() >= SUBJECT_LETTERS_MAX {
            self.letters.remove(0);
        }
        self.letters.push(letter);
    }

    pub(super) fn to_row(&self) -> Vec<u8> {
        let letter = |l: &LetterSent| v1::SubjectLetter {
            kind: l.kind.number(),
            at_ms: l.at.0,
            sha256: l.sha256.to_vec(),
            chinese: l.chinese,
        };
        v1::SubjectRequest {
            id: self.id.0.to_vec(),
            kind: self.kind.number(),
            state: self.state.number(),
            owner: self.owner.to_string(),
            received_ms: self.received.0,
            due_ms: self.due.0,
            closed_ms: self.ended.map_or(0, |(at, _)| at.0),
            outcome: self.ended.map_or(0, |(_, outcome)| outcome.number()),
            reference: self.reference.clone(),
            letters: self.letters.iter().map(letter).collect(),
        }
        .encode_to_vec()
    }

    /// Anything that [`Request::to_row`] does not write is [`Broken`].
    pub(super) fn from_row(bytes: &[u8]) -> Result<Self, Broken> {
        let row: v1::SubjectRequest = wire::decode_canonical(bytes).map_err(|_| Broken)?;
        let state = State::from_number(row.state).ok_or(Broken)?;
        let ended = match state {
            State::Closed => Some((Time(row.closed_ms), Outcome::from_number(row.outcome).ok_or(Broken)?)),
            State::Open | State::Waiting => None,
        };
        let letter = |l: &v1::SubjectLetter| {
            Ok(LetterSent {
                kind: LetterKind::from_number(l.kind).ok_or(Broken)?,
                at: Time(l.at_ms),
                sha256: l.sha256.as_slice().try_into().map_err(|_| Broken)?,
                chinese: l.chinese,
            })
        };
        Ok(Self {
            id: RequestId(row.id.as_slice().try_into().map_err(|_| Broken)?),
            kind: Kind::from_number(row.kind).ok_or(Broken)?,
            state,
            owner: row.owner.parse().map_err(|_| Broken)?,
            received: Time(row.received_ms),
            due: Time(row.due_ms),
            ended,
            reference: row.reference,
            letters: row.letters.iter().map(letter).collect::<Result<_, _>>()?,
        })
    }
}

impl PersonPart {
    pub(super) fn encode(&self) -> Vec<u8> {
        v1::SubjectRequestPerson {
            contact: self.contact.clone(),
            text: self.text.clone(),
            reason: self.reason.clone(),
        }
        .encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Broken> {
        let read: v1::SubjectRequestPerson = wire::decode_canonical(bytes).map_err(|_| Broken)?;
        Ok(Self {
            contact: read.contact,
            text: read.text,
            reason: read.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Request {
        Request {
            id: RequestId::new(Time(1_790_000_000_000), [7; 10]),
            kind: Kind::Dispute,
            state: State::Closed,
            owner: "compliance".parse().unwrap(),
            received: Time(5),
            due: Time(6),
            ended: Some((Time(7), Outcome::Refused)),
            reference: "TG-0000-0000".into(),
            letters: Vec::new(),
        }
    }

    #[test]
    fn rows_round_trip_and_keep_the_newest_letters() {
        let mut request = sample();
        for n in 0..20 {
            request.wrote(LetterSent {
                kind: LetterKind::Receipt,
                at: Time(n),
                sha256: [3; 32],
                chinese: n % 2 == 0,
            });
        }
        assert_eq!(request.letters.len(), SUBJECT_LETTERS_MAX);
        assert_eq!(request.letters.last().unwrap().at, Time(19));
        assert_eq!(Request::from_row(&request.to_row()), Ok(request));
        let ids = [1, 2, 3].map(|n| RequestId::new(Time(n), [255 - n as u8; 10]));
        assert!(ids.is_sorted(), "ids are in order of opening");
        assert_eq!(ids.map(|id| id.opened()), [Time(1), Time(2), Time(3)]);
        assert_eq!(ids[0].to_string().parse(), Ok(ids[0]));
        for bad in [
            "",
            "+",
            &"0".repeat(33),
            &"F".repeat(32),
            &format!("+{}", &ids[0].to_string()[1..]),
        ] {
            assert_eq!(bad.parse::<RequestId>(), Err(Broken), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hostile_rows_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::from_row(&bytes);
            let _ = PersonPart::decode(&bytes);
        }
    }
}
