//! `LogService`: the log's own proofs, for partners.
use super::{Desk, generated::log_service_server::LogService, status};
use crate::{domain::Method, edge::Costly, pipeline::read, refusal::Code, wire::v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

const GET_CHECKPOINT: Method = Method("/tollgate.v1.LogService/GetCheckpoint");
const PROVE_CONSISTENCY: Method = Method("/tollgate.v1.LogService/ProveConsistency");

#[tonic::async_trait]
impl LogService for Desk {
    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let peer = self.peer(&request)?;
        self.limit(&peer, Costly::Read)?;
        let gate = Arc::clone(&self.gate);
        let reading = self
            .run(async move { read(&gate, peer, GET_CHECKPOINT, |gate| Ok(gate.log.head())).await })
            .await?;
        let head = reading.map_err(|r| status::refused(&r))?;
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint: head.note.to_string(),
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<v1::ProveConsistencyRequest>,
    ) -> Result<Response<v1::ProveConsistencyResponse>, Status> {
        let peer = self.peer(&request)?;
        self.limit(&peer, Costly::Read)?;
        let asked = request.into_inner();
        let gate = Arc::clone(&self.gate);
        let reading = self
            .run(async move {
                read(&gate, peer, PROVE_CONSISTENCY, |gate| {
                    gate.log
                        .prove_consistency(asked.from_size, asked.to_size)
                        .map_err(|_| Code::LogRange)
                })
                .await
            })
            .await?;
        let (proof, head) = reading.map_err(|r| status::refused(&r))?;
        Ok(Response::new(v1::ProveConsistencyResponse {
            proof: proof.iter().map(|h| h.to_vec()).collect(),
            checkpoint: head.note.to_string(),
        }))
    }
}
