//! An officer's connection to the case list. A letter is believed only if the log proves it.
use super::{
    call::{refused, timed},
    connection::channel,
    error::{ClientError, ReceiptError},
    stubs::subject_request_service_client::SubjectRequestServiceClient,
};
use crate::{
    audit::{
        note::{self, VerifierKey},
        proof, x_commit,
    },
    channel::client::Connector,
    crypto::{Secret, sha256},
    limits::MESSAGE_BYTES_MAX,
    wire::{decode_canonical, v1},
};
use std::net::SocketAddr;
use tonic::transport::Channel;

/// One gateway's case list, as its own institution's officers use it.
pub struct CaseList {
    stub: SubjectRequestServiceClient<Channel>,
    key: VerifierKey,
}

macro_rules! calls {
    ($($(#[doc = $doc:literal])* $name:ident($request:ident) -> $response:ident as $method:ident;)*) => {$(
        $(#[doc = $doc])*
        pub async fn $name(&self, request: v1::$request) -> Result<v1::$response, ClientError> {
            let reply = self.stub.clone().$method(timed(request)).await;
            reply.map(tonic::Response::into_inner).map_err(refused)
        }
    )*};
}

impl CaseList {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows. `key` is the log's
    /// verifier key, by another way than from this gateway.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector, key: VerifierKey) -> Result<Self, ClientError> {
        let channel = channel(address, connector).await?;
        let stub = SubjectRequestServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { stub, key })
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
        /// The letter that is due, not yet checked: see [`CaseList::letter`].
        write(WriteSubjectLetterRequest) -> WriteSubjectLetterResponse as write_subject_letter;
    }

    /// The letter that is due, with the number of the entry that proves it.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] for a letter that the log does not prove.
    pub async fn letter(
        &self,
        request: v1::WriteSubjectLetterRequest,
    ) -> Result<(v1::WriteSubjectLetterResponse, u64), ClientError> {
        let reply = self.write(request).await?;
        let index = self.proven(&reply)?;
        Ok((reply, index))
    }

    /// The number of the entry that proves a letter.
    ///
    /// # Errors
    /// What does not hold.
    pub fn proven(&self, reply: &v1::WriteSubjectLetterResponse) -> Result<u64, ReceiptError> {
        let given = reply.proof.as_ref().ok_or(ReceiptError::Malformed)?;
        let text = proof::decode(&given.proof).map_err(|_| ReceiptError::Malformed)?;
        let bytes = text.extra.as_deref().ok_or(ReceiptError::Malformed)?;
        let leaf: v1::Leaf = decode_canonical(bytes).map_err(|_| ReceiptError::Malformed)?;
        let head = note::verify(&text.checkpoint, &self.key).map_err(ReceiptError::Checkpoint)?;
        if text.index != leaf.seq || text.index >= head.size {
            return Err(ReceiptError::Index);
        }
        proof::verify_inclusion(bytes, text.index, &text.proof, head.size, &head.root)
            .map_err(ReceiptError::NotIncluded)?;
        let detail: v1::PartnerDetail = decode_canonical(&given.detail).map_err(|_| ReceiptError::Malformed)?;
        let key = Secret::from_slice(&given.key).map_err(|_| ReceiptError::Malformed)?;
        if leaf.x_commit != x_commit(&key, &detail) || detail.answer_digest != sha256(&reply.document) {
            return Err(ReceiptError::Commitment);
        }
        Ok(text.index)
    }
}
