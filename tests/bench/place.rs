//! A real site in a temporary folder, its gateway as a process of its own, and what the system says of a process.
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tollgate::{
    app::site::{DOMAIN, GATEWAY, Site},
    channel::{Credential, client::Connector},
    client::{Client, Partnership, Pinned},
    clock::{Clock, SystemClock},
    crypto::{Ed25519Signer, Signer, Suite, SystemRng, VerifyKey},
};

/// The sample: 30,000 real clients. See `tests/data/README.md`.
pub(crate) const SAMPLE: &[u8] = include_bytes!("../data/uci-credit-default.csv.gz");

/// A site, gone with its folder.
pub(crate) struct Place {
    pub(crate) site: Site,
    _temp: tempfile::TempDir,
}

impl Place {
    /// Keys, certificates, configuration, an empty data directory. Nothing is loaded yet.
    pub(crate) fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("tollgate-bench-").tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let folder = temp.path().join("site");
        let site = Site::make(&folder, any, any, SystemClock.now(), &SystemRng::default()).unwrap();
        let place = Self { site, _temp: temp };
        place.agree();
        place
    }

    /// Bank A's agreement with quotas that no benchmark reaches, and a second one like it under which the opening of a
    /// session is the evidence.
    fn agree(&self) {
        let folder = self.site.folder();
        let first = self.site.folder().join("agreement-bank-a.toml");
        let text = std::fs::read_to_string(&first).unwrap();
        let text = text.replace("questions_per_day = 100_000", "questions_per_day = 4_000_000_000");
        std::fs::write(&first, &text).unwrap();
        let second = text
            .replace("id = \"bank-a-2026\"", "id = \"bank-a-session\"")
            .replace("evidence = \"request\"", "evidence = \"session\"");
        std::fs::write(folder.join("agreement-bank-a-session.toml"), second).unwrap();
        let config = std::fs::read_to_string(self.site.config()).unwrap();
        let both = "agreements = [\"agreement-bank-a.toml\", \"agreement-bank-a-session.toml\"]";
        let config = config.replace("agreements = [\"agreement-bank-a.toml\"]", both);
        assert!(config.contains(both) && text.contains("4_000_000_000"));
        std::fs::write(self.site.config(), config).unwrap();
    }

    /// Replies leave at multiples of this.
    pub(crate) fn set_reply_quantum_ms(&self, ms: u64) {
        let path = self.site.config();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.starts_with("reply_quantum_ms") {
                true => format!("reply_quantum_ms = {ms}"),
                false => line.to_owned(),
            })
            .collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
    }

    /// The sample as a file.
    pub(crate) fn sample(&self) -> PathBuf {
        let path = self.site.folder().join("uci-credit-default.csv.gz");
        std::fs::write(&path, SAMPLE).unwrap();
        path
    }

    /// Loads the sample by the command line, as an operator would.
    pub(crate) fn load_sample(&self) {
        let out = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["--json", "ingest", "--mapping"])
            .arg(self.site.mapping())
            .arg("--config")
            .arg(self.site.config())
            .arg(self.sample())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// `tollgate serve`, once it says that it serves.
    pub(crate) fn serve(&self) -> Serving {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.arg("serve").arg(self.site.config());
        Serving::start(command, "serves partners on ")
    }

    /// A client as a member would run it.
    pub(crate) async fn client(&self, member: &str, address: SocketAddr) -> Client {
        let (connector, partnership) = (self.connector(member), self.partnership(member));
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
        Client::connect(address, connector, partnership, None, clock, rng)
            .await
            .unwrap()
    }

    /// The member's keys and certificates.
    pub(crate) fn keys(&self, member: &str) -> PathBuf {
        let kind = if member == tollgate::app::site::PROVIDER {
            "provider"
        } else {
            "partners"
        };
        self.site.pki().join(kind).join(member)
    }

    /// TLS as a member.
    pub(crate) fn connector(&self, member: &str) -> Connector {
        let keys = self.keys(member);
        let credential = Credential::load(&keys.join("tls.pem"), &keys.join("tls.key")).unwrap();
        let roots = std::fs::read(self.site.pki().join("trust").join(DOMAIN).join("root.pem")).unwrap();
        Connector::new(&roots, &credential, GATEWAY).unwrap()
    }

    /// What member and gateway agreed on.
    pub(crate) fn partnership(&self, member: &str) -> Partnership {
        Partnership {
            pinned: self.pinned(),
            partner: member.to_owned(),
            signing_key_id: format!("{member}-1"),
            signer: self.signer(member),
            suite: Suite::XWing,
        }
    }

    /// The gateway, pinned.
    pub(crate) fn pinned(&self) -> Pinned {
        let identity = std::fs::read_to_string(self.site.pki().join("gateway/identity.pub")).unwrap();
        Pinned {
            gateway: GATEWAY.to_owned(),
            identity: VerifyKey::from_spki_pem(&identity).unwrap(),
        }
    }

    /// The member's signing key.
    pub(crate) fn signer(&self, member: &str) -> Arc<dyn Signer> {
        let key = std::fs::read_to_string(self.keys(member).join("signing.key")).unwrap();
        Arc::new(Ed25519Signer::from_pkcs8_pem(&key).unwrap())
    }
}

/// A server process, ended when this is dropped.
pub(crate) struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Serving {
    /// Waits for the line of standard error that says where it listens.
    pub(crate) fn start(mut command: Command, says: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut seen = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let found = line
                .split_once(says)
                .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
            seen.push(line);
            found
        });
        // What it says later is read, or the pipe would fill.
        std::thread::spawn(move || {
            lines.for_each(|line| eprintln!("  server: {line}"));
        });
        let Some(address) = address else {
            let _ = child.kill();
            panic!("the server did not start: {}", seen.join("\n"));
        };
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time of the process so far, of all its threads.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        status_kib(self.child.id(), "VmRSS:") << 10
    }

    /// The most it ever was, in bytes.
    pub(crate) fn resident_peak(&self) -> u64 {
        status_kib(self.child.id(), "VmHWM:") << 10
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of this process, in bytes.
pub(crate) fn own_resident() -> u64 {
    status_kib(std::process::id(), "VmRSS:") << 10
}

/// CPU time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    cpu_of(std::process::id())
}

/// Fields 14 and 15 of `/proc/PID/stat`, in ticks of 10 ms.
fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Bytes of all files below.
pub(crate) fn bytes_on_disk(path: &Path) -> u64 {
    let mut sum = 0;
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let meta = entry.metadata().unwrap();
        sum += if meta.is_dir() {
            bytes_on_disk(&entry.path())
        } else {
            meta.len()
        };
    }
    sum
}
