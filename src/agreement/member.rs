//! Who is registered: partners, the provider (the data holder's own systems), staff.
use crate::{
    case::First,
    clock::Time,
    crypto::{Suite, VerifyKey},
    domain::{OfficerId, PartnerId},
    identity::PeerIdentity,
};
use std::sync::Arc;

/// What a registered peer may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Asks questions.
    Partner,
    /// The data holder's own systems: loads records, confirms consents.
    Provider,
    /// Reads the log and answers persons and regulators.
    Compliance,
    /// Reads the part of the log that its scope names, for as long as that says: a regulator or an outside auditor.
    Auditor,
    /// Keys and revocation.
    Security,
    /// Runs the gateway.
    Operator,
}

impl Role {
    /// As in the file, and as the first part of the path in the certificate's URI.
    pub fn name(self) -> &'static str {
        match self {
            Role::Partner => "partner",
            Role::Provider => "provider",
            Role::Compliance => "compliance",
            Role::Auditor => "auditor",
            Role::Security => "security",
            Role::Operator => "operator",
        }
    }
}

/// A registered public key, with possession proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// `signing_key_id` in signed messages.
    pub id: String,
    /// The key.
    pub key: VerifyKey,
}

/// What an auditor may read, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditScope {
    /// Entries of these partners only; empty means of all.
    pub partners: Vec<PartnerId>,
    /// Entries from here on.
    pub from: Time,
    /// Entries before this.
    pub until: Time,
    /// The role ends here.
    pub expires: Time,
}

/// One line of the register.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub id: PartnerId,
    /// What it may call.
    pub role: Role,
    /// The SPIFFE URI of its certificate.
    pub uri: String,
    /// Keys that its signatures verify under.
    pub signing_keys: Vec<SigningKey>,
    /// Suites it may use.
    pub suites: Vec<Suite>,
    /// Nothing is answered.
    pub suspended: bool,
    /// Who it is among staff: one person, whatever roles and certificates they have. Two people are told apart by this.
    pub person: Option<OfficerId>,
    /// Of an auditor, and of nobody else.
    pub audit: Option<AuditScope>,
}

impl Member {
    /// Whether the time is over for which an auditor was registered.
    pub fn has_expired(&self, now: Time) -> bool {
        self.audit.as_ref().is_some_and(|audit| now >= audit.expires)
    }
}

/// Proof: a registered member that is not suspended, over a channel with its certificate.
/// Only [`super::authenticate`] makes one.
///
/// ```compile_fail,E0451
/// use std::sync::Arc;
/// use tollgate::{agreement::{Member, Partner}, identity::PeerIdentity};
/// fn forge(member: Arc<Member>, peer: PeerIdentity) -> Partner { Partner { member, peer } }
/// ```
/// ```
/// use std::sync::Arc;
/// use tollgate::{agreement::{Member, Partner}, identity::PeerIdentity};
/// fn forge(member: Arc<Member>, peer: PeerIdentity) -> (Arc<Member>, PeerIdentity) { (member, peer) }
/// ```
pub struct Partner {
    member: Arc<Member>,
    peer: PeerIdentity,
}

impl First for Partner {}

impl Partner {
    pub(super) fn new(member: Arc<Member>, peer: PeerIdentity) -> Self {
        Self { member, peer }
    }
    /// The register's line.
    pub fn member(&self) -> &Member {
        &self.member
    }
    /// The certificate's identity.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(member: Member) -> Self {
        let peer = PeerIdentity::for_tests(&member.uri);
        Self {
            member: Arc::new(member),
            peer,
        }
    }
}
