//! The generated protobuf code that is checked in is what the `.proto` files say.
//! `TOLLGATE_REGENERATE=1 cargo test --no-default-features --test wire` writes it anew. No protoc is needed: protox compiles the files.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]
use std::{fs, path::Path};

const PROTOS: [&str; 15] = [
    "tollgate/v1/admin.proto",
    "tollgate/v1/audit.proto",
    "tollgate/v1/sealed.proto",
    "tollgate/v1/exchange.proto",
    "tollgate/v1/consent.proto",
    "tollgate/v1/log_hold.proto",
    "tollgate/v1/log.proto",
    "tollgate/v1/records.proto",
    "tollgate/v1/notice.proto",
    "tollgate/v1/persons.proto",
    "tollgate/v1/subject_request.proto",
    "tollgate/store/v1/store.proto",
    "tollgate/store/v1/standing.proto",
    "tollgate/store/v1/subject_request.proto",
    "tollgate/store/v1/admin.proto",
];
/// Where each generated file lives, and the name under which the generator makes it.
const GENERATED: [(&str, &str); 5] = [
    ("src/wire/gen/tollgate.v1.rs", "messages/tollgate.v1.rs"),
    ("src/wire/gen/tollgate.store.v1.rs", "messages/tollgate.store.v1.rs"),
    ("src/wire/gen/descriptor.binpb", "descriptor.binpb"),
    ("src/rpc/gen/tollgate.v1.rs", "server/tollgate.v1.rs"),
    ("src/client/gen/tollgate.v1.rs", "client/tollgate.v1.rs"),
];

fn generate(out: &Path) {
    let set = protox::compile(PROTOS, ["proto"]).expect("the .proto files compile");
    for dir in ["messages", "server", "client"] {
        fs::create_dir(out.join(dir)).expect("output folder");
    }
    let bytes = prost::Message::encode_to_vec(&set);
    fs::write(out.join("descriptor.binpb"), bytes).expect("descriptor");
    prost_build::Config::new()
        .out_dir(out.join("messages"))
        // Messages that hold a secret or a person must not print.
        .skip_debug([
            ".tollgate.v1.RequestHeader",
            ".tollgate.v1.Subject",
            ".tollgate.v1.SignedMessage",
            ".tollgate.v1.SessionOpen",
            ".tollgate.v1.SessionAccept",
            ".tollgate.v1.FieldValue",
            ".tollgate.v1.Query",
            ".tollgate.v1.GrantConsent",
            ".tollgate.v1.WithdrawConsent",
            ".tollgate.v1.GetConsent",
            ".tollgate.v1.ListConsents",
            ".tollgate.v1.ConfirmConsent",
            ".tollgate.v1.CloseSession",
            ".tollgate.v1.RecordRow",
            ".tollgate.v1.LoadChunk",
            ".tollgate.v1.CorrectRecord",
            ".tollgate.v1.ListNotices",
            ".tollgate.v1.AcknowledgeNotices",
            ".tollgate.v1.OpenSubjectRequestRequest",
            ".tollgate.v1.GetSubjectRequestResponse",
            ".tollgate.v1.CloseSubjectRequestRequest",
            ".tollgate.v1.WriteSubjectLetterResponse",
            ".tollgate.v1.EntryFilter",
            ".tollgate.v1.SearchRequest",
            ".tollgate.v1.ReportSubjectRequest",
            ".tollgate.v1.DocumentProof",
            ".tollgate.v1.ReportSubjectResponse",
            ".tollgate.v1.PackResponse",
            ".tollgate.v1.InstitutionView",
            ".tollgate.v1.GetEntryResponse",
            ".tollgate.v1.RequestErasureRequest",
            ".tollgate.v1.GetErasureRequest",
            ".tollgate.v1.PlaceHoldRequest",
            ".tollgate.v1.ReleaseHoldRequest",
            ".tollgate.store.v1",
        ])
        .compile_fds(set.clone())
        .expect("messages");
    for (dir, server) in [("server", true), ("client", false)] {
        tonic_prost_build::configure()
            .out_dir(out.join(dir))
            .build_server(server)
            .build_client(!server)
            .build_transport(false)
            .extern_path(".tollgate.v1", "crate::wire::v1")
            .extern_path(".tollgate.store.v1", "crate::wire::store::v1")
            .compile_fds(set.clone())
            .expect("services");
    }
}

#[test]
fn checked_in_code_is_what_the_protos_say() {
    let out = tempfile::tempdir().expect("temporary folder");
    generate(out.path());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (kept, made) in GENERATED {
        let new = fs::read(out.path().join(made)).expect(made);
        let kept_path = root.join(kept);
        if std::env::var_os("TOLLGATE_REGENERATE").is_some() {
            fs::create_dir_all(kept_path.parent().expect("a folder")).expect("folder");
            fs::write(&kept_path, &new).expect("write");
        }
        let old = fs::read(&kept_path).unwrap_or_default();
        assert!(
            old == new,
            "{kept} is not what proto/ says: run `TOLLGATE_REGENERATE=1 cargo test --no-default-features --test wire` and look at the change"
        );
    }
}
