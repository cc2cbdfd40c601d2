//! The closed list of reasons to refuse. Each has a stable code, one fixed text, and a test of reply and audit entry.
//!
//! A refusal depends on partner or request, never on the person: whatever depends on the person is a sealed answer.
use crate::facts::Facts;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $status:ident, $message:literal;)*) => {
        /// Why a request is refused. The name is part of the protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }
        impl Code {
            /// Every code, for documents and tests.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];
            /// The stable name: `ErrorInfo.reason`, and the leaf's `refusal`.
            pub fn name(self) -> &'static str { match self { $(Code::$name => $text,)* } }
            /// The gRPC status it becomes.
            pub fn status(self) -> Status { match self { $(Code::$name => Status::$status,)* } }
            /// The fixed text: says what to do, never carries a value.
            pub fn message(self) -> &'static str { match self { $(Code::$name => $message,)* } }
        }
    };
}

/// gRPC status codes that refusals use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The request is wrong whatever the state.
    InvalidArgument,
    /// Who are you?
    Unauthenticated,
    /// Known, and may not.
    PermissionDenied,
    /// The state does not allow it now.
    FailedPrecondition,
    /// Too much.
    ResourceExhausted,
    /// The gateway cannot just now.
    Unavailable,
    /// Known under this id, with other content.
    AlreadyExists,
    /// No such thing.
    NotFound,
    /// A fault of ours.
    Internal,
}

