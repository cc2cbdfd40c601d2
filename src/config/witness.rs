//! Witnesses in `gateway.toml`: of which logs this gateway is one, and who witnesses its own.
use super::Config;
use crate::limits::{WITNESS_EVERY_S_MAX, WITNESS_EVERY_S_MIN, WITNESSED_LOGS_MAX, WITNESSES_MAX};
use serde::Deserialize;
use std::path::PathBuf;

/// `[witness]`: this gateway cosigns checkpoints of other logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessRole {
    /// The witness's name, such as `bank-b.example/witness`. It stands in every cosignature.
    pub name: String,
    /// Ed25519 key that cosigns and does nothing else, PEM; made by `tollgate witness key`.
    pub key: PathBuf,
    /// C2SP verifier keys of the logs that it witnesses; a key names its log. Several of one name while a log's key changes.
    pub logs: Vec<String>,
}

/// `[witnesses]`: this gateway's log is cosigned by others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesAsked {
    /// How many must have cosigned a checkpoint before it is served as cosigned.
    pub min: usize,
    /// They are asked this often, in seconds.
    #[serde(default = "every_s")]
    pub every_s: u64,
    /// Client certificate that the gateway shows them, PEM, leaf first: it must be that of a member there.
    pub chain: PathBuf,
    /// Its key, PEM, PKCS#8.
    pub key: PathBuf,
    /// The witnesses.
    pub list: Vec<AskedWitness>,
}

/// One witness.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedWitness {
    /// Its C2SP verifier key, of type 4.
    pub key: String,
    /// `https://host:port`.
    pub address: String,
    /// The SPIFFE URI that its certificate must have.
    pub uri: String,
    /// Roots of its trust domain, PEM.
    pub roots: PathBuf,
}

fn every_s() -> u64 {
    60
}

impl WitnessesAsked {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let roots = self.list.iter_mut().map(|w| &mut w.roots);
        [&mut self.chain, &mut self.key].into_iter().chain(roots)
    }
}

impl Config {
    /// What can be said without reading another file.
    pub(super) fn check_witnesses(&self) -> Result<(), String> {
        match (&self.listen.witness, &self.witness) {
            (Some(_), None) => {
                return Err(
                    "`witness` under `[listen]` needs a table `[witness]`: add it, or remove the address".into(),
                );
            }
            (None, Some(_)) => return Err("`[witness]` needs an address: add `witness` under `[listen]`".into()),
            _ => {}
        }
        let logs = self.witness.as_ref().map_or(1, |w| w.logs.len());
        if logs == 0 || logs > WITNESSED_LOGS_MAX {
            return Err(format!(
                "`logs` under `[witness]` holds 1 to {WITNESSED_LOGS_MAX} verifier keys"
            ));
        }
        let Some(asked) = &self.witnesses else { return Ok(()) };
        if asked.list.is_empty() || asked.list.len() > WITNESSES_MAX {
            return Err(format!("`[[witnesses.list]]` stands 1 to {WITNESSES_MAX} times"));
        }
        if asked.min == 0 || asked.min > asked.list.len() {
            return Err(format!(
                "`min` under `[witnesses]` is from 1 to the number of witnesses, {}",
                asked.list.len()
            ));
        }
        if !(WITNESS_EVERY_S_MIN..=WITNESS_EVERY_S_MAX).contains(&asked.every_s) {
            return Err(format!(
                "`every_s` under `[witnesses]` is from {WITNESS_EVERY_S_MIN} to {WITNESS_EVERY_S_MAX}"
            ));
        }
        Ok(())
    }
}
