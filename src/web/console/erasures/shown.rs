//! How it stands with a person, in words: the stage, what holds it and until when, what comes next and when.
use crate::{
    clock::Time,
    erasure::{Hold, Reason, Stage, Standing},
    limits::EPOCH_TURN_MS,
    web::console::{moment, visitor::Visitor, words::Text},
};
use maud::{Markup, html};

/// Whether `hold` is an open dispute: told, and not kept, so it has no number and ends with its case.
pub(super) fn is_dispute_case(hold: &Hold) -> bool {
    hold.id == 0
}

pub(super) fn reason(reason: Reason) -> Text {
    match reason {
        Reason::Legal => Text::ReasonLegal,
        Reason::Dispute => Text::ReasonDispute,
        Reason::Retention => Text::ReasonRetention,
    }
}

pub(super) fn stage(standing: &Standing) -> Text {
    match standing.stage() {
        Stage::Free => Text::StageFree,
        Stage::Blocked => Text::StageBlocked,
        Stage::RecordRemoved => Text::StageRecordRemoved,
        Stage::RecordErased => Text::StageRecordErased,
        Stage::LinkRemoved => Text::StageLinkRemoved,
    }
}

/// Until when a hold holds.
pub(super) fn until(visitor: &Visitor, hold: &Hold, now: Time) -> Markup {
    html! {
        @match hold.until {
            _ if is_dispute_case(hold) => (visitor.say(Text::UntilCaseCloses)),
            None => (visitor.say(Text::UntilReleased)),
            Some(until) => {
                (visitor.say(Text::UntilThen)) " " (moment::stamp(until))
                @if !hold.holds(now) { " · " (visitor.say(Text::HoldIsOver)) }
            }
        }
    }
}

/// One reason with its number and its date.
pub(super) fn hold(visitor: &Visitor, hold: &Hold, now: Time) -> Markup {
    html! { (visitor.say(reason(hold.reason))) " " (number(hold)) " · " (until(visitor, hold, now)) }
}

/// The institution's own number; for a dispute the way to its case.
pub(super) fn number(hold: &Hold) -> Markup {
    html! {
        @if is_dispute_case(hold) { a href={ "/cases/" (hold.case_number) } { code { (hold.case_number) } } }
        @else if !hold.case_number.is_empty() { code { (hold.case_number) } }
    }
}

/// What comes next, and when.
pub(super) fn next(visitor: &Visitor, standing: &Standing, now: Time) -> Markup {
    let held = standing.is_held(now);
    let say = |text| visitor.say(text);
    html! {
        @match (standing.stage(), standing.link_until) {
            (Stage::Free, _) => "–",
            (Stage::Blocked, _) if held => (say(Text::NextWhenFree)),
            (Stage::Blocked, _) => (say(Text::NextSoon)),
            (Stage::RecordRemoved, _) => (turn(visitor, standing)),
            (Stage::RecordErased, None) => (say(Text::NextSearch)),
            (Stage::RecordErased, Some(until)) => {
                (say(Text::NextLink)) " " (moment::stamp(until))
                @if held { " · " (say(Text::NextAlsoFree)) }
            }
            (Stage::LinkRemoved, _) => (turn(visitor, standing)),
        }
    }
}

/// At the turn of the epoch.
fn turn(visitor: &Visitor, standing: &Standing) -> Markup {
    let removed = standing.waits_for().map(|shred| shred.removed.plus_ms(EPOCH_TURN_MS));
    html! {
        (visitor.say(Text::NextTurn))
        @if let Some(at) = removed { " " (moment::stamp(at)) }
    }
}
