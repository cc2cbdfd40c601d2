//! Staff's connection to the backups of a gateway.
use super::{
    call::{refused, timed},
    connection::channel,
    error::ClientError,
    stubs::backup_service_client::BackupServiceClient,
};
use crate::{channel::client::Connector, limits::MESSAGE_BYTES_MAX, wire::v1};
use std::net::SocketAddr;
use tonic::{Streaming, transport::Channel};
use v1::create_backup_response::What;

/// One gateway's backups.
pub struct Backups(BackupServiceClient<Channel>);

/// A backup that is being made. Dropped before its end, it is none.
pub struct Making {
    messages: Streaming<v1::CreateBackupResponse>,
    ended: bool,
}

/// What comes of a backup.
pub enum Piece {
    /// The next bytes of the encrypted file.
    Part(v1::BackupPart),
    /// It is whole, if this is what arrived.
    End(v1::BackupEnd),
}

impl Backups {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector) -> Result<Self, ClientError> {
        let stub = BackupServiceClient::new(channel(address, connector).await?);
        Ok(Self(stub.max_decoding_message_size(MESSAGE_BYTES_MAX)))
    }

    /// Begins a backup: its manifest and its keys, and what is still to come.
    ///
    /// # Errors
    /// [`ClientError::Refused`], [`ClientError::ReplyMalformed`].
    pub async fn create(&self) -> Result<(v1::BackupBegin, Making), ClientError> {
        let reply = self.0.clone().create_backup(v1::CreateBackupRequest {}).await;
        let mut messages = reply.map_err(refused)?.into_inner();
        match messages.message().await.map_err(refused)?.and_then(|m| m.what) {
            Some(What::Begin(begin)) => Ok((begin, Making { messages, ended: false })),
            _ => Err(ClientError::ReplyMalformed),
        }
    }

    /// Confirms what was told again after a restore; whether the gateway was waiting for it.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn confirm(&self, request: v1::ConfirmReplayRequest) -> Result<bool, ClientError> {
        let reply = self.0.clone().confirm_replay(timed(request)).await;
        reply.map(|r| r.into_inner().confirmed).map_err(refused)
    }
}

impl Making {
    /// The next piece; `None` behind the end.
    ///
    /// # Errors
    /// [`ClientError::Refused`]; [`ClientError::ReplyMalformed`] where it breaks off.
    pub async fn next(&mut self) -> Result<Option<Piece>, ClientError> {
        match self.messages.message().await.map_err(refused)?.map(|m| m.what) {
            Some(Some(What::Part(part))) if !self.ended => Ok(Some(Piece::Part(part))),
            Some(Some(What::End(end))) if !self.ended => {
                self.ended = true;
                Ok(Some(Piece::End(end)))
            }
            None if self.ended => Ok(None),
            _ => Err(ClientError::ReplyMalformed),
        }
    }
}
