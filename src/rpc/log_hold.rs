//! `LogHoldService`: legal holds on the log, for compliance officers.
use super::{Desk, generated::log_hold_service_server::LogHoldService};
use crate::{
    edge::Costly,
    hold::{Held, Hold},
    pipeline::log_holds as acts,
    refusal::Code,
    wire::v1,
};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl LogHoldService for Desk {
    async fn place_log_hold(
        &self,
        request: Request<v1::PlaceLogHoldRequest>,
    ) -> Result<Response<v1::PlaceLogHoldResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let hold = held(asked.scope).map(|held| Hold {
            held,
            case_number: asked.case_number,
        });
        let place = |gate, peer| acts::place(gate, peer, hold);
        self.staffed(peer, Costly::Change, place).await?;
        Ok(Response::new(v1::PlaceLogHoldResponse {}))
    }

    async fn release_log_hold(
        &self,
        request: Request<v1::ReleaseLogHoldRequest>,
    ) -> Result<Response<v1::ReleaseLogHoldResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = held(request.into_inner().scope);
        let release = |gate, peer| acts::release(gate, peer, asked);
        let (released, _) = self.staffed(peer, Costly::Change, release).await?;
        Ok(Response::new(v1::ReleaseLogHoldResponse { released }))
    }

    async fn list_log_holds(
        &self,
        request: Request<v1::ListLogHoldsRequest>,
    ) -> Result<Response<v1::ListLogHoldsResponse>, Status> {
        let peer = self.peer(&request)?;
        let (holds, _) = self.staffed(peer, Costly::Read, acts::list).await?;
        let hold = |hold: Hold| v1::LogHold {
            scope: Some(match hold.held {
                Held::Period(period) => v1::LogHoldScope {
                    period,
                    partner: String::new(),
                },
                Held::Partner(partner) => v1::LogHoldScope {
                    period: 0,
                    partner: partner.to_string(),
                },
            }),
            case_number: hold.case_number,
        };
        let holds = holds.into_iter().map(hold).collect();
        Ok(Response::new(v1::ListLogHoldsResponse { holds }))
    }
}

fn held(scope: Option<v1::LogHoldScope>) -> Result<Held, Code> {
    let scope = scope.ok_or(Code::FieldInvalid)?;
    match (scope.period, scope.partner.as_str()) {
        (0, partner) => partner.parse().map(Held::Partner).map_err(|_| Code::FieldInvalid),
        (period, "") => Ok(Held::Period(period)),
        _ => Err(Code::FieldInvalid),
    }
}
