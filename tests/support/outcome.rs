//! What a call led to, at both ends: the reply, and the one entry that stands behind it. Whatever holds for every refusal,
//! and for every answer, is asserted here once.
use super::{Caller, Entry, Gateway, Sent, entries};
use tollgate::{
    crypto::sha256,
    limits::REPLY_BLOCK_BYTES,
    refusal::{Code, Status as Kind},
    wire::v1,
};
use tonic::Status;
use tonic_types::{ErrorInfo, StatusExt};

/// Bytes that sealing adds to a padded reply.
const TAG_BYTES: usize = 16;

/// A refusal that was checked: its status, and its entry.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) entry: Entry,
}

/// A sealed answer that was checked: its size, and its entry.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) body: v1::ReplyBody,
    pub(crate) entry: Entry,
}

fn info(status: &Status) -> ErrorInfo {
    let details = status.get_error_details();
    let info = details.error_info().cloned();
    info.unwrap_or_else(|| panic!("a status without `ErrorInfo`: {status:?}"))
}

/// The reason in a status.
pub(crate) fn reason_of(status: &Status) -> String {
    info(status).reason
}

/// What gRPC calls a refusal of this kind (`docs/errors.md`).
fn grpc(kind: Kind) -> tonic::Code {
    match kind {
        Kind::InvalidArgument => tonic::Code::InvalidArgument,
        Kind::Unauthenticated => tonic::Code::Unauthenticated,
        Kind::PermissionDenied => tonic::Code::PermissionDenied,
        Kind::FailedPrecondition => tonic::Code::FailedPrecondition,
        Kind::ResourceExhausted => tonic::Code::ResourceExhausted,
        Kind::Unavailable => tonic::Code::Unavailable,
        Kind::AlreadyExists => tonic::Code::AlreadyExists,
        Kind::NotFound => tonic::Code::NotFound,
        Kind::Internal => tonic::Code::Internal,
    }
}

/// The code that a status stands for. Its text is the fixed one, and nothing is in it beside a reference.
pub(crate) fn status_of(status: &Status) -> (Code, Option<String>) {
    let info = info(status);
    let code = Code::ALL.iter().find(|code| code.name() == info.reason).copied();
    let code = code.unwrap_or_else(|| panic!("`{}` is no code", info.reason));
    assert_eq!(info.domain, "tollgate.v1");
    assert_eq!(status.code(), grpc(code.status()), "{}", info.reason);
    assert_eq!(status.message(), code.message());
    assert!(
        info.metadata.keys().all(|key| key == "reference"),
        "{:?}",
        info.metadata
    );
    (code, info.metadata.get("reference").cloned())
}

/// Exactly one entry since `before`, beside the gateway's own: a key list may be due at any time.
fn the_entry(gateway: &Gateway, before: u64) -> Entry {
    let mut new = entries(gateway, before);
    new.retain(|entry| entry.leaf.peer != "gateway");
    assert_eq!(new.len(), 1, "one call, one entry: {new:#?}");
    new.remove(0)
}

/// No entry since `before`, beside the gateway's own.
pub(crate) fn no_entry_since(gateway: &Gateway, before: u64) {
    let mut new = entries(gateway, before);
    new.retain(|entry| entry.leaf.peer != "gateway");
    assert_eq!(new.len(), 0, "{new:#?}");
}

fn is_reference(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["TG", a, b] if a.len() == 4 && b.len() == 4)
}

/// Awaits a call that must be refused, and checks status and entry against each other.
pub(crate) async fn refused<T>(
    gateway: &Gateway,
    by: &Caller,
    method: &str,
    call: impl Future<Output = Result<T, Status>>,
) -> Refused {
    gateway.pace(by.who.uri).await;
    let before = gateway.size();
    let Err(status) = call.await else {
        panic!("`{method}` was answered")
    };
    let (code, reference) = status_of(&status);
    let entry = the_entry(gateway, before);
    let (leaf, x, i) = (&entry.leaf, &entry.x, &entry.i);
    assert_eq!(leaf.class(), v1::EntryClass::Refused);
    assert_eq!(leaf.refusal, code.name());
    assert_eq!((leaf.peer.as_str(), leaf.method.as_str()), (by.who.uri, method));
    let registered = if code == Code::PeerUnknown { "" } else { by.who.id };
    assert_eq!(leaf.partner, registered);
    assert_eq!(leaf.policy_hash, gateway.gate().view.snapshot.hash());
    let reference = reference.expect("a recorded refusal has a reference");
    assert!(is_reference(&reference), "{reference}");
    assert_eq!(x.reference, reference);
    // Nothing was read, nothing answered, nothing changed.
    assert_eq!(i.outcomes, [code.name()]);
    assert!(i.fields_read.is_empty() && i.answer.is_empty() && x.answer_digest.is_empty());
    // But for the key of somebody whom this entry is the first to name, and for a question that was counted against its
    // agreement's day before a part of ours failed.
    assert!(i.effects_sha256.is_empty() || entry.of_person || code == Code::Internal);
    assert_eq!(
        entry.of_person,
        !i.subject.is_empty(),
        "who is named is named under their own key"
    );
    Refused { code, entry }
}

