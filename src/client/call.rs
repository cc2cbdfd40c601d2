//! The calls themselves: which stub carries which method, and what a status means.
use super::{
    error::ClientError,
    stubs::{
        consent_service_client::ConsentServiceClient, exchange_service_client::ExchangeServiceClient,
        log_service_client::LogServiceClient, notice_service_client::NoticeServiceClient,
        records_service_client::RecordsServiceClient,
    },
};
use crate::{
    limits::{CALL_MS_MAX, MESSAGE_BYTES_MAX},
    wire::v1,
};
use std::time::Duration;
use tokio_stream::Stream;
use tonic::{Request, Status, Streaming, transport::Channel};
use tonic_types::StatusExt;

/// A sealed unary method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedMethod {
    Query,
    CloseSession,
    Grant,
    Withdraw,
    Get,
    List,
    Confirm,
    Correct,
    ListNotices,
    AcknowledgeNotices,
}

impl SealedMethod {
    /// `M`.
    pub(super) fn path(self) -> &'static str {
        match self {
            SealedMethod::Query => "/tollgate.v1.ExchangeService/Query",
            SealedMethod::CloseSession => "/tollgate.v1.ExchangeService/CloseSession",
            SealedMethod::Grant => "/tollgate.v1.ConsentService/Grant",
            SealedMethod::Withdraw => "/tollgate.v1.ConsentService/Withdraw",
            SealedMethod::Get => "/tollgate.v1.ConsentService/Get",
            SealedMethod::List => "/tollgate.v1.ConsentService/List",
            SealedMethod::Confirm => "/tollgate.v1.ConsentService/Confirm",
            SealedMethod::Correct => "/tollgate.v1.RecordsService/Correct",
            SealedMethod::ListNotices => "/tollgate.v1.NoticeService/ListNotices",
            SealedMethod::AcknowledgeNotices => "/tollgate.v1.NoticeService/AcknowledgeNotices",
        }
    }

    /// Needs a signature of its own also where the opening of the session stands for all: it changes something.
    pub(super) fn is_always_signed(self) -> bool {
        match self {
            SealedMethod::Query
            | SealedMethod::CloseSession
            | SealedMethod::Get
            | SealedMethod::List
            | SealedMethod::ListNotices => false,
            SealedMethod::Grant
            | SealedMethod::Withdraw
            | SealedMethod::Confirm
            | SealedMethod::Correct
            | SealedMethod::AcknowledgeNotices => true,
        }
    }
}

/// The stubs over one connection.
#[derive(Clone)]
pub(super) struct Stubs {
    exchange: ExchangeServiceClient<Channel>,
    consent: ConsentServiceClient<Channel>,
    log: LogServiceClient<Channel>,
    records: RecordsServiceClient<Channel>,
    notice: NoticeServiceClient<Channel>,
}

