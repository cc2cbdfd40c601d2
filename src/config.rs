//! Files to typed configuration. Everything is checked before a port is bound; an unknown key is named with the key it
//! was probably meant to be.
mod witness;

pub use witness::{AskedWitness, WitnessRole, WitnessesAsked};

use crate::{
    agreement::Jurisdiction,
    document,
    keyring::RootSource,
    limits::{
        CONFIG_BYTES_MAX, KEEP_YEARS_MAX, KEEP_YEARS_MIN, PERIOD_DAYS, PERIOD_ENTRIES, PROVISION_DAYS,
        PROVISION_DAYS_MAX, REPLY_QUANTUM_MS_MAX,
    },
    policy::Licence,
    subject_request::Deadlines,
};
use serde::Deserialize;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Why the configuration cannot be used. Names the file, and what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {why}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// A file is larger than any configuration.
    #[error("`{path}` is larger than {CONFIG_BYTES_MAX} bytes", path = .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file does not say what it should.
    #[error("`{path}`: {why}", path = .path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Where and what.
        why: String,
    },
}

/// `gateway.toml`. Paths in it are relative to the file's own folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this gateway is.
    pub gateway: Gateway,
    /// Where it listens.
    pub listen: Listen,
    /// Its certificate and whom it trusts.
    pub tls: Tls,
    /// What signs its key list.
    pub key_list: KeyListFiles,
    /// Where the root of its own keys comes from.
    #[serde(default)]
    pub keys: RootSource,
    /// What it decides by.
    pub files: Files,
    /// Days to answer persons in, where they are fewer than the law's.
    #[serde(default)]
    pub subject_requests: Deadlines,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// Which logs it is a witness of, if of any. Needs `witness` under `[listen]`.
    pub witness: Option<WitnessRole>,
    /// Who witnesses its own log. Without them nobody notices that the whole machine was set back.
    pub witnesses: Option<WitnessesAsked>,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How many days after it was told what was told about a person stays provable; then, if they asked to be erased, the
    /// log's link to them goes. At least three years.
    pub provision_days: u32,
    /// Years that an archived period of the log is kept after its last entry.
    pub keep_years: u16,
    /// Days after which health reminds the operator to close the period.
    pub period_days: u32,
    /// Entries after which it does.
    pub period_entries: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            provision_days: PROVISION_DAYS,
            keep_years: KEEP_YEARS_MIN,
            period_days: PERIOD_DAYS,
            period_entries: PERIOD_ENTRIES,
        }
    }
}

impl Retention {
    fn check(&self) -> Result<(), String> {
        if !(PROVISION_DAYS..=PROVISION_DAYS_MAX).contains(&self.provision_days) {
            return Err(format!(
                "`provision_days` is {PROVISION_DAYS} to {PROVISION_DAYS_MAX}: three years at least, as provisions must be provable for"
            ));
        }
        if self.period_days == 0 || self.period_entries == 0 {
            return Err("`period_days` and `period_entries` are at least 1".to_owned());
        }
        match (KEEP_YEARS_MIN..=KEEP_YEARS_MAX).contains(&self.keep_years) {
            true => Ok(()),
            false => Err(format!(
                "`keep_years` is {KEEP_YEARS_MIN} to {KEEP_YEARS_MAX}: what was told must be answered for that long"
            )),
        }
    }
}

/// Who this gateway is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Its SPIFFE URI: `G` in `docs/protocol.md`.
    pub uri: String,
    /// Origin line of its log, such as `tollgate.example/log`. A log never changes its origin.
    pub log_origin: String,
    /// What the operator is, by licence. The route check uses it.
    pub licence: Licence,
    /// Jurisdiction in which the records are held, ISO 3166-1 alpha-2, lower case.
    pub jurisdiction: Jurisdiction,
    /// Where keys, records and log are kept.
    pub data_dir: PathBuf,
    /// Whether keys that were made for development may serve. In the file and not on the command line, so that whoever
    /// reads the configuration of a gateway sees it, and a restart by a machine needs no flag.
    #[serde(default)]
    pub development: bool,
    /// Whether gRPC reflection is served.
    #[serde(default)]
    pub reflection: bool,
    /// Replies leave at a multiple of this after the request was opened; 0 turns it off, more than 100 is refused.
    #[serde(default = "reply_quantum_ms")]
    pub reply_quantum_ms: u64,
}

fn reply_quantum_ms() -> u64 {
    2
}

/// Where it listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Partners and other institutions.
    pub partners: SocketAddr,
    /// The gateway's own domain: provider and staff.
    pub staff: SocketAddr,
    /// The compliance officers' console, for browsers with a staff certificate. Without it there is none.
    #[serde(default)]
    pub console: Option<SocketAddr>,
    /// Members that submit checkpoints of their logs, where this gateway is a witness.
    pub witness: Option<SocketAddr>,
}