codes! {
    /// The certificate is not that of a registered peer.
    PeerUnknown = "PEER_UNKNOWN", Unauthenticated, "this certificate does not belong to a registered peer: ask the operator to register it";
    /// The certificate or key stands on the denylist.
    PeerRevoked = "PEER_REVOKED", Unauthenticated, "this certificate was revoked: present another";
    /// The certificate has expired since the connection was made.
    CertificateExpired = "CERTIFICATE_EXPIRED", Unauthenticated, "the client certificate has expired: renew it and connect again";
    /// The peer's role does not include this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", PermissionDenied, "your role does not include this method";
    /// The partner is suspended.
    PartnerSuspended = "PARTNER_SUSPENDED", PermissionDenied, "this partner is suspended: contact the operator";
    /// Too many requests of this kind from this peer.
    RateLimited = "RATE_LIMITED", ResourceExhausted, "too many requests: slow down and try again after a second";
    /// Larger than any valid message.
    TooLarge = "TOO_LARGE", InvalidArgument, "the message is larger than this method allows";
    /// No envelope, or one that lacks a part.
    EnvelopeMalformed = "ENVELOPE_MALFORMED", InvalidArgument, "the sealed envelope lacks a part or has one of the wrong length";
    /// Not one of the suites of the agreement.
    SuiteNotAllowed = "SUITE_NOT_ALLOWED", InvalidArgument, "this suite is not allowed for you: use one of the key list that your agreement allows";
    /// No exchange key of this id may open.
    KeyUnknown = "KEY_UNKNOWN", FailedPrecondition, "no usable exchange key has this id: fetch the key list and seal again";
    /// The envelope does not open. Says nothing about why.
    OpenFailed = "OPEN_FAILED", InvalidArgument, "the envelope does not open";
    /// No session of this id belongs to this peer.
    SessionUnknown = "SESSION_UNKNOWN", FailedPrecondition, "no such session: open a new one, at most once in ten seconds";
    /// The session's time or count is used up.
    SessionExpired = "SESSION_EXPIRED", FailedPrecondition, "the session has ended: open a new one";
    /// The sequence number was used, or lies behind the window.
    Replayed = "REPLAYED", FailedPrecondition, "this sequence number was used: send the same signed bytes under a new one";
    /// More sessions than allowed.
    SessionsExhausted = "SESSIONS_EXHAUSTED", ResourceExhausted, "too many open sessions: close some or wait for them to expire";
    /// This method takes requests in a session only.
    SessionRequired = "SESSION_REQUIRED", InvalidArgument, "this method takes requests in a session only";
    /// The signing key is not registered for this partner, or not now.
    SigningKeyUnknown = "SIGNING_KEY_UNKNOWN", PermissionDenied, "this signing key is not registered for you";
    /// The signature does not verify.
    SignatureInvalid = "SIGNATURE_INVALID", PermissionDenied, "the signature does not verify over the canonical payload";
    /// Only the opening of the session is signed, and this request needs a signature of its own.
    SignatureRequired = "SIGNATURE_REQUIRED", PermissionDenied, "this request needs a signature of its own: the agreement, or the method, asks for it";
    /// The signed bytes are not the canonical encoding.
    NotCanonical = "NOT_CANONICAL", InvalidArgument, "the signed payload is not in canonical form, or has a field this gateway does not know";
    /// `issued_at` is too far from our clock.
    Stale = "STALE", FailedPrecondition, "`issued_at` is more than 120 s from this gateway's clock";
    /// A field has a value that no valid request has.
    FieldInvalid = "FIELD_INVALID", InvalidArgument, "a field of the request is missing or not valid";
    /// The identity does not have the form of its scheme.
    SubjectMalformed = "SUBJECT_MALFORMED", InvalidArgument, "the identity is not well formed: check scheme, length and check character";
    /// The request id is known with other content.
    RequestIdReused = "REQUEST_ID_REUSED", AlreadyExists, "this request id was used for another request: take a new one";
    /// No such agreement of this partner.
    AgreementUnknown = "AGREEMENT_UNKNOWN", PermissionDenied, "no agreement of this id is yours";
    /// The agreement has not begun, has ended, or is not activated.
    AgreementNotInForce = "AGREEMENT_NOT_IN_FORCE", FailedPrecondition, "the agreement is not in force today";
    /// The agreement does not name this purpose.
    PurposeNotAgreed = "PURPOSE_NOT_AGREED", PermissionDenied, "the agreement does not cover this purpose";
    /// There is no such purpose.
    PurposeUnknown = "PURPOSE_UNKNOWN", InvalidArgument, "this gateway knows no such purpose";
    /// There is no such signal.
    SignalUnknown = "SIGNAL_UNKNOWN", InvalidArgument, "this gateway has no such signal: see ListSignals";
    /// The signal is not given out any more.
    SignalRetired = "SIGNAL_RETIRED", FailedPrecondition, "this signal is retired: see ListSignals for its successor";
    /// The agreement does not include the signal's family.
    SignalNotAgreed = "SIGNAL_NOT_AGREED", PermissionDenied, "the agreement does not include this signal's family";
    /// The signal may not be used for this purpose.
    PurposeNotAllowedForSignal = "PURPOSE_NOT_ALLOWED_FOR_SIGNAL", PermissionDenied, "this signal may not be used for this purpose";
    /// Finer than the agreement allows.
    GranularityTooFine = "GRANULARITY_TOO_FINE", PermissionDenied, "the agreement allows this family at a coarser granularity only";
    /// The agreement's route is not lawful for what this operator is.
    RouteNotAllowed = "ROUTE_NOT_ALLOWED", PermissionDenied, "this route is not allowed: ask through a licensed credit bureau";
    /// Across a border without a mechanism.
    CrossBorderNotAllowed = "CROSS_BORDER_NOT_ALLOWED", PermissionDenied, "the agreement names no mechanism for a transfer across the border";
    /// A sensitive signal that the agreement does not allow at all.
    SensitivityNotAllowed = "SENSITIVITY_NOT_ALLOWED", PermissionDenied, "this signal is too sensitive for this agreement";
    /// The policy could not be evaluated: refused.
    PolicyError = "POLICY_ERROR", PermissionDenied, "the policy could not be evaluated, so the request is refused";
    /// The partner's calls of today are used up.
    QuotaSpent = "QUOTA_SPENT", ResourceExhausted, "the agreement's quota for today is used up";
    /// The terms of a consent are not acceptable.
    ConsentTermsInvalid = "CONSENT_TERMS_INVALID", InvalidArgument, "the terms of the consent are not valid: one recipient, known purposes and families, an end within two years";
    /// As many consents of this person as a partner may hold, and none has ended.
    ConsentsExhausted = "CONSENTS_EXHAUSTED", ResourceExhausted, "you hold the most consents of this person that are allowed: withdraw one first";
    /// More erasures, or more holds on one person, than are kept.
    ErasuresExhausted = "ERASURES_EXHAUSTED", ResourceExhausted, "as many holds or erasures are open as are kept: release holds that have ended";
    /// The load does not continue where the batch stands.
    BatchOutOfOrder = "BATCH_OUT_OF_ORDER", FailedPrecondition, "the chunk does not begin where the batch ends: continue from `rows_held`";
    /// Too many loads at once.
    BatchesExhausted = "BATCHES_EXHAUSTED", ResourceExhausted, "too many unfinished loads: finish or abandon one";
    /// The rows are ordered by another catalogue.
    CatalogueMismatch = "CATALOGUE_MISMATCH", FailedPrecondition, "the rows follow another catalogue: load `fields.toml` of this gateway";
    /// A row that no valid record has.
    RowInvalid = "ROW_INVALID", InvalidArgument, "a row does not fit the catalogue";
    /// A proof is asked for a size that the log does not have.
    LogRange = "LOG_RANGE", InvalidArgument, "the log has no such size";
    /// No such period of the log, or one that is deleted.
    PeriodUnknown = "PERIOD_UNKNOWN", NotFound, "no such period of the log is kept: see `tollgate audit archive list`";
    /// The files of an archived period are missing or do not lead to its final checkpoint.
    ArchiveUnreadable = "ARCHIVE_UNREADABLE", Unavailable, "the archive of that period cannot be read: ask the operator to verify it and to restore it from a backup";
    /// A page token that this gateway did not give for this search.
    PageTokenInvalid = "PAGE_TOKEN_INVALID", InvalidArgument, "the page token is not of this search: begin again without one";
    /// As many streams of entries as a member may have are open.
    StreamsExhausted = "STREAMS_EXHAUSTED", ResourceExhausted, "you have the most streams open that are allowed: end one first";
    /// An auditor asks beyond what he may read, or his time is over.
    OutOfScope = "OUT_OF_SCOPE", PermissionDenied, "your audit scope does not cover this: ask the operator to widen or renew it";
    /// Not what C2SP tlog-witness sends.
    CheckpointMalformed = "CHECKPOINT_MALFORMED", InvalidArgument, "the body is not an old size, a proof and a signed checkpoint of at least that size";
    /// A checkpoint of a log that is not witnessed here.
    WitnessedLogUnknown = "WITNESSED_LOG_UNKNOWN", NotFound, "this log is not witnessed here: ask the operator to name its verifier key";
    /// No signature by a key of that log.
    CheckpointSignature = "CHECKPOINT_SIGNATURE", PermissionDenied, "the checkpoint is not signed by a key that is known for its log";
    /// The proof does not begin where the witness stands.
    CheckpointSize = "CHECKPOINT_SIZE", FailedPrecondition, "the witness knows another size of this log: prove from the size in the body";
    /// Another root at the size that was cosigned.
    CheckpointForked = "CHECKPOINT_FORKED", FailedPrecondition, "the witness has cosigned another root at this size: the log has two histories";
    /// The proof does not lead from the cosigned checkpoint to this one.
    CheckpointInconsistent = "CHECKPOINT_INCONSISTENT", InvalidArgument, "the proof does not lead from the checkpoint that was cosigned to this one";
    /// A browser was made to ask by a page of another site.
    CrossOrigin = "CROSS_ORIGIN", PermissionDenied, "the request came from another site: open the console itself and try again";
    /// No request of a person has this id.
    SubjectRequestUnknown = "SUBJECT_REQUEST_UNKNOWN", NotFound, "the case list has no request of this id: list it";
    /// The request has ended.
    SubjectRequestClosed = "SUBJECT_REQUEST_CLOSED", FailedPrecondition, "this request is closed: open a new one if the person asks again";
    /// The person has as many requests as may be open, or the case list is full of open ones.
    SubjectRequestsExhausted = "SUBJECT_REQUESTS_EXHAUSTED", ResourceExhausted, "too many requests are open, of this person or in all: close some first";
    /// No member, key or suspension that this could be about.
    TargetUnknown = "TARGET_UNKNOWN", NotFound, "there is no such member, key or suspension: look at the status";
    /// As many certificates and keys are denied as are kept.
    SuspensionsExhausted = "SUSPENSIONS_EXHAUSTED", ResourceExhausted, "as many certificates and keys are denied as are kept: suspend the member, or revoke by the CA's list";
    /// No proposal of this id is kept.
    ProposalUnknown = "PROPOSAL_UNKNOWN", NotFound, "there is no such proposal: list them";
    /// It was approved or rejected before.
    ProposalClosed = "PROPOSAL_CLOSED", FailedPrecondition, "this proposal was decided before, and is good for nothing more: propose anew";
    /// Nobody approved it in time.
    ProposalExpired = "PROPOSAL_EXPIRED", FailedPrecondition, "this proposal has expired: propose anew";
    /// What is approved is not what was proposed, or the register, the policy or the target is another by now.
    ProposalChanged = "PROPOSAL_CHANGED", FailedPrecondition, "what you approve is not what was proposed, or what it is about has changed since: list it again, or propose anew";
    /// The proposer, as whatever member, is not a second person.
    SamePerson = "SAME_PERSON", PermissionDenied, "whoever proposed cannot approve, under another certificate or role neither: ask another person";
    /// The proposer is not in the register any more as they were, or is shut out.
    OfficerNotValid = "OFFICER_NOT_VALID", FailedPrecondition, "whoever proposed this is no longer a member in that role, or is denied: propose anew";
    /// Another job of the class is being carried out.
    JobRunning = "JOB_RUNNING", FailedPrecondition, "another job of this class is being carried out: approve again when it is done";
    /// One person has as many proposals open as they may, or as many are kept as fit.
    ProposalsExhausted = "PROPOSALS_EXHAUSTED", ResourceExhausted, "too many proposals are open: reject those that nobody needs";
    /// The disk is full; withdrawals still work.
    DiskFull = "DISK_FULL", ResourceExhausted, "the gateway has no room for its log: the operator has been told; try again later";
    /// A record source or another part failed.
    Internal = "INTERNAL", Internal, "the gateway failed to answer: try again; if it lasts, give the operator the reference";
    /// The call took too long.
    DeadlineExceeded = "DEADLINE_EXCEEDED", Unavailable, "the gateway did not answer in time: send the same signed bytes again";
}

/// What no entry can say, because the log itself could not take it: fixed replies, given before anything is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The queue has no room.
    #[error("the audit queue is full")]
    QueueFull,
    /// The log failed and takes no more entries.
    #[error("the audit log has failed")]
    LogFailed,
    /// The disk has no room for the log.
    #[error("no room on disk for the audit log")]
    DiskFull,
    /// The entry is larger than any valid one; in its place the log says that the case ended without a reply.
    #[error("the entry is too large for the audit log")]
    TooLarge,
}

/// A refusal with what was known of the request. It becomes a reply only once it is recorded.
pub struct Refusal {
    facts: Box<Facts>,
    code: Code,
}

impl Refusal {
    pub(crate) fn new(facts: Box<Facts>, code: Code) -> Self {
        Self { facts, code }
    }
    /// The reason.
    pub fn code(&self) -> Code {
        self.code
    }
    /// What was known.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_texts_are_fixed() {
        let names: HashSet<_> = Code::ALL.iter().map(|c| c.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(!code.message().contains('{'), "{}", code.name());
            assert!(code.name().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        }
    }
}
