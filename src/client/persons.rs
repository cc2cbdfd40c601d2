//! What an officer orders about one person.
use super::{
    Staff,
    call::{refused, timed},
    error::ClientError,
};
use crate::wire::v1;

impl Staff {
    /// Has a person's record blocked and erased. Again: how it stands.
    pub async fn request_erasure(&self, subject: v1::Subject) -> Result<v1::Erasure, ClientError> {
        let request = v1::RequestErasureRequest { subject: Some(subject) };
        let reply = self.persons.clone().request_erasure(timed(request)).await;
        told(reply.map_err(refused)?.into_inner().erasure)
    }

    /// How it stands with a person.
    pub async fn erasure(&self, subject: v1::Subject) -> Result<v1::Erasure, ClientError> {
        let request = v1::GetErasureRequest { subject: Some(subject) };
        let reply = self.persons.clone().get_erasure(timed(request)).await;
        told(reply.map_err(refused)?.into_inner().erasure)
    }

    /// Keeps what there is of a person.
    pub async fn place_hold(&self, request: v1::PlaceHoldRequest) -> Result<v1::Erasure, ClientError> {
        let reply = self.persons.clone().place_hold(timed(request)).await;
        told(reply.map_err(refused)?.into_inner().erasure)
    }

    /// Keeps it no longer.
    pub async fn release_hold(&self, subject: v1::Subject, hold_id: u32) -> Result<v1::Erasure, ClientError> {
        let request = v1::ReleaseHoldRequest {
            subject: Some(subject),
            hold_id,
        };
        let reply = self.persons.clone().release_hold(timed(request)).await;
        told(reply.map_err(refused)?.into_inner().erasure)
    }

    /// A page of the erasures that are not complete; `page_token` is that of the page before, empty for the first.
    pub async fn erasures(&self, page_token: String) -> Result<v1::ListErasuresResponse, ClientError> {
        let request = v1::ListErasuresRequest {
            page_size: 0,
            page_token,
        };
        let reply = self.persons.clone().list_erasures(timed(request)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    /// Has what is ready erased now. It answers before that is done.
    pub async fn run_erasures(&self) -> Result<(), ClientError> {
        let reply = self
            .persons
            .clone()
            .run_erasures(timed(v1::RunErasuresRequest {}))
            .await;
        reply.map(drop).map_err(refused)
    }
}

fn told(erasure: Option<v1::Erasure>) -> Result<v1::Erasure, ClientError> {
    erasure.ok_or(ClientError::ReplyMalformed)
}
