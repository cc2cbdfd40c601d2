//! The sealed calls other than Query: consents, the end of a session, records.
use super::{Action, Gate, act::Done};
use crate::{
    agreement::{Member, Role, Spent},
    clock::Time,
    consent::{self, Change},
    domain::{Method, SubjectToken},
    facts::Kind,
    person::Person,
    refusal::Code,
    seal::{
        Opened,
        payload::{self, ConfirmConsent, ConsentRef, GrantConsent, ListConsents},
    },
};

impl From<Change> for Done {
    fn from(change: Change) -> Done {
        Done {
            answer: change.answer,
            effects: change.effects,
            outcome: change.outcome,
            consent: change.consent,
            note: String::new(),
            count: 0,
            once_recorded: None,
        }
    }
}

macro_rules! consent_call {
    ($(#[doc = $doc:literal])* $name:ident, $path:literal, $payload:ty, $roles:expr, changes: $changes:literal, urgent: $urgent:literal, |$gate:ident, $desk:ident, $caller:ident, $asked:ident| $run:expr) => {
        $(#[doc = $doc])*
        pub struct $name;

        impl Action for $name {
            type Payload = $payload;
            fn method(&self) -> Method {
                Method($path)
            }
            fn kind(&self) -> Kind {
                Kind::Consent
            }
            fn roles(&self) -> &'static [Role] {
                $roles
            }
            fn changes(&self) -> bool {
                $changes
            }
            fn urgent(&self) -> bool {
                $urgent
            }
            fn person(&self, gate: &Gate, payload: &Self::Payload) -> Option<SubjectToken> {
                Some(payload.subject.token(&gate.person_keys.pseudonym))
            }
            async fn run(
                &self,
                $gate: &Gate,
                person: Option<&Person>,
                opened: &Opened<Self::Payload>,
                now: Time,
            ) -> Result<Done, Code> {
                let $desk = consent::Desk {
                    state: &*$gate.state,
                    link: &person.ok_or(Code::Internal)?.link,
                    rng: &*$gate.rng,
                    now,
                };
                let ($caller, $asked) = (opened.partner().member(), opened.payload());
                $run.map(Done::from)
            }
        }
    };
}

/// A grant counts against its agreement's day as a question does: it writes rows about a person.
fn grant(gate: &Gate, desk: &consent::Desk<'_>, caller: &Member, asked: &GrantConsent) -> Result<Done, Code> {
    let snapshot = &gate.view.snapshot;
    let scope = consent::Scope {
        known: snapshot.known(),
        agreements: snapshot.agreements(),
    };
    let mut change = consent::grant(desk, caller, &asked.terms, scope)?;
    let agreement = change.agreement.as_ref().and_then(|id| scope.agreements.by_id(id));
    let charge = gate.quotas.charge(agreement.ok_or(Code::Internal)?, desk.now);
    let charge = charge.map_err(|Spent| Code::QuotaSpent)?;
    change.effects.extend(charge.effect());
    Ok(Done {
        once_recorded: Some(Box::new(move |gate| gate.quotas.recorded(charge))),
        ..Done::from(change)
    })
}

consent_call!(
    /// `Grant`: pending until it is confirmed.
    Grant, "/tollgate.v1.ConsentService/Grant", GrantConsent, &[Role::Partner], changes: true, urgent: false,
    |gate, desk, caller, asked| grant(gate, &desk, caller, asked)
);
consent_call!(
    /// `Confirm`: by the provider only.
    Confirm, "/tollgate.v1.ConsentService/Confirm", ConfirmConsent, &[Role::Provider], changes: true, urgent: false,
    |gate, desk, caller, asked| consent::confirm(&desk, caller, asked.consent_id, asked.terms_sha256)
);
consent_call!(
    /// `Withdraw`: by the recipient, or by the provider for the person. Counts from the next decision.
    Withdraw, "/tollgate.v1.ConsentService/Withdraw", ConsentRef, &[Role::Partner, Role::Provider], changes: true, urgent: true,
    |gate, desk, caller, asked| consent::withdraw(&desk, caller, asked.consent_id)
);
consent_call!(
    /// `Get`.
    Get, "/tollgate.v1.ConsentService/Get", ConsentRef, &[Role::Partner, Role::Provider], changes: false, urgent: false,
    |gate, desk, caller, asked| consent::get(&desk, caller, asked.consent_id)
);
consent_call!(
    /// `List`: what one person gave to the caller.
    List, "/tollgate.v1.ConsentService/List", ListConsents, &[Role::Partner, Role::Provider], changes: false, urgent: false,
    |gate, desk, caller, asked| consent::list(&desk, caller, asked.page_size, &asked.page_token)
);

/// `CloseSession`: forgets the session's keys once the entry is recorded.
pub struct CloseSession;

impl Action for CloseSession {
    type Payload = payload::CloseSession;
    fn method(&self) -> Method {
        Method("/tollgate.v1.ExchangeService/CloseSession")
    }
    fn kind(&self) -> Kind {
        Kind::Session
    }
    fn roles(&self) -> &'static [Role] {
        &[Role::Partner, Role::Provider]
    }
    fn changes(&self) -> bool {
        false
    }
    fn person(&self, _gate: &Gate, _payload: &Self::Payload) -> Option<SubjectToken> {
        None
    }
    async fn run(
        &self,
        _gate: &Gate,
        _person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        _now: Time,
    ) -> Result<Done, Code> {
        let session = opened.session_id().ok_or(Code::SessionRequired)?;
        let partner = opened.partner().member().id.clone();
        Ok(Done {
            answer: Vec::new(),
            effects: Vec::new(),
            outcome: "session-closed",
            consent: None,
            note: String::new(),
            count: 0,
            once_recorded: Some(Box::new(move |gate| {
                gate.opener.sessions().close(&partner, &session);
            })),
        })
    }
}
