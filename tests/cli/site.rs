//! A site in a temporary folder, and the binary run on it.
use super::program::{Gateway, Ran, Spawned, program, tollgate};
use flate2::read::GzDecoder;
use std::{fs, io::Read, net::SocketAddr, path::PathBuf};
use tollgate::{
    app::site::{self, BANKS, PROVIDER},
    clock::{Clock, SystemClock},
    crypto::SystemRng,
    source::ingest::test_identity,
};

const SAMPLE: &[u8] = include_bytes!("../data/uci-credit-default.csv.gz");
/// Port 0: the gateway takes a free one and says which.
const ANY_PORT: &str = "127.0.0.1:0";

/// A site of its own: keys, sample policy, an empty data directory.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    vkey: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = ANY_PORT.parse().unwrap();
        let path = folder.path().join("site");
        let made = site::Site::make(&path, any, any, SystemClock.now(), &SystemRng::default());
        let made = made.unwrap_or_else(|e| panic!("{e}"));
        Self {
            vkey: made.log_verifier_key().to_owned(),
            folder,
        }
    }

    /// With the first `rows` clients of the sample loaded, by the binary.
    pub(crate) fn loaded(rows: usize) -> Self {
        let site = Self::new();
        site.write("clients.csv", &sample_rows(1..=rows as u64));
        site.run(&["ingest", "--mapping", "mapping-uci.toml", "clients.csv"])
            .ends(0);
        site
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("site")
    }
    pub(crate) fn vkey(&self) -> &str {
        &self.vkey
    }
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    /// Replaces words that must be in the file.
    #[track_caller]
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "`{from}` is not in `{name}`");
        self.write(name, &text.replace(from, to));
    }

    /// Runs the binary here.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        tollgate(&self.path(), words)
    }

    /// Starts the gateway and waits until it serves.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_with(&[], &[])
    }

    pub(crate) fn serve_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Gateway {
        let mut command = program();
        command.arg("serve").args(words).current_dir(self.path());
        command.envs(environment.iter().copied());
        self.serving(command)
    }

    /// A gateway that was started in another way: waits until it serves.
    pub(crate) fn serving(&self, command: std::process::Command) -> Gateway {
        let process = Spawned::start(command);
        let line = process.wait_for("tollgate serves partners on ");
        let mut addresses = line
            .split_whitespace()
            .filter_map(|w| w.trim_end_matches(';').parse().ok());
        let (partners, staff): (SocketAddr, SocketAddr) = (addresses.next().unwrap(), addresses.next().unwrap());
        for member in BANKS.map(|b| b.0).into_iter().chain([PROVIDER]) {
            self.point(member, partners);
        }
        for officer in ["compliance", "auditor", "security", "security-deputy", "operator"] {
            self.point(officer, staff);
        }
        Gateway {
            process,
            partners,
            staff,
        }
    }

    /// The member's client file names this address.
    pub(crate) fn point(&self, member: &str, address: SocketAddr) {
        let name = format!("{member}.toml");
        let line = |l: &str| match l.starts_with("address = ") {
            true => format!("address = \"{address}\"\n"),
            false => format!("{l}\n"),
        };
        let text: String = self.text(&name).lines().map(line).collect();
        self.write(&name, &text);
    }

    /// A consent of this client to `bank-a`, granted by the bank and confirmed by the lender, by the binary.
    pub(crate) fn consent(&self, person: &str) -> String {
        self.write("notice.txt", "what the person was shown");
        self.write("letter.txt", "what the person signed");
        let granted = self.run(&grant(person)).ends(0).json();
        let id = granted["consents"][0]["consent_id"].as_str().unwrap().to_owned();
        assert_eq!(granted["consents"][0]["status"], "pending");
        let confirmed = self
            .run(&[
                "--json",
                "consent",
                "-c",
                "lender.toml",
                "confirm",
                "--resident-id",
                person,
                &id,
            ])
            .ends(0);
        assert_eq!(confirmed.json()["consents"][0]["status"], "active");
        id
    }

    /// `bank-a` asks, by the binary.
    pub(crate) fn ask(&self, person: &str, consent: &str, signals: &[&str]) -> Ran {
        let mut words = vec!["--json", "query", "-c", "bank-a.toml", "--resident-id", person];
        words.extend(["--purpose", "credit.origination", "--agreement", "bank-a-2026"]);
        words.extend(["--consent", consent]);
        words.extend(signals);
        self.run(&words)
    }

    /// Verifies the log offline and gives the number of its entries.
    #[track_caller]
    pub(crate) fn verify(&self) -> u64 {
        let ran = self
            .run(&["--json", "audit", "verify", "data", "--key", "log.vkey"])
            .ends(0);
        ran.json()["entries"].as_u64().unwrap()
    }
}

/// The words that grant a consent.
pub(crate) fn grant(person: &str) -> Vec<&str> {
    let words = "--json consent -c bank-a.toml grant --recipient bank-a --purpose credit.origination \
                 --family overdue:1 --family utilisation:1 --family limit:1 --family risk:1 --notice-version 1 \
                 --notice notice.txt --evidence letter.txt --separate --resident-id";
    words.split_whitespace().chain([person]).collect()
}

/// The test identity of a row of the sample.
pub(crate) fn person(row: u64) -> String {
    test_identity(row).unwrap()
}

/// Rows of the sample as CSV with its header. Past its end it begins anew, with row numbers that go on.
pub(crate) fn sample_rows(rows: std::ops::RangeInclusive<u64>) -> String {
    let mut text = String::new();
    GzDecoder::new(SAMPLE).read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (header, clients) = lines.split_first().unwrap();
    let mut out = format!("{header}\n");
    for row in rows {
        let client = clients[(row as usize - 1) % clients.len()];
        out.push_str(&format!("{row},{}\n", client.split_once(',').unwrap().1));
    }
    out
}
