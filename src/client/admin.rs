//! The connection of security staff and operators: proposals, emergencies, status.
use super::{
    call::{refused, timed},
    connection::channel,
    error::ClientError,
    stubs::admin_service_client::AdminServiceClient,
};
use crate::{channel::client::Connector, limits::ADMIN_REPLY_BYTES_MAX, wire::v1};
use std::net::SocketAddr;
use tonic::transport::Channel;

/// One gateway's administration.
pub struct AdminClient(AdminServiceClient<Channel>);

/// What a suspension did.
pub struct Suspended {
    /// As it is kept.
    pub suspension: v1::Suspension,
    /// Live connections that were ended.
    pub connections: u32,
    /// Sealed sessions that were ended.
    pub sessions: u32,
}

impl AdminClient {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector) -> Result<Self, ClientError> {
        let stub = AdminServiceClient::new(channel(address, connector).await?);
        Ok(Self(stub.max_decoding_message_size(ADMIN_REPLY_BYTES_MAX)))
    }

    /// Proposes a change: another person has a day to approve it.
    ///
    /// # Errors
    /// [`ClientError::Refused`], as for every call here.
    pub async fn propose(&self, change: v1::change::Change, reason: &str) -> Result<v1::Proposal, ClientError> {
        let request = v1::ProposeRequest {
            change: Some(v1::Change { change: Some(change) }),
            reason: reason.to_owned(),
        };
        let reply = self.0.clone().propose(timed(request)).await.map_err(refused)?;
        reply.into_inner().proposal.ok_or(ClientError::ReplyMalformed)
    }

    /// Approves exactly this proposal, as it was listed.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn approve(&self, proposal: &v1::Proposal) -> Result<v1::Proposal, ClientError> {
        let request = v1::ApproveRequest {
            id: proposal.id.clone(),
            digest: proposal.digest.clone(),
        };
        let reply = self.0.clone().approve(timed(request)).await.map_err(refused)?;
        reply.into_inner().proposal.ok_or(ClientError::ReplyMalformed)
    }

    /// Rejects a proposal, or withdraws an own one.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn reject(&self, id: &[u8]) -> Result<v1::Proposal, ClientError> {
        let request = v1::RejectRequest { id: id.to_vec() };
        let reply = self.0.clone().reject(timed(request)).await.map_err(refused)?;
        reply.into_inner().proposal.ok_or(ClientError::ReplyMalformed)
    }

    /// All proposals that are kept, newest first.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn proposals(&self) -> Result<Vec<v1::Proposal>, ClientError> {
        let reply = self.0.clone().list_proposals(timed(v1::ListProposalsRequest {})).await;
        reply.map(|reply| reply.into_inner().proposals).map_err(refused)
    }

    /// Keys, suspensions, lists of revoked certificates, endings.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn status(&self) -> Result<v1::GetStatusResponse, ClientError> {
        let reply = self.0.clone().get_status(timed(v1::GetStatusRequest {})).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    /// Shuts out at once.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn suspend(&self, target: v1::target::Target, reason: &str) -> Result<Suspended, ClientError> {
        let request = v1::SuspendRequest {
            target: Some(v1::Target { target: Some(target) }),
            reason: reason.to_owned(),
        };
        let reply = self.0.clone().suspend(timed(request)).await.map_err(refused)?;
        let reply = reply.into_inner();
        Ok(Suspended {
            suspension: reply.suspension.ok_or(ClientError::ReplyMalformed)?,
            connections: reply.connections_ended,
            sessions: reply.sessions_ended,
        })
    }

    /// Has an exchange key revoked at once.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn revoke_exchange_key(&self, key_id: &[u8], reason: &str) -> Result<v1::Proposal, ClientError> {
        let request = v1::RevokeExchangeKeyRequest {
            key_id: key_id.to_vec(),
            reason: reason.to_owned(),
        };
        let reply = self.0.clone().revoke_exchange_key(timed(request)).await;
        reply
            .map_err(refused)?
            .into_inner()
            .job
            .ok_or(ClientError::ReplyMalformed)
    }
}
