//! The gateway seen by others' software: Python's gRPC, HPKE and Ed25519, against the protocol page alone.
use super::{Gateway, Site, site::person, skip};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python")
}

/// A Python that has what the client needs, or the reason why there is none.
fn python() -> Result<PathBuf, String> {
    let python = std::env::var_os("TOLLGATE_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let check = "import grpc, grpc_tools, cryptography, google.rpc.status_pb2";
    let output = Command::new(&python).args(["-c", check]).output();
    match output {
        Ok(output) if output.status.success() => Ok(python),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why.trim().lines().last().unwrap_or_default().to_owned();
            Err(format!(
                "`{}` lacks a module ({why}): `bash .ci/run tools` makes one",
                python.display()
            ))
        }
        Err(why) => Err(format!("`{}`: {why}", python.display())),
    }
}

fn run(python: &Path, script: &str, words: &[&str]) -> Output {
    let mut command = Command::new(python);
    // Compiled modules are not for the tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(clients().join(script));
    command.args(words).output().unwrap()
}

fn last_line(output: &Output) -> serde_json::Value {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    serde_json::from_str(out.lines().last().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}\n{out}\n{err}"))
}

#[test]
fn the_independent_client_agrees_with_our_vectors() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    let output = run(&python, "check_vectors.py", &[]);
    let told = last_line(&output);
    assert!(output.status.success() && told["ok"] == true, "{told}");
    assert!(told["checked"].as_u64().unwrap() > 20, "{told}");
}

struct Outside<'a> {
    python: PathBuf,
    site: &'a Site,
    gateway: &'a Gateway,
}

impl Outside<'_> {
    fn ask(&self, words: &[&str]) -> (Option<i32>, serde_json::Value) {
        let (pki, address) = (self.site.at("pki"), self.gateway.partners.to_string());
        let mut all = vec!["--pki", pki.to_str().unwrap(), "--address", &address];
        all.extend([
            "--gateway",
            "spiffe://tollgate.example/gateway",
            "--gateway-domain",
            "tollgate.example",
        ]);
        all.extend(words);
        let output = run(&self.python, "ask.py", &all);
        (output.status.code(), last_line(&output))
    }
}

#[test]
fn the_independent_client_is_answered_and_proves_it() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    let site = Site::loaded(20);
    let gateway = site.serve();
    let (someone, other) = (person(1), person(3));
    let consent = site.consent(&someone);
    let outside = Outside {
        python,
        site: &site,
        gateway: &gateway,
    };
    let question = |person: &str, purpose: &str, signal: &str| -> Vec<String> {
        let words = format!(
            "--member bank-a --agreement bank-a-2026 --purpose {purpose} --consent {consent} --signal {signal} \
             --scheme cn-resident-id --subject {person}"
        );
        words.split_whitespace().map(str::to_owned).collect()
    };
    let ask = |words: Vec<String>| outside.ask(&words.iter().map(String::as_str).collect::<Vec<_>>());

    let (code, told) = ask(question(&someone, "credit.origination", "worst_overdue_6m@1"));
    assert_eq!((code, told["outcome"].as_str()), (Some(0), Some("answer")), "{told}");
    assert_eq!(told["signals"][0]["band"], "31-60 days");
    assert_eq!(told["receipt"]["verified"], true);
    let (code, told) = ask(question(&other, "credit.origination", "worst_overdue_6m@1"));
    assert_eq!(
        (code, told["signals"][0]["outcome"].as_str()),
        (Some(0), Some("no_valid_consent")),
        "{told}"
    );
    for (purpose, signal, reason) in [
        ("credit.limit_review", "worst_overdue_6m@1", "PURPOSE_NOT_AGREED"),
        ("credit.origination", "utilisation@1", "GRANULARITY_TOO_FINE"),
        ("credit.origination", "nothing@1", "SIGNAL_UNKNOWN"),
    ] {
        let (code, told) = ask(question(&someone, purpose, signal));
        assert_eq!((code, told["code"].as_str()), (Some(3), Some(reason)), "{told}");
        assert!(told["reference"].as_str().unwrap().starts_with("TG-"), "{told}");
    }
    // Our own client and the independent one are told the same.
    let ours = site.ask(&someone, &consent, &["risk_band@1"]).ends(0).json();
    let (_, theirs) = ask(question(&someone, "credit.origination", "risk_band@1"));
    assert_eq!(ours["signals"][0]["band"], theirs["signals"][0]["band"]);
    assert_eq!(ours["fields_read"], theirs["fields_read"]);
    gateway.stop();
    site.verify();
}

/// Health on both listeners and reflection, by Python's generic gRPC.
fn look(outside: &Outside<'_>, listener: &str, folder: &str) -> serde_json::Value {
    let folder = outside.site.at("pki").join(folder);
    let root = outside.site.at("pki/trust/tollgate.example/root.pem");
    let words = [
        "--address",
        listener,
        "--root",
        root.to_str().unwrap(),
        "--folder",
        folder.to_str().unwrap(),
    ];
    last_line(&run(&outside.python, "look.py", &words))
}

#[test]
fn health_and_reflection_are_those_of_grpc() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    for reflection in [true, false] {
        let site = Site::new();
        if !reflection {
            site.edit("gateway.toml", "reflection = true", "reflection = false");
        }
        let gateway = site.serve();
        let outside = Outside {
            python: python.clone(),
            site: &site,
            gateway: &gateway,
        };
        let (partners, staff) = (gateway.partners.to_string(), gateway.staff.to_string());
        for (listener, folder) in [(&partners, "partners/bank-a"), (&staff, "staff/operator")] {
            let seen = look(&outside, listener, folder);
            assert_eq!(seen["health"], "SERVING", "{seen}");
            match reflection {
                true => {
                    let services = seen["services"].as_array().unwrap();
                    for service in ["tollgate.v1.ExchangeService", "grpc.health.v1.Health"] {
                        assert!(services.iter().any(|s| s == service), "{seen}");
                    }
                }
                false => assert_eq!(seen["services"], "UNIMPLEMENTED", "{seen}"),
            }
        }
        // Staff certificates are not for the partners' listener.
        assert_eq!(look(&outside, &partners, "staff/operator")["health"], "UNAVAILABLE");
        gateway.stop();
    }
}
