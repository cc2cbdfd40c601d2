//! Witnesses, from the configuration: keys are read and compared before a port is bound.
use super::{AppError, Kept};
use crate::{
    audit::{
        LogSigners,
        cosignature::WitnessKey,
        note::{VerifierKey, name_is_valid},
    },
    channel::{Credential, client::Connector},
    clock::Clock,
    config::{AskedWitness, Config, WitnessRole, read_text},
    crypto::{Ed25519Signer, Signer},
    pipeline::Gate,
    store::DataDir,
    web,
    witness::{Setup, Witness, Witnesses},
};
use std::{sync::Arc, time::Duration};

fn invalid(table: &str, what: &str, why: impl ToString) -> AppError {
    AppError::Witness(format!("`{what}` under `[{table}]`: {}", why.to_string()))
}

/// Reads what the configuration says of witnesses, without the data directory.
pub fn check_witnesses(config: &Config) -> Result<(), AppError> {
    if let Some(role) = &config.witness {
        logs(config, role)?;
        cosigner(role)?;
    }
    asked(config).map(drop)
}

/// The C2SP verifier key of this gateway as a witness.
pub fn witness_key(role: &WitnessRole) -> Result<String, AppError> {
    Ok(WitnessKey::encode(&role.name, &cosigner(role)?.public_key()))
}

/// This gateway as a witness of other logs, if it is one.
pub(super) fn witness(config: &Config, own: &LogSigners, gate: &Arc<Gate>) -> Result<Option<Arc<Witness>>, AppError> {
    let Some(role) = &config.witness else { return Ok(None) };
    let (signer, logs) = (cosigner(role)?, logs(config, role)?);
    if own.has(&signer.public_key()) {
        return Err(invalid(
            "witness",
            "key",
            "the log's key signs notes of its own log and nothing else: make one with `tollgate witness key`",
        ));
    }
    let witness = Witness::new(role.name.clone(), Box::new(signer), logs, Arc::clone(gate));
    Ok(Some(Arc::new(witness)))
}

/// The witnesses of this gateway's log, if it has any.
pub(super) fn witnesses(
    config: &Config,
    kept: &Kept,
    clock: &Arc<dyn Clock>,
    snapshot: [u8; 32],
) -> Result<Option<Arc<Witnesses>>, AppError> {
    let list = asked(config)?;
    let Some(file) = &config.witnesses else { return Ok(None) };
    let key = kept.keyring.log_signers().verifier(kept.log.origin());
    Ok(Some(Witnesses::new(Setup {
        list,
        min: file.min,
        every: Duration::from_secs(file.every_s),
        log: kept.log.clone(),
        key: key.map_err(|e| AppError::Witness(e.to_string()))?,
        path: DataDir::cosigned_note_of(&config.gateway.data_dir),
        clock: Arc::clone(clock),
        snapshot,
    })))
}

/// Asks the witnesses how far they have seen this log. Without any, nothing notices that the machine was set back.
pub(super) async fn before_serving(witnesses: Option<&Arc<Witnesses>>) -> Result<(), AppError> {
    match witnesses {
        Some(witnesses) => Ok(witnesses.before_serving().await?),
        None => {
            tracing::warn!(
                "unwitnessed: nobody outside would notice that this machine was set back; see docs/operating/witnesses.md"
            );
            Ok(())
        }
    }
}

fn cosigner(role: &WitnessRole) -> Result<Ed25519Signer, AppError> {
    if !name_is_valid(&role.name) {
        return Err(invalid(
            "witness",
            "name",
            "1 to 96 printable characters without white space or `+`",
        ));
    }
    Ed25519Signer::from_pkcs8_pem(&read_text(&role.key)?).map_err(|_| {
        invalid(
            "witness",
            "key",
            "not an Ed25519 key in PEM: make one with `tollgate witness key`",
        )
    })
}

fn logs(config: &Config, role: &WitnessRole) -> Result<Vec<VerifierKey>, AppError> {
    let mut logs: Vec<VerifierKey> = Vec::new();
    for text in &role.logs {
        let key = VerifierKey::parse(text).map_err(|e| invalid("witness", "logs", format!("`{text}`: {e}")))?;
        if key.name() == config.gateway.log_origin {
            return Err(invalid(
                "witness",
                "logs",
                "a gateway is no witness of its own log: name those of others",
            ));
        }
        if logs.iter().any(|known| known.shares_a_key_with(&key)) {
            return Err(invalid("witness", "logs", format!("`{text}` stands twice")));
        }
        // While one key of a log follows another, both stand here.
        match logs.iter().position(|known| known.name() == key.name()) {
            Some(at) => {
                let known = logs.swap_remove(at);
                let both = known.and(key);
                logs.push(both.map_err(|e| invalid("witness", "logs", format!("`{text}`: {e}")))?);
            }
            None => logs.push(key),
        }
    }
    Ok(logs)
}

fn asked(config: &Config) -> Result<Vec<(WitnessKey, web::Server)>, AppError> {
    let Some(file) = &config.witnesses else {
        return Ok(Vec::new());
    };
    let credential = Credential::load(&file.chain, &file.key)?;
    let mut list: Vec<(WitnessKey, web::Server)> = Vec::new();
    for one in &file.list {
        let (key, server) = asked_one(one, &credential)?;
        // One key under two names would be two of the quorum.
        if list.iter().any(|(known, _)| known.is_same_witness(&key)) {
            return Err(invalid(
                "witnesses.list",
                "key",
                format!("`{}` has the key of another witness", key.name()),
            ));
        }
        list.push((key, server));
    }
    Ok(list)
}

fn asked_one(one: &AskedWitness, credential: &Credential) -> Result<(WitnessKey, web::Server), AppError> {
    let key = WitnessKey::parse(&one.key).map_err(|e| invalid("witnesses.list", "key", e))?;
    let connector = Connector::new(read_text(&one.roots)?.as_bytes(), credential, &one.uri)
        .map_err(|e| invalid("witnesses.list", "roots, uri", e))?;
    let server = web::Server::new(connector, &one.address)
        .ok_or_else(|| invalid("witnesses.list", "address", "write `https://host:port`"))?;
    Ok((key, server))
}
