//! All witnesses of this log, asked from time to time, outside of the answer path: a hung witness never slows an answer.
use super::{
    ask::{Asked, Asker},
    cosigned::CosignedNote,
};
use crate::{
    audit::{Event, Head, Log, cosignature::WitnessKey, note::VerifierKey},
    clock::{Clock, Time},
    domain::Method,
    facts::{Facts, Kind},
    limits::WITNESS_ROUNDS_MISSED_MAX,
    web,
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Method name of entries that no call leads to.
const ROUND: Method = Method("/tollgate.internal/AskWitnesses");
/// Beyond the rounds that may be missed: an answer may take this long.
const GRACE_MS: u64 = 10_000;

/// What is needed to ask.
pub struct Setup {
    /// Keys of the witnesses, and where they are.
    pub list: Vec<(WitnessKey, web::Server)>,
    /// How many must cosign.
    pub min: usize,
    /// How often they are asked.
    pub every: Duration,
    /// The log.
    pub log: Log,
    /// Its own key.
    pub key: VerifierKey,
    /// Where the cosigned checkpoint is kept.
    pub path: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// For entries.
    pub snapshot: [u8; 32],
}

/// What is known of one witness, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name.
    pub name: String,
    /// Entries of the newest checkpoint that it cosigned since the start, and when it was asked for it.
    pub cosigned: Option<(u64, Time)>,
    /// Why it did not cosign the last time.
    pub error: Option<String>,
    /// It has seen another history than this log's.
    pub contradicts: bool,
}

/// Why the gateway must not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// A witness knows more than the log has.
    #[error(
        "the witness `{witness}` has seen {seen} entries of this log, and it ends at {have}: the whole machine was set back to \
         an earlier time. Restore the data directory from a copy that has them all; if there is none, see `When a gateway does \
         not start behind its witnesses` in docs/operating/witnesses.md"
    )]
    Behind {
        /// Which.
        witness: String,
        /// Entries that it cosigned.
        seen: u64,
        /// Entries of the log.
        have: u64,
    },
    /// A witness knows another root.
    #[error(
        "the witness `{witness}` has seen another history of this log, of {at} entries: the machine was set back to an earlier \
         time and has served since, or a copy of it did. See `When a gateway does not start behind its witnesses` in \
         docs/operating/witnesses.md"
    )]
    Forked {
        /// Which.
        witness: String,
        /// Entries that it cosigned.
        at: u64,
    },
}

/// The witnesses of this log.
pub struct Witnesses {
    askers: Vec<Asker>,
    status: Mutex<Vec<WitnessStatus>>,
    cosigned: CosignedNote,
    min: usize,
    every: Duration,
    log: Log,
    clock: Arc<dyn Clock>,
    snapshot: [u8; 32],
}

impl Witnesses {
    /// Nobody has been asked yet.
    pub fn new(setup: Setup) -> Arc<Self> {
        let keys: Vec<_> = setup.list.iter().map(|(key, _)| key.clone()).collect();
        let status = keys.iter().map(|key| WitnessStatus {
            name: key.name().to_owned(),
            cosigned: None,
            error: Some("not asked yet".to_owned()),
            contradicts: false,
        });
        Arc::new(Self {
            status: Mutex::new(status.collect()),
            cosigned: CosignedNote::load(setup.path, &setup.key, &keys, setup.min),
            askers: setup
                .list
                .into_iter()
                .map(|(key, server)| Asker::new(key, server))
                .collect(),
            min: setup.min,
            every: setup.every,
            log: setup.log,
            clock: setup.clock,
            snapshot: setup.snapshot,
        })
    }

    /// What is known of each.
    pub fn status(&self) -> Vec<WitnessStatus> {
        self.lock().clone()
    }

    /// The newest checkpoint that enough of them have cosigned.
    pub fn cosigned(&self) -> &CosignedNote {
        &self.cosigned
    }

