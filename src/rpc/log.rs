//! `LogService`: the log's own proofs, for partners.
use super::{Desk, generated::log_service_server::LogService};
use crate::{audit::proof::TlogProof, domain::Method, refusal::Code, wire::v1};
use tonic::{Request, Response, Status};

const GET_CHECKPOINT: Method = Method("/tollgate.v1.LogService/GetCheckpoint");
const PROVE_CONSISTENCY: Method = Method("/tollgate.v1.LogService/ProveConsistency");
const PROVE_SUCCESSION: Method = Method("/tollgate.v1.LogService/ProveSuccession");

#[tonic::async_trait]
impl LogService for Desk {
    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let peer = self.peer(&request)?;
        let head = self.read(peer, GET_CHECKPOINT, |gate| Ok(gate.log.head())).await?;
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint: head.note.to_string(),
            cosigned_checkpoint: self
                .witnesses
                .as_ref()
                .and_then(|w| w.cosigned().newest())
                .map(|note| note.to_string())
                .unwrap_or_default(),
        }))
    }

    async fn prove_succession(
        &self,
        request: Request<v1::ProveSuccessionRequest>,
    ) -> Result<Response<v1::ProveSuccessionResponse>, Status> {
        let peer = self.peer(&request)?;
        let first = self
            .read(peer, PROVE_SUCCESSION, |gate| {
                gate.log.prove_inclusion(0).map_err(|_| Code::LogRange)
            })
            .await?;
        let proof = TlogProof {
            index: first.index,
            proof: first.proof,
            checkpoint: first.head.note.to_string(),
            extra: None,
        };
        Ok(Response::new(v1::ProveSuccessionResponse {
            proof: proof.with_leaf(&first.leaf),
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<v1::ProveConsistencyRequest>,
    ) -> Result<Response<v1::ProveConsistencyResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let (proof, head) = self
            .read(peer, PROVE_CONSISTENCY, move |gate| {
                let proof = gate.log.prove_consistency(asked.from_size, asked.to_size);
                proof.map_err(|_| Code::LogRange)
            })
            .await?;
        Ok(Response::new(v1::ProveConsistencyResponse {
            proof: proof.iter().map(|h| h.to_vec()).collect(),
            checkpoint: head.note.to_string(),
        }))
    }
}
