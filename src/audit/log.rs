//! `Log`: the handle that everybody has. `Slot`: a place in the queue, taken before anything is opened or read.
use super::{
    Auditable, Class, Receipt, Recorded,
    committer::{Job, Message},
    entry::{Draft, DraftError, Sealing, short_peer},
    index::{PersonTag, Whom, row_of},
    past,
    reader::{Head, Inclusion, ProofError, StoredEntry},
    shared::Shared,
    syncer::Progress,
};
use crate::{
    clock::Time,
    crypto::{Rng, Secret},
    domain::{Method, SubjectToken},
    facts::{Facts, Kind},
    refusal::NotRecorded,
    state::StateError,
    wire::{self, v1},
};
use std::{fs::File, sync::Arc, thread::JoinHandle};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    queue: mpsc::Sender<Message>,
    with: Arc<With>,
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

    /// The newest signed size.
    pub fn head(&self) -> Arc<Head> {
        self.with.shared.published.load().head.clone()
    }

    /// That the tree of `to` begins with the tree of `from`, for any two sizes that were published; `to` 0 is the newest.
    /// Also gives the newest head: the head of an earlier `to` is in the receipt or checkpoint that the asker has.
    pub fn prove_consistency(&self, from: u64, to: u64) -> Result<(Vec<[u8; 32]>, Arc<Head>), ProofError> {
        self.with.shared.read(|reader| {
            let head = reader.published.head.clone();
            let to = if to == 0 { head.size } else { to };
            Ok((reader.prove_consistency(from, to)?, head))
        })
    }

    /// That entry `index` is in the newest tree.
    pub fn prove_inclusion(&self, index: u64) -> Result<Inclusion, ProofError> {
        self.with.shared.read(|reader| reader.prove_inclusion(index))
    }

    /// That each of these entries is in the newest tree: the same for all, so that one checkpoint proves a page.
    pub fn prove_inclusions(&self, indexes: &[u64]) -> Result<Vec<Inclusion>, ProofError> {
        self.with
            .shared
            .read(|reader| indexes.iter().map(|index| reader.prove_inclusion(*index)).collect())
    }

    /// The smallest signed checkpoint that covers `size` entries, as it was signed. One before the newest is read from the
    /// journal, a segment at most: this blocks, and costs what reading 64 MiB costs.
    pub fn checkpoint_covering(&self, size: u64) -> Result<Arc<str>, ProofError> {
        past::covering(&self.with.shared, size)
    }

    /// An entry, or `None` past the end.
    pub fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StateError> {
        let read = self.with.shared.read(|reader| reader.entry(index));
        read.map_err(|e| StateError(e.to_string()))
    }

    /// When this log began, if it continues another one: what that told is in an archive, and not found here.
    pub fn continues_since(&self) -> Result<Option<Time>, StateError> {
        let Some(first) = self.entry(0)? else { return Ok(None) };
        let damaged = || StateError("entry 0 cannot be read: run `tollgate audit verify`".to_owned());
        let leaf: v1::Leaf = wire::decode_canonical(&first.leaf).map_err(|_| damaged())?;
        match leaf.continues.is_empty() {
            true => Ok(None),
            false => Ok(Some(Time(wire::millis(leaf.time.as_ref()).ok_or_else(damaged)?))),
        }
    }

    /// When its newest entry was committed: never before any earlier one, whatever the clock says by now.
    pub fn newest_time(&self) -> Result<Time, StateError> {
        let Some(last) = self.head().size.checked_sub(1) else {
            return Ok(Time(0));
        };
        let damaged = || StateError("the newest entry cannot be read: run `tollgate audit verify`".to_owned());
        let entry = self.entry(last)?.ok_or_else(damaged)?;
        let leaf: v1::Leaf = wire::decode_canonical(&entry.leaf).map_err(|_| damaged())?;
        wire::millis(leaf.time.as_ref()).map(Time).ok_or_else(damaged)
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.with.shared.origin
    }

    /// Whether it takes no more entries, for health.
    pub fn has_failed(&self) -> bool {
        self.with.shared.has_failed()
    }

    /// Where the journal was found damaged since the start, and what to do, for health. What is damaged cannot be read; all
    /// else can, and entries are taken.
    pub fn damage(&self) -> Option<String> {
        self.with.shared.journal.damage().map(|damage| damage.to_string())
    }

    /// Whether ordinary entries are refused for want of room, for health. Looks at the disk and not at the last entry:
    /// while health says no, nobody may send the request that would find room again.
    pub fn is_disk_full(&self) -> bool {
        !self.with.shared.has_room()
    }

    /// What the index tells of the person of entry `index`.
    pub fn person_of(&self, index: u64, entry: &StoredEntry) -> Option<PersonTag> {
        let row = row_of(&self.with.shared.shelf.key, index, &entry.leaf, &entry.tags).ok()?;
        PersonTag::new(index, row.person)
    }

    /// A person to search for. `details_key` is that of the person's details, if there is one.
    pub fn whom(&self, token: &SubjectToken, details_key: Option<&Secret<32>>) -> Whom {
        self.with.shared.shelf.key.whom(token, details_key)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.with.shared
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
