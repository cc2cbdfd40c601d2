//! `PersonsService`: what a person may have done with their data, ordered by compliance officers.
use super::{Desk, generated::persons_service_server::PersonsService};
use crate::{
    clock::Time,
    domain::{Method, SubjectRef},
    edge::Costly,
    erasure::{self, Hold, Reason, Stage, Standing},
    pipeline::persons::{GET, OFFICERS, Order, PLACE, RELEASE, REQUEST, RUN, Wanted, list, order},
    refusal::Code,
    seal::{self, payload::PayloadError},
    wire::{self, v1},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

impl Desk {
    async fn ordered<T>(
        &self,
        request: &Request<T>,
        method: Method,
        subject: Option<v1::Subject>,
        what: Result<Order, Code>,
    ) -> Result<Option<v1::Erasure>, Status> {
        let peer = self.peer(request)?;
        self.limit(&peer, Costly::Change)?;
        let keys = &self.gate.person_keys;
        let asked = what.and_then(|what| Ok((person(subject)?.token(&keys.pseudonym), what)));
        let (uri, gate) = (peer.uri().to_owned(), Arc::clone(&self.gate));
        let ordered = self.run(&uri, order(gate, peer, method, asked)).await?;
        match ordered {
            Ok((standing, _)) => Ok(Some(standing.as_ref().map_or_else(none, told))),
            Err(refusal) => Err(self.refused(&uri, &refusal)),
        }
    }
}

fn person(subject: Option<v1::Subject>) -> Result<SubjectRef, Code> {
    seal::payload::subject(subject).map_err(PayloadError::code)
}

#[tonic::async_trait]
impl PersonsService for Desk {
    async fn request_erasure(
        &self,
        mut request: Request<v1::RequestErasureRequest>,
    ) -> Result<Response<v1::RequestErasureResponse>, Status> {
        let subject = request.get_mut().subject.take();
        let erasure = self.ordered(&request, REQUEST, subject, Ok(Order::Request)).await?;
        Ok(Response::new(v1::RequestErasureResponse { erasure }))
    }

    async fn get_erasure(
        &self,
        mut request: Request<v1::GetErasureRequest>,
    ) -> Result<Response<v1::GetErasureResponse>, Status> {
        let subject = request.get_mut().subject.take();
        let erasure = self.ordered(&request, GET, subject, Ok(Order::Look)).await?;
        Ok(Response::new(v1::GetErasureResponse { erasure }))
    }

    async fn place_hold(
        &self,
        mut request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        let (subject, what) = (request.get_mut().subject.take(), hold_of(request.get_ref()));
        let erasure = self.ordered(&request, PLACE, subject, what).await?;
        Ok(Response::new(v1::PlaceHoldResponse { erasure }))
    }

    async fn release_hold(
        &self,
        mut request: Request<v1::ReleaseHoldRequest>,
    ) -> Result<Response<v1::ReleaseHoldResponse>, Status> {
        let (subject, what) = (
            request.get_mut().subject.take(),
            Order::Release(request.get_ref().hold_id),
        );
        let erasure = self.ordered(&request, RELEASE, subject, Ok(what)).await?;
        Ok(Response::new(v1::ReleaseHoldResponse { erasure }))
    }

    async fn list_erasures(
        &self,
        request: Request<v1::ListErasuresRequest>,
    ) -> Result<Response<v1::ListErasuresResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let wanted = wanted(&asked);
        let list = |gate, peer| list(gate, peer, wanted);
        let (listed, _) = self.staffed(peer, Costly::Read, list).await?;
        Ok(Response::new(v1::ListErasuresResponse {
            next_page_token: listed.next.map(|id| erasure::hex(&id)).unwrap_or_default(),
            erasures: listed.standings.iter().map(told).collect(),
        }))
    }

    async fn run_erasures(
        &self,
        request: Request<v1::RunErasuresRequest>,
    ) -> Result<Response<v1::RunErasuresResponse>, Status> {
        let peer = self.peer(&request)?;
        self.read_as(peer, RUN, &OFFICERS, |_| Ok(())).await?;
        self.gate.erasing.at_once();
        Ok(Response::new(v1::RunErasuresResponse {}))
    }
}

fn hold_of(asked: &v1::PlaceHoldRequest) -> Result<Order, Code> {
    let until = match asked.until.as_ref() {
        None => None,
        // Zero would read as no end.
        until => Some(
            wire::millis(until)
                .filter(|ms| *ms > 0)
                .map(Time)
                .ok_or(Code::FieldInvalid)?,
        ),
    };
    Ok(Order::Hold {
        reason: Reason::from_number(asked.reason).ok_or(Code::FieldInvalid)?,
        until,
        case_number: asked.case_number.clone(),
    })
}

fn wanted(asked: &v1::ListErasuresRequest) -> Result<Wanted, Code> {
    let after = match asked.page_token.as_str() {
        "" => None,
        token => Some(erasure::id_of(token).ok_or(Code::FieldInvalid)?),
    };
    let size = usize::try_from(asked.page_size).map_err(|_| Code::FieldInvalid)?;
    Ok((after, size))
}

fn none() -> v1::Erasure {
    v1::Erasure {
        status: v1::ErasureStatus::None as i32,
        ..Default::default()
    }
}

fn told(standing: &Standing) -> v1::Erasure {
    let status = match standing.stage() {
        Stage::Free => v1::ErasureStatus::None,
        Stage::Blocked | Stage::RecordRemoved => v1::ErasureStatus::Blocked,
        Stage::RecordErased => v1::ErasureStatus::RecordErased,
        Stage::LinkRemoved => v1::ErasureStatus::LinkRemoved,
    };
    let hold = |hold: &Hold| v1::Hold {
        hold_id: hold.id,
        reason: hold.reason.number(),
        placed_at: Some(wire::timestamp(hold.placed.0)),
        until: hold.until.map(|at| wire::timestamp(at.0)),
        case_number: hold.case_number.clone(),
        placed_by: hold.by.clone(),
    };
    v1::Erasure {
        erasure_id: standing.id.to_vec(),
        status: status as i32,
        requested_at: standing.requested.map(|at| wire::timestamp(at.0)),
        holds: standing.holds.iter().map(hold).collect(),
        record_removed_at: standing.record.map(|record| wire::timestamp(record.removed.0)),
        record_erased_at: standing
            .record
            .and_then(|r| r.destroyed)
            .map(|at| wire::timestamp(at.0)),
        link_until: standing.link_until.map(|at| wire::timestamp(at.0)),
    }
}
