//! An officer's connection to the legal holds on the log.
use super::{
    call::{refused, timed},
    connection::channel,
    error::ClientError,
    stubs::log_hold_service_client::LogHoldServiceClient,
};
use crate::{channel::client::Connector, wire::v1};
use std::net::SocketAddr;
use tonic::transport::Channel;

/// One gateway's holds.
pub struct LogHolds(LogHoldServiceClient<Channel>);

impl LogHolds {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector) -> Result<Self, ClientError> {
        Ok(Self(LogHoldServiceClient::new(channel(address, connector).await?)))
    }

    /// Places a hold.
    ///
    /// # Errors
    /// [`ClientError::Refused`], for a scope that there is none of too.
    pub async fn place(&self, scope: v1::LogHoldScope, case_number: &str) -> Result<(), ClientError> {
        let request = v1::PlaceLogHoldRequest {
            scope: Some(scope),
            case_number: case_number.to_owned(),
        };
        self.0
            .clone()
            .place_log_hold(timed(request))
            .await
            .map(drop)
            .map_err(refused)
    }

    /// Takes a hold away; whether there was one.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn release(&self, scope: v1::LogHoldScope) -> Result<bool, ClientError> {
        let request = v1::ReleaseLogHoldRequest { scope: Some(scope) };
        let reply = self.0.clone().release_log_hold(timed(request)).await;
        reply.map(|r| r.into_inner().released).map_err(refused)
    }

    /// All holds.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub async fn list(&self) -> Result<Vec<v1::LogHold>, ClientError> {
        let reply = self.0.clone().list_log_holds(timed(v1::ListLogHoldsRequest {})).await;
        reply.map(|r| r.into_inner().holds).map_err(refused)
    }
}
