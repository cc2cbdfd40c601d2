//! Parts of forms, and what they post. A form changes something only by `POST`, which [`Visitor`] takes from the console's own
//! pages alone.
use super::{
    Console,
    search::{Named, SCHEMES},
    visitor::Visitor,
    words::Text,
};
use crate::{domain::SubjectToken, refusal::Code};
use axum::{Form, extract::rejection::FormRejection, http::StatusCode};
use maud::{Markup, html};

/// What a form posted, or the refusal that it is none.
pub(super) fn posted<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Code> {
    match form {
        Ok(Form(posted)) => Ok(posted),
        Err(why) if why.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Code::TooLarge),
        Err(_) => Err(Code::FieldInvalid),
    }
}

/// Lines as they are kept: a browser ends each with CR LF.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The fields that name a person. `form` tells apart the forms of one page.
pub(super) fn identity(visitor: &Visitor, form: &str) -> Markup {
    html! {
        (choice(visitor, form, "scheme", Text::IdentityKind, SCHEMES.map(|(name, _, text)| (name, visitor.say(text), false))))
        (field(visitor, form, "identity", Text::Identity, html! {
            input id={ (form) "-identity" } name="identity" required maxlength="64" autocomplete="off" spellcheck="false";
        }))
    }
}

/// One field with its label; `control` has the id `form-name`.
pub(super) fn field(visitor: &Visitor, form: &str, name: &str, label: Text, control: Markup) -> Markup {
    html! {
        div class="field" {
            label for={ (form) "-" (name) } { (visitor.say(label)) }
            (control)
        }
    }
}

/// One of several: value, text, and whether it is chosen.
pub(super) fn choice<'a>(
    visitor: &Visitor,
    form: &str,
    name: &str,
    label: Text,
    all: impl IntoIterator<Item = (&'a str, &'a str, bool)>,
) -> Markup {
    let select = html! {
        select id={ (form) "-" (name) } name=(name) {
            @for (value, said, chosen) in all { option value=(value) selected[chosen] { (said) } }
        }
    };
    field(visitor, form, name, label, select)
}

/// What must be ticked before something that is never taken back. The browser asks for it, the gateway does not.
pub(super) fn certain(visitor: &Visitor, form: &str) -> Markup {
    html! {
        p class="certain" {
            input type="checkbox" id={ (form) "-certain" } name="certain" value="yes" required;
            " " label for={ (form) "-certain" } { (visitor.say(Text::Certain)) }
        }
    }
}

impl Console {
    /// A handle for the person whom a form named.
    pub(super) fn name(&self, visitor: &Visitor, named: &Named) -> Result<String, Code> {
        self.handle(visitor, &named.subject()?.token(&self.gate.person_keys.pseudonym))
    }

    /// A handle for a person whom the visitor knows already.
    pub(super) fn handle(&self, visitor: &Visitor, person: &SubjectToken) -> Result<String, Code> {
        let (member, now) = (visitor.peer.uri(), self.gate.clock.now());
        let given = self.handles.give(member, person, now, &*self.gate.rng);
        given.map_err(|_| Code::Internal)
    }
}
