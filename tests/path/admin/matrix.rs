//! Every method of every service, by every role: what the descriptors hold is what is tried. A method without a rule fails
//! here, and so does one that lets in a role that its rule does not name.
use crate::support::{
    AUDITOR, BANK_A, COMPLIANCE, Caller, Gateway, LENDER, OPERATOR, Place, SECURITY, Who, reason_of, runtime,
};
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tollgate::wire::{DESCRIPTOR, Message, v1};
use tonic::{Code, Status};
use tonic_types::StatusExt;

const EVERYBODY: [Who; 6] = [BANK_A, LENDER, COMPLIANCE, AUDITOR, SECURITY, OPERATOR];
const PARTNER: &[Who] = &[BANK_A];
const PROVIDER: &[Who] = &[LENDER];
const OUTSIDE: &[Who] = &[BANK_A, LENDER];
const OFFICER: &[Who] = &[COMPLIANCE];
const LOG: &[Who] = &[COMPLIANCE, AUDITOR];
const CHANGES: &[Who] = &[SECURITY, OPERATOR];
const LOOKS: &[Who] = &[SECURITY, OPERATOR, COMPLIANCE];

/// Who may call it.
const RULES: &[(&str, &[Who])] = &[
    ("AdminService/Propose", CHANGES),
    ("AdminService/Approve", CHANGES),
    ("AdminService/Reject", CHANGES),
    ("AdminService/ListProposals", LOOKS),
    ("AdminService/GetStatus", LOOKS),
    ("AdminService/Suspend", &[SECURITY]),
    ("AdminService/RevokeExchangeKey", &[SECURITY]),
    ("AuditService/Search", LOG),
    ("AuditService/GetEntry", LOG),
    ("AuditService/GetOverview", LOG),
    ("AuditService/StreamEntries", LOG),
    ("AuditService/FindCheckpoint", LOG),
    ("AuditService/ReportSubject", LOG),
    ("AuditService/Pack", LOG),
    ("BackupService/CreateBackup", &[OPERATOR]),
    ("BackupService/ConfirmReplay", &[COMPLIANCE, SECURITY]),
    ("ConsentService/Grant", PARTNER),
    ("ConsentService/Confirm", PROVIDER),
    ("ConsentService/Withdraw", OUTSIDE),
    ("ConsentService/Get", OUTSIDE),
    ("ConsentService/List", OUTSIDE),
    ("ExchangeService/Query", PARTNER),
    ("ExchangeService/OpenSession", OUTSIDE),
    ("ExchangeService/CloseSession", OUTSIDE),
    ("ExchangeService/ListSignals", &EVERYBODY),
    ("ExchangeService/GetKeyList", &EVERYBODY),
    ("LogHoldService/PlaceLogHold", OFFICER),
    ("LogHoldService/ReleaseLogHold", OFFICER),
    ("LogHoldService/ListLogHolds", OFFICER),
    ("LogService/GetCheckpoint", &EVERYBODY),
    ("LogService/ProveConsistency", &EVERYBODY),
    ("LogService/ProveSuccession", &EVERYBODY),
    ("NoticeService/ListNotices", PARTNER),
    ("NoticeService/AcknowledgeNotices", PARTNER),
    ("PersonsService/RequestErasure", OFFICER),
    ("PersonsService/GetErasure", OFFICER),
    ("PersonsService/PlaceHold", OFFICER),
    ("PersonsService/ReleaseHold", OFFICER),
    ("PersonsService/ListErasures", OFFICER),
    ("PersonsService/RunErasures", OFFICER),
    ("RecordsService/Load", PROVIDER),
    ("RecordsService/Correct", PROVIDER),
    ("SubjectRequestService/OpenSubjectRequest", OFFICER),
    ("SubjectRequestService/GetSubjectRequest", OFFICER),
    ("SubjectRequestService/ListSubjectRequests", OFFICER),
    ("SubjectRequestService/AssignSubjectRequest", OFFICER),
    ("SubjectRequestService/CloseSubjectRequest", OFFICER),
    ("SubjectRequestService/WriteSubjectLetter", OFFICER),
];

