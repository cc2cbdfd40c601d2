//! The end of a period of the log: the old log is sealed by a last entry and put away, and a new one begins that says which
//! log it continues and holds everything that is still in force.
//!
//! ```text
//! closing (file) ─ last entry ─ next/: entry 0, rows ─ compared ─ switched (file) ─ old → archive, next → data ─ key ─ done
//! ```
//!
//! The file `closing` is there from the first step to the last: while it is, no gateway starts, so no two logs ever take
//! entries. Before the switch nothing of the old log is moved and `next/` is made anew; after it each move is done or not,
//! and is done. So whatever stops the work, running it again ends it. What it refuses: a period whose last requests could
//! still be sent again, and a state that does not compare equal.
mod carry;

use super::{AppError, kept::verifier_key, log_key, origin};
use crate::{
    audit::{self, Event, FINAL_CHECKPOINT, Log, LogSigners, Opened, note},
    clock::{Clock, Time},
    config::Config,
    crypto::{Rng, Secret},
    domain::Method,
    facts::{Facts, Kind},
    keyring::Keyring,
    limits::CLOSING_REST_MS,
    pipeline::Recent,
    state::State,
    store::{DataDir, sync_dir},
    wire::{self, v1},
};
use carry::{Periods, carry, compare};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The last entry of a period.
const CLOSE: Method = Method("/tollgate.internal/ClosePeriod");
/// The first of the next.
const BEGIN: Method = Method("/tollgate.internal/BeginPeriod");
/// What was in force.
const CARRY: Method = Method("/tollgate.internal/CarryOver");

const MARKER: &str = "closing";
const NEXT: &str = "next";
/// What of a data directory belongs to one log, in the order in which it is moved.
pub(super) const OF_ONE_LOG: [&str; 4] = ["journal", "head", "mark", "store"];
/// What of an archive nobody writes any more. sled opens its files to write even where nothing changes, and `mark` says what
/// they hold: both are made anew from the journal at need, and so stay writable for who reads the archive.
const READ_ONLY: [&str; 3] = ["journal", "head", FINAL_CHECKPOINT];

/// A period that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Its number.
    pub period: u32,
    /// Its entries.
    pub entries: u64,
    /// Its final checkpoint, signed.
    pub checkpoint: String,
    /// Rows that were carried over.
    pub rows: u64,
    /// The origin of the log that continues it.
    pub origin: String,
    /// What that one is verified with.
    pub verifier_key: String,
    /// Where the closed one is.
    pub archive: PathBuf,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The last entry is written.
    Sealed,
    /// Rows that are in the new log.
    Carried(u64),
    /// The new log holds what the old one held.
    Compared,
    /// Parts are moved.
    Switched,
}

/// Whether a period is being closed in this directory.
pub(super) fn is_closing(dir: &DataDir) -> bool {
    dir.path().join(MARKER).exists()
}

/// Which key signs the next period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextLogKey {
    /// Those that signed this one.
    TheSame,
    /// Another, and those of this period sign nothing any more: somebody may have a copy of one.
    Another,
}

