//! Backups, read: checked by restoring them beside, and restored into an empty place.
//!
//! ```text
//! <data>.restoring/: keys, journal, records, head ─ verified ─ store built ─ every record opened ─ (next period) ─ renamed
//! ```
//!
//! Until the last step, which is one rename, there is no data directory, and whatever stopped the work is cleared away by
//! the next try. The log that comes back must lead to the checkpoint that is given, or its loss be accepted in words and
//! stand in the first entry of a new period. What the backup cannot know is unknown from the first start on: see
//! [`crate::restored`]. What is refused: a data directory that is not empty, a backup of other keys, a log that is not the
//! one of the checkpoint.
use super::{
    AppError, Kept, Step, judge_by, origin,
    period::{begin_after_loss, io_at},
};
use crate::{
    admin::{Proposal, ProposalState, proposals},
    audit::{Event, note, verify},
    backup::{Manifest, Onto, unpack, unpack_keys},
    clock::{Clock, Time},
    config::Config,
    crypto::{Rng, age::Identity},
    domain::Method,
    facts::{Facts, Kind},
    keyring::Keyring,
    limits::PROPOSALS_PER_ENTRY_MAX,
    restored::Restored,
    source::{Held, LossRule},
    store::{DataDir, DataDirError, sync_dir, vault::SledRecords},
    wire::{self, v1},
};
use std::{
    fs::{self, File},
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The first entry after a restore that goes on in the same log, and one of the first of a new period.
const RESTORED: Method = Method("/tollgate.internal/Restored");
/// Lies in a data directory that was restored until its first start has recorded that.
const MARKER: &str = "restored";

/// A backup, and what opens it.
pub struct Files<'a> {
    /// The encrypted archive.
    pub backup: &'a Path,
    /// The encrypted keys.
    pub keys: &'a Path,
    /// What opens both.
    pub identity: &'a Identity,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Records that are back.
    Unpacked(u64),
    /// Entries that were verified.
    Verified(u64),
    /// Records that were opened.
    Opened(u64),
}

/// Told how far it is.
pub type Told<'a> = &'a mut (dyn FnMut(Stage) + Send);

/// What a backup holds, all of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Entries of the log.
    pub entries: u64,
    /// The time of the newest.
    pub newest: Time,
    /// Records, and the people who have one.
    pub held: Held,
}

/// A data directory that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// What was restored.
    pub checked: Checked,
    /// The log that takes entries from now on.
    pub origin: String,
    /// Entries that are lost, where some are: from the first of them up to the last, exclusive.
    pub lost: Option<(u64, u64)>,
}

/// Restores it beside the data directory, checks all of it, and removes it again. The gateway may be running.
///
/// # Errors
/// What is wrong with it.
pub fn check_backup(
    config: &Config,
    files: &Files<'_>,
    sources: (&Arc<dyn Clock>, &Arc<dyn Rng>),
    told: Told<'_>,
) -> Result<Checked, AppError> {
    let staged = Staged::unpack(config, "checking", files, told)?;
    staged.check(None, sources, told)
}

/// Restores it into the data directory of `config`, which must be absent or empty. `known` is the newest checkpoint that
/// anybody outside has of the log.
///
/// # Errors
/// What is wrong with it; [`AppError::NotReached`] where the log ends before `known` and `accept_loss` is not set. Then
/// nothing was changed.
pub async fn restore_backup(
    config: &Config,
    files: &Files<'_>,
    (known, accept_loss): (&str, bool),
    (clock, rng): (&Arc<dyn Clock>, &Arc<dyn Rng>),
    told: Told<'_>,
) -> Result<Back, AppError> {
    let data = &config.gateway.data_dir;
    is_free(data)?;
    let mut staged = Staged::unpack(config, "restoring", files, told)?;
    let key = staged.log_key()?;
    let wrong = |e: note::NoteError| AppError::Backup(format!("the checkpoint that was given: {e}"));
    let known = note::verify(known, &key).map_err(wrong)?;
    let reached = known.size <= staged.manifest.entries;
    if !reached && !accept_loss {
        return Err(AppError::NotReached {
            entries: staged.manifest.entries,
            known: known.size,
        });
    }
    let checked = staged.check(reached.then_some(&known), (clock, rng), told)?;
    let lost = (!reached).then_some((checked.entries, known.size));
    if lost.is_some() {
        let mut told = |_: Step| ();
        begin_after_loss(&staged.config, (clock, rng), known.size, &mut told).await?;
    }
    let keyring = Keyring::open(&DataDir::keyring_dir_of(&staged.path), &staged.config.keys)?;
    keyring.skip_serials(&**rng)?;
    let marker = staged.path.join(MARKER);
    write(&marker, checked.manifest.checkpoint.as_bytes()).map_err(io_at(&marker))?;
    sync_dir(&staged.path).map_err(io_at(&staged.path))?;
    // An empty directory gives way to the rename.
    fs::rename(&staged.path, data).map_err(io_at(data))?;
    staged.kept = true;
    let parent = data.canonicalize().map_err(io_at(data))?;
    sync_dir(parent.parent().unwrap_or(Path::new("/"))).map_err(io_at(data))?;
    Ok(Back {
        checked,
        origin: origin(config, &keyring),
        lost,
    })
}

