//! Loading records into a running gateway: a stream of sealed chunks, each answered and proven before the next.
use super::{
    call::refused,
    connection::{Client, lock},
    error::ClientError,
    receipt::{Expected, Verified},
    sealing::Draft,
    session::Session,
};
use crate::wire::{decode_canonical, v1};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// `M` of a chunk.
const LOAD: &str = "/tollgate.v1.RecordsService/Load";

/// A stream that is open. Drop it to stop: what the gateway holds stays, invisible, and the same batch id continues it.
pub struct Loading<'a> {
    client: &'a Client,
    session: Arc<Session>,
    chunks: mpsc::Sender<v1::LoadRequest>,
    replies: Streaming<v1::LoadResponse>,
}

impl Client {
    /// Opens a stream of chunks in the open session. Role provider.
    ///
    /// # Errors
    /// [`ClientError::SessionSpent`] without a session.
    pub async fn load(&self) -> Result<Loading<'_>, ClientError> {
        let session = lock(&self.session).clone().ok_or(ClientError::SessionSpent)?;
        let (chunks, stream) = mpsc::channel(1);
        let replies = self.stubs.load(ReceiverStream::new(stream)).await?;
        Ok(Loading {
            client: self,
            session,
            chunks,
            replies,
        })
    }
}

impl Loading<'_> {
    /// Sends one chunk (`header` is filled in here) and waits for its proven answer.
    pub async fn chunk(&mut self, chunk: v1::LoadChunk) -> Result<Verified<v1::LoadProgress>, ClientError> {
        let client = self.client;
        let signer = client.identity();
        let make = |header| v1::LoadChunk {
            header: Some(header),
            ..chunk
        };
        let now = client.clock.now();
        let draft = Draft::new(
            client.parties(),
            LOAD,
            false,
            // Signed also where the opening of the session stands for questions.
            Some(&signer),
            (now, &*client.rng),
            make,
        )?;
        let known = lock(&client.log).newest();
        let (request, pending) = self.session.seal(&draft, now, &*client.rng)?;
        let sealed = Some(v1::SealedRequest {
            mode: Some(v1::sealed_request::Mode::Session(request)),
        });
        // A stream that the gateway closed tells why in its last reply.
        let sent = self.chunks.send(v1::LoadRequest { sealed }).await;
        let reply = self.replies.message().await.map_err(refused)?;
        let sealed = match (reply.and_then(|r| r.sealed), sent) {
            (Some(sealed), Ok(())) => sealed,
            _ => return Err(ClientError::Unreachable("the gateway closed the stream".to_owned())),
        };
        let body = pending.open(client.parties(), &sealed)?;
        let answer: v1::LoadProgress = decode_canonical(&body.answer).map_err(|_| ClientError::ReplyMalformed)?;
        let expected = Expected {
            partner: &client.partnership.partner,
            method: LOAD,
            agreement: None,
            policy_hash: None,
            detail: draft.detail().clone(),
            known,
        };
        client.verified(answer, body, expected).await
    }
}