/// Closes the period, or goes on closing it. The gateway must be stopped: the data directory is taken.
///
/// # Errors
/// What to do about it. Nothing is lost, and it can be run again.
pub async fn close_period(
    config: &Config,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<Closed, AppError> {
    close_period_for(NextLogKey::TheSame, config, clock, rng, progress).await
}

/// The same, and says which key signs the next period. Work that was begun for another key goes on with another key.
///
/// # Errors
/// As [`close_period`].
pub async fn close_period_for(
    log_key: NextLogKey,
    config: &Config,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<Closed, AppError> {
    let work = Work::begin(log_key, config, clock, rng)?;
    let (rows, entries, checkpoint) = match work.marked()? {
        Some(Marker::Switched { period }) => {
            let (entries, checkpoint) = work.closed(period)?;
            (0, entries, checkpoint)
        }
        None | Some(Marker::Preparing) => work.prepare(None, progress).await?,
    };
    let period = work.switch()?;
    progress(Step::Switched);
    // Opened anew: the keyring that did the work still holds the keys of the period before.
    let keyring = Keyring::open(&work.dir.keyring_dir(), &config.keys)?;
    Ok(Closed {
        period,
        entries,
        checkpoint,
        rows,
        origin: origin(config, &keyring),
        verifier_key: verifier_key(config, &keyring),
        archive: work.archive(period),
    })
}

/// Begins the next period after a restore that is not whole: entries up to `missing_until` are lost. Nothing is added to the
/// log that lost them, since what was added would be a second history of it.
pub(super) async fn begin_after_loss(
    config: &Config,
    (clock, rng): (&Arc<dyn Clock>, &Arc<dyn Rng>),
    missing_until: u64,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<u32, AppError> {
    let work = Work::begin(NextLogKey::TheSame, config, clock, rng)?;
    work.prepare(Some(missing_until), progress).await?;
    work.switch()
}

enum Marker {
    Preparing,
    Switched { period: u32 },
}

struct Work<'a> {
    log_key: NextLogKey,
    config: &'a Config,
    clock: &'a Arc<dyn Clock>,
    rng: &'a Arc<dyn Rng>,
    dir: DataDir,
    keyring: Keyring,
}

impl<'a> Work<'a> {
    fn begin(
        log_key: NextLogKey,
        config: &'a Config,
        clock: &'a Arc<dyn Clock>,
        rng: &'a Arc<dyn Rng>,
    ) -> Result<Self, AppError> {
        let dir = DataDir::open(&config.gateway.data_dir)?;
        let keyring = Keyring::open(&dir.keyring_dir(), &config.keys)?;
        let next = note::period_origin(&config.gateway.log_origin, keyring.period() + 1);
        match note::name_is_valid(&next) {
            true => Ok(Self {
                log_key,
                config,
                clock,
                rng,
                dir,
                keyring,
            }),
            false => Err(AppError::Period(format!("`{next}` is too long for the name of a log"))),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn archive(&self, period: u32) -> PathBuf {
        self.dir.archive_dir().join(period.to_string())
    }

    fn marked(&self) -> Result<Option<Marker>, AppError> {
        let path = self.path(MARKER);
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io_at(&path))?,
        };
        if text.trim() == "preparing" {
            return Ok(Some(Marker::Preparing));
        }
        let period = text.trim().strip_prefix("switched ").and_then(|n| n.parse().ok());
        let unknown = || AppError::Period(format!("`{}` is damaged: restore it from a backup", path.display()));
        period
            .map(|period| Some(Marker::Switched { period }))
            .ok_or_else(unknown)
    }

    fn mark(&self, text: &str) -> Result<(), AppError> {
        let (path, draft) = (self.path(MARKER), self.path("closing.tmp"));
        let written = File::create(&draft).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            sync_dir(self.dir.path())
        });
        written.map_err(io_at(&path))
    }

    fn log(
        &self,
        dir: &DataDir,
        origin: String,
        period_key: Secret<32>,
        signers: Arc<LogSigners>,
    ) -> Result<Opened, AppError> {
        Ok(Log::open(audit::Setup {
            dir,
            origin,
            signers,
            period_key,
            clock: Arc::clone(self.clock),
            rng: Arc::clone(self.rng),
        })?)
    }

    /// Seals the old log and makes the new one in `next/`, whole and compared. Up to here the old log is where it was.
    async fn prepare(
        &self,
        lost: Option<u64>,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(u64, u64, String), AppError> {
        let old = self.log(
            &self.dir,
            origin(self.config, &self.keyring),
            self.keyring.period_detail(),
            self.keyring.log_signers(),
        )?;
        let old = log_key::fits(&self.keyring, old)?;
        let prepared = self.prepare_beside(&old, lost, progress).await;
        let closed = close(old);
        let done = prepared?;
        closed?;
        self.mark(&format!("switched {}\n", self.keyring.period()))?;
        Ok(done)
    }

    /// The keys of the next period. A key of its details that is never used does no harm, so it comes first.
    fn prepare_keys(&self) -> Result<(u32, Secret<32>), AppError> {
        let (now, rng) = (self.clock.now(), &**self.rng);
        let prepared = self.keyring.prepare_period(now, rng)?;
        if self.log_key == NextLogKey::Another {
            self.keyring.prepare_log_key_of_next_period(now, rng)?;
        }
        Ok(prepared)
    }

    async fn prepare_beside(
        &self,
        old: &Opened,
        lost: Option<u64>,
        progress: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(u64, u64, String), AppError> {
        self.is_at_rest(&*old.state)?;
        let is_new = self.marked()?.is_none();
        self.mark("preparing\n")?;
        let prepared = self.prepare_keys();
        if prepared.is_err() && is_new {
            // Nothing was done: the gateway may start again.
            let marker = self.path(MARKER);
            fs::remove_file(&marker).map_err(io_at(&marker))?;
        }
        let (period, key) = prepared?;
        let origin = note::period_origin(&self.config.gateway.log_origin, period);
        if lost.is_none() {
            seal(old, &origin).await?;
            progress(Step::Sealed);
        }
        let head = old.log.head();
        let path = self.path(NEXT);
        // Left by a try that was stopped: nothing in it was ever used.
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_at(&path)(e)),
            _ => {}
        }
        let periods = Periods {
            old: self.keyring.period_detail(),
            new: key.clone(),
            rng: &**self.rng,
        };
        let next = self.log(&DataDir::create(&path)?, origin, key, self.keyring.next_log_signers())?;
        let carried = carry(old, &next, (&head.note, lost), &periods, progress).await;
        let compared = carried.and_then(|rows| compare(&*old.state, &*next.state, &periods, rows));
        close(next)?;
        let rows = compared?;
        progress(Step::Compared);
        Ok((rows, head.size, head.note.to_string()))
    }

    /// No request that was signed before the stop may come again once its row is gone.
    fn is_at_rest(&self, state: &dyn State) -> Result<(), AppError> {
        let newest = Recent::newest(state)?;
        let left = newest.map_or(0, |at| CLOSING_REST_MS - self.clock.now().since(at));
        match left > 0 {
            false => Ok(()),
            true => Err(AppError::Period(format!(
                "the last request is too young: it could be sent again. Leave the gateway stopped and try again in {} s",
                (left + 999) / 1_000
            ))),
        }
    }

    /// What the archive of a period that was switched says.
    fn closed(&self, period: u32) -> Result<(u64, String), AppError> {
        let key = self.keyring.log_verifier(&self.config.gateway.log_origin, period);
        let key = key.map_err(|e| AppError::Period(e.to_string()))?;
        // Wherever the head is by now.
        for at in [self.archive(period), self.dir.path().to_owned()] {
            if let Ok(note) = audit::verify::head(&at, &key) {
                let size = note::verify(&note, &key).map_or(0, |checkpoint| checkpoint.size);
                return Ok((size, note));
            }
        }
        Err(AppError::Period(format!("the head of period {period} is missing")))
    }

    /// Moves each part that is not moved yet. Gives the period that was closed.
    fn switch(&self) -> Result<u32, AppError> {
        let Some(Marker::Switched { period }) = self.marked()? else {
            return Err(AppError::Period("the switch was not decided".to_owned()));
        };
        let (archive, next) = (self.archive(period), self.path(NEXT));
        let (_, checkpoint) = self.closed(period)?;
        fs::create_dir_all(&archive).map_err(io_at(&archive))?;
        sync_dir(self.dir.path()).map_err(io_at(&archive))?;
        for part in OF_ONE_LOG {
            let (here, kept, new) = (self.path(part), archive.join(part), next.join(part));
            if !kept.exists() {
                fs::rename(&here, &kept).map_err(io_at(&here))?;
                sync_dir(&archive).map_err(io_at(&archive))?;
            }
            // A directory that was made empty when the data directory was opened gives way.
            if new.exists() {
                fs::rename(&new, &here).map_err(io_at(&here))?;
            }
        }
        // What witnesses said of the old log says nothing of the new one.
        let cosigned = DataDir::cosigned_note_of(self.dir.path());
        if cosigned.exists() {
            fs::rename(&cosigned, DataDir::cosigned_note_of(&archive)).map_err(io_at(&cosigned))?;
        }
        sync_dir(self.dir.path()).map_err(io_at(self.dir.path()))?;
        sync_dir(&archive).map_err(io_at(&archive))?;
        self.keyring.activate_period(period + 1, &**self.rng)?;
        keep_checkpoint(&archive, &checkpoint).map_err(io_at(&archive))?;
        let cosigned = DataDir::cosigned_note_of(&archive);
        for part in READ_ONLY.map(|part| archive.join(part)).iter().chain([&cosigned]) {
            read_only(part).map_err(io_at(part))?;
        }
        if next.exists() {
            fs::remove_dir_all(&next).map_err(io_at(&next))?;
        }
        let marker = self.path(MARKER);
        fs::remove_file(&marker).map_err(io_at(&marker))?;
        sync_dir(self.dir.path()).map_err(io_at(self.dir.path()))?;
        Ok(period)
    }
}

