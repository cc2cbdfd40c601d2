//! `RecordsService`: the data holder's own systems load and correct records in the running gateway.
use super::{Desk, generated::records_service_server::RecordsService};
use crate::{
    pipeline::calls::{Correct, Load},
    refusal::Code,
    wire::v1,
};
use std::{pin::Pin, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

type LoadReplies = Pin<Box<dyn Stream<Item = Result<v1::LoadResponse, Status>> + Send>>;

/// A load may use this share of the time: after a chunk that took t, it rests for t × (1 − share) / share. Half, on two
/// cores, leaves a core and a half for answers.
const REST_PER_WORK: u32 = 1;

#[tonic::async_trait]
impl RecordsService for Desk {
    type LoadStream = LoadReplies;

    async fn load(&self, request: Request<Streaming<v1::LoadRequest>>) -> Result<Response<LoadReplies>, Status> {
        let peer = self.peer(&request)?;
        // The identity is asked anew for each chunk: a stream outlives a revocation.
        let info = request.extensions().clone();
        let mut chunks = request.into_inner();
        let desk = self.clone();
        let (replies, stream) = mpsc::channel(1);
        self.tasks.spawn(async move {
            while let Some(chunk) = chunks.next().await {
                let started = Instant::now();
                let reply = async {
                    let mut probe = Request::new(());
                    *probe.extensions_mut() = info.clone();
                    let peer_now = desk.peer(&probe)?;
                    let envelope = desk.envelope(&peer_now, chunk?.sealed)?;
                    if envelope.is_one_shot() {
                        return Err(desk.turn_away(Code::SessionRequired, peer.uri()));
                    }
                    let sealed = Some(desk.act(Load::default(), peer_now, envelope).await?);
                    Ok(v1::LoadResponse { sealed })
                }
                .await;
                let ended = reply.is_err();
                if replies.send(reply).await.is_err() || ended {
                    break;
                }
                tokio::time::sleep(Duration::min(started.elapsed() * REST_PER_WORK, Duration::from_secs(1))).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn correct(&self, request: Request<v1::CorrectRequest>) -> Result<Response<v1::CorrectResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let sealed = Some(self.act(Correct::default(), peer, envelope).await?);
        Ok(Response::new(v1::CorrectResponse { sealed }))
    }
}
