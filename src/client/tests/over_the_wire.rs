//! The client against a server that makes every kind of trouble. The envelopes, keys and sessions are the real ones.
use crate::{
    client::{Client, ClientError, KeyList, LogError, Partnership, ReceiptError},
    clock::ManualClock,
    crypto::Suite,
    keyring::{KeyListTerms, delegate},
    refusal::{Code, Refusal},
    seal::{
        open_session,
        payload::{CloseSession, Question},
        seal_accept,
        testing::*,
    },
    wire::v1,
};
use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server},
};
use tonic_types::{ErrorDetails, StatusExt};

#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod stubs {
    include!("../../rpc/gen/tollgate.v1.rs");
}
use stubs::{
    exchange_service_server::{ExchangeService, ExchangeServiceServer},
    log_service_server::{LogService, LogServiceServer},
};

/// What goes wrong with a question.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// It never arrives.
    RequestLost,
    /// It is answered, and the answer never arrives: a mesh that resends bytes sees the same.
    ReplyLost,
    /// The gateway restarted.
    SessionsForgotten,
    /// The exchange keys were compromised and replaced.
    KeysRevoked,
}

#[derive(Clone)]
struct Gateway {
    world: Arc<World>,
    trouble: Arc<Mutex<VecDeque<Trouble>>>,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    forked: Arc<AtomicBool>,
    proofs: Arc<AtomicUsize>,
}

fn status(code: Code) -> Status {
    let details = ErrorDetails::with_error_info(
        code.name(),
        "tollgate.v1",
        std::collections::HashMap::<String, String>::new(),
    );
    Status::with_error_details(tonic::Code::FailedPrecondition, code.message(), details)
}

fn refused(refusal: Refusal) -> Status {
    status(refusal.code())
}

#[tonic::async_trait]
impl ExchangeService for Gateway {
    async fn list_signals(
        &self,
        _: Request<v1::ListSignalsRequest>,
    ) -> Result<Response<v1::ListSignalsResponse>, Status> {
        Ok(Response::new(v1::ListSignalsResponse::default()))
    }

    async fn get_key_list(
        &self,
        _: Request<v1::GetKeyListRequest>,
    ) -> Result<Response<v1::GetKeyListResponse>, Status> {
        Ok(Response::new(newest_list(&self.world)))
    }

    async fn open_session(
        &self,
        request: Request<v1::OpenSessionRequest>,
    ) -> Result<Response<v1::OpenSessionResponse>, Status> {
        let world = &self.world;
        let case = world.case(crate::seal::frame::OPEN_SESSION);
        let offer = open_session(
            &world.opener,
            case,
            request.into_inner().open.unwrap(),
            NOW,
            &*world.rng,
        )
        .map_err(refused)?;
        Ok(Response::new(
            seal_accept(&world.opener, world.record(offer), &*world.rng).unwrap(),
        ))
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryResponse>, Status> {
        let world = &self.world;
        let trouble = self.trouble.lock().unwrap().pop_front();
        match trouble {
            Some(Trouble::RequestLost) => return Err(Status::unavailable("lost")),
            Some(Trouble::SessionsForgotten) => {
                world.opener.sessions().end_where(|_, _| true);
            }
            Some(Trouble::KeysRevoked) => revoke_keys(world),
            _ => {}
        }
        let case = world
            .open::<Question>(request.into_inner().sealed.unwrap())
            .map_err(refused)?;
        self.asked
            .lock()
            .unwrap()
            .push(case.facts().request_digest.unwrap().to_vec());
        let sealed = Some(world.answer(case));
        if trouble == Some(Trouble::ReplyLost) {
            return Err(Status::unavailable("lost"));
        }
        Ok(Response::new(v1::QueryResponse { sealed }))
    }

    async fn close_session(
        &self,
        request: Request<v1::CloseSessionRequest>,
    ) -> Result<Response<v1::CloseSessionResponse>, Status> {
        let world = &self.world;
        let case = world.case("/tollgate.v1.ExchangeService/CloseSession");
        let opened = world
            .open_as::<CloseSession>(case, request.into_inner().sealed.unwrap(), NOW)
            .map_err(refused)?;
        let id = opened.proof().session_id().unwrap();
        let sealed = Some(world.answer_with(opened, Vec::new()));
        let partner = "bank-a".parse().unwrap();
        assert!(world.opener.sessions().close(&partner, &id));
        Ok(Response::new(v1::CloseSessionResponse { sealed }))
    }
}

#[tonic::async_trait]
impl LogService for Gateway {
    async fn get_checkpoint(
        &self,
        _: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let checkpoint = self.world.log.lock().unwrap().note();
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint,
            ..Default::default()
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<v1::ProveConsistencyRequest>,
    ) -> Result<Response<v1::ProveConsistencyResponse>, Status> {
        self.proofs.fetch_add(1, Ordering::SeqCst);
        let mut log = self.world.log.lock().unwrap();
        if self.forked.load(Ordering::SeqCst) {
            log.leaves[0] = b"another history".to_vec();
        }
        let request = request.into_inner();
        let to = match request.to_size {
            0 => log.leaves.len(),
            size => size as usize,
        };
        if request.from_size as usize > to {
            return Err(status(Code::LogRange));
        }
        let proof = log.consistency(request.from_size as usize, to);
        Ok(Response::new(v1::ProveConsistencyResponse {
            proof: proof.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: log.note(),
        }))
    }

