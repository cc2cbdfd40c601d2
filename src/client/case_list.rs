//! An officer's connection to the case list.
use super::{
    call::{refused, timed},
    connection::channel,
    error::ClientError,
    stubs::subject_request_service_client::SubjectRequestServiceClient,
};
use crate::{channel::client::Connector, limits::MESSAGE_BYTES_MAX, wire::v1};
use std::net::SocketAddr;
use tonic::transport::Channel;

/// One gateway's case list, as its own institution's officers use it.
pub struct CaseList(SubjectRequestServiceClient<Channel>);

macro_rules! calls {
    ($($(#[doc = $doc:literal])* $name:ident($request:ident) -> $response:ident as $method:ident;)*) => {$(
        $(#[doc = $doc])*
        pub async fn $name(&self, request: v1::$request) -> Result<v1::$response, ClientError> {
            let reply = self.0.clone().$method(timed(request)).await;
            reply.map(tonic::Response::into_inner).map_err(refused)
        }
    )*};
}

impl CaseList {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector) -> Result<Self, ClientError> {
        let channel = channel(address, connector).await?;
        let stub = SubjectRequestServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self(stub))
    }

    calls! {
        /// Takes in a request of a person.
        open(OpenSubjectRequestRequest) -> OpenSubjectRequestResponse as open_subject_request;
        /// One request.
        get(GetSubjectRequestRequest) -> GetSubjectRequestResponse as get_subject_request;
        /// A page of the list.
        list(ListSubjectRequestsRequest) -> ListSubjectRequestsResponse as list_subject_requests;
        /// Hands a request on.
        assign(AssignSubjectRequestRequest) -> AssignSubjectRequestResponse as assign_subject_request;
        /// Ends a request.
        close(CloseSubjectRequestRequest) -> CloseSubjectRequestResponse as close_subject_request;
        /// The letter that is due. Whether the log stands behind it is for who has the log's key to check.
        write(WriteSubjectLetterRequest) -> WriteSubjectLetterResponse as write_subject_letter;
    }
}