/// Awaits a call that must be answered, and checks the sealed reply and its entry against each other.
pub(crate) async fn answered(gateway: &Gateway, by: &Caller, sent: Sent) -> Answered {
    let before = gateway.size();
    let method = sent.method;
    let (reply, pending) = by.exchange(sent).await.unwrap_or_else(|status| {
        panic!("`{method}` was refused: {status:?}");
    });
    let ciphertext = match reply.mode.as_ref().unwrap() {
        v1::sealed_reply::Mode::OneShot(reply) => &reply.ciphertext,
        v1::sealed_reply::Mode::Session(reply) => &reply.ciphertext,
    };
    assert_eq!(
        ciphertext.len(),
        REPLY_BLOCK_BYTES + TAG_BYTES,
        "one block, whatever the answer"
    );
    let body = pending.open(by.parties(), &reply).unwrap();
    let entry = the_entry(gateway, before);
    assert_eq!(
        entry.of_person,
        !entry.i.subject.is_empty(),
        "who is named is named under their own key"
    );
    let leaf = &entry.leaf;
    assert!(
        matches!(leaf.class(), v1::EntryClass::Sealed | v1::EntryClass::Admin),
        "{leaf:?}"
    );
    assert_eq!(leaf.refusal, "");
    assert_eq!((leaf.peer.as_str(), leaf.method.as_str()), (by.who.uri, method));
    assert_eq!(leaf.partner, by.who.id);
    assert_eq!(entry.x.answer_digest, sha256(&body.answer));
    assert_eq!(entry.i.answer, body.answer);
    assert_eq!(entry.x.reference, body.reference);
    Answered { body, entry }
}

/// Awaits a call of staff that must be answered, and checks what its entry says of who looked.
pub(crate) async fn shown<T>(
    gateway: &Gateway,
    by: &Caller,
    method: &str,
    call: impl Future<Output = Result<T, Status>>,
) -> (T, Entry) {
    let before = gateway.size();
    let answer = call
        .await
        .unwrap_or_else(|status| panic!("`{method}` was refused: {status:?}"));
    let entry = the_entry(gateway, before);
    let leaf = &entry.leaf;
    assert_eq!(leaf.kind(), v1::EntryKind::Read, "{leaf:?}");
    assert_eq!((leaf.peer.as_str(), leaf.method.as_str()), (by.who.uri, method));
    assert_eq!((leaf.partner.as_str(), leaf.refusal.as_str()), (by.who.id, ""));
    // Whom it was about shows in the class, and in the key; who it was, in neither.
    let class = if entry.of_person {
        v1::EntryClass::Sealed
    } else {
        v1::EntryClass::Admin
    };
    assert_eq!(leaf.class(), class);
    assert_eq!(entry.i.subject.is_empty(), !entry.of_person);
    (answer, entry)
}

/// Awaits a call that must be turned away uncounted in the log for now: no entry, no reference.
pub(crate) async fn turned_away<T>(gateway: &Gateway, call: impl Future<Output = Result<T, Status>>) -> Code {
    let before = gateway.size();
    let Err(status) = call.await else {
        panic!("the call was answered")
    };
    no_entry_since(gateway, before);
    let (code, reference) = status_of(&status);
    assert_eq!(reference, None);
    code
}

/// Ends the minute, and gives the counted entries that follow, once they stand for `events`: reason, peer, count.
pub(crate) async fn counted(gateway: &Gateway, before: u64, events: u64) -> Vec<(String, String, u64)> {
    gateway.clock.advance_ms(60_000);
    let sums = || -> Vec<_> {
        let new = entries(gateway, before).into_iter();
        let counts = new.filter(|e| e.leaf.kind() == v1::EntryKind::Counted);
        counts
            .map(|e| {
                assert_eq!(e.leaf.class(), v1::EntryClass::Admin);
                (e.i.outcomes.concat(), e.leaf.peer, e.i.count)
            })
            .collect()
    };
    let total = || sums().iter().map(|(_, _, count)| count).sum::<u64>();
    super::until("counted entries", || total() >= events).await;
    sums()
}