impl Stubs {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            exchange: ExchangeServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX),
            consent: ConsentServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX),
            log: LogServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX),
            notice: NoticeServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX),
            records: RecordsServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
        }
    }

    /// Sends an envelope and gives the sealed reply.
    pub(super) async fn send(
        &self,
        method: SealedMethod,
        sealed: v1::SealedRequest,
    ) -> Result<v1::SealedReply, ClientError> {
        let (mut exchange, mut consent, mut records, mut notice) = (
            self.exchange.clone(),
            self.consent.clone(),
            self.records.clone(),
            self.notice.clone(),
        );
        let sealed = Some(sealed);
        let reply = match method {
            SealedMethod::Query => exchange
                .query(timed(v1::QueryRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::CloseSession => exchange
                .close_session(timed(v1::CloseSessionRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::Grant => consent
                .grant(timed(v1::GrantRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::Withdraw => consent
                .withdraw(timed(v1::WithdrawRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::Get => consent
                .get(timed(v1::GetRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::List => consent
                .list(timed(v1::ListRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::Confirm => consent
                .confirm(timed(v1::ConfirmRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::ListNotices => notice
                .list_notices(timed(v1::ListNoticesRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::AcknowledgeNotices => notice
                .acknowledge_notices(timed(v1::AcknowledgeNoticesRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
            SealedMethod::Correct => records
                .correct(timed(v1::CorrectRequest { sealed }))
                .await
                .map(|r| r.into_inner().sealed),
        };
        reply.map_err(refused)?.ok_or(ClientError::ReplyMalformed)
    }

    /// Opens the stream of a load.
    pub(super) async fn load(
        &self,
        chunks: impl Stream<Item = v1::LoadRequest> + Send + 'static,
    ) -> Result<Streaming<v1::LoadResponse>, ClientError> {
        let mut stub = self.records.clone();
        let replies = stub.load(chunks).await;
        replies.map(tonic::Response::into_inner).map_err(refused)
    }

    pub(super) async fn key_list(&self) -> Result<v1::GetKeyListResponse, ClientError> {
        let mut stub = self.exchange.clone();
        let reply = stub.get_key_list(timed(v1::GetKeyListRequest {})).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    pub(super) async fn open_session(
        &self,
        open: v1::OpenSessionRequest,
    ) -> Result<v1::OpenSessionResponse, ClientError> {
        let mut stub = self.exchange.clone();
        let reply = stub.open_session(timed(open)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    pub(super) async fn list_signals(
        &self,
        page: v1::ListSignalsRequest,
    ) -> Result<v1::ListSignalsResponse, ClientError> {
        let mut stub = self.exchange.clone();
        let reply = stub.list_signals(timed(page)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    pub(super) async fn checkpoint(&self) -> Result<String, ClientError> {
        Ok(self.checkpoints().await?.checkpoint)
    }

    /// Empty where no witness has cosigned.
    pub(super) async fn cosigned_checkpoint(&self) -> Result<String, ClientError> {
        Ok(self.checkpoints().await?.cosigned_checkpoint)
    }

    async fn checkpoints(&self) -> Result<v1::GetCheckpointResponse, ClientError> {
        let mut stub = self.log.clone();
        let reply = stub.get_checkpoint(timed(v1::GetCheckpointRequest {})).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    /// That the log continues the one of the period before.
    pub(super) async fn prove_succession(&self) -> Result<String, ClientError> {
        let mut stub = self.log.clone();
        let reply = stub.prove_succession(timed(v1::ProveSuccessionRequest {})).await;
        reply.map(|r| r.into_inner().proof).map_err(refused)
    }

    /// From `from_size` to `to_size`, or to the newest where that is 0.
    pub(super) async fn prove_consistency(
        &self,
        from_size: u64,
        to_size: u64,
    ) -> Result<v1::ProveConsistencyResponse, ClientError> {
        let mut stub = self.log.clone();
        let request = v1::ProveConsistencyRequest { from_size, to_size };
        let reply = stub.prove_consistency(timed(request)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }
}

/// The gateway answers within `CALL_MS_MAX`; a little more lets its own error arrive.
pub(super) fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_millis(CALL_MS_MAX + 2_000));
    request
}

/// A status with `google.rpc.ErrorInfo` is the gateway's refusal; any other never reached it, or not whole.
pub(super) fn refused(status: Status) -> ClientError {
    match status.get_error_details().error_info() {
        Some(info) => ClientError::Refused {
            code: info.reason.clone(),
            message: status.message().to_owned(),
            reference: info.metadata.get("reference").cloned().unwrap_or_default(),
        },
        None => ClientError::Unreachable(format!("{:?}: {}", status.code(), status.message())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic::Code;
    use tonic_types::ErrorDetails;

    #[test]
    fn a_status_with_error_info_is_a_refusal_and_keeps_its_reference() {
        let metadata = HashMap::from([("reference".to_owned(), "TG-7F3K-92QX".to_owned())]);
        let details = ErrorDetails::with_error_info("REPLAYED", "tollgate.v1", metadata);
        let status = Status::with_error_details(Code::FailedPrecondition, "used", details);
        let ClientError::Refused {
            code,
            message,
            reference,
        } = refused(status)
        else {
            panic!("a refusal");
        };
        assert_eq!((&*code, &*message, &*reference), ("REPLAYED", "used", "TG-7F3K-92QX"));
        assert!(matches!(
            refused(Status::unavailable("gone")),
            ClientError::Unreachable(_)
        ));
    }
}
