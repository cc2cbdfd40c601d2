//! `docs/errors.md` explains every refusal: what it means, who can mend it, whether to try again and how.
//!
//! Meaning, status and text come from `src/refusal.rs`; who and how stand here. A code without a row fails.
use crate::{assert_none, tree};
use std::fs;

const PAGE: &str = "docs/errors.md";

/// Whether a caller may try again.
#[derive(Clone, Copy)]
enum Retry {
    /// Nothing changes by itself.
    AfterMending,
    /// The same signed bytes, later.
    Later(&'static str),
    /// The same signed bytes, at once, another way.
    SameBytes(&'static str),
    /// With a new request.
    New(&'static str),
}

const CALLER: &str = "the caller's software";
const OPERATOR: &str = "the gateway's operator";
const PARTNER: &str = "the caller's institution, with the operator";
const PARTIES: &str = "both parties of the agreement";

/// Who can mend it, and whether to try again.
const MEND: &[(&str, &str, Retry)] = &[
    ("PEER_UNKNOWN", PARTNER, Retry::AfterMending),
    ("PEER_REVOKED", PARTNER, Retry::AfterMending),
    (
        "CERTIFICATE_EXPIRED",
        PARTNER,
        Retry::SameBytes("connect again with a valid certificate"),
    ),
    ("METHOD_NOT_ALLOWED", CALLER, Retry::AfterMending),
    ("PARTNER_SUSPENDED", PARTNER, Retry::AfterMending),
    ("RATE_LIMITED", CALLER, Retry::Later("after a second, more slowly")),
    ("TOO_LARGE", CALLER, Retry::AfterMending),
    ("ENVELOPE_MALFORMED", CALLER, Retry::AfterMending),
    (
        "SUITE_NOT_ALLOWED",
        CALLER,
        Retry::SameBytes("seal again with a suite that the agreement allows"),
    ),
    (
        "KEY_UNKNOWN",
        CALLER,
        Retry::SameBytes("fetch the key list and seal again"),
    ),
    ("OPEN_FAILED", CALLER, Retry::AfterMending),
    (
        "SESSION_UNKNOWN",
        CALLER,
        Retry::SameBytes("open a session, at most once in ten seconds, and send again"),
    ),
    (
        "SESSION_EXPIRED",
        CALLER,
        Retry::SameBytes("open a session and send again"),
    ),
    ("REPLAYED", CALLER, Retry::SameBytes("under a new sequence number")),
    (
        "SESSIONS_EXHAUSTED",
        CALLER,
        Retry::Later("once sessions were closed or have expired"),
    ),
    ("SESSION_REQUIRED", CALLER, Retry::New("in a session")),
    ("SIGNING_KEY_UNKNOWN", PARTNER, Retry::AfterMending),
    ("SIGNATURE_INVALID", CALLER, Retry::AfterMending),
    ("SIGNATURE_REQUIRED", CALLER, Retry::New("signed")),
    ("NOT_CANONICAL", CALLER, Retry::AfterMending),
    ("STALE", CALLER, Retry::New("set the clock, then sign anew")),
    ("FIELD_INVALID", CALLER, Retry::AfterMending),
    ("SUBJECT_MALFORMED", CALLER, Retry::AfterMending),
    ("REQUEST_ID_REUSED", CALLER, Retry::New("with a new request id")),
    ("AGREEMENT_UNKNOWN", CALLER, Retry::AfterMending),
    ("AGREEMENT_NOT_IN_FORCE", PARTIES, Retry::AfterMending),
    ("PURPOSE_NOT_AGREED", PARTIES, Retry::AfterMending),
    ("PURPOSE_UNKNOWN", CALLER, Retry::AfterMending),
    ("SIGNAL_UNKNOWN", CALLER, Retry::AfterMending),
    ("SIGNAL_RETIRED", CALLER, Retry::New("ask for its successor")),
    ("SIGNAL_NOT_AGREED", PARTIES, Retry::AfterMending),
    ("PURPOSE_NOT_ALLOWED_FOR_SIGNAL", CALLER, Retry::AfterMending),
    (
        "GRANULARITY_TOO_FINE",
        CALLER,
        Retry::New("ask for the coarser signal of the family"),
    ),
    ("ROUTE_NOT_ALLOWED", PARTIES, Retry::AfterMending),
    ("CROSS_BORDER_NOT_ALLOWED", PARTIES, Retry::AfterMending),
    ("SENSITIVITY_NOT_ALLOWED", PARTIES, Retry::AfterMending),
    ("POLICY_ERROR", OPERATOR, Retry::AfterMending),
    ("QUOTA_SPENT", PARTIES, Retry::Later("the next day")),
    ("CONSENT_TERMS_INVALID", CALLER, Retry::AfterMending),
    (
        "CONSENTS_EXHAUSTED",
        CALLER,
        Retry::Later("once a consent was withdrawn or has ended"),
    ),
    (
        "ERASURES_EXHAUSTED",
        CALLER,
        Retry::Later("once a hold was released or an erasure is complete"),
    ),
    ("BATCH_OUT_OF_ORDER", CALLER, Retry::New("continue from `rows_held`")),
    (
        "BATCHES_EXHAUSTED",
        CALLER,
        Retry::Later("once a load was finished, or one was left alone for ten minutes"),
    ),
    ("CATALOGUE_MISMATCH", CALLER, Retry::AfterMending),
    ("ROW_INVALID", CALLER, Retry::AfterMending),
    ("LOG_RANGE", CALLER, Retry::AfterMending),
    ("PERIOD_UNKNOWN", CALLER, Retry::AfterMending),
    (
        "ARCHIVE_UNREADABLE",
        OPERATOR,
        Retry::Later("once the archive is restored"),
    ),
    ("PAGE_TOKEN_INVALID", CALLER, Retry::AfterMending),
    (
        "STREAMS_EXHAUSTED",
        CALLER,
        Retry::Later("once a stream of yours has ended"),
    ),
    ("OUT_OF_SCOPE", OPERATOR, Retry::AfterMending),
    ("CHECKPOINT_MALFORMED", CALLER, Retry::AfterMending),
    ("WITNESSED_LOG_UNKNOWN", PARTNER, Retry::AfterMending),
    ("CHECKPOINT_SIGNATURE", PARTNER, Retry::AfterMending),
    (
        "CHECKPOINT_SIZE",
        CALLER,
        Retry::New("with a proof from the size in the body"),
    ),
    ("CHECKPOINT_FORKED", PARTNER, Retry::AfterMending),
    ("CHECKPOINT_INCONSISTENT", PARTNER, Retry::AfterMending),
    ("CROSS_ORIGIN", CALLER, Retry::AfterMending),
    ("SUBJECT_REQUEST_UNKNOWN", CALLER, Retry::AfterMending),
    ("SUBJECT_REQUEST_CLOSED", CALLER, Retry::AfterMending),
    (
        "SUBJECT_REQUESTS_EXHAUSTED",
        CALLER,
        Retry::Later("once a request was closed"),
    ),
    ("TARGET_UNKNOWN", CALLER, Retry::AfterMending),
    (
        "SUSPENSIONS_EXHAUSTED",
        OPERATOR,
        Retry::Later("once some were lifted, by two people"),
    ),
    ("PROPOSAL_UNKNOWN", CALLER, Retry::AfterMending),
    ("PROPOSAL_CLOSED", CALLER, Retry::New("propose anew")),
    ("PROPOSAL_EXPIRED", CALLER, Retry::New("propose anew")),
    ("PROPOSAL_CHANGED", CALLER, Retry::New("list again, or propose anew")),
    ("SAME_PERSON", CALLER, Retry::AfterMending),
    ("OFFICER_NOT_VALID", OPERATOR, Retry::New("another person proposes")),
    ("JOB_RUNNING", CALLER, Retry::Later("when the job is done")),
    (
        "PROPOSALS_EXHAUSTED",
        CALLER,
        Retry::Later("once a proposal was decided or has expired"),
    ),
    ("DISK_FULL", OPERATOR, Retry::Later("after some minutes")),
    (
        "INTERNAL",
        OPERATOR,
        Retry::Later("after some seconds; then report the reference"),
    ),
    (
        "DEADLINE_EXCEEDED",
        OPERATOR,
        Retry::Later("after some seconds, while the request id is remembered"),
    ),
];

struct Refusal {
    code: String,
    status: String,
    meaning: String,
    text: String,
}

/// Reads `/// meaning` and `Name = "CODE", Status, "text";` from the `codes!` block.
fn refusals(source: &str) -> Vec<Refusal> {
    let block = source.split("\ncodes! {").nth(1).expect("`codes! {` in src/refusal.rs");
    let block = block.split("\n}").next().unwrap();
    let (mut out, mut meaning, mut entry) = (Vec::new(), String::new(), String::new());
    for line in block.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            meaning = format!("{meaning} {}", doc.trim());
            continue;
        }
        entry = format!("{entry} {line}");
        if line.ends_with(';') {
            let quoted: Vec<&str> = entry.split('"').collect();
            let [_, code, status, text, _] = quoted.as_slice() else {
                panic!("cannot read `{entry}`")
            };
            out.push(Refusal {
                code: (*code).to_owned(),
                status: screaming(status.trim_matches([',', ' '])),
                meaning: meaning.trim().to_owned(),
                text: (*text).to_owned(),
            });
            (meaning, entry) = (String::new(), String::new());
        }
    }
    out
}

/// `InvalidArgument` → `INVALID_ARGUMENT`.
fn screaming(status: &str) -> String {
    let mut out = String::new();
    for (i, c) in status.char_indices() {
        if i > 0 && c.is_uppercase() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

fn retry_text(retry: Retry) -> String {
    match retry {
        Retry::AfterMending => "no, not before it is mended".to_owned(),
        Retry::Later(when) => format!("yes, {when}"),
        Retry::SameBytes(how) => format!("yes, the same signed bytes: {how}"),
        Retry::New(how) => format!("as a new request: {how}"),
    }
}

/// The page, or what is missing for it.
fn page(source: &str, mend: &[(&str, &str, Retry)]) -> Result<String, Vec<String>> {
    let refusals = refusals(source);
    let mut findings = Vec::new();
    let mut out = HEAD.to_owned();
    for r in &refusals {
        match mend.iter().find(|(code, ..)| *code == r.code) {
            Some((_, who, retry)) => out.push_str(&format!(
                "| `{}` | `{}` | {} | {} | {} | {} |\n",
                r.code,
                r.status,
                r.meaning,
                r.text,
                who,
                retry_text(*retry)
            )),
            None => findings.push(format!(
                "`{}` has no row in `MEND` of tests/tidy/refusals.rs: add one",
                r.code
            )),
        }
    }
    for (code, ..) in mend {
        if !refusals.iter().any(|r| r.code == *code) {
            findings.push(format!(
                "`{code}` is not in src/refusal.rs any more: take its row out of `MEND`"
            ));
        }
    }
    out.push_str(TAIL);
    if findings.is_empty() { Ok(out) } else { Err(findings) }
}

const HEAD: &str = "\
# Refusals

This page is generated from `src/refusal.rs`: `TOLLGATE_REGENERATE=1 cargo test --test tidy` writes it anew.

A refusal depends on the caller or the request, never on the person asked about. What depends on the person is a
sealed answer with status `OK`. The code is the `reason` of a `google.rpc.ErrorInfo` in the status details; program
against the code, never against the text. A refusal is an entry in the audit log before it is sent; calls beyond a rate
limit are counted, one entry per peer and minute.

\"The same signed bytes\" means: do not sign anew. The gateway knows a request by its id and digest, so it recognises a
repeat. \"As a new request\" means: a new request id and a new signature.

| code | gRPC status | what it means | what the caller reads | who can mend it | try again? |
|---|---|---|---|---|---|
";

const TAIL: &str = "
## Not recorded

Three replies leave no entry, because the log cannot take one. They are safe to repeat with the same signed bytes.

| code | gRPC status | what it means | who can mend it | try again? |
|---|---|---|---|---|
| `AUDIT_QUEUE_FULL` | `RESOURCE_EXHAUSTED` | the audit queue is full | the gateway's operator | yes, after a second |
| `DISK_FULL` | `RESOURCE_EXHAUSTED` | the disk has no room for the log | the gateway's operator | yes, after some minutes |
| `AUDIT_LOG_FAILED` | `UNAVAILABLE` | the audit log takes no entries | the gateway's operator | yes, after some minutes |
";

#[test]
fn every_refusal_is_explained() {
    let source = fs::read_to_string(tree::root().join("src/refusal.rs")).unwrap();
    let new = page(&source, MEND).unwrap_or_else(|findings| {
        assert_none(&findings);
        String::new()
    });
    let path = tree::root().join(PAGE);
    if std::env::var_os("TOLLGATE_REGENERATE").is_some() {
        fs::write(&path, &new).unwrap();
    }
    let old = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        old == new,
        "{PAGE} is not what src/refusal.rs says: run `TOLLGATE_REGENERATE=1 cargo test --test tidy` and look at the change"
    );
}

#[test]
fn a_refusal_without_explanation_is_found() {
    let source = "\ncodes! {\n    /// Too\n    /// odd.\n    Odd = \"ODD\", InvalidArgument, \"it is odd\";\n}\n";
    let mend = [("ODD", CALLER, Retry::AfterMending)];
    let text = page(source, &mend).unwrap_or_default();
    assert!(
        text.contains("| `ODD` | `INVALID_ARGUMENT` | Too odd. | it is odd |"),
        "{text}"
    );
    assert!(page(source, &[]).is_err());
    assert!(page(source, &[mend[0], ("EVEN", CALLER, Retry::AfterMending)]).is_err());
}