fn is_free(data: &Path) -> Result<(), AppError> {
    match fs::read_dir(data) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        listed => match listed.map_err(io_at(data))?.next() {
            None => Ok(()),
            Some(_) => Err(DataDirError::NotEmpty(data.to_owned()).into()),
        },
    }
}

/// A data directory that is not yet one.
struct Staged {
    path: PathBuf,
    config: Config,
    manifest: Manifest,
    kept: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.kept {
            // Keys lie in it. What cannot be removed now is by the next try.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Staged {
    fn unpack(config: &Config, what: &str, files: &Files<'_>, told: Told<'_>) -> Result<Self, AppError> {
        let mut config = config.clone();
        let mut name = config.gateway.data_dir.as_os_str().to_owned();
        name.push(format!(".{what}"));
        let path = PathBuf::from(name);
        // One that another process works on is not cleared away under it.
        if let Err(busy @ DataDirError::InUse) = DataDir::open(&path) {
            return Err(busy.into());
        }
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_at(&path)(e)),
            _ => {}
        }
        config.gateway.data_dir.clone_from(&path);
        let dir = DataDir::create(&path)?;
        let mut staged = Self {
            path,
            config,
            manifest: Manifest::default(),
            kept: false,
        };
        let open = |path: &Path| File::open(path).map(BufReader::new).map_err(io_at_file(path));
        unpack_keys(open(files.keys)?, files.identity, &dir.keyring_dir()).map_err(of(files.keys))?;
        let vault = SledRecords::open(&dir.vault_dir())?;
        let onto = Onto {
            dir: &staged.path,
            vault: &vault,
        };
        let mut progress = |rows| told(Stage::Unpacked(rows));
        let unpacked = unpack(open(files.backup)?, files.identity, &onto, &mut progress);
        let (manifest, _) = unpacked.map_err(of(files.backup))?;
        let keyring = Keyring::open(&dir.keyring_dir(), &staged.config.keys)?;
        let epochs = keyring.epochs().all();
        let has = |id: &String| epochs.iter().any(|epoch| epoch.id().to_string() == *id);
        if !manifest.epochs.iter().all(has) {
            return Err(AppError::Backup(
                "the file of keys does not open it: people were erased since it was made, or it is of another gateway; use \
                 a backup that is as new as the keys"
                    .to_owned(),
            ));
        }
        staged.manifest = manifest;
        Ok(staged)
    }

    fn log_key(&self) -> Result<note::VerifierKey, AppError> {
        let keyring = Keyring::open(&DataDir::keyring_dir_of(&self.path), &self.config.keys)?;
        let origin = origin(&self.config, &keyring);
        if origin != self.manifest.origin {
            let why = format!("it is of the log `{}`, and this is `{origin}`", self.manifest.origin);
            return Err(AppError::Backup(why));
        }
        let key = keyring.log_verifier(&self.config.gateway.log_origin, keyring.period());
        key.map_err(|e| AppError::Backup(e.to_string()))
    }

    /// Verifies the log to its checkpoint, and through `known`; builds the store; opens every record.
    fn check(
        &self,
        known: Option<&note::Checkpoint>,
        (clock, rng): (&Arc<dyn Clock>, &Arc<dyn Rng>),
        told: Told<'_>,
    ) -> Result<Checked, AppError> {
        let bad = |why: String| AppError::BackupBad(why);
        let key = self.log_key()?;
        let own = note::verify(&self.manifest.checkpoint, &key).map_err(|e| bad(format!("its checkpoint: {e}")))?;
        let mut progress = |entries| told(Stage::Verified(entries));
        let verified = match known {
            Some(known) => verify::dir_through(&self.path, &key, known, &mut progress),
            None => verify::dir(&self.path, &key, &mut progress),
        };
        let verified = verified.map_err(|e| bad(e.to_string()))?;
        let ends = (verified.entries, verified.signed, verified.root, verified.torn_bytes);
        if ends != (own.size, own.size, own.root, 0) || own.size != self.manifest.entries {
            return Err(bad("its log does not end at its checkpoint".to_owned()));
        }
        let view = judge_by(&self.config)?;
        let kept = Kept::open(&self.config, &view.catalogue, LossRule::Refuse, clock, rng)?;
        let held = kept.vault.check(&mut |rows| told(Stage::Opened(rows)));
        let Kept {
            worker,
            log,
            state,
            vault,
            ..
        } = kept;
        drop((log, state, vault));
        worker.close().map_err(|e| AppError::Server(e.to_string()))?;
        Ok(Checked {
            manifest: self.manifest.clone(),
            entries: verified.entries,
            newest: verified.last_time,
            held: held.map_err(|e| bad(e.to_string()))?,
        })
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn io_at_file(path: &Path) -> impl Fn(io::Error) -> AppError + '_ {
    move |why| AppError::Backup(format!("`{}`: {why}", path.display()))
}

