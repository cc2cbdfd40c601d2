//! The console in a real browser: headless Chromium with a client certificate, against a real gateway on loopback.
//!
//! `walk.mjs` drives the browser and asserts what a person would see; here stands the gateway, its history, and what the
//! walk must have left in the log. Pictures of the pages are in `target/screenshots/`.
mod history;

use crate::support::{COMPLIANCE, Gateway, SECURITY, Who, entries, runtime, skip, subject};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tollgate::wire::v1;

const AUDITOR: Who = Who {
    id: "auditor",
    place: "staff/auditor",
    uri: "spiffe://tollgate.example/auditor/officer",
    staff: true,
};
/// A report is proven by an entry of the service's own method.
const REPORT: &str = "/tollgate.v1.AuditService/ReportSubject";
/// What officers do is done by the services' own methods, with their refusals.
const DONE: [(&str, &str); 14] = [
    ("/tollgate.v1.SubjectRequestService/OpenSubjectRequest", ""),
    ("/tollgate.v1.SubjectRequestService/GetSubjectRequest", ""),
    ("/tollgate.v1.SubjectRequestService/ListSubjectRequests", ""),
    (
        "/tollgate.v1.SubjectRequestService/ListSubjectRequests",
        "METHOD_NOT_ALLOWED",
    ),
    ("/tollgate.v1.SubjectRequestService/AssignSubjectRequest", ""),
    ("/tollgate.v1.SubjectRequestService/WriteSubjectLetter", ""),
    ("/tollgate.v1.SubjectRequestService/CloseSubjectRequest", ""),
    (
        "/tollgate.v1.SubjectRequestService/CloseSubjectRequest",
        "FIELD_INVALID",
    ),
    ("/tollgate.v1.LogHoldService/PlaceLogHold", ""),
    ("/tollgate.v1.LogHoldService/ReleaseLogHold", ""),
    ("/tollgate.v1.LogHoldService/ListLogHolds", ""),
    ("/tollgate.v1.PersonsService/RequestErasure", ""),
    ("/tollgate.v1.PersonsService/PlaceHold", ""),
    ("/tollgate.v1.PersonsService/ListErasures", ""),
];
/// A whole walk takes half a minute on a quiet machine.
const WALK_MAX: Duration = Duration::from_secs(300);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A tool by its name, if this machine has it.
fn tool(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let all = names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |p| p.join(name)));
    all.into_iter().find(|file| file.is_file())
}

/// Where `.ci/run tools` puts what drives the browser.
fn driver() -> Option<PathBuf> {
    let modules = root().join("target/tools/browser/node_modules");
    modules.join("playwright-core").is_dir().then_some(modules)
}

/// Runs a command to its end, within its time; gives what it said.
fn run(mut command: Command) -> (bool, String) {
    let out = tempfile::NamedTempFile::new().unwrap();
    let to = |file: &tempfile::NamedTempFile| file.reopen().unwrap();
    let mut child = command.stdout(to(&out)).stderr(to(&out)).spawn().unwrap();
    let end = std::time::Instant::now() + WALK_MAX;
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.success();
        }
        if std::time::Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    (ended, std::fs::read_to_string(out.path()).unwrap())
}

#[test]
fn proofs_are_verified_by_the_script_as_by_every_client() {
    let Some(node) = tool(&["node", "nodejs"]) else {
        return skip("node is not installed");
    };
    let mut command = Command::new(node);
    command.arg(root().join("tests/browser/vectors.test.mjs")).arg(root());
    let (held, said) = run(command);
    assert!(held && said.contains(" 0 failed"), "{said}");
}

fn certificate(gateway: &Gateway, who: Who) -> serde_json::Value {
    let at = gateway.place.site().pki().join(who.place);
    serde_json::json!({ "cert": at.join("tls.pem"), "key": at.join("tls.key") })
}

