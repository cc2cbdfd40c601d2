//! `ExchangeService`: what a partner calls.
use super::{Desk, generated::exchange_service_server::ExchangeService};
use crate::{
    domain::Method,
    edge::Costly,
    pipeline::{self, calls::CloseSession},
    refusal::Code,
    signal::Signal,
    wire::v1,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

const LIST_SIGNALS: Method = Method("/tollgate.v1.ExchangeService/ListSignals");
const GET_KEY_LIST: Method = Method("/tollgate.v1.ExchangeService/GetKeyList");
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 100;

#[tonic::async_trait]
impl ExchangeService for Desk {
    async fn list_signals(
        &self,
        request: Request<v1::ListSignalsRequest>,
    ) -> Result<Response<v1::ListSignalsResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let listed = self.read(peer, LIST_SIGNALS, move |gate| page(gate, &asked)).await;
        listed.map(Response::new)
    }

    async fn get_key_list(
        &self,
        request: Request<v1::GetKeyListRequest>,
    ) -> Result<Response<v1::GetKeyListResponse>, Status> {
        let peer = self.peer(&request)?;
        let keys = Arc::clone(&self.keys);
        let list = self.read(peer, GET_KEY_LIST, move |_| keys.current().ok_or(Code::Internal));
        list.await.map(Response::new)
    }

    async fn open_session(
        &self,
        request: Request<v1::OpenSessionRequest>,
    ) -> Result<Response<v1::OpenSessionResponse>, Status> {
        let peer = self.peer(&request)?;
        self.limit(&peer, Costly::Encapsulation)?;
        let Some(open) = request.into_inner().open else {
            return Err(self.turn_away(Code::EnvelopeMalformed, peer.uri()));
        };
        let uri = peer.uri().to_owned();
        let opened = self
            .run(&uri, pipeline::open_session(Arc::clone(&self.gate), peer, open))
            .await?;
        opened
            .map(Response::new)
            .map_err(|refusal| self.refused(&uri, &refusal))
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let uri = peer.uri().to_owned();
        let case = pipeline::serve(Arc::clone(&self.gate), peer, envelope);
        let sealed = Some(self.sealed(&uri, case).await?);
        Ok(Response::new(v1::QueryResponse { sealed }))
    }

    async fn close_session(
        &self,
        request: Request<v1::CloseSessionRequest>,
    ) -> Result<Response<v1::CloseSessionResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let sealed = Some(self.act(CloseSession, peer, envelope).await?);
        Ok(Response::new(v1::CloseSessionResponse { sealed }))
    }
}

/// The token of a page is the id of the last signal of the page before.
fn page(gate: &pipeline::Gate, asked: &v1::ListSignalsRequest) -> Result<v1::ListSignalsResponse, Code> {
    let size = match asked.page_size {
        0 => PAGE_DEFAULT,
        n => usize::try_from(n).map_err(|_| Code::FieldInvalid)?.min(PAGE_MAX),
    };
    let mut rest = gate
        .view
        .signals
        .iter()
        .filter(|s| !s.retired())
        .map(|s| (s.id().to_string(), s))
        .skip_while(|(id, _)| !asked.page_token.is_empty() && *id <= asked.page_token)
        .peekable();
    let signals: Vec<_> = rest.by_ref().take(size).map(|(_, s)| describe(gate, s)).collect();
    let next_page_token = match (rest.peek(), signals.last()) {
        (Some(_), Some(last)) => last.signal.clone(),
        _ => String::new(),
    };
    Ok(v1::ListSignalsResponse {
        signals,
        next_page_token,
    })
}

fn describe(gate: &pipeline::Gate, signal: &Signal) -> v1::SignalDescription {
    let names = gate.view.catalogue.names(signal.lineage());
    v1::SignalDescription {
        signal: signal.id().to_string(),
        family: signal.family().to_string(),
        granularity: u32::from(signal.granularity()),
        meaning_en: signal.meaning_en().to_owned(),
        meaning_zh: signal.meaning_zh().to_owned(),
        bands: signal.bands().to_vec(),
        purposes: signal.purposes().iter().map(ToString::to_string).collect(),
        validity_days: signal.validity_days(),
        fields: names.into_iter().map(ToString::to_string).collect(),
    }
}
