//! `ConsentService`: what people agreed to.
use super::{Desk, generated::consent_service_server::ConsentService};
use crate::{
    pipeline::calls::{Confirm, Get, Grant, List, Withdraw},
    wire::v1,
};
use tonic::{Request, Response, Status};

macro_rules! sealed_call {
    ($self:ident, $request:ident, $action:expr, $response:ident) => {{
        let peer = $self.peer(&$request)?;
        let envelope = $self.envelope(&peer, $request.into_inner().sealed)?;
        let sealed = Some($self.act($action, peer, envelope).await?);
        Ok(Response::new(v1::$response { sealed }))
    }};
}

#[tonic::async_trait]
impl ConsentService for Desk {
    async fn grant(&self, request: Request<v1::GrantRequest>) -> Result<Response<v1::GrantResponse>, Status> {
        sealed_call!(self, request, Grant, GrantResponse)
    }
    async fn withdraw(&self, request: Request<v1::WithdrawRequest>) -> Result<Response<v1::WithdrawResponse>, Status> {
        sealed_call!(self, request, Withdraw, WithdrawResponse)
    }
    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::GetResponse>, Status> {
        sealed_call!(self, request, Get, GetResponse)
    }
    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        sealed_call!(self, request, List, ListResponse)
    }
    async fn confirm(&self, request: Request<v1::ConfirmRequest>) -> Result<Response<v1::ConfirmResponse>, Status> {
        sealed_call!(self, request, Confirm, ConfirmResponse)
    }
}
