//! `Log`: the handle that everybody has. `Slot`: a place in the queue, taken before anything is opened or read.
use super::{
    Auditable, Class, Receipt, Recorded,
    committer::{Job, Message},
    entry::{Draft, DraftError, Sealing, short_peer},
    log_reader::LogReader,
    shared::Shared,
    syncer::Progress,
};
use crate::{
    crypto::{Rng, Secret},
    domain::Method,
    facts::{Facts, Kind},
    refusal::NotRecorded,
};
use std::{fs::File, ops::Deref, sync::Arc, thread::JoinHandle};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    queue: mpsc::Sender<Message>,
    with: Arc<With>,
    reader: LogReader,
}

impl Deref for Log {
    type Target = LogReader;
    fn deref(&self) -> &LogReader {
        &self.reader
    }
}

/// What every entry is made with.
pub(super) struct With {
    pub(super) shared: Arc<Shared>,
    pub(super) period_key: Secret<32>,
    pub(super) rng: Arc<dyn Rng>,
}

impl Log {
    pub(super) fn new(queue: mpsc::Sender<Message>, with: With) -> Self {
        Self {
            queue,
            reader: LogReader::new(with.shared.clone()),
            with: Arc::new(with),
        }
    }

    /// A place for one entry, or no: the queue, the disk or the log refuse. Taken before anything is opened or read.
    pub fn reserve(&self, peer: &str, method: Method) -> Result<Slot, NotRecorded> {
        self.check()?;
        if self.with.shared.is_full() && !self.with.shared.has_room() {
            return Err(NotRecorded::DiskFull);
        }
        let place = self.queue.clone().try_reserve_owned().map_err(|error| match error {
            TrySendError::Full(_) => NotRecorded::QueueFull,
            TrySendError::Closed(_) => NotRecorded::LogFailed,
        })?;
        Ok(self.slot(place, peer, method))
    }

    /// A place for what must be possible under load: waits for one. Whether it is also written on a full disk is said
    /// when it is known to deserve it: [`Slot::urgent`].
    pub async fn reserve_wait(&self, peer: &str, method: Method) -> Result<Slot, NotRecorded> {
        self.check()?;
        let place = self.queue.clone().reserve_owned().await;
        let place = place.map_err(|_| NotRecorded::LogFailed)?;
        Ok(self.slot(place, peer, method))
    }

    /// Reserves, waiting, and appends; also on a full disk: start, stop, suspension, keys.
    pub async fn append<T: Auditable>(&self, value: T) -> Result<Recorded<T>, NotRecorded> {
        let slot = self.own_place(&value).await?;
        slot.urgent().append(value).await
    }

    /// Reserves, waiting, and appends, if there is room on the disk.
    pub async fn append_if_room<T: Auditable>(&self, value: T) -> Result<Recorded<T>, NotRecorded> {
        let slot = self.own_place(&value).await?;
        slot.append(value).await
    }

    async fn own_place<T: Auditable>(&self, value: &T) -> Result<Slot, NotRecorded> {
        let facts = value.facts();
        let (peer, method) = (facts.peer.clone(), facts.method);
        self.reserve_wait(&peer, method).await
    }

    /// The log as it is read.
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    fn check(&self) -> Result<(), NotRecorded> {
        if self.has_failed() {
            return Err(NotRecorded::LogFailed);
        }
        Ok(())
    }

    fn slot(&self, place: mpsc::OwnedPermit<Message>, peer: &str, method: Method) -> Slot {
        Slot {
            place: Some(place),
            with: self.with.clone(),
            peer: short_peer(peer),
            method,
            urgent: false,
        }
    }
}

/// One place in the queue, and so one entry: a slot that is dropped unused (a panic, a cancelled call) writes that the
/// case was abandoned.
pub struct Slot {
    place: Option<mpsc::OwnedPermit<Message>>,
    with: Arc<With>,
    peer: String,
    method: Method,
    urgent: bool,
}

impl Slot {
    /// Written also when the disk is full, from what is set aside for that.
    pub fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// Queues the entry of `value` at once, before the future is first polled, and waits until it is durable.
    pub fn append<T: Auditable>(mut self, value: T) -> impl Future<Output = Result<Recorded<T>, NotRecorded>> + use<T> {
        let queued = self.queue(&value);
        async move {
            let (key, wait) = queued?;
            let placed = wait.await.map_err(|_| NotRecorded::LogFailed)??;
            let receipt = Receipt {
                leaf: placed.leaf,
                index: placed.index,
                proof: placed.proof,
                checkpoint: placed.checkpoint,
                commitment_key: key,
            };
            Ok(Recorded::new(value, receipt))
        }
    }

    fn queue(
        &mut self,
        value: &dyn Auditable,
    ) -> Result<
        (
            Secret<32>,
            oneshot::Receiver<Result<super::committer::Placed, NotRecorded>>,
        ),
        NotRecorded,
    > {
        let sealing = Sealing {
            origin: &self.with.shared.origin,
            period_key: &self.with.period_key,
            index: &self.with.shared.shelf.key,
            rng: &*self.with.rng,
        };
        // On an error the slot is dropped unused and writes its entry.
        let (draft, key) = Draft::new(value, &sealing).map_err(|error| match error {
            DraftError::TooLarge => NotRecorded::TooLarge,
            DraftError::Broken => NotRecorded::LogFailed,
        })?;
        let (reply, wait) = oneshot::channel();
        let place = self.place.take().ok_or(NotRecorded::LogFailed)?;
        place.send(Message::Entry(Box::new(Job {
            draft,
            urgent: self.urgent,
            reply,
        })));
        Ok((key, wait))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.place.is_none() {
            return;
        }
        let abandoned = Abandoned(Facts::new(Kind::Lifecycle, self.peer.clone(), self.method, [0; 32]));
        if self.queue(&abandoned).is_err() {
            // An entry that cannot even be made: fail closed.
            self.with.shared.fail();
        }
    }
}

struct Abandoned(Facts);

impl Auditable for Abandoned {
    fn class(&self) -> Class {
        Class::Abandoned
    }
    fn facts(&self) -> &Facts {
        &self.0
    }
    fn answer(&self) -> Option<&[u8]> {
        None
    }
}

/// The log's threads. Close it, or the last two seconds are applied again at the next start.
pub struct Worker {
    pub(super) stop: mpsc::OwnedPermit<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) progress: Arc<Progress>,
    pub(super) committer: JoinHandle<()>,
    pub(super) syncer: JoinHandle<()>,
    pub(super) indexer: JoinHandle<()>,
    /// The data directory stays locked as long as these threads write to it.
    pub(super) lock: Arc<File>,
}

/// A thread of the log panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a thread of the audit log panicked: start the gateway again, it verifies the log")]
pub struct WorkerPanicked;

impl Worker {
    /// Commits what is queued, waits shortly for slots that are still held, syncs store, head and mark, and ends.
    /// The log and the state read nothing after that. It blocks: call it outside of async code.
    pub fn close(self) -> Result<(), WorkerPanicked> {
        drop(self.stop.send(Message::Stop));
        let committed = self.committer.join();
        // It ends when the committer has: what it did not come to is in the log, and indexed at the next start.
        let indexed = self.indexer.join();
        self.progress.stop();
        let synced = self.syncer.join();
        self.shared.store.close();
        drop(self.lock);
        committed.and(indexed).and(synced).map_err(|_| WorkerPanicked)
    }

    /// Whether all threads still run, for health.
    pub fn is_running(&self) -> bool {
        let threads = [&self.committer, &self.syncer, &self.indexer];
        !threads.iter().any(|thread| thread.is_finished())
    }
}
