//! Requests of persons: the case list, one case, and what is done with it. The same calls as `SubjectRequestService`, so the
//! same roles, entries and refusals; every step is a form that posts.
mod acts;
mod letter;
mod list;
mod one;

pub(super) use acts::{assign, close, open};
pub(super) use letter::letter;
pub(super) use list::list;
pub(super) use one::one;

use super::{Console, moment::DAY_MS, visitor::Visitor, words::Text};
use crate::{
    agreement::Role,
    clock::Time,
    domain::PartnerId,
    subject_request::{Kind, LetterKind, Outcome, Request, State},
};
use maud::{Markup, html};

fn kind(kind: Kind) -> Text {
    match kind {
        Kind::Access => Text::CaseAccess,
        Kind::Correction => Text::CaseCorrection,
        Kind::Deletion => Text::CaseDeletion,
        Kind::Dispute => Text::CaseDispute,
        Kind::Explanation => Text::CaseExplanation,
    }
}

fn state(state: State) -> Text {
    match state {
        State::Open => Text::CaseOpen,
        State::Waiting => Text::CaseWaiting,
        State::Closed => Text::CaseClosed,
    }
}

fn outcome(outcome: Outcome) -> Text {
    match outcome {
        Outcome::Fulfilled => Text::EndFulfilled,
        Outcome::Partly => Text::EndPartly,
        Outcome::Refused => Text::EndRefused,
        Outcome::Withdrawn => Text::EndWithdrawn,
    }
}

fn letter_name(letter: LetterKind) -> Text {
    match letter {
        LetterKind::Receipt => Text::LetterReceipt,
        LetterKind::Delay => Text::LetterDelay,
        LetterKind::Outcome => Text::LetterOutcome,
        LetterKind::Refusal => Text::LetterRefusal,
    }
}

/// Days within which a deadline is near.
const NEAR_DAYS: i64 = 3;

/// How much time is left, in words and a sign: never by colour alone.
fn clock(visitor: &Visitor, request: &Request, now: Time) -> Markup {
    let days = request.due.since(now).div_euclid(DAY_MS);
    let (class, text) = match days {
        days if days < 0 => ("late", Text::DaysOverdue),
        days if days <= NEAR_DAYS => ("near", Text::DaysLeft),
        _ => ("", Text::DaysLeft),
    };
    html! {
        @match request.ended {
            Some((_, ended)) => span class="badge admin" { (visitor.say(outcome(ended))) },
            None => span class={ "clock " (class) } { (visitor.say(text)) " " (days.abs()) },
        }
    }
}

/// Who may answer for a case, and whether that is the visitor.
fn officers(console: &Console, visitor: &Visitor) -> Vec<(PartnerId, bool)> {
    let register = console.gate.view.register.iter();
    let officers = register.filter(|member| member.role == Role::Compliance && !member.suspended);
    let mut all: Vec<_> = officers
        .map(|member| (member.id.clone(), member.uri == visitor.peer.uri()))
        .collect();
    all.sort();
    all
}
