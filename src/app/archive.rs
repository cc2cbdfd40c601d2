//! Periods of the log that are over: listed, verified, and deleted when they are old enough and nothing holds them.
//!
//! A deletion is an entry in the log that takes entries before anything is deleted. What stays is the final checkpoint, a
//! certificate, and every receipt: they verify as before. What goes is the log itself and the key of its details.
use super::{
    AppError, Kept,
    period::{OF_ONE_LOG, io_at, years_after},
};
use crate::{
    audit::{Archives, Event, FINAL_CHECKPOINT, note, verify},
    clock::{Clock, Time},
    config::Config,
    crypto::{Rng, sha256},
    domain::Method,
    facts::{Facts, Kind},
    hold,
    keyring::Keyring,
    store::{DataDir, sync_dir},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

const DELETE: Method = Method("/tollgate.internal/DeleteArchive");
/// What is left of a deleted period beside its checkpoint.
const CERTIFICATE: &str = "DELETED";

/// A period that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Its number.
    pub period: u32,
    /// The origin of its log.
    pub origin: String,
    /// Its entries, by its final checkpoint.
    pub entries: u64,
    /// Where it is.
    pub path: PathBuf,
    /// The log is deleted, the checkpoint is left.
    pub deleted: bool,
    /// The key of its details is there.
    pub opens: bool,
}

/// What stands against a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletable {
    /// Nothing.
    Yes,
    /// It must be kept until then.
    From(Time),
    /// A hold on the log keeps it.
    Held(hold::Hold),
    /// A hold on a person does, under this case number: which archives name the person is not looked for.
    PersonHeld(String),
}

/// All periods that are over, oldest first. Needs no gateway, and disturbs none.
///
/// # Errors
/// The directory or the keyring cannot be read, or a final checkpoint is not signed by the log's key.
pub fn archives(config: &Config) -> Result<Vec<Archived>, AppError> {
    let data = &config.gateway.data_dir;
    let keyring = Keyring::open(&DataDir::keyring_dir_of(data), &config.keys)?;
    let folder = DataDir::archive_dir_of(data);
    let listed = match fs::read_dir(&folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(io_at(&folder))?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let path = entry.map_err(io_at(&folder))?.path();
        let number = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok());
        if let Some(period) = number {
            found.push(archived(config, &keyring, period, path)?);
        }
    }
    found.sort_by_key(|archived| archived.period);
    Ok(found)
}

/// The periods that are over and not deleted, as a running gateway reads them. None is deleted or closed while it runs.
pub(super) fn to_read(config: &Config, keyring: &Keyring, clock: &Arc<dyn Clock>) -> Result<Archives, AppError> {
    let over = 1..keyring.period();
    let details = over.filter_map(|period| Some((period, keyring.period_detail_of(period)?)));
    let keys = details.map(|(period, details)| Ok((period, key(config, keyring, period)?, details)));
    let keys = keys.collect::<Result<_, AppError>>()?;
    let folder = DataDir::archive_dir_of(&config.gateway.data_dir);
    Ok(Archives::new(folder, keys, Arc::clone(clock)))
}

fn key(config: &Config, keyring: &Keyring, period: u32) -> Result<note::VerifierKey, AppError> {
    let key = keyring.log_verifier(&config.gateway.log_origin, period);
    key.map_err(|e| AppError::Period(e.to_string()))
}

fn archived(config: &Config, keyring: &Keyring, period: u32, path: PathBuf) -> Result<Archived, AppError> {
    let key = key(config, keyring, period)?;
    let text = fs::read_to_string(path.join(FINAL_CHECKPOINT)).map_err(io_at(&path))?;
    let unsigned = |e| AppError::Period(format!("the final checkpoint of period {period}: {e}"));
    let checkpoint = note::verify(&text, &key).map_err(unsigned)?;
    Ok(Archived {
        period,
        origin: key.name().to_owned(),
        entries: checkpoint.size,
        // The certificate stands before anything goes: what a crash left half deleted is only finished.
        deleted: path.join(CERTIFICATE).exists(),
        opens: keyring.period_detail_of(period).is_some(),
        path,
    })
}

