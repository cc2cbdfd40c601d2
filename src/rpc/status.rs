//! The only maker of `tonic::Status`. A refusal becomes one only when it is recorded.
use crate::{
    audit::Recorded,
    refusal::{Code, NotRecorded, Refusal, Status as Kind},
};
use std::collections::HashMap;
use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `ErrorInfo.domain`.
pub const DOMAIN: &str = "tollgate.v1";

/// A refusal that is in the log, as a status with `google.rpc.ErrorInfo`: reason, and the reference that the entry carries too.
pub fn refused(refusal: &Recorded<Refusal>) -> Status {
    let code = refusal.value().code();
    let mut metadata = HashMap::new();
    let reference = &refusal.value().facts().reference;
    if !reference.is_empty() {
        metadata.insert("reference".to_owned(), reference.clone());
    }
    with_info(code.status(), code.name(), code.message(), metadata)
}

/// The two replies that no entry stands behind: the log itself could not take one. Nothing was opened.
pub fn not_recorded(error: NotRecorded) -> Status {
    let (kind, name) = match error {
        NotRecorded::QueueFull => (Kind::ResourceExhausted, "AUDIT_QUEUE_FULL"),
        NotRecorded::LogFailed => (Kind::Unavailable, "AUDIT_LOG_FAILED"),
        NotRecorded::DiskFull => (Kind::ResourceExhausted, Code::DiskFull.name()),
        NotRecorded::TooLarge => (Kind::Internal, Code::Internal.name()),
    };
    let message = match error {
        NotRecorded::QueueFull => "the audit queue is full: try again after a second",
        NotRecorded::LogFailed => "the audit log takes no entries, so nothing is answered: the operator has been told",
        NotRecorded::DiskFull => Code::DiskFull.message(),
        NotRecorded::TooLarge => Code::Internal.message(),
    };
    with_info(kind, name, message, HashMap::new())
}

/// For counted calls: the entry comes with the minute's count.
pub fn counted(code: Code) -> Status {
    with_info(code.status(), code.name(), code.message(), HashMap::new())
}

fn with_info(kind: Kind, reason: &str, message: &str, metadata: HashMap<String, String>) -> Status {
    Status::with_error_details(
        grpc(kind),
        message,
        ErrorDetails::with_error_info(reason, DOMAIN, metadata),
    )
}

fn grpc(kind: Kind) -> Grpc {
    match kind {
        Kind::InvalidArgument => Grpc::InvalidArgument,
        Kind::Unauthenticated => Grpc::Unauthenticated,
        Kind::PermissionDenied => Grpc::PermissionDenied,
        Kind::FailedPrecondition => Grpc::FailedPrecondition,
        Kind::ResourceExhausted => Grpc::ResourceExhausted,
        Kind::Unavailable => Grpc::Unavailable,
        Kind::AlreadyExists => Grpc::AlreadyExists,
        Kind::NotFound => Grpc::NotFound,
        Kind::Internal => Grpc::Internal,
    }
}
