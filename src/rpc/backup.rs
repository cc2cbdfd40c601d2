//! `BackupService`: backups that leave encrypted, at the pace of whoever takes them, and what is confirmed after a restore.
use super::{Desk, generated::backup_service_server::BackupService, status};
use crate::{
    backup::{self, BackupError},
    clock::Time,
    crypto::Sha256,
    edge::Costly,
    identity::PeerIdentity,
    limits::BACKUP_STALL_MS,
    pipeline::backups::{self as acts, Begun, Replay},
    refusal::Code,
    wire::{self, v1},
};
use http::Extensions;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use v1::create_backup_response::What;

type Messages = mpsc::Sender<Result<v1::CreateBackupResponse, Status>>;

#[tonic::async_trait]
impl BackupService for Desk {
    type CreateBackupStream = Pin<Box<dyn Stream<Item = Result<v1::CreateBackupResponse, Status>> + Send>>;

    async fn create_backup(
        &self,
        request: Request<v1::CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        let peer = self.peer(&request)?;
        let caller = request.extensions().clone();
        let (begun, _) = self.staffed(peer.clone(), Costly::Past, acts::begin).await?;
        // One part waits, no more: the backup is made at the pace of whoever takes it.
        let (messages, stream) = mpsc::channel(1);
        let desk = self.clone();
        self.tasks
            .spawn(async move { desk.hand_out(caller, peer, begun, messages).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn confirm_replay(
        &self,
        request: Request<v1::ConfirmReplayRequest>,
    ) -> Result<Response<v1::ConfirmReplayResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = replay(&request.into_inner()).ok_or(Code::FieldInvalid);
        let confirm = |gate, peer| acts::confirm(gate, peer, asked);
        let (confirmed, _) = self.staffed(peer, Costly::Change, confirm).await?;
        Ok(Response::new(v1::ConfirmReplayResponse { confirmed }))
    }
}

fn replay(asked: &v1::ConfirmReplayRequest) -> Option<(Replay, Time)> {
    let what = match asked.what() {
        v1::Replay::Withdrawals => Replay::Withdrawals,
        v1::Replay::Suspensions => Replay::Suspensions,
        v1::Replay::Unspecified => return None,
    };
    Some((what, Time(wire::millis(asked.up_to.as_ref())?)))
}

/// What left.
#[derive(Default)]
struct Out {
    bytes: u64,
    digest: Sha256,
}

impl Desk {
    /// Makes the backup and hands it out; its end, however it comes, is an entry before the last message.
    async fn hand_out(&self, caller: Extensions, peer: PeerIdentity, begun: Begun, messages: Messages) {
        let Ok(manifest) = serde_json::to_vec_pretty(&begun.manifest) else {
            return;
        };
        let begin = v1::BackupBegin {
            manifest,
            keys: begun.keys.clone(),
        };
        let keys = begin.keys.len() as u64;
        let (desk, runtime, to) = (self.clone(), Handle::current(), messages.clone());
        let left = Arc::new(AtomicU64::new(0));
        let sent = Arc::clone(&left);
        let making = tokio::task::spawn_blocking(move || {
            let send = |what| runtime.block_on(desk.send(&caller, &to, what));
            send(What::Begin(begin))?;
            sent.fetch_add(keys, Ordering::Relaxed);
            let mut out = Out::default();
            let Begun {
                manifest,
                journal,
                mut vault,
                ..
            } = begun;
            let gate = &desk.gate;
            let with = (&*gate.rng, gate.backups.recipients.as_slice());
            let made = backup::make(&manifest, &journal, &mut vault, with, &mut |bytes, permille| {
                out.bytes += bytes.len() as u64;
                out.digest.update(&bytes);
                let length = bytes.len() as u64;
                send(What::Part(v1::BackupPart { bytes, permille }))?;
                sent.fetch_add(length, Ordering::Relaxed);
                Ok(())
            })?;
            let end = v1::BackupEnd {
                bytes: out.bytes,
                sha256: out.digest.finish().to_vec(),
                rows: made.rows,
            };
            Ok((end, manifest.entries))
        });
        let word = match making.await.unwrap_or(Err(BackupError::Gone)) {
            Ok((end, entries)) => self.whole(peer, end, entries).await,
            Err(BackupError::Gone) => {
                let how = "backup ended early: nobody took it any more, or the gateway stopped".to_owned();
                // There is nobody left to tell whether it could be recorded.
                let _ = acts::end(Arc::clone(&self.gate), peer, how, left.load(Ordering::Relaxed)).await;
                return;
            }
            Err(error) => Err(
                match acts::refuse(Arc::clone(&self.gate), peer, acts::code(&error)).await {
                    Ok(refusal) => status::refused(&refusal),
                    Err(error) => status::not_recorded(error),
                },
            ),
        };
        let stall = Duration::from_millis(BACKUP_STALL_MS);
        let _ = messages.send_timeout(word, stall).await;
    }

    async fn whole(
        &self,
        peer: PeerIdentity,
        end: v1::BackupEnd,
        entries: u64,
    ) -> Result<v1::CreateBackupResponse, Status> {
        let digest: String = end.sha256.iter().map(|b| format!("{b:02x}")).collect();
        let how = format!("backup of {entries} entries and {} records, SHA-256 {digest}", end.rows);
        let recorded = acts::end(Arc::clone(&self.gate), peer, how, end.bytes).await;
        recorded.map_err(status::not_recorded)?;
        let what = Some(What::End(end));
        Ok(v1::CreateBackupResponse { what })
    }

    /// The certificate is looked at anew for each message: a stream outlives a revocation.
    async fn send(&self, caller: &Extensions, to: &Messages, what: What) -> Result<(), BackupError> {
        let mut probe = Request::new(());
        *probe.extensions_mut() = caller.clone();
        if self.peer(&probe).is_err() {
            return Err(BackupError::Gone);
        }
        let message = Ok(v1::CreateBackupResponse { what: Some(what) });
        let stall = Duration::from_millis(BACKUP_STALL_MS);
        let sent = self.stopping.run_until_cancelled(to.send_timeout(message, stall)).await;
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(BackupError::Gone),
        }
    }
}
