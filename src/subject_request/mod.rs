//! Requests of persons about their own data (data subject requests): access, correction, deletion, dispute, explanation.
//!
//! The case list shows kind, owner, clock and state and names nobody; contact and words of the person stand under the
//! person's key, so that erasure leaves a line and takes the person out of it. While a dispute of a person is open, every
//! band that is told about them says so. It refuses a deadline that is longer than the law's.
mod letter;
mod place;
mod record;
mod rows;

pub use letter::{LetterFacts, LetterKind, html, words_fit, write};
pub use place::{place, token};
pub use record::{LetterSent, PersonPart, Request, RequestId};
pub use rows::{Rows, is_disputed};

use crate::clock::Time;
use serde::Deserialize;

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// What is held and told.
    Access = 1,
    /// Mend what is wrong.
    Correction = 2,
    /// Delete.
    Deletion = 3,
    /// What was told is disputed.
    Dispute = 4,
    /// Why it was decided.
    Explanation = 5,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Somebody works on it.
    Open = 1,
    /// For the person or another institution. The clock goes on.
    Waiting = 2,
    /// Ended.
    Closed = 3,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Done as asked.
    Fulfilled = 1,
    /// Done in part, with the reason.
    Partly = 2,
    /// Not done, with the reason.
    Refused = 3,
    /// The person no longer asks.
    Withdrawn = 4,
}

macro_rules! numbered {
    ($($name:ident: $($variant:ident = $word:literal),*;)*) => {$(
        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The one with this number, which is also that on the wire.
            pub fn from_number(number: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.number() == number)
            }
            /// Its number.
            pub fn number(self) -> u32 { u32::from(self as u8) }
            /// The word for it in entries and on the command line.
            pub fn word(self) -> &'static str { match self { $($name::$variant => $word),* } }
        }
    )*};
}
pub(crate) use numbered;

numbered! {
    Kind: Access = "access", Correction = "correction", Deletion = "deletion", Dispute = "dispute", Explanation = "explanation";
    State: Open = "open", Waiting = "waiting", Closed = "closed";
    Outcome: Fulfilled = "fulfilled", Partly = "partly", Refused = "refused", Withdrawn = "withdrawn";
}

impl Outcome {
    /// Whether the person is owed a reason (PIPL article 50: 拒绝个人行使权利的请求的，应当说明理由).
    pub fn needs_reason(self) -> bool {
        matches!(self, Outcome::Partly | Outcome::Refused)
    }
}

impl Kind {
    /// Days the law gives, and where it says so. Calendar days where the source counts working days: the shorter reading.
    /// `docs/law.md` has the clauses, and which of them were read.
    pub fn days_of_law(self) -> (u16, &'static str) {
        match self {
            // 自收到异议之日起20日内进行核查和处理，并将结果书面答复异议人 (State Council Order 631, 2013).
            Kind::Dispute | Kind::Correction => (20, "Regulation on the Credit Reporting Industry, article 25"),
            // PIPL article 47 gives no days. Fifteen working days: not verified against the text.
            Kind::Deletion => (15, "Measures to identify unlawful collection by apps (2019), article 6"),
            // 应当及时提供: no days, so the standard's thirty, which were not verified against its text.
            Kind::Access => (30, "PIPL article 45 (in time) with GB/T 35273-2020, 8.7"),
            // These articles give neither days nor “in time”.
            Kind::Explanation => (30, "GB/T 35273-2020, 8.7, for PIPL articles 24 and 48"),
        }
    }
}

/// Days per kind: `[subject_requests]` of the configuration. A line may only make a deadline shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    access_days: Option<u16>,
    correction_days: Option<u16>,
    deletion_days: Option<u16>,
    dispute_days: Option<u16>,
    explanation_days: Option<u16>,
}

impl Deadlines {
    fn set(&self, kind: Kind) -> Option<u16> {
        match kind {
            Kind::Access => self.access_days,
            Kind::Correction => self.correction_days,
            Kind::Deletion => self.deletion_days,
            Kind::Dispute => self.dispute_days,
            Kind::Explanation => self.explanation_days,
        }
    }

    /// Whether every deadline is at least a day and at most the law's.
    ///
    /// # Errors
    /// What to mend.
    pub fn check(&self) -> Result<(), String> {
        for kind in Kind::ALL {
            let (law, source) = kind.days_of_law();
            if self.set(*kind).is_some_and(|days| days == 0 || days > law) {
                let word = kind.word();
                return Err(format!("`{word}_days` is 1 to {law}: the law gives no more ({source})"));
            }
        }
        Ok(())
    }

    /// When a request is due that was received then.
    pub fn due(&self, kind: Kind, received: Time) -> Time {
        let days = self.set(kind).unwrap_or(kind.days_of_law().0);
        received.plus_ms(i64::from(days) * 86_400_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_may_only_be_shorter_than_the_laws() {
        let read = |text: &str| crate::document::read::<Deadlines>(text).unwrap();
        assert!(Deadlines::default().check().is_ok());
        assert!(read("dispute_days = 10").check().is_ok());
        for bad in ["dispute_days = 21", "access_days = 0", "deletion_days = 16"] {
            let said = read(bad).check().unwrap_err();
            assert!(said.contains("_days` is 1 to "), "{said}");
        }
        let received = Time(1_000);
        let day = 86_400_000;
        assert_eq!(
            read("dispute_days = 10").due(Kind::Dispute, received),
            Time(1_000 + 10 * day)
        );
        assert_eq!(
            Deadlines::default().due(Kind::Dispute, received),
            Time(1_000 + 20 * day)
        );
    }
}