    /// This log has one period.
    async fn prove_succession(
        &self,
        _: Request<v1::ProveSuccessionRequest>,
    ) -> Result<Response<v1::ProveSuccessionResponse>, Status> {
        Err(status(Code::LogRange))
    }
}

fn newest_list(world: &World) -> v1::GetKeyListResponse {
    let online = crate::crypto::Signer::public_key(&world.online);
    let delegation = delegate(&world.identity, GATEWAY, &online, NOW, 86_400).unwrap();
    let terms = KeyListTerms {
        gateway: GATEWAY,
        origin: ORIGIN,
        online: &world.online,
        delegation: &delegation,
    };
    world.keyring.key_list(&terms, NOW, &*world.rng).unwrap().response
}

fn revoke_keys(world: &World) {
    for suite in [Suite::XWing, Suite::X25519] {
        let list = KeyList::verify(&newest_list(world), &world.pinned, NOW).unwrap();
        let id = list.exchange(suite, NOW).unwrap().key_id.clone().try_into().unwrap();
        let id = crate::keyring::KeyId(id);
        world.keyring.revoke_exchange(&id, NOW, &*world.rng).unwrap();
    }
}

fn client(
    gateway: &Gateway,
    channel: Channel,
    suite: Suite,
    memory: Option<&Path>,
    clock: &Arc<ManualClock>,
) -> Client {
    let partnership = Partnership {
        pinned: gateway.world.pinned.clone(),
        partner: "bank-a".into(),
        signing_key_id: "bank-a-1".into(),
        signer: gateway.world.signer.clone(),
        suite,
    };
    let (clock, rng) = (Arc::clone(clock), gateway.world.rng.clone());
    Client::over(channel, partnership, memory, clock, rng).unwrap()
}

struct Setting {
    gateway: Gateway,
    channel: Channel,
    client: Client,
    clock: Arc<ManualClock>,
}

impl Setting {
    async fn new(suite: Suite) -> Self {
        let gateway = Gateway {
            world: Arc::new(World::new(77)),
            trouble: Arc::default(),
            asked: Arc::default(),
            forked: Arc::default(),
            proofs: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let server = Server::builder()
            .add_service(ExchangeServiceServer::new(gateway.clone()))
            .add_service(LogServiceServer::new(gateway.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let channel = endpoint.connect().await.unwrap();
        let client = client(&gateway, channel.clone(), suite, None, &clock);
        Self {
            gateway,
            channel,
            client,
            clock,
        }
    }

    async fn ask(&self, trouble: &[Trouble]) -> Result<u64, ClientError> {
        self.gateway.trouble.lock().unwrap().extend(trouble);
        let about = query(v1::RequestHeader::default());
        self.client.query(about).await.map(|verified| verified.receipt.index)
    }

    fn asked(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.gateway.asked.lock().unwrap())
    }
}

#[tokio::test]
async fn a_retry_is_the_same_signed_bytes_under_a_new_seal() {
    for session in [false, true] {
        let setting = Setting::new(Suite::X25519).await;
        if session {
            setting.client.open_session(v1::Evidence::Request).await.unwrap();
        }
        setting.ask(&[Trouble::RequestLost]).await.unwrap();
        assert_eq!(setting.asked().len(), 1);
        setting.ask(&[Trouble::ReplyLost]).await.unwrap();
        let asked = setting.asked();
        assert_eq!((asked.len(), &asked[0]), (2, &asked[1]), "session: {session}");
        let gave_up = setting.ask(&[Trouble::RequestLost; 3]).await;
        assert!(matches!(gave_up, Err(ClientError::Unreachable(_))));
    }
}

#[tokio::test]
async fn a_lost_session_is_opened_again_but_not_twice_in_ten_seconds() {
    let setting = Setting::new(Suite::XWing).await;
    setting.client.open_session(v1::Evidence::Session).await.unwrap();
    let early = setting.ask(&[Trouble::SessionsForgotten]).await;
    assert!(matches!(early, Err(ClientError::ReopenTooSoon)));
    setting.clock.advance_ms(10_000);
    setting.ask(&[]).await.unwrap();
    setting.clock.advance_ms(10_000);
    setting.ask(&[Trouble::SessionsForgotten]).await.unwrap();
}

#[tokio::test]
async fn a_closed_session_is_gone_at_both_ends() {
    let setting = Setting::new(Suite::X25519).await;
    setting.client.open_session(v1::Evidence::Request).await.unwrap();
    assert_eq!(setting.gateway.world.opener.sessions().count(), 1);
    setting.client.close().await.unwrap();
    assert_eq!(setting.gateway.world.opener.sessions().count(), 0);
    // One-shot from here on.
    setting.ask(&[]).await.unwrap();
}

#[tokio::test]
async fn revoked_keys_are_replaced_by_a_new_list() {
    let setting = Setting::new(Suite::X25519).await;
    let before = setting.client.key_list().await.unwrap().serial;
    setting.ask(&[Trouble::KeysRevoked]).await.unwrap();
    let after = setting.client.key_list().await.unwrap().serial;
    assert!(after > before);
    // A session is opened by the newest list, too.
    setting.ask(&[Trouble::KeysRevoked]).await.unwrap();
    revoke_keys(&setting.gateway.world);
    setting.client.open_session(v1::Evidence::Request).await.unwrap();
    assert!(setting.client.key_list().await.unwrap().serial > after);
}

#[tokio::test]
async fn the_log_is_followed_and_a_fork_is_noticed_within_a_minute() {
    let setting = Setting::new(Suite::X25519).await;
    let first = setting.client.check_log().await.unwrap();
    assert_eq!(first.size, 3);
    assert_eq!(setting.ask(&[]).await.unwrap(), 3);
    setting.ask(&[]).await.unwrap();
    assert_eq!(setting.client.head().unwrap().size, 5);
    setting.clock.advance_ms(60_000);
    assert_eq!(setting.ask(&[]).await.unwrap(), 5);
    setting.gateway.forked.store(true, Ordering::SeqCst);
    setting.clock.advance_ms(59_000);
    setting.ask(&[]).await.unwrap();
    setting.clock.advance_ms(1_000);
    assert!(matches!(setting.ask(&[]).await, Err(ClientError::Log(_))));
}

/// A gateway that was set back to an earlier day shows a shorter log: a client that started anew once took it as the first.
#[tokio::test]
async fn a_log_that_was_set_back_between_two_runs_is_noticed() {
    let setting = Setting::new(Suite::X25519).await;
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("serial");
    let start = || {
        client(
            &setting.gateway,
            setting.channel.clone(),
            Suite::X25519,
            Some(&memory),
            &setting.clock,
        )
    };
    assert_eq!(start().check_log().await.unwrap().size, 3);
    assert_eq!(start().check_log().await.unwrap().size, 3, "the same log is no news");
    setting.gateway.world.log.lock().unwrap().leaves.pop();
    let Err(ClientError::Log(LogError::Checkpoint(ReceiptError::Shrank {
        known: 3,
        got: 2,
        evidence,
    }))) = start().check_log().await
    else {
        panic!("a shorter log was taken for good")
    };
    assert!(evidence.known.contains("\n3\n") && evidence.offered.contains("\n2\n"));
    std::fs::write(folder.path().join("serial.checkpoint"), "damaged").unwrap();
    assert!(matches!(
        start().check_log().await,
        Err(ClientError::Log(LogError::Memory(..)))
    ));
}

#[tokio::test]
async fn calls_that_find_the_proof_due_together_ask_for_it_once() {
    let setting = Arc::new(Setting::new(Suite::X25519).await);
    setting.client.check_log().await.unwrap();
    setting.clock.advance_ms(60_000);
    let before = setting.gateway.proofs.load(Ordering::SeqCst);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let setting = Arc::clone(&setting);
        calls.spawn(async move { setting.client.check_log_if_due().await.map(drop) });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    assert_eq!(setting.gateway.proofs.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_not_tried_again() {
    let setting = Setting::new(Suite::X25519).await;
    setting.clock.advance_ms(130_000);
    let Err(ClientError::Refused { code, .. }) = setting.ask(&[]).await else {
        panic!("a refusal");
    };
    assert_eq!(code, "STALE");
}
