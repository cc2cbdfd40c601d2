//! The one thread that owns the log. A batch is whatever is queued.
//!
//! Journal, sync, sign, head, store, publish, reply: in this order. Signing comes after the sync, so no crash leaves two
//! signed checkpoints of one size; replying comes last, so who has a receipt has an entry on disk and in every answer.
use super::{
    entry::{Draft, Numbered},
    frame::{FrameWriter, SegmentHeader},
    journal::{AppendError, Journal, Place},
    note::Checkpoint,
    reader::{Head, Published},
    shared::Shared,
    signers::LogSigners,
    slots::Slots,
    syncer::{Progress, Reserve},
    tip::{Journaled, Tip},
};
use crate::{
    clock::Clock,
    limits::{AUDIT_BATCH_MAX, AUDIT_DRAIN_MS_MAX},
    refusal::NotRecorded,
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};

/// An entry on its way, and who waits for it.
pub(super) struct Job {
    pub(super) draft: Draft,
    /// Written even when the disk is all but full.
    pub(super) urgent: bool,
    pub(super) reply: oneshot::Sender<Result<Placed, NotRecorded>>,
}

/// What goes through the queue.
pub(super) enum Message {
    Entry(Box<Job>),
    Stop,
}

/// Where an entry came to stand.
pub(super) struct Placed {
    pub(super) leaf: Vec<u8>,
    pub(super) index: u64,
    pub(super) proof: Vec<[u8; 32]>,
    pub(super) checkpoint: Arc<str>,
}

/// Why a batch was not committed.
enum CommitError {
    /// Nothing changed: the next may be tried.
    Full,
    /// The log ends here.
    Failed(String),
}

impl CommitError {
    fn fatal(error: impl ToString) -> Self {
        CommitError::Failed(error.to_string())
    }
}

impl From<AppendError> for CommitError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => CommitError::Full,
            AppendError::Failed(_) => CommitError::fatal(error),
        }
    }
}

/// The thread's own things.
pub(super) struct Committer {
    pub(super) jobs: mpsc::Receiver<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) progress: Arc<Progress>,
    pub(super) reserve: Arc<Reserve>,
    pub(super) tip: Tip,
    pub(super) journal: Journal,
    pub(super) head: Slots,
    pub(super) note: Arc<str>,
    pub(super) signers: Arc<LogSigners>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) frame: FrameWriter,
}

impl Committer {
    /// Until it is stopped or nobody can send any more.
    pub(super) fn run(mut self) {
        // Whatever ends this thread, a panic too, closes the log and syncs what is applied.
        let _ending = Ending {
            shared: self.shared.clone(),
            progress: self.progress.clone(),
        };
        let mut queued = Vec::with_capacity(AUDIT_BATCH_MAX);
        loop {
            if self.jobs.blocking_recv_many(&mut queued, AUDIT_BATCH_MAX) == 0 {
                return;
            }
            if self.take(&mut queued) {
                return self.drain();
            }
        }
    }

    /// Commits what is queued; whether it was told to stop.
    fn take(&mut self, queued: &mut Vec<Message>) -> bool {
        let mut stopping = false;
        let mut batch = Vec::with_capacity(queued.len());
        for message in queued.drain(..) {
            match message {
                Message::Entry(job) => batch.push(*job),
                Message::Stop => stopping = true,
            }
        }
        self.commit(batch);
        stopping
    }

    /// What is queued and what reserved slots still send, for a while.
    fn drain(&mut self) {
        self.jobs.close();
        let deadline = Instant::now() + Duration::from_millis(AUDIT_DRAIN_MS_MAX);
        let mut queued = Vec::with_capacity(AUDIT_BATCH_MAX);
        while Instant::now() < deadline {
            match self.jobs.try_recv() {
                Ok(message) => queued.push(message),
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if queued.is_empty() => thread::sleep(Duration::from_millis(1)),
                Err(TryRecvError::Empty) => drop(self.take(&mut queued)),
            }
            if queued.len() == AUDIT_BATCH_MAX {
                self.take(&mut queued);
            }
        }
        self.take(&mut queued);
    }

    /// Every job gets its reply, whatever happens.
    fn commit(&mut self, mut batch: Vec<Job>) {
        if self.shared.has_failed() {
            return refuse(batch, NotRecorded::LogFailed);
        }
        if batch.is_empty() {
            return;
        }
        if self.shared.has_room() {
            self.shared.set_full(false);
        } else {
            batch = self.only_urgent(batch);
            if batch.is_empty() {
                return;
            }
            if !self.has_reserve() {
                return refuse(batch, NotRecorded::DiskFull);
            }
        }
        let mut result = self.write(&batch);
        if matches!(result, Err(CommitError::Full)) {
            batch = self.only_urgent(batch);
            if batch.is_empty() {
                return;
            }
            self.release_reserve();
            result = self.write(&batch);
        }
        match result {
            Ok(placed) => {
                for (job, placed) in batch.into_iter().zip(placed) {
                    // Who waited may be gone: the entry stands all the same.
                    let _ = job.reply.send(Ok(placed));
                }
            }
            Err(CommitError::Full) => refuse(batch, NotRecorded::DiskFull),
            Err(CommitError::Failed(error)) => {
                tracing::error!(%error, "the audit log failed and takes no more entries: restart the gateway");
                self.shared.fail();
                refuse(batch, NotRecorded::LogFailed);
            }
        }
    }

