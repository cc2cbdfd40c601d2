//! `AdminService`: security staff and operators change the running gateway, by one word or two.
use super::{Desk, generated::admin_service_server::AdminService};
use crate::{
    admin::{Proposal, ProposalId, Suspension, Target},
    clock::Time,
    edge::Costly,
    keyring::{KeyId, KeyStatus, LogKeyTerms},
    pipeline::admin::{self as acts, Asked, ListInUse, Looked},
    refusal::Code,
    wire::{timestamp, v1, v1::change},
};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl AdminService for Desk {
    async fn propose(&self, request: Request<v1::ProposeRequest>) -> Result<Response<v1::ProposeResponse>, Status> {
        let peer = self.peer(&request)?;
        let v1::ProposeRequest { change, reason } = request.into_inner();
        let asked = asked(change).map(|asked| (asked, reason));
        let propose = |gate, peer| acts::propose(gate, peer, asked);
        let (proposed, _) = self.staffed(peer, Costly::Change, propose).await?;
        let proposal = Some(shown(proposed));
        Ok(Response::new(v1::ProposeResponse { proposal }))
    }

    async fn approve(&self, request: Request<v1::ApproveRequest>) -> Result<Response<v1::ApproveResponse>, Status> {
        let peer = self.peer(&request)?;
        let v1::ApproveRequest { id, digest } = request.into_inner();
        let digest = digest.try_into().map_err(|_| Code::FieldInvalid);
        let asked = proposal_id(id).and_then(|id| Ok((id, digest?)));
        let approve = |gate, peer| acts::approve(gate, peer, asked);
        let (approved, _) = self.staffed(peer, Costly::Change, approve).await?;
        let proposal = Some(shown(approved));
        Ok(Response::new(v1::ApproveResponse { proposal }))
    }

    async fn reject(&self, request: Request<v1::RejectRequest>) -> Result<Response<v1::RejectResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = proposal_id(request.into_inner().id);
        let reject = |gate, peer| acts::reject(gate, peer, asked);
        let (rejected, _) = self.staffed(peer, Costly::Change, reject).await?;
        let proposal = Some(shown(rejected));
        Ok(Response::new(v1::RejectResponse { proposal }))
    }

    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let peer = self.peer(&request)?;
        let ((proposals, now), _) = self.staffed(peer, Costly::Read, acts::list).await?;
        let proposals = proposals.iter().map(|proposal| proposal.to_wire(now)).collect();
        Ok(Response::new(v1::ListProposalsResponse { proposals }))
    }

    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let peer = self.peer(&request)?;
        let (looked, _) = self.staffed(peer, Costly::Read, acts::status).await?;
        Ok(Response::new(status(looked)))
    }

    async fn suspend(&self, request: Request<v1::SuspendRequest>) -> Result<Response<v1::SuspendResponse>, Status> {
        let peer = self.peer(&request)?;
        let v1::SuspendRequest { target, reason } = request.into_inner();
        let asked = target.and_then(Target::from_wire).ok_or(Code::FieldInvalid);
        let asked = asked.map(|target| (target, reason));
        let suspend = |gate, peer| acts::suspend(gate, peer, asked);
        let (shut, _) = self.staffed(peer, Costly::Change, suspend).await?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(v1::SuspendResponse {
            suspension: Some(shut.suspension.to_wire()),
            connections_ended: count(shut.connections),
            sessions_ended: count(shut.sessions),
        }))
    }

    async fn revoke_exchange_key(
        &self,
        request: Request<v1::RevokeExchangeKeyRequest>,
    ) -> Result<Response<v1::RevokeExchangeKeyResponse>, Status> {
        let peer = self.peer(&request)?;
        let v1::RevokeExchangeKeyRequest { key_id, reason } = request.into_inner();
        let key = key_id.try_into().map(KeyId).map_err(|_| Code::FieldInvalid);
        let asked = key.map(|key| (key, reason));
        let revoke = |gate, peer| acts::revoke_exchange_key(gate, peer, asked);
        let (job, _) = self.staffed(peer, Costly::Change, revoke).await?;
        let job = Some(shown(job));
        Ok(Response::new(v1::RevokeExchangeKeyResponse { job }))
    }
}

/// What only the gateway fills in is not taken from anybody.
fn asked(change: Option<v1::Change>) -> Result<Asked, Code> {
    match change.and_then(|change| change.change).ok_or(Code::FieldInvalid)? {
        change::Change::Lift(v1::Lift { target, suspension_id }) if suspension_id.is_empty() => {
            let target = target.and_then(Target::from_wire);
            target.map(Asked::Lift).ok_or(Code::FieldInvalid)
        }
        change::Change::RotateExchangeKeys(rotate) if rotate.key_ids.is_empty() => Ok(Asked::RotateExchange),
        change::Change::RotateLogKey(rotate) if rotate.key_id.is_empty() => {
            let terms = LogKeyTerms::new(rotate.ahead_s.into(), rotate.overlap_s.into());
            terms.map(Asked::RotateLogKey).map_err(|_| Code::FieldInvalid)
        }
        // An emergency needs nobody's approval, and so no proposal.
        _ => Err(Code::FieldInvalid),
    }
}

fn proposal_id(bytes: Vec<u8>) -> Result<ProposalId, Code> {
    bytes.try_into().map(ProposalId).map_err(|_| Code::FieldInvalid)
}

fn shown((proposal, now): (Proposal, Time)) -> v1::Proposal {
    proposal.to_wire(now)
}

fn status(looked: Looked) -> v1::GetStatusResponse {
    let key = |key: KeyStatus| v1::KeyStatus {
        class: key.class.name().to_owned(),
        key_id: key.id.0.to_vec(),
        version: key.version,
        state: key.state.name().to_owned(),
        suite: key.suite.map(|suite| suite.name().to_owned()).unwrap_or_default(),
        created: Some(timestamp(key.created.0)),
        not_before: Some(timestamp(key.not_before.0)),
        not_after: key.not_after.map(|end| timestamp(end.0)),
    };
    let list = |list: ListInUse| v1::ListStatus {
        issuer: list.issuer,
        number: list.number,
        next_update: Some(timestamp(list.next_update.0)),
        staff: list.staff,
    };
    let ending = |(what, at): (&'static str, Time)| v1::Ending {
        what: what.to_owned(),
        at: Some(timestamp(at.0)),
    };
    v1::GetStatusResponse {
        now: Some(timestamp(looked.now.0)),
        keys: looked.keys.into_iter().map(key).collect(),
        suspensions: looked.suspensions.iter().map(Suspension::to_wire).collect(),
        suspensions_total: looked.suspensions_total as u64,
        revocation_lists: looked.switch.lists.into_iter().map(list).collect(),
        endings: looked.switch.endings.into_iter().map(ending).collect(),
        suspended_in_register: looked.suspended_in_register.iter().map(ToString::to_string).collect(),
    }
}
