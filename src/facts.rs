//! What is known of a request so far: what its audit entry will say.
use crate::{
    crypto::Secret,
    domain::{AgreementId, ConsentId, FieldSet, Method, PartnerId, Purpose, RequestId, SignalId, SubjectToken},
    state::Effect,
};

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Start and stop.
    Lifecycle,
    /// A question about a person.
    Query,
    /// A session opened or closed.
    Session,
    /// A consent granted, confirmed, withdrawn, read.
    Consent,
    /// Records loaded or corrected.
    Records,
    /// Key list, signals or log were read.
    Read,
    /// Keys changed.
    Keys,
    /// Configuration became active.
    Configuration,
    /// Many events, counted.
    Counted,
    /// A request of a person about their own data.
    SubjectRequest,
    /// A checkpoint of another log was cosigned or refused; or what witnesses say of this one has changed.
    Witness,
}

/// Under which key an entry's details are sealed.
#[derive(Clone, Default)]
pub enum DetailKey {
    /// The period's: strangers, and entries without a person.
    #[default]
    Period,
    /// The person's: destroying it unlinks the entry.
    Person(Secret<32>),
}

/// Everything an entry can say. Steps fill it in; no step reads it to decide.
#[derive(Clone)]
pub struct Facts {
    /// What it is about.
    pub kind: Kind,
    /// The identity in the certificate, or `gateway`.
    pub peer: String,
    /// The registered partner or provider.
    pub partner: Option<PartnerId>,
    /// The agreement that was named and is the partner's.
    pub agreement: Option<AgreementId>,
    /// The method that was called.
    pub method: Method,
    /// SHA-256 of everything the decision is made by.
    pub snapshot: [u8; 32],
    /// Exchange and signing keys that were used.
    pub key_ids: Vec<String>,

    /// Of the request; part of what the partner may prove.
    pub request_id: Option<RequestId>,
    /// SHA-256 of the signed payload.
    pub request_digest: Option<[u8; 32]>,
    /// Who signed.
    pub signing_key_id: String,
    /// What was signed with it.
    pub signature: Vec<u8>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// By which consent.
    pub consent: Option<ConsentId>,
    /// Which signals.
    pub signals: Vec<SignalId>,
    /// For people.
    pub reference: String,

    /// One word per signal, or what was done. Only the institution sees it.
    pub outcomes: Vec<String>,
    /// The guard that withheld each signal, empty for one that was permitted. Only the institution sees it.
    pub guards: Vec<String>,
    /// Fields that were read.
    pub fields_read: FieldSet,
    /// Fields that the question would need and that were not read.
    pub fields_withheld: FieldSet,
    /// The person.
    pub subject: Option<SubjectToken>,
    /// What changes with this entry.
    pub effects: Vec<Effect>,
    /// Events that a counted entry stands for.
    pub count: u64,
    /// Free of values.
    pub note: String,
    /// Who can open the details later.
    pub detail_key: DetailKey,

    /// In the first entry of a log: the final checkpoint of the log before.
    pub continues: String,
    /// In the last entry of a log: the origin of the next.
    pub continued_by: String,
    /// In the first entry of a log that goes on after a loss: how many entries the log before is known to have had.
    pub missing_until: u64,
}

impl Facts {
    /// At the start of a call.
    pub fn new(kind: Kind, peer: impl Into<String>, method: Method, snapshot: [u8; 32]) -> Self {
        Self {
            kind,
            peer: peer.into(),
            method,
            snapshot,
            partner: None,
            agreement: None,
            key_ids: Vec::new(),
            request_id: None,
            request_digest: None,
            signing_key_id: String::new(),
            signature: Vec::new(),
            purpose: None,
            consent: None,
            signals: Vec::new(),
            reference: String::new(),
            outcomes: Vec::new(),
            guards: Vec::new(),
            fields_read: FieldSet::default(),
            fields_withheld: FieldSet::default(),
            subject: None,
            effects: Vec::new(),
            count: 0,
            note: String::new(),
            detail_key: DetailKey::Period,
            continues: String::new(),
            continued_by: String::new(),
            missing_until: 0,
        }
    }
}