/// Certificate and trust.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM, leaf first.
    pub chain: PathBuf,
    /// PEM, PKCS#8.
    pub key: PathBuf,
    /// `trust.toml`: trust domains, their roots, revocation lists and allowed identities.
    pub trust: PathBuf,
}

/// What signs the key list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyListFiles {
    /// Ed25519 key of the online signer, PEM.
    pub online_key: PathBuf,
    /// Its delegation by the gateway-identity key.
    pub delegation: PathBuf,
}

/// What decisions are made by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Members: partners, provider, staff.
    pub register: PathBuf,
    /// One file per agreement.
    pub agreements: Vec<PathBuf>,
    /// The catalogue of raw fields.
    pub fields: PathBuf,
    /// The signals derived from them.
    pub signals: PathBuf,
}

impl Config {
    /// Reads `gateway.toml` and makes its paths absolute.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let invalid = |why: String| ConfigError::Invalid {
            path: path.to_owned(),
            why,
        };
        let mut config: Config = document::read(&text).map_err(|e| invalid(e.to_string()))?;
        if config.gateway.reply_quantum_ms > REPLY_QUANTUM_MS_MAX {
            let why =
                format!("`reply_quantum_ms` is at most {REPLY_QUANTUM_MS_MAX} ms: each reply waits up to that long");
            return Err(invalid(why));
        }
        let checked = config.subject_requests.check();
        checked.map_err(|why| invalid(format!("`[subject_requests]`: {why}")))?;
        let checked = config.retention.check();
        checked.map_err(|why| invalid(format!("`[retention]`: {why}")))?;
        config.check_witnesses().map_err(invalid)?;
        let checked = config.keys.check();
        checked.map_err(|why| invalid(format!("`[keys]`: {why}")))?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        config.resolve(&folder);
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let single = [
            &mut self.gateway.data_dir,
            &mut self.tls.chain,
            &mut self.tls.key,
            &mut self.tls.trust,
            &mut self.key_list.online_key,
            &mut self.key_list.delegation,
            &mut self.files.register,
            &mut self.files.fields,
            &mut self.files.signals,
        ];
        let witness = self.witness.iter_mut().map(|w| &mut w.key);
        let witnesses = self.witnesses.iter_mut().flat_map(WitnessesAsked::paths);
        let many = self
            .files
            .agreements
            .iter_mut()
            .chain(witness)
            .chain(witnesses)
            .chain(self.keys.paths());
        for path in single.into_iter().chain(many) {
            *path = folder.join(&*path);
        }
    }
}

/// Reads a configuration file, refusing one that is too large to be one.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |why| ConfigError::Unreadable {
        path: path.to_owned(),
        why,
    };
    if fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [gateway]
        uri = "spiffe://tollgate.example/gateway"
        log_origin = "tollgate.example/log"
        licence = "licensed-bureau"
        jurisdiction = "cn"
        data_dir = "data"
        [listen]
        partners = "127.0.0.1:8443"
        staff = "127.0.0.1:8444"
        [tls]
        chain = "tls.pem"
        key = "tls.key"
        trust = "trust.toml"
        [key_list]
        online_key = "k"
        delegation = "d"
        [files]
        register = "register.toml"
        agreements = []
        fields = "fields.toml"
        signals = "signals.toml"
    "#;

    #[test]
    fn paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        fs::write(&path, GOOD).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.gateway.data_dir, dir.path().join("data"));
        assert_eq!(config.gateway.reply_quantum_ms, 2);
        assert!(!config.gateway.development, "nobody gets this who does not ask for it");
    }

    #[test]
    fn a_reply_waits_a_hundred_milliseconds_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        let load = |quantum: u64| {
            let line = format!("data_dir = \"data\"\nreply_quantum_ms = {quantum}");
            fs::write(&path, GOOD.replace("data_dir = \"data\"", &line)).unwrap();
            Config::load(&path).map(|config| config.gateway.reply_quantum_ms)
        };
        assert_eq!(load(100).unwrap(), 100);
        let error = load(101).unwrap_err().to_string();
        assert!(error.contains("`reply_quantum_ms` is at most 100"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named_with_a_suggestion() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        fs::write(&path, GOOD.replace("log_origin", "log_orign")).unwrap();
        let error = Config::load(&path).unwrap_err().to_string();
        assert!(error.contains("`log_orign`"), "{error}");
        assert!(error.contains("did you mean `log_origin`"), "{error}");
    }
}
