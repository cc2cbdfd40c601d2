//! The sealed calls other than Query: consents, the end of a session, records.
use super::{Action, Gate, act::Done};
use crate::{
    agreement::Role,
    clock::Time,
    consent::{self, Change},
    domain::{Method, SubjectToken},
    facts::Kind,
    refusal::Code,
    seal::{
        Opened,
        payload::{self, ConsentRef, GrantConsent, ListConsents},
    },
};

impl From<Change> for Done {
    fn from(change: Change) -> Done {
        Done {
            answer: change.answer,
            effects: change.effects,
            outcome: change.outcome,
            person: Some((change.subject, change.detail_key)),
            consent: change.consent,
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
            async fn run(&self, $gate: &Gate, opened: &Opened<Self::Payload>, now: Time) -> Result<Done, Code> {
                let $desk = consent::Desk {
                    state: &*$gate.state,
                    keys: &$gate.person_keys,
                    rng: &*$gate.rng,
                    now,
                };
                let ($caller, $asked) = (opened.partner().member(), opened.payload());
                $run.map(Done::from)
            }
        }
    };
}

consent_call!(
    /// `Grant`: pending until it is confirmed.
    Grant, "/tollgate.v1.ConsentService/Grant", GrantConsent, &[Role::Partner], changes: true, urgent: false,
    |gate, desk, caller, asked| consent::grant(&desk, caller, &asked.subject, &asked.terms, gate.view.snapshot.known())
);
consent_call!(
    /// `Confirm`: by the provider only.
    Confirm, "/tollgate.v1.ConsentService/Confirm", ConsentRef, &[Role::Provider], changes: true, urgent: false,
    |gate, desk, caller, asked| consent::confirm(&desk, caller, &asked.subject, asked.consent_id)
);
consent_call!(
    /// `Withdraw`: by the recipient, or by the provider for the person. Counts from the next decision.
    Withdraw, "/tollgate.v1.ConsentService/Withdraw", ConsentRef, &[Role::Partner, Role::Provider], changes: true, urgent: true,
    |gate, desk, caller, asked| consent::withdraw(&desk, caller, &asked.subject, asked.consent_id)
);
consent_call!(
    /// `Get`.
    Get, "/tollgate.v1.ConsentService/Get", ConsentRef, &[Role::Partner, Role::Provider], changes: false, urgent: false,
    |gate, desk, caller, asked| consent::get(&desk, caller, &asked.subject, asked.consent_id)
);
consent_call!(
    /// `List`: what one person gave to the caller.
    List, "/tollgate.v1.ConsentService/List", ListConsents, &[Role::Partner, Role::Provider], changes: false, urgent: false,
    |gate, desk, caller, asked| consent::list(&desk, caller, &asked.subject, asked.page_size, &asked.page_token)
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
    async fn run(&self, _gate: &Gate, opened: &Opened<Self::Payload>, _now: Time) -> Result<Done, Code> {
        let session = opened.session_id().ok_or(Code::SessionRequired)?;
        let partner = opened.partner().member().id.clone();
        Ok(Done {
            answer: Vec::new(),
            effects: Vec::new(),
            outcome: "session-closed",
            person: None,
            consent: None,
            once_recorded: Some(Box::new(move |gate| {
                gate.opener.sessions().close(&partner, &session);
            })),
        })
    }
}