/// Ends the threads of a log; everything is synced then.
fn close(opened: Opened) -> Result<(), AppError> {
    drop((opened.log, opened.state));
    opened.worker.close().map_err(|e| AppError::Server(e.to_string()))
}

/// The last entry, unless it is there already.
async fn seal(old: &Opened, next: &str) -> Result<(), AppError> {
    let last = old.log.head().size.checked_sub(1);
    let last = last.map(|index| old.log.entry(index)).transpose()?.flatten();
    let leaf = last.and_then(|entry| wire::decode_canonical::<v1::Leaf>(&entry.leaf).ok());
    if leaf.is_some_and(|leaf| leaf.method == CLOSE.path()) {
        return Ok(());
    }
    let mut facts = Facts::new(Kind::Lifecycle, "gateway", CLOSE, [0; 32]);
    facts.continued_by = next.to_owned();
    facts.note = format!("this log is closed and continues as `{next}`");
    old.log.append(Event::new(facts)).await?;
    Ok(())
}

fn keep_checkpoint(archive: &Path, checkpoint: &str) -> io::Result<()> {
    let path = archive.join(FINAL_CHECKPOINT);
    if path.exists() {
        return Ok(());
    }
    let draft = archive.join("CHECKPOINT.tmp");
    let mut file = File::create(&draft)?;
    file.write_all(checkpoint.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_dir(archive)
}

/// Files that nobody writes any more, so that nobody does by mistake. Directories stay writable for who deletes them.
fn read_only(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            read_only(&entry?.path())?;
        }
        return Ok(());
    }
    let mut permissions = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?.permissions(),
    };
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}

pub(super) fn io_at(path: &Path) -> impl Fn(io::Error) -> AppError + '_ {
    move |why| {
        AppError::Period(format!(
            "`{}`: {why}; check disk and permissions, then run it again",
            path.display()
        ))
    }
}

/// That many years later, never a day less: a year has at most 366 days.
pub(super) fn years_after(time: Time, years: u16) -> Time {
    time.plus_ms(i64::from(years) * 366 * 86_400_000)
}

#[cfg(test)]
mod tests;
