//! The gRPC services. Decides nothing: finds out who calls, hands the bytes to the pipeline on a task that the
//! application owns, and turns what comes back into a reply.
mod admin;
mod audit;
mod connected;
mod consent;
mod documents;
mod exchange;
mod log;
mod log_hold;
mod notice;
mod persons;
mod records;
mod server;
mod size;
pub mod status;
mod subject_request;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated"
)]
mod generated {
    include!("gen/tollgate.v1.rs");
}

pub use server::{Services, serve};

use crate::{
    agreement::Role,
    audit::{Counter, Recorded},
    channel::{ConnInfo, Denylist},
    domain::Method,
    edge::{Costly, Edge},
    identity::PeerIdentity,
    keyring::PublishedKeys,
    limits::CALL_MS_MAX,
    pipeline::{Action, Gate, READERS, Reading, Reply, act, read_as},
    refusal::{Code, NotRecorded, Refusal},
    seal::Envelope,
    wire::v1,
    witness::Witnesses,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Status};

/// What every service needs.
#[derive(Clone)]
pub struct Desk {
    /// The request path.
    pub gate: Arc<Gate>,
    /// The key list that is served.
    pub keys: Arc<PublishedKeys>,
    /// Rates per peer.
    pub edge: Arc<Edge>,
    /// Counted entries.
    pub counter: Arc<Counter>,
    /// Revoked certificates and keys.
    pub denylist: Arc<Denylist>,
    /// Owns every case that is under way.
    pub tasks: TaskTracker,
    /// The gateway is going down: streams end after the reply that is under way.
    pub stopping: CancellationToken,
    /// What they have cosigned is served.
    pub witnesses: Option<Arc<Witnesses>>,
    /// Replies leave at a multiple of this.
    pub reply_quantum: Duration,
}

/// tonic's own word for a message beyond its bound; nothing of ours says it.
fn refused_for_size(status: &Status) -> bool {
    status.code() == tonic::Code::OutOfRange
}

impl Desk {
    /// Who calls, as its connection knows at this moment.
    fn peer<T>(&self, request: &Request<T>) -> Result<PeerIdentity, Status> {
        let Some(info) = request.extensions().get::<ConnInfo>() else {
            return Err(status::counted(Code::PeerUnknown));
        };
        let caller = info.caller(&self.denylist, self.gate.clock.now());
        caller.cloned().map_err(|code| self.turn_away(code, info.peer().uri()))
    }

    fn limit(&self, peer: &PeerIdentity, what: Costly) -> Result<(), Status> {
        if self.edge.allows(peer.uri(), what) {
            Ok(())
        } else {
            Err(self.turn_away(Code::RateLimited, peer.uri()))
        }
    }

    /// Counted, not recorded one by one: neither a stranger nor a partner over its rate can fill the log.
    fn turn_away(&self, code: Code, peer: &str) -> Status {
        self.counter.count(code.name(), peer);
        status::counted(code)
    }

    /// A refusal that is recorded. A peer that collects them is slowed.
    fn refused(&self, peer: &str, refusal: &Recorded<Refusal>) -> Status {
        self.edge.refused(peer);
        status::refused(refusal)
    }

    /// The envelope of a request, with what it costs already allowed.
    fn envelope(&self, peer: &PeerIdentity, sealed: Option<v1::SealedRequest>) -> Result<Envelope, Status> {
        let envelope = sealed
            .and_then(|s| Envelope::from_wire(s).ok())
            .ok_or_else(|| self.turn_away(Code::EnvelopeMalformed, peer.uri()))?;
        if envelope.is_one_shot() {
            self.limit(peer, Costly::Encapsulation)?;
        }
        Ok(envelope)
    }

    /// Runs a case to its end, whoever hangs up.
    async fn run<T: Send + 'static>(
        &self,
        peer: &str,
        case: impl Future<Output = Result<T, NotRecorded>> + Send + 'static,
    ) -> Result<T, Status> {
        let Some(under_way) = self.edge.begin(peer) else {
            return Err(self.turn_away(Code::RateLimited, peer));
        };
        let running = self.tasks.spawn(async move {
            let done = case.await;
            drop(under_way);
            done
        });
        match tokio::time::timeout(Duration::from_millis(CALL_MS_MAX), running).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(error))) => Err(status::not_recorded(error)),
            // It panicked: its slot has written ABANDONED.
            Ok(Err(_)) => Err(status::counted(Code::Internal)),
            // It goes on and will be recorded.
            Err(_) => Err(status::counted(Code::DeadlineExceeded)),
        }
    }

    async fn sealed(
        &self,
        peer: &str,
        case: impl Future<Output = Result<Reply, NotRecorded>> + Send + 'static,
    ) -> Result<v1::SealedReply, Status> {
        let opened_at = Instant::now();
        // A stopping gateway waits for the reply too, not for its case alone.
        let _under_way = self.tasks.token();
        let reply = self.run(peer, case).await;
        self.hold_until_quantum(opened_at).await;
        match reply? {
            Reply::Answer(sealed) => Ok(sealed.into_wire()),
            Reply::Refused(refusal) => Err(self.refused(peer, &refusal)),
        }
    }

    /// A call without an envelope: limited, recorded, then answered.
    async fn read<T: Send + 'static>(
        &self,
        peer: PeerIdentity,
        method: Method,
        look: impl FnOnce(&Gate) -> Result<T, Code> + Send + 'static,
    ) -> Result<T, Status> {
        self.read_as(peer, method, &READERS, look).await
    }

    /// As [`Desk::read`], for those with one of `roles`.
    async fn read_as<T: Send + 'static>(
        &self,
        peer: PeerIdentity,
        method: Method,
        roles: &'static [Role],
        look: impl FnOnce(&Gate) -> Result<T, Code> + Send + 'static,
    ) -> Result<T, Status> {
        self.limit(&peer, Costly::Read)?;
        let (uri, gate) = (peer.uri().to_owned(), Arc::clone(&self.gate));
        let reading = self
            .run(&uri, async move { read_as(&gate, peer, method, roles, look).await })
            .await?;
        reading.map_err(|refusal| self.refused(&uri, &refusal))
    }

    /// A call of staff: limited, recorded, then answered.
    async fn staffed<T, F>(
        &self,
        peer: PeerIdentity,
        what: Costly,
        call: impl FnOnce(Arc<Gate>, PeerIdentity) -> F,
    ) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Reading<T>> + Send + 'static,
    {
        self.limit(&peer, what)?;
        let uri = peer.uri().to_owned();
        let reading = self.run(&uri, call(Arc::clone(&self.gate), peer)).await?;
        reading.map_err(|refusal| self.refused(&uri, &refusal))
    }

    async fn act<A: Action + 'static>(
        &self,
        action: A,
        peer: PeerIdentity,
        envelope: Envelope,
    ) -> Result<v1::SealedReply, Status> {
        self.limit(&peer, Costly::Change)?;
        let uri = peer.uri().to_owned();
        self.sealed(&uri, act(Arc::clone(&self.gate), action, peer, envelope))
            .await
    }

    /// Replies leave at open time plus a multiple of the quantum, so that their time tells less about their content.
    async fn hold_until_quantum(&self, opened_at: Instant) {
        let quantum = self.reply_quantum.as_nanos();
        if let Some(over) = opened_at.elapsed().as_nanos().checked_rem(quantum).filter(|o| *o > 0) {
            let rest = u64::try_from(quantum - over).unwrap_or(0);
            tokio::time::sleep(Duration::from_nanos(rest)).await;
        }
    }
}
