//! `NoticeService`: what partners are told of corrections.
use super::{Desk, generated::notice_service_server::NoticeService};
use crate::{
    pipeline::notices::{Acknowledge, List},
    wire::v1,
};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl NoticeService for Desk {
    async fn list_notices(
        &self,
        request: Request<v1::ListNoticesRequest>,
    ) -> Result<Response<v1::ListNoticesResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let sealed = Some(self.act(List, peer, envelope).await?);
        Ok(Response::new(v1::ListNoticesResponse { sealed }))
    }

    async fn acknowledge_notices(
        &self,
        request: Request<v1::AcknowledgeNoticesRequest>,
    ) -> Result<Response<v1::AcknowledgeNoticesResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let sealed = Some(self.act(Acknowledge, peer, envelope).await?);
        Ok(Response::new(v1::AcknowledgeNoticesResponse { sealed }))
    }
}
