//! `RecordsService`: the data holder's own systems load and correct records in the running gateway.
use super::{Desk, generated::records_service_server::RecordsService, refused_for_size};
use crate::{
    pipeline::records::{Correct, Load},
    refusal::Code,
    source::Throttle,
    wire::v1,
};
use std::{pin::Pin, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

type LoadReplies = Pin<Box<dyn Stream<Item = Result<v1::LoadResponse, Status>> + Send>>;

/// The share of one thread's time that a load may use: half, on two cores, leaves a core and a half for answers.
const SHARE_PERCENT: u32 = 50;

#[tonic::async_trait]
impl RecordsService for Desk {
    type LoadStream = LoadReplies;

    async fn load(&self, request: Request<Streaming<v1::LoadRequest>>) -> Result<Response<LoadReplies>, Status> {
        self.peer(&request)?;
        // The identity is asked anew for each chunk: a stream outlives a revocation.
        let info = request.extensions().clone();
        let mut chunks = request.into_inner();
        let (desk, throttle) = (self.clone(), Throttle::new(SHARE_PERCENT));
        let (replies, stream) = mpsc::channel(1);
        self.tasks.spawn(async move {
            // A stream on which nothing happens would hold up the stop, and one on which much happens would outlast it.
            while let Some(Some(chunk)) = desk.stopping.run_until_cancelled(chunks.next()).await {
                let started = Instant::now();
                let reply = async {
                    let mut probe = Request::new(());
                    *probe.extensions_mut() = info.clone();
                    let peer_now = desk.peer(&probe)?;
                    let chunk = chunk.map_err(|status| match refused_for_size(&status) {
                        true => desk.turn_away(Code::TooLarge, peer_now.uri()),
                        false => status,
                    })?;
                    let envelope = desk.envelope(&peer_now, chunk.sealed)?;
                    let sealed = Some(desk.act(Load, peer_now, envelope).await?);
                    Ok(v1::LoadResponse { sealed })
                }
                .await;
                // A stopping gateway takes no further chunk: the load goes on where it stands once there is one again.
                let ended = reply.is_err() || desk.tasks.is_closed();
                if replies.send(reply).await.is_err() || ended {
                    break;
                }
                tokio::time::sleep(throttle.pause(started.elapsed()).min(Duration::from_secs(1))).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn correct(&self, request: Request<v1::CorrectRequest>) -> Result<Response<v1::CorrectResponse>, Status> {
        let peer = self.peer(&request)?;
        let envelope = self.envelope(&peer, request.into_inner().sealed)?;
        let sealed = Some(self.act(Correct, peer, envelope).await?);
        Ok(Response::new(v1::CorrectResponse { sealed }))
    }
}
