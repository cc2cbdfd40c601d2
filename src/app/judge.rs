//! Files → what requests are judged by. Pure but for reading the files.
use super::AppError;
use crate::{
    agreement::{Agreements, Register},
    channel::{self, Trust},
    clock::{Clock, SystemClock},
    config::{Config, ConfigError, read_text, with_suggestion},
    pipeline::View,
    policy::{self, Snapshot},
    signal::Signals,
    source::Catalogue,
};
use std::{fmt::Display, path::Path};

fn invalid(path: &Path, why: impl Display) -> ConfigError {
    ConfigError::Invalid {
        path: path.to_owned(),
        why: with_suggestion(&why.to_string()),
    }
}

/// Reads, checks and compiles everything that decisions are made by.
pub fn judge_by(config: &Config) -> Result<View, AppError> {
    let files = &config.files;
    let catalogue = Catalogue::load(&read_text(&files.fields)?).map_err(|e| invalid(&files.fields, e))?;
    let signals = Signals::load(&read_text(&files.signals)?, &catalogue).map_err(|e| invalid(&files.signals, e))?;
    let register = Register::load(&read_text(&files.register)?, &config.gateway.uri)
        .map_err(|e| invalid(&files.register, e))?;
    let mut agreements = Agreements::default();
    for path in &files.agreements {
        agreements.add(&read_text(path)?).map_err(|e| invalid(path, e))?;
    }
    let operator = policy::Operator {
        licence: config.gateway.licence,
        jurisdiction: config.gateway.jurisdiction.clone(),
    };
    let snapshot = Snapshot::build(&register, &agreements, &signals, &catalogue, &operator)
        .map_err(|e| invalid(&files.signals, e))?;
    Ok(View {
        register,
        agreements,
        snapshot,
        signals,
        catalogue,
    })
}

/// Checks certificates, trust and revocation lists without binding a port.
pub fn check_channel(config: &Config) -> Result<(), AppError> {
    let trust = Trust::load(&config.tls.trust)?;
    channel::check(&trust, &config.tls.chain, &config.tls.key, SystemClock.now())?;
    Ok(())
}