/// Whose file it is that cannot be read: damage and a wrong key are one thing to who reads, and both mean not to use it.
fn of(path: &Path) -> impl Fn(crate::backup::BackupError) -> AppError + '_ {
    move |error| AppError::BackupBad(format!("`{}`: {error}", path.display()))
}

/// What was proposed may have been rejected after the backup, and what was approved rolled back: neither counts again. An
/// emergency is done again, which does no harm.
async fn drop_proposals(kept: &Kept, snapshot: [u8; 32]) -> Result<(), AppError> {
    // Those that have expired too: this machine's clock is not yet trusted.
    let state = |p: &Proposal| p.state(Time(i64::MIN));
    let undecided = |p: &Proposal| !p.emergency && matches!(state(p), ProposalState::Open | ProposalState::Approved);
    let all = proposals(&*kept.state)?;
    let effects: Vec<_> = all.iter().filter(|p| undecided(p)).map(Proposal::delete).collect();
    for some in effects.chunks(PROPOSALS_PER_ENTRY_MAX) {
        let mut facts = Facts::new(Kind::Lifecycle, "gateway", RESTORED, snapshot);
        facts.note = "proposals that the backup has open or being carried out are dropped".to_owned();
        facts.count = some.len() as u64;
        facts.effects = some.to_vec();
        kept.log.append(Event::new(facts)).await?;
    }
    Ok(())
}

/// Records, before anybody is answered, that the directory was restored, and what is unknown since. Called after witnesses
/// were asked: what is added to a log that is behind them would be a second history of it.
pub(super) async fn tell(kept: &Kept, config: &Config, now: Time, snapshot: [u8; 32]) -> Result<(), AppError> {
    let marker = config.gateway.data_dir.join(MARKER);
    let checkpoint = match fs::read_to_string(&marker) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(io_at(&marker))?,
    };
    // The log's time never goes back, the clock of another machine may.
    let last = kept.log.head().size.checked_sub(1);
    let last = last.map(|index| kept.log.entry(index)).transpose()?.flatten();
    let leaf = last.and_then(|entry| wire::decode_canonical::<v1::Leaf>(&entry.leaf).ok());
    let newest = leaf.and_then(|leaf| wire::millis(leaf.time.as_ref())).map_or(now, Time);
    let size = note::read_unverified(&checkpoint).map_or(0, |checkpoint| checkpoint.size);
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", RESTORED, snapshot);
    facts.note = format!(
        "restored from a backup of {size} entries: consents given before count for nothing, and partners are suspended, until \
         withdrawals and suspensions have been replayed"
    );
    facts.count = size;
    facts.effects = vec![Restored::at(now.max(newest)).effect()];
    drop_proposals(kept, snapshot).await?;
    kept.log.append(Event::new(facts)).await?;
    fs::remove_file(&marker).map_err(io_at(&marker))?;
    sync_dir(&config.gateway.data_dir).map_err(io_at(&marker))
}
