//! That the log only ever grows, within one run and from one run to the next.
use super::{
    connection::{Client, lock},
    error::{ClientError, LogError, ReceiptError},
    key_list::KeyList,
    log_view::{Head, continues},
};
use crate::{
    audit::proof::{self, Continuation},
    limits::{CONSISTENCY_MS, NOTE_BYTES_MAX},
    wire::{decode_canonical, v1},
};
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

impl Client {
    /// The newest head that is known to this client.
    pub fn head(&self) -> Option<Head> {
        lock(&self.log).newest()
    }

    /// The proof that the log continues the checkpoint `older`, which must be one of its own, to be kept or handed on.
    pub async fn continuation(&self, older: &str) -> Result<(Continuation, Head), ClientError> {
        let keys = self.key_list().await?;
        let older = keys.checkpoint(older).map_err(LogError::Checkpoint)?;
        let reply = self.stubs.prove_consistency(older.size, 0).await?;
        let newest = keys.checkpoint(&reply.checkpoint).map_err(LogError::Checkpoint)?;
        let proof = continues(&older, &newest, &reply.proof)?;
        let continuation = Continuation {
            old_size: older.size,
            proof,
            checkpoint: reply.checkpoint,
        };
        Ok((continuation, newest))
    }

    /// The newest checkpoint that witnesses have cosigned, proven to be one that the log's newest checkpoint continues.
    /// `None` where the gateway serves none. The cosignatures are for whoever knows the witnesses' keys:
    /// [`crate::audit::cosignature::cosignatures`].
    pub async fn cosigned_checkpoint(&self) -> Result<Option<Head>, ClientError> {
        let note = self.stubs.cosigned_checkpoint().await?;
        if note.is_empty() {
            return Ok(None);
        }
        self.continuation(&note).await?;
        let keys = self.key_list().await?;
        Ok(Some(keys.checkpoint(&note).map_err(LogError::Checkpoint)?))
    }

    /// Proves that the log continues everything seen of it: that the newest head of a receipt continues what was proven
    /// before, and that the log's newest head continues that. One chain, so that no two heads can each be shown a log of
    /// their own. The first time it takes what the log says. Where a new period has begun, its entry 0 must hold a final
    /// checkpoint of the log that is known. [`Client::query`] calls it when it is due.
    pub async fn check_log(&self) -> Result<Head, ClientError> {
        let keys = self.key_list().await?;
        let mut view = lock(&self.log).clone();
        if view.proven.is_none() {
            view.proven = self.log_memory.recall(&keys)?;
        }
        let newest = match view.newest() {
            Some(older) => {
                let newest = self.continued(&older).await?;
                if let (Some(proven), Some(seen)) = (&view.proven, &view.seen)
                    && seen.origin() == newest.origin()
                {
                    let reply = self.stubs.prove_consistency(proven.size, seen.size).await?;
                    continues(proven, seen, &reply.proof)?;
                }
                newest
            }
            None => self.listed(&self.stubs.checkpoint().await?).await?,
        };
        self.log_memory.keep(&newest)?;
        lock(&self.log).prove(newest.clone());
        *lock(&self.proven_at) = Some(self.clock.now());
        Ok(newest)
    }

    /// The log's newest head, proven to continue `older`.
    async fn continued(&self, older: &Head) -> Result<Head, ClientError> {
        let reply = match self.stubs.prove_consistency(older.size, 0).await {
            // The log has fewer entries than it had: a new period, or its own newest checkpoint is the evidence.
            Err(refused) if refused.is_code("LOG_RANGE") => {
                let newest = self.listed(&self.stubs.checkpoint().await?).await?;
                if newest.origin() != older.origin() {
                    return self.succeeded(older).await;
                }
                older.may_become(&newest).map_err(LogError::Checkpoint)?;
                return Err(refused);
            }
            reply => reply?,
        };
        let newest = self.listed(&reply.checkpoint).await?;
        if newest.origin() != older.origin() {
            return self.succeeded(older).await;
        }
        continues(older, &newest, &reply.proof)?;
        Ok(newest)
    }