#[test]
fn an_officer_walks_through_the_console() {
    let (Some(node), Some(chromium)) = (tool(&["node", "nodejs"]), tool(&["chromium", "chromium-browser"])) else {
        return skip("node or Chromium is not installed (Debian: nodejs, chromium)");
    };
    let Some(modules) = driver() else {
        return skip("playwright-core is not under target/tools/browser: `bash .ci/run tools` installs it");
    };
    let runtime = runtime();
    let (gateway, past) = runtime.block_on(history::gateway_with_a_past());
    let before = gateway.size();
    let trust = gateway.place.site().pki().join("trust/tollgate.example/root.pem");
    let screenshots = root().join("target/screenshots");
    std::fs::create_dir_all(&screenshots).unwrap();
    let address = gateway.running.console().unwrap();
    let asked = serde_json::json!({
        "url": format!("https://localhost:{}", address.port()),
        "officer": certificate(&gateway, COMPLIANCE),
        "auditor": certificate(&gateway, AUDITOR),
        "security": certificate(&gateway, SECURITY),
        "screenshots": screenshots,
        "chromium": chromium,
        "identity": subject(history::ROW).value,
        "people": history::ASKING.map(|row| subject(row).value),
        "answered": past.answered,
        "refused": past.refused,
        "stranger": past.of_bank_b,
        "size": before,
        "now": gateway.now().0,
        "verifierKey": gateway.place.site().log_verifier_key(),
    });
    let plan = gateway.place.beside("walk.json");
    std::fs::write(&plan, asked.to_string()).unwrap();
    let mut command = Command::new(node);
    command
        .arg(root().join("tests/browser/walk.mjs"))
        .arg(&plan)
        .arg(&modules)
        .env("NODE_EXTRA_CA_CERTS", &trust)
        .current_dir(gateway.place.beside("."));
    // The gateway answers while this thread waits.
    let (held, said) = runtime.block_on(async {
        let walk = tokio::task::spawn_blocking(move || run(command));
        walk.await.unwrap()
    });
    println!("{said}");
    assert!(held && said.contains(" 0 failed"), "{said}");
    looked_at(&gateway, before);
    no_identity(&gateway, before);
    runtime.block_on(async { gateway.stop().await.verify_log() });
}

/// Each page that read the log is an entry, and the refusals are too.
fn looked_at(gateway: &Gateway, before: u64) {
    let entries = entries(gateway, before);
    let of = |method: &str, refusal: &str| {
        let fits = |e: &&crate::support::Entry| e.leaf.method == method && e.leaf.refusal == refusal;
        entries.iter().filter(fits).count()
    };
    for method in [
        "Overview",
        "Search",
        "Entry",
        "Log",
        "Live",
        "Follow",
        "Export",
        "Continuation",
    ] {
        assert!(
            of(&format!("/tollgate.console/{method}"), "") > 0,
            "no entry of {method}"
        );
    }
    assert!(of(REPORT, "") > 0);
    assert!(of("/tollgate.console/Overview", "METHOD_NOT_ALLOWED") > 0);
    assert!(of("/tollgate.console/Entry", "LOG_RANGE") > 0);
    assert!(of("/tollgate.console/Entry", "OUT_OF_SCOPE") > 0);
    assert!(of("/tollgate.console/Search", "PAGE_TOKEN_INVALID") > 0);
    assert!(of("/tollgate.console/Search", "FIELD_INVALID") > 0);
    assert!(of("/tollgate.console/NamePerson", "SUBJECT_MALFORMED") > 0);
    for (method, refusal) in DONE {
        assert!(of(method, refusal) > 0, "no entry of {method} {refusal}");
    }
    let known = |method: &str| method == REPORT || DONE.iter().any(|(done, _)| *done == method);
    let read = entries.iter().filter(|e| e.leaf.kind() == v1::EntryKind::Read);
    for entry in read {
        let method = &entry.leaf.method;
        assert!(method.starts_with("/tollgate.console/") || known(method), "{method}");
    }
}

/// Neither leaves nor notes of what was looked at hold the identity that was typed.
fn no_identity(gateway: &Gateway, before: u64) {
    let people = history::ASKING.iter().chain([&history::ROW]);
    let identities: Vec<String> = people.map(|row| subject(*row).value).collect();
    for entry in entries(gateway, before) {
        let said = format!("{:?} {:?} {:?}", entry.leaf, entry.x, entry.i.note);
        assert!(
            !identities.iter().any(|one| said.contains(one)),
            "entry {}",
            entry.index
        );
    }
    assert!(Path::new(&root().join("target/screenshots/overview.png")).is_file());
}
