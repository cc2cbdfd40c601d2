//! What a request is judged by, and what it is judged with.
use crate::{
    agreement::{Quotas, Register},
    audit::{self, ArchiveError, Archives, Head, Log, Volume},
    clock::Clock,
    consent,
    crypto::{Broken, Rng, Secret},
    domain::SubjectToken,
    facts::DetailKey,
    minimise,
    person::{self, Person, PersonError},
    pipeline::{Due, PeriodBound, Recent, admin::Admin, persons::Erasing},
    policy::Snapshot,
    refusal::Code,
    seal::Opener,
    signal::Signals,
    source::{Catalogue, RecordSource, Vault},
    state::State,
    subject_request::Deadlines,
};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Everything a request is judged by, as one consistent view; its hash is in every entry.
pub struct View {
    /// Who is registered.
    pub register: Register,
    /// What was agreed, compiled.
    pub snapshot: Snapshot,
    /// What may be derived.
    pub signals: Signals,
    /// From which fields.
    pub catalogue: Arc<Catalogue>,
}

/// The gateway as the request path sees it.
pub struct Gate {
    /// What requests are judged by.
    pub view: Arc<View>,
    /// Where records are read.
    pub records: Arc<dyn RecordSource>,
    /// Where records are loaded: the same vault, as the provider's calls see it.
    pub vault: Arc<Vault>,
    /// What entries have changed.
    pub state: Arc<dyn State>,
    /// The log.
    pub log: Log,
    /// Opens envelopes.
    pub opener: Opener,
    /// Keys of people's rows.
    pub person_keys: consent::Keys,
    /// Key of details without a person.
    pub period_key: Secret<32>,
    /// The log's period, counted from 1.
    pub period: u32,
    /// Periods that are over.
    pub archives: Arc<Archives>,
    /// How long the log's period may be.
    pub bound: PeriodBound,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Requests of the last minutes.
    pub recent: Recent,
    /// What agreements have asked today.
    pub quotas: Quotas,
    /// One change at a time per person.
    pub people: PersonLocks,
    /// Erasures, and what holds them.
    pub erasing: Erasing,
    /// When requests of persons are due.
    pub deadlines: Deadlines,
    /// One change of the case list at a time.
    pub case_list: Mutex<()>,
    /// Suspensions, proposals and keys, and what carries them out.
    pub admin: Admin,
}

impl Gate {
    /// A fresh reference for people, `TG-XXXX-XXXX`: 40 random bits. Without randomness there is none: sealing the
    /// reply will fail on its own.
    pub fn reference(&self) -> String {
        let mut bits = [0; 5];
        match self.rng.fill(&mut bits) {
            Ok(()) => minimise::reference(bits),
            Err(Broken) => String::new(),
        }
    }

    /// A period of the log, to be read: 0 is the one that takes entries. Blocks while an archive is opened.
    ///
    /// # Errors
    /// `PERIOD_UNKNOWN`; `ARCHIVE_UNREADABLE`; `RATE_LIMITED` where others read as many archives as may be open; `DISK_FULL`.
    pub fn volume(&self, period: u32) -> Result<Volume, Code> {
        if period == 0 || period == self.period {
            return Ok(self.current());
        }
        self.archives.open(period).map_err(|error| {
            tracing::warn!(%error, "an archive is not read");
            refusal(&error)
        })
    }

    /// What opens a period, for a thread that may block.
    pub(super) fn opening(&self, period: u32) -> impl FnOnce() -> Result<Volume, ArchiveError> + Send + use<> {
        let current = (period == self.period).then(|| self.current());
        let archives = Arc::clone(&self.archives);
        move || current.map_or_else(|| archives.open(period), Ok)
    }

    /// The period that takes entries.
    pub fn current(&self) -> Volume {
        Volume::current(self.period, self.log.reader(), self.period_key.clone())
    }