/// Services that do not exist on the listener of partners.
const STAFF_ONLY: [&str; 5] = [
    "AdminService",
    "AuditService",
    "BackupService",
    "LogHoldService",
    "SubjectRequestService",
];

/// Any reply: what is in it is not looked at.
type Any = v1::ListLogHoldsRequest;
/// A request without a field.
type Nothing = v1::ListLogHoldsRequest;

/// How a method's request is made so that it comes as far as the role.
#[derive(Clone, Copy)]
enum Shape {
    Sealed,
    Opening,
    Plain,
}

fn methods() -> BTreeMap<String, Shape> {
    let set = FileDescriptorSet::decode(DESCRIPTOR).unwrap();
    let fields = |method: &MethodDescriptorProto| -> Vec<String> {
        let name = method.input_type().trim_start_matches(".tollgate.v1.");
        let mut messages = set.file.iter().flat_map(|file| &file.message_type);
        let message = messages.find(|message| message.name() == name).unwrap();
        message.field.iter().map(|field| field.name().to_owned()).collect()
    };
    let mut all = BTreeMap::new();
    for file in set.file.iter().filter(|file| file.package() == "tollgate.v1") {
        for service in &file.service {
            for method in &service.method {
                let shape = match fields(method).as_slice() {
                    [one] if one == "sealed" => Shape::Sealed,
                    [one] if one == "open" => Shape::Opening,
                    _ => Shape::Plain,
                };
                all.insert(format!("{}/{}", service.name(), method.name()), shape);
            }
        }
    }
    all
}

async fn call(by: &Caller, method: &str, shape: Shape) -> Result<(), Status> {
    let path: &'static str = Box::leak(format!("/tollgate.v1.{method}").into_boxed_str());
    match shape {
        Shape::Sealed => {
            let noise = by.seal_bytes(path, b"no signed message");
            by.send(path, Some(noise)).await.map(drop)
        }
        Shape::Opening => {
            let open = v1::OpenSessionRequest {
                open: Some(v1::OneShotRequest::default()),
            };
            by.send_opening(open).await.map(drop)
        }
        Shape::Plain => by.call::<Nothing, Any>(path, Nothing {}).await.map(drop),
    }
}

/// A call that was turned away for its rate has not come as far as the role: it is made again.
async fn paced(by: &Caller, method: &str, shape: Shape) -> Result<(), Status> {
    for _ in 0..20 {
        match call(by, method, shape).await {
            Err(status) if is_rate(&status) => tokio::time::sleep(Duration::from_millis(500)).await,
            outcome => return outcome,
        }
    }
    panic!("`{method}` is turned away for its rate whatever the pace")
}

fn is_rate(status: &Status) -> bool {
    let details = status.get_error_details();
    details.error_info().is_some_and(|info| info.reason == "RATE_LIMITED")
}

#[test]
fn every_method_has_a_rule_and_every_rule_a_method() {
    let described: BTreeSet<String> = methods().into_keys().collect();
    let ruled: BTreeSet<String> = RULES.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!(described, ruled);
    assert_eq!(ruled.len(), RULES.len(), "a method has two rules");
}

#[test]
fn each_role_may_call_what_its_rule_says_and_nothing_else() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        for who in EVERYBODY {
            let caller = gateway.caller(who).await;
            for (method, shape) in methods() {
                gateway.pace(who.uri).await;
                let (_, allowed) = RULES.iter().find(|(ruled, _)| *ruled == method).unwrap();
                let outcome = paced(&caller, &method, shape).await;
                let service = method.split('/').next().unwrap();
                let barred = match &outcome {
                    Ok(()) => false,
                    Err(status) if !who.staff && STAFF_ONLY.contains(&service) => {
                        assert_eq!(status.code(), Code::Unimplemented, "{who:?} {method}");
                        true
                    }
                    Err(status) => reason_of(status) == "METHOD_NOT_ALLOWED",
                };
                assert_eq!(!barred, allowed.contains(&who), "{who:?} {method}: {outcome:?}");
            }
        }
        gateway.stop().await.verify_log();
    });
}