    /// Whether urgent entries may still be written, from the reserve if need be.
    fn has_reserve(&self) -> bool {
        if !self.shared.is_above_floor() {
            self.release_reserve();
        }
        self.shared.is_above_floor()
    }

    fn release_reserve(&self) {
        if let Err(error) = self.reserve.release() {
            tracing::warn!(%error, "the disk reserve cannot be released");
        }
    }

    /// No room: ordinary entries are refused, the others are given back.
    fn only_urgent(&self, batch: Vec<Job>) -> Vec<Job> {
        self.shared.set_full(true);
        let (urgent, ordinary): (Vec<_>, Vec<_>) = batch.into_iter().partition(|j| j.urgent);
        refuse(ordinary, NotRecorded::DiskFull);
        urgent
    }

    fn write(&mut self, batch: &[Job]) -> Result<Vec<Placed>, CommitError> {
        self.roll_if_due()?;
        let first = self.tip.edge.size();
        let time_ms = self.clock.now().0.max(self.tip.last_time_ms);
        let numbered: Vec<Numbered> = (first..)
            .zip(batch)
            .map(|(seq, j)| j.draft.numbered(seq, time_ms))
            .collect();
        self.frame.begin(first, batch.len(), &self.note);
        for (Job { draft, .. }, n) in batch.iter().zip(&numbered) {
            let parts = [&n.prefix, &n.leaf, draft.details(), draft.effects_field(), &n.tags];
            self.frame.entry(&parts);
        }
        for n in &numbered {
            self.tip.edge.push(&n.leaf).map_err(CommitError::fatal)?;
        }
        let at = match self.journal.append(self.frame.finish()) {
            Ok(at) => at,
            Err(error) => {
                self.tip.edge.roll_back();
                return Err(error.into());
            }
        };
        let head = self.sign()?;
        let proofs: Vec<_> = (first..self.tip.edge.size())
            .map(|index| self.tip.edge.prove(index).map_err(CommitError::fatal))
            .collect::<Result<_, _>>()?;
        self.apply(at, time_ms, batch, &numbered)?;
        self.publish(&head);
        let placed = (first..).zip(numbered).zip(proofs).map(|((index, n), proof)| Placed {
            leaf: n.leaf,
            index,
            proof,
            checkpoint: head.note.clone(),
        });
        Ok(placed.collect())
    }

    fn roll_if_due(&mut self) -> Result<(), CommitError> {
        if !self.journal.is_segment_full() {
            return Ok(());
        }
        let end = self.journal.end();
        let header = SegmentHeader {
            origin: self.shared.origin.clone(),
            number: end.segment + 1,
            previous_bytes: end.offset,
            first: self.tip.edge.size(),
            last_time_ms: self.tip.last_time_ms,
            frontier: self.tip.edge.frontier(),
        };
        Ok(self.journal.roll(&header)?)
    }

    /// Signs the tree with the batch, which is on disk now, and writes the head.
    fn sign(&mut self) -> Result<Arc<Head>, CommitError> {
        let checkpoint = Checkpoint {
            origin: self.shared.origin.clone(),
            size: self.tip.edge.size(),
            root: self.tip.edge.root().map_err(CommitError::fatal)?,
        };
        let note = self
            .signers
            .sign(&checkpoint.origin, &checkpoint.body())
            .map_err(CommitError::fatal)?;
        self.head.write(note.as_bytes()).map_err(CommitError::fatal)?;
        self.note = note.into();
        Ok(Arc::new(Head {
            size: checkpoint.size,
            root: checkpoint.root,
            note: self.note.clone(),
        }))
    }

    fn apply(&mut self, at: Place, time_ms: i64, batch: &[Job], numbered: &[Numbered]) -> Result<(), CommitError> {
        let spans = self.frame.spans();
        let entries = batch.iter().zip(numbered).zip(spans).map(|((job, n), span)| Journaled {
            span: *span,
            effects: job.draft.effects(),
            row: n.row.clone(),
        });
        let applied = self.tip.apply((at, self.journal.end()), time_ms, entries);
        applied.map_err(|error| {
            // Journal and state differ until a restart: nobody may read the state.
            self.shared.store.stop();
            CommitError::fatal(error)
        })
    }

    fn publish(&mut self, head: &Arc<Head>) {
        let tail = self.tip.tail.segments();
        let (sealed, open) = self.tip.open_block();
        self.shared.published.store(Arc::new(Published {
            head: head.clone(),
            end: self.journal.end(),
            sealed,
            open: open.to_vec(),
            tail,
        }));
        self.progress.applied(self.tip.mark());
    }
}

fn refuse(batch: Vec<Job>, why: NotRecorded) {
    for job in batch {
        let _ = job.reply.send(Err(why));
    }
}

struct Ending {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.fail();
        if thread::panicking() {
            self.shared.store.stop();
        }
        self.progress.stop();
    }
}