    /// The newest head of a period; of one that is over the final one, without opening it.
    ///
    /// # Errors
    /// As [`Gate::volume`].
    pub fn head_of(&self, period: u32) -> Result<Arc<Head>, Code> {
        if period == 0 || period == self.period {
            return Ok(self.log.head());
        }
        self.archives
            .head(period)
            .map(Arc::new)
            .map_err(|error| refusal(&error))
    }

    /// Why the period should be closed, if there is a reason.
    pub fn due(&self) -> Option<Due> {
        self.bound.due(self.clock.now(), self.log.head().size)
    }

    /// Numbers of all periods that are kept, newest first: the one that takes entries, then those that are over.
    pub fn periods(&self) -> Vec<u32> {
        let over = self.archives.kept().iter().map(|kept| kept.period);
        std::iter::once(self.period).chain(over).collect()
    }

    /// The person that a call is about, and their lock: held until the entry is recorded by whoever changes something,
    /// and by whoever is the first to name them.
    pub(super) async fn person(&self, token: SubjectToken, changes: bool) -> Result<Subject, PersonError> {
        if !changes && let Some(link) = person::load(&*self.state, &self.person_keys.epochs, &token)? {
            let known = Person::of(token, link);
            return Ok(Subject { known, _lock: None });
        }
        let lock = self.people.lock(&token).await;
        let known = person::know(&*self.state, &self.person_keys.epochs, &*self.rng, token)?;
        Ok(Subject { known, _lock: lock })
    }

    /// The answer that entry `index` kept, if its details are under this key.
    pub(super) fn stored_answer(&self, key: &DetailKey, index: u64) -> Result<Option<Vec<u8>>, Broken> {
        let Some(entry) = self.log.entry(index).map_err(|_| Broken)? else {
            return Ok(None);
        };
        let key = match key {
            DetailKey::Person(key) => key,
            DetailKey::Period => &self.period_key,
        };
        // Under another key than now: consent came or went in between, so there is nothing to repeat.
        match audit::open_details(key, self.log.origin(), &entry.leaf, &entry.details) {
            Ok(details) => Ok(Some(details.i.answer)),
            Err(Broken) => Ok(None),
        }
    }
}

fn refusal(error: &ArchiveError) -> Code {
    match error {
        ArchiveError::Unknown => Code::PeriodUnknown,
        ArchiveError::Unreadable(..) => Code::ArchiveUnreadable,
        ArchiveError::Busy => Code::RateLimited,
        ArchiveError::DiskFull => Code::DiskFull,
    }
}

/// A person under their lock, where that is needed.
pub struct Subject {
    /// Who.
    pub known: Person,
    _lock: Option<OwnedMutexGuard<()>>,
}

/// Changes to one person's rows are read, decided and recorded one at a time. Striped: two people may share a lock,
/// which costs a wait and nothing else.
pub struct PersonLocks(Vec<Arc<Mutex<()>>>);

impl Default for PersonLocks {
    fn default() -> Self {
        Self((0..256).map(|_| Arc::default()).collect())
    }
}

impl PersonLocks {
    /// Returns once everybody who held a lock has let it go: whoever takes one later sees what was there before.
    pub async fn all_anew(&self) {
        for lock in &self.0 {
            drop(lock.lock().await);
        }
    }

    /// As [`PersonLocks::lock`], on a thread that may block.
    pub(super) fn wait(&self, token: &SubjectToken) -> Option<OwnedMutexGuard<()>> {
        Some(Arc::clone(self.of(token)?).blocking_lock_owned())
    }

    /// Held until the change is recorded.
    pub async fn lock(&self, token: &SubjectToken) -> Option<OwnedMutexGuard<()>> {
        Some(Arc::clone(self.of(token)?).lock_owned().await)
    }

    fn of(&self, token: &SubjectToken) -> Option<&Arc<Mutex<()>>> {
        self.0.get(token.0.first().copied().map(usize::from)?)
    }
}
