//! Erasures of persons, and what runs against them and until when. The same calls as `PersonsService`.
//!
//! A person is named once, in a form; from there on a handle stands for them. It refuses to put an identity anywhere else.
mod acts;
mod list;
mod person;
mod shown;

pub(super) use acts::{hold, name_person, release, request};
pub(super) use list::list;
pub(super) use person::person;

use super::{Console, trouble::Problem, visitor::Visitor, words::Text};
use crate::{domain::SubjectToken, refusal::Code};

/// Whom a handle stands for.
fn named(console: &Console, visitor: &Visitor, handle: &str) -> Result<SubjectToken, Problem> {
    let (member, now) = (visitor.peer.uri(), console.gate.clock.now());
    console.handles.person(member, handle, now).ok_or(Problem {
        code: Code::FieldInvalid,
        advice: Some(Text::NameAgain),
    })
}
