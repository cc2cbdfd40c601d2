//! The data directory, opened: keys, log, state and records.
use super::{AppError, log_key, period};
use crate::{
    audit::{self, Log, Worker, note},
    clock::{Clock, Time},
    config::Config,
    crypto::{Rng, SystemRng},
    erasure::Register,
    keyring::{Keyring, Moved, RootSource, move_root},
    source::{Catalogue, LossRule, Vault, VaultSetup},
    state::State,
    store::{DataDir, vault::SledRecords},
};
use std::sync::Arc;

/// Everything that is kept on disk, open and locked against a second process.
pub struct Kept {
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// The log.
    pub log: Log,
    /// What entries have changed.
    pub state: Arc<dyn State>,
    /// Erasures, and what holds them.
    pub erasures: Register,
    /// The records.
    pub vault: Arc<Vault>,
    /// The log's threads.
    pub worker: Worker,
    /// What the start found and did.
    pub recovery: audit::Recovery,
}

/// Makes an empty data directory with its keys, whose calendar begins at `now`. Gives the log's verifier key.
pub fn create_data(config: &Config, now: Time, development: bool) -> Result<String, AppError> {
    let rng = SystemRng::default();
    let dir = DataDir::create(&config.gateway.data_dir)?;
    let keyring = Keyring::create(&dir.keyring_dir(), &config.keys, now, &rng, development)?;
    Ok(verifier_key(config, &keyring))
}

/// Moves the keys from the root `from` to the one that the configuration names. The gateway must be stopped: the data
/// directory is taken.
///
/// # Errors
/// The gateway runs, or neither root opens the keyring.
pub fn move_keys(config: &Config, from: &RootSource) -> Result<Moved, AppError> {
    let dir = DataDir::open(&config.gateway.data_dir)?;
    let moved = move_root(&dir.keyring_dir(), from, &config.keys, &SystemRng::default())?;
    Ok(moved)
}

/// The C2SP verifier key of the log; where one key followed another, a line for each, the active one first.
pub fn verifier_key(config: &Config, keyring: &Keyring) -> String {
    keyring.log_signers().text(&origin(config, keyring))
}

/// The origin of the log's period: the keyring knows which one it is, so that an older one cannot be put in its place.
pub fn origin(config: &Config, keyring: &Keyring) -> String {
    note::period_origin(&config.gateway.log_origin, keyring.period())
}

impl Kept {
    /// Opens it all.
    pub fn open(
        config: &Config,
        catalogue: &Arc<Catalogue>,
        on_loss: LossRule,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
    ) -> Result<Self, AppError> {
        let dir = DataDir::open(&config.gateway.data_dir)?;
        if period::is_closing(&dir) {
            return Err(AppError::ClosingUnderWay);
        }
        let keyring = Arc::new(Keyring::open(&dir.keyring_dir(), &config.keys)?);
        let opened = Log::open(audit::Setup {
            dir: &dir,
            origin: origin(config, &keyring),
            signers: keyring.log_signers(),
            period_key: keyring.period_detail(),
            clock: Arc::clone(clock),
            rng: Arc::clone(rng),
        })?;
        let opened = log_key::fits(&keyring, opened)?;
        if opened.recovery.entries == 0 && keyring.has_served() {
            return Err(AppError::LogMissing);
        }
        let vault = Vault::open(VaultSetup {
            store: Box::new(SledRecords::open(&dir.vault_dir())?),
            catalogue: Arc::clone(catalogue),
            epochs: keyring.epochs(),
            rng: Arc::clone(rng),
            clock: Arc::clone(clock),
            state: &*opened.state,
            on_loss,
        })?;
        let erasures = Register::load(&*opened.state, &keyring.epochs())?;
        vault.block(erasures.blocked());
        Ok(Self {
            keyring,
            erasures,
            log: opened.log,
            state: opened.state,
            vault: Arc::new(vault),
            worker: opened.worker,
            recovery: opened.recovery,
        })
    }
}
