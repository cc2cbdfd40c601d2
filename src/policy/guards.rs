//! The platform's guards: which there are, and what follows when one fires.
use super::{permit::Withhold, snapshot::PolicyError};
use crate::refusal::Code;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use serde_json::Value;
use std::str::FromStr;

/// The guards' text: part of the snapshot's hash.
pub(super) const TEXT: &str = include_str!("guards.cedar");

/// One guard.
pub(super) struct Guard {
    pub(super) id: String,
    pub(super) then: Then,
}

/// What follows when a guard fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Refuse(Code),
    Withhold(Withhold),
}

/// The guards in the order of the file, and as Cedar holds them.
pub(super) struct Guards {
    list: Vec<Guard>,
    policies: PolicySet,
}

impl Guards {
    /// Parses the text. Every policy must forbid, have its own `@id`, and lead to a known code or reason.
    pub(super) fn parse(text: &str) -> Result<Self, PolicyError> {
        let parsed = PolicySet::from_str(text).map_err(|e| PolicyError::Guards(e.to_string()))?;
        if parsed.num_of_templates() > 0 {
            return Err(PolicyError::Guards("a guard is no template".to_owned()));
        }
        let mut numbered: Vec<(usize, &Policy)> = Vec::new();
        for policy in parsed.policies() {
            // Cedar names policies `policy0`, `policy1`, .. in the order of the text.
            let number = policy
                .id()
                .to_string()
                .strip_prefix("policy")
                .and_then(|n| n.parse().ok());
            let number = number.ok_or_else(|| PolicyError::Guards("a policy has no place in the text".to_owned()))?;
            numbered.push((number, policy));
        }
        numbered.sort_by_key(|(number, _)| *number);
        let mut guards = Self {
            list: Vec::new(),
            policies: PolicySet::new(),
        };
        for (_, policy) in numbered {
            guards.add(policy)?;
        }
        Ok(guards)
    }

    fn add(&mut self, policy: &Policy) -> Result<(), PolicyError> {
        let bad = |why: &str| PolicyError::Guards(format!("{why}: {policy}"));
        let id = policy
            .annotation("id")
            .ok_or_else(|| bad("a guard without `@id`"))?
            .to_owned();
        if policy.effect() != Effect::Forbid {
            return Err(bad("a guard only forbids"));
        }
        let withholds = policy.annotation("withhold");
        // Whoever sees a refusal that depends on the consent learns about the person.
        let condition = policy.to_json().map_err(|_| bad("a guard that cannot be read back"))?;
        if withholds.is_none() && looks_at_consent(&condition) {
            return Err(bad("a guard without `@withhold` does not look at the consent"));
        }
        let then = match withholds {
            Some("NO_VALID_CONSENT") => Then::Withhold(Withhold::NoValidConsent),
            Some(_) => return Err(bad("no such reason to withhold")),
            None => Code::ALL
                .iter()
                .find(|code| code.name() == id)
                .map(|code| Then::Refuse(*code))
                .ok_or_else(|| bad("`@id` is no refusal code"))?,
        };
        self.policies
            .add(policy.new_id(PolicyId::new(&id)))
            .map_err(|_| bad("two guards of one `@id`"))?;
        self.list.push(Guard { id, then });
        Ok(())
    }

    /// In the order of the file.
    pub(super) fn list(&self) -> &[Guard] {
        &self.list
    }
    /// As Cedar holds them.
    pub(super) fn policies(&self) -> &PolicySet {
        &self.policies
    }
    /// What follows when these fire: refusals come before reasons to withhold, so that no refusal depends on a person.
    pub(super) fn first<'a>(&self, fired: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
        let place = |refuses: bool| {
            self.list
                .iter()
                .position(|g| matches!(g.then, Then::Refuse(_)) == refuses && fired.clone().any(|id| id == g.id))
        };
        place(true).or_else(|| place(false))
    }
}

/// Whether a policy, as Cedar writes it in JSON, uses `context.consent` or `context has consent`, or the context as a
/// whole, which holds it.
fn looks_at_consent(json: &Value) -> bool {
    let is_context = |value: &Value| value.get("Var").and_then(Value::as_str) == Some("context");
    let inside = |value: &Value| match value {
        Value::Object(members) => members.values().any(looks_at_consent),
        Value::Array(items) => items.iter().any(looks_at_consent),
        _ => false,
    };
    let part = |name| {
        json.get(name)
            .filter(|of: &&Value| of.get("left").is_some_and(is_context))
    };
    match part(".").or_else(|| part("has")) {
        Some(of) => of
            .get("attr")
            .and_then(Value::as_str)
            .is_none_or(|attr| attr == "consent"),
        None => is_context(json) || inside(json),
    }
}