    /// The head of a log that began after the one of `older` was closed.
    async fn succeeded(&self, older: &Head) -> Result<Head, ClientError> {
        let text = self.stubs.prove_succession().await?;
        let keys = self.key_list().await?;
        Ok(succession(&keys, &text, older)?)
    }

    /// A checkpoint by the key list; by the newest one, if it is of a log that the list does not name yet.
    async fn listed(&self, note: &str) -> Result<Head, ClientError> {
        let keys = self.key_list().await?;
        let read = match keys.checkpoint(note) {
            Err(ReceiptError::Origin) => self.fetch_key_list().await?.checkpoint(note),
            read => read,
        };
        Ok(read.map_err(LogError::Checkpoint)?)
    }

    pub(super) async fn check_log_if_due(&self) -> Result<(), ClientError> {
        if !self.is_check_due() {
            return Ok(());
        }
        // Calls that find it due together wait for one proof: one each would be more than the gateway's rate of reads.
        let _alone = self.proving.lock().await;
        if self.is_check_due() {
            self.check_log().await?;
        }
        Ok(())
    }

    fn is_check_due(&self) -> bool {
        let now = self.clock.now();
        lock(&self.proven_at).is_none_or(|at| now.since(at) >= CONSISTENCY_MS)
    }
}

/// Checks that entry 0 of a log holds the final checkpoint of the log of `older`, and gives the newer log's head. That the
/// final checkpoint extends `older` where it has more entries is not proven by this: both are signed, and the archive
/// settles it.
fn succession(keys: &KeyList, text: &str, older: &Head) -> Result<Head, LogError> {
    let broken = LogError::Succession;
    let read = proof::decode(text).map_err(|_| broken("its proof is malformed"))?;
    let bytes = read.extra.as_deref().ok_or(broken("its proof has no leaf"))?;
    let leaf: v1::Leaf = decode_canonical(bytes).map_err(|_| broken("its first entry is malformed"))?;
    let newest = keys.checkpoint(&read.checkpoint).map_err(LogError::Checkpoint)?;
    if read.index != 0 || leaf.seq != 0 || newest.origin() == older.origin() {
        return Err(broken("the proof is not of its first entry"));
    }
    proof::verify_inclusion(bytes, 0, &read.proof, newest.size, &newest.root)
        .map_err(|_| broken("its first entry is not in it"))?;
    let last = keys.checkpoint(&leaf.continues);
    let last = last.map_err(|_| broken("its first entry names no log that the key list names"))?;
    if last.origin() != older.origin() {
        return Err(broken("a period in between was never seen by this client"));
    }
    older.may_become(&last).map_err(LogError::Checkpoint)?;
    Ok(newest)
}

/// The newest proven checkpoint, kept in a file, so that a log that was set back between two runs is noticed.
pub(super) struct LogMemory(Option<PathBuf>);

impl LogMemory {
    /// Beside the memory of serials; without one nothing is kept.
    pub(super) fn beside(serial_memory: Option<&Path>) -> Self {
        Self(serial_memory.map(|path| path.with_extension("checkpoint")))
    }

    /// What was proven before. It was signed by a key that the list must still name.
    fn recall(&self, keys: &KeyList) -> Result<Option<Head>, LogError> {
        let Some(path) = &self.0 else { return Ok(None) };
        let unusable = |why: String| LogError::Memory(path.clone(), why);
        let mut text = String::new();
        match fs::File::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unusable(e.to_string())),
            Ok(file) => file
                .take(NOTE_BYTES_MAX as u64)
                .read_to_string(&mut text)
                .map_err(|e| unusable(e.to_string()))?,
        };
        keys.checkpoint(&text).map(Some).map_err(|e| unusable(e.to_string()))
    }

    fn keep(&self, head: &Head) -> Result<(), LogError> {
        let Some(path) = &self.0 else { return Ok(()) };
        let beside = path.with_extension("checkpoint.new");
        let written = fs::File::create(&beside).and_then(|mut file| {
            file.write_all(head.note.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)
        });
        written.map_err(|e| LogError::Memory(path.clone(), e.to_string()))
    }
}
