//! The HTTP of `add-checkpoint`: statuses as C2SP tlog-witness has them.
use super::{Added, Submission, Witness};
use crate::{
    audit::Counter,
    edge::{Costly, Edge},
    identity::PeerIdentity,
    refusal::Code,
    web,
};
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// `Content-Type` of a size.
const SIZE: &str = "text/x.tlog.size";
const TEXT: &str = "text/plain; charset=utf-8";

/// The witness's one route. `tasks` owns what must end with an entry, whoever hangs up.
pub fn route(witness: Arc<Witness>, edge: Arc<Edge>, counter: Arc<Counter>, tasks: TaskTracker) -> web::Router {
    let too_large = Arc::clone(&counter);
    let desk = Arc::new(Desk {
        witness,
        edge,
        counter,
        tasks,
    });
    web::post(
        "/add-checkpoint",
        move |peer, body| {
            let desk = Arc::clone(&desk);
            async move { desk.answer(peer, &body).await }
        },
        move |code, peer| too_large.count(code.name(), peer),
    )
}

struct Desk {
    witness: Arc<Witness>,
    edge: Arc<Edge>,
    counter: Arc<Counter>,
    tasks: TaskTracker,
}

impl Desk {
    async fn answer(&self, peer: PeerIdentity, body: &[u8]) -> web::Response {
        let uri = peer.uri().to_owned();
        if !self.edge.allows(&uri, Costly::Read) {
            return self.turn_away(Code::RateLimited, &uri);
        }
        let sent = match Submission::read(body, self.witness.logs()) {
            Ok(submission) => Ok(submission),
            Err((Code::CheckpointSignature, origin)) => Err(origin),
            Err((code, _)) => return self.turn_away(code, &uri),
        };
        let Some(under_way) = self.edge.begin(&uri) else {
            return self.turn_away(Code::RateLimited, &uri);
        };
        let witness = Arc::clone(&self.witness);
        let running = self.tasks.spawn(async move {
            let added = witness.add_checkpoint(peer, sent).await;
            drop(under_way);
            added
        });
        match running.await {
            Ok(Ok(Added::Cosigned(line))) => web::text(200, TEXT, line),
            Ok(Ok(Added::Refused(refusal, known))) => {
                self.edge.refused(&uri);
                match refusal.value().code() {
                    Code::CheckpointSize | Code::CheckpointForked => web::text(409, SIZE, format!("{known}\n")),
                    code @ Code::CheckpointInconsistent => web::text(422, TEXT, format!("{}\n", code.message())),
                    _ => web::refused(&refusal),
                }
            }
            Ok(Err(error)) => web::not_recorded(error),
            // It panicked: its slot has written ABANDONED.
            Err(_) => web::counted(Code::Internal),
        }
    }

    /// Counted, not recorded one by one: nobody fills the log with what is no checkpoint.
    fn turn_away(&self, code: Code, peer: &str) -> web::Response {
        self.counter.count(code.name(), peer);
        web::counted(code)
    }
}