    /// Why the log is not witnessed as it should be at `now`; `None` when it is.
    pub fn degraded(&self, now: Time) -> Option<String> {
        let status = self.lock();
        let every_ms = u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX);
        let late_ms = every_ms
            .saturating_mul(WITNESS_ROUNDS_MISSED_MAX)
            .saturating_add(GRACE_MS);
        let late_ms = i64::try_from(late_ms).unwrap_or(i64::MAX);
        let fresh = status
            .iter()
            .filter(|s| s.cosigned.is_some_and(|(_, at)| now.since(at) <= late_ms));
        let (fresh, contradicted) = (fresh.count(), status.iter().any(|s| s.contradicts));
        if fresh >= self.min && !contradicted {
            return None;
        }
        let errors = status
            .iter()
            .filter_map(|s| Some(format!("`{}`: {}", s.name, s.error.as_ref()?)));
        let errors: Vec<_> = errors.collect();
        Some(format!(
            "{fresh} witnesses have cosigned the log lately, {} must: {}",
            self.min,
            errors.join("; ")
        ))
    }

    /// Asks each before anything is added to the log. Who cannot be reached is no reason not to serve; health says it.
    ///
    /// # Errors
    /// A witness has seen more of the log, or another one.
    pub async fn before_serving(self: &Arc<Self>) -> Result<(), WitnessError> {
        let head = self.log.head();
        for (asker, asked) in self.askers.iter().zip(self.round(&head).await) {
            let witness = asker.key.name().to_owned();
            match asked {
                Asked::Behind(seen) => {
                    let have = head.size;
                    return Err(WitnessError::Behind { witness, seen, have });
                }
                Asked::Forked(at) => return Err(WitnessError::Forked { witness, at }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks them from time to time, until the stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut due = tokio::time::interval(self.every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = vec![false; self.askers.len()];
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = stop.cancelled() => return,
            }
            let head = self.log.head();
            tokio::select! {
                _ = self.round(&head) => {}
                () = stop.cancelled() => return,
            }
            self.record(&mut told).await;
        }
    }

    /// All at once; a slow one delays the others' cosignatures by the time of a call at most.
    async fn round(self: &Arc<Self>, head: &Arc<Head>) -> Vec<Asked> {
        let mut asking = JoinSet::new();
        for place in 0..self.askers.len() {
            let (this, head) = (Arc::clone(self), Arc::clone(head));
            asking.spawn(async move {
                let asker = this.askers.get(place)?;
                Some((place, asker.ask(&this.log, &head).await))
            });
        }
        let silent = || Asked::Unreachable("the task that asks it has failed".to_owned());
        let mut all: Vec<_> = self.askers.iter().map(|_| silent()).collect();
        while let Some(asked) = asking.join_next().await {
            if let Ok(Some((place, asked))) = asked
                && let Some(slot) = all.get_mut(place)
            {
                *slot = asked;
            }
        }
        self.note(head, &all);
        self.keep(head, &all).await;
        all
    }

    fn note(&self, head: &Head, all: &[Asked]) {
        let now = self.clock.now();
        for (status, asked) in self.lock().iter_mut().zip(all) {
            status.contradicts = matches!(asked, Asked::Behind(_) | Asked::Forked(_));
            let error = match asked {
                Asked::Cosigned { .. } => {
                    status.cosigned = Some((head.size, now));
                    None
                }
                Asked::Behind(seen) => Some(format!("it has seen {seen} entries, the log has {}", head.size)),
                Asked::Forked(at) => Some(format!("it has seen another history, of {at} entries")),
                Asked::Refused(why) => Some(format!("it refuses: {why}")),
                Asked::Unreachable(why) => Some(format!("it cannot be reached: {why}")),
            };
            if error.is_some() && error != status.error {
                tracing::warn!(witness = %status.name, why = error.as_deref().unwrap_or_default(), "not cosigned");
            }
            status.error = error;
        }
    }

    async fn keep(self: &Arc<Self>, head: &Head, all: &[Asked]) {
        let lines: Vec<_> = all
            .iter()
            .filter_map(|asked| match asked {
                Asked::Cosigned { line, .. } => Some(line.as_str()),
                _ => None,
            })
            .collect();
        if lines.len() < self.min {
            return;
        }
        let (this, note) = (Arc::clone(self), format!("{}{}", head.note, lines.concat()));
        match tokio::task::spawn_blocking(move || this.cosigned.replace(note)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the cosigned checkpoint is not kept; the older one is served"),
            Err(error) => tracing::error!(%error, "the cosigned checkpoint is not kept; the older one is served"),
        }
    }

    /// A witness that begins to contradict the log, or stops to, is an entry: once, not each round.
    async fn record(&self, told: &mut [bool]) {
        for (status, told) in self.status().into_iter().zip(told) {
            if status.contradicts == *told {
                continue;
            }
            let mut facts = Facts::new(Kind::Witness, "gateway", ROUND, self.snapshot);
            let error = status.error.as_deref().unwrap_or("it agrees again");
            facts.note = format!("witness {}: {error}", status.name);
            match self.log.append(Event::new(facts)).await {
                Ok(_) => *told = status.contradicts,
                Err(error) => {
                    tracing::error!(%error, "what a witness says is not recorded; tried again in the next round")
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<WitnessStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