/// Checks a whole archive against its final checkpoint; `progress` is told how many entries are done.
///
/// # Errors
/// The first entry that does not hold, or that it ends elsewhere than it was closed.
pub fn verify_archive(
    config: &Config,
    archived: &Archived,
    progress: &mut dyn FnMut(u64),
) -> Result<verify::Verified, AppError> {
    let keyring = Keyring::open(&DataDir::keyring_dir_of(&config.gateway.data_dir), &config.keys)?;
    let key = key(config, &keyring, archived.period)?;
    if archived.deleted {
        let why = format!(
            "period {} is deleted: its checkpoint and certificate are left",
            archived.period
        );
        return Err(AppError::Period(why));
    }
    let text = fs::read_to_string(archived.path.join(FINAL_CHECKPOINT)).map_err(io_at(&archived.path))?;
    let bad = |why: String| AppError::ArchiveBad(format!("period {}: {why}", archived.period));
    let closed = note::verify(&text, &key).map_err(|e| bad(e.to_string()))?;
    let verified = verify::dir(&archived.path, &key, progress).map_err(|e| bad(e.to_string()))?;
    if (verified.signed, verified.entries, verified.root) != (closed.size, closed.size, closed.root) {
        return Err(bad(format!(
            "it ends at {} entries, and was closed at {}",
            verified.entries, closed.size
        )));
    }
    Ok(verified)
}

/// Deletes a period, if it is old enough and nothing holds it. `kept` is the gateway's own, which does not run.
///
/// # Errors
/// What stands against it, in [`Deletable`]; an archive that does not verify: nobody knows how old it is.
pub async fn delete_archive(
    config: &Config,
    kept: &Kept,
    archived: &Archived,
    now: Time,
    rng: &dyn Rng,
) -> Result<Deletable, AppError> {
    if !archived.deleted {
        let verified = verify_archive(config, archived, &mut |_| ())?;
        let from = years_after(verified.last_time, config.retention.keep_years);
        if let Some(hold) = hold::on_period(&*kept.state, archived.period)? {
            return Ok(Deletable::Held(hold));
        }
        let held = kept.erasures.page(None, 1, |standing| standing.is_held(now));
        let holds = held
            .first()
            .and_then(|standing| standing.holds.iter().find(|hold| hold.holds(now)));
        if let Some(hold) = holds {
            return Ok(Deletable::PersonHeld(hold.case_number.clone()));
        }
        if now < from {
            return Ok(Deletable::From(from));
        }
        record(kept, archived).await?;
    }
    // The entry stands: from here on it is only finished.
    certify(archived, now)?;
    kept.keyring.destroy_period(archived.period, rng)?;
    for part in OF_ONE_LOG {
        remove(&archived.path.join(part)).map_err(io_at(&archived.path))?;
    }
    sync_dir(&archived.path).map_err(io_at(&archived.path))?;
    Ok(Deletable::Yes)
}

/// The entry that says so, before anything is deleted.
async fn record(kept: &Kept, archived: &Archived) -> Result<(), AppError> {
    let text = fs::read(archived.path.join(FINAL_CHECKPOINT)).map_err(io_at(&archived.path))?;
    let digest: String = sha256(&text).iter().map(|b| format!("{b:02x}")).collect();
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", DELETE, [0; 32]);
    facts.count = archived.entries;
    facts.note = format!(
        "the log `{}` of {} entries is deleted, its retention is over; SHA-256 of its final checkpoint: {digest}",
        archived.origin, archived.entries
    );
    kept.log.append(Event::new(facts)).await?;
    Ok(())
}

/// Stays beside the checkpoint. It proves nothing by itself: the entry does.
fn certify(archived: &Archived, now: Time) -> Result<(), AppError> {
    let path = archived.path.join(CERTIFICATE);
    if path.exists() {
        return Ok(());
    }
    let at = jiff::Timestamp::from_millisecond(now.0)
        .map(|t| t.to_string())
        .unwrap_or_default();
    let text = format!(
        "The log `{}` ({} entries) was deleted at {at}, after its retention was over. The gateway's log has an entry of it.\n\
         Its final checkpoint is in CHECKPOINT; receipts of its entries verify as before. The key of its details is destroyed.\n",
        archived.origin, archived.entries
    );
    fs::write(&path, text).map_err(io_at(&path))?;
    sync_dir(&archived.path).map_err(io_at(&archived.path))
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
