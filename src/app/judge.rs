//! Files → what requests are judged by. Pure but for reading the files.
use super::AppError;
use crate::{
    agreement::{Agreements, FileError, Register},
    channel::{Credential, CrlMemory, Listener, Trust, server_config},
    clock::SystemClock,
    config::{Config, ConfigError, read_text},
    keyring::{Keyring, unlocked_warning},
    minimise,
    pipeline::View,
    policy::{Basis, Operator, Snapshot},
    signal::{Signal, Signals},
    source::Catalogue,
    store::DataDir,
};
use std::{fmt::Display, path::Path, sync::Arc};

fn invalid(path: &Path, why: impl Display) -> ConfigError {
    ConfigError::Invalid {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn agreement_error(path: &Path) -> impl FnOnce(FileError) -> ConfigError + '_ {
    move |e| invalid(path, format!("{}: {}", e.place, e.mend))
}

/// Reads, checks and compiles everything that decisions are made by.
pub fn judge_by(config: &Config) -> Result<View, AppError> {
    let files = &config.files;
    let catalogue = Catalogue::load(&read_text(&files.fields)?).map_err(|e| invalid(&files.fields, e))?;
    let signals = Signals::load(&read_text(&files.signals)?, &catalogue).map_err(|e| invalid(&files.signals, e))?;
    let register =
        Register::load(&read_text(&files.register)?, &config.gateway.uri).map_err(agreement_error(&files.register))?;
    let mut texts = Vec::new();
    for path in &files.agreements {
        texts.push((path.display().to_string(), read_text(path)?));
    }
    let named = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let agreements =
        Agreements::load(named).map_err(|e| invalid(Path::new(&e.file), format!("{}: {}", e.place, e.mend)))?;
    let reasons: Vec<String> = signals.reasons().iter().map(|r| r.code.clone()).collect();
    let shapes: Vec<minimise::Shape<'_>> = signals
        .iter()
        .map(|signal| minimise::Shape {
            signal: signal.id(),
            bands: signal.bands(),
            reasons: &reasons,
            fields: catalogue.names(signal.lineage()),
        })
        .collect();
    minimise::check_size(&shapes).map_err(|e| invalid(&files.signals, e))?;
    let snapshot = Snapshot::build(Basis {
        register: &register,
        agreements,
        signals: signals.iter().map(Signal::fact).collect(),
        fields: catalogue.fields().iter().map(|f| f.path.clone()).collect(),
        signals_sha256: signals.sha256(),
        catalogue_sha256: catalogue.sha256(),
        operator: Operator {
            licence: config.gateway.licence,
            jurisdiction: config.gateway.jurisdiction.clone(),
        },
    })
    .map_err(|e| invalid(&files.signals, e))?;
    Ok(View {
        register,
        snapshot,
        signals,
        catalogue: Arc::new(catalogue),
    })
}

/// Checks certificates, trust and revocation lists without binding a port.
pub fn check_channel(config: &Config) -> Result<(), AppError> {
    let trust = Trust::load(&config.tls.trust)?;
    let credential = Credential::load(&config.tls.chain, &config.tls.key)?;
    for listener in [Listener::Partner, Listener::Staff] {
        server_config(
            &trust,
            listener,
            &credential,
            Arc::new(SystemClock),
            &CrlMemory::default(),
        )?;
    }
    Ok(())
}

/// Opens the keyring under its root, and checks that keys for development serve in development only. Without a data
/// directory there is nothing to check yet. Gives a warning, if the system does not let secrets be locked in memory.
pub fn check_keys(config: &Config) -> Result<Option<String>, AppError> {
    let dir = DataDir::keyring_dir_of(&config.gateway.data_dir);
    if !dir.exists() {
        return Ok(None);
    }
    let keyring = Keyring::open(&dir, &config.keys)?;
    if keyring.is_development() && !config.gateway.development {
        return Err(AppError::DevelopmentKeys);
    }
    Ok(unlocked_warning())
}
