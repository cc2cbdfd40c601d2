//! A partner without the library's good manners: it seals what it likes, sends it as it likes, and looks at the raw reply.
use super::{Gateway, Who};
use http::uri::PathAndQuery;
use std::sync::Arc;
use tollgate::{
    app::site,
    client::{Draft, KeyList, Opening, PendingReply, Pinned, Session, seal_one_shot},
    clock::{Clock, ManualClock, Time},
    crypto::{Ed25519Signer, Suite, SystemRng},
    seal::{frame::Parties, signed::SigningIdentity},
    wire::{Message, v1},
};
use tonic::{Request, Status, Streaming, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// A connection, and the keys of whoever holds it.
pub(crate) struct Caller {
    pub(crate) who: Who,
    channel: Channel,
    signer: Option<Ed25519Signer>,
    pub(crate) signing_key_id: String,
    pub(crate) keys: KeyList,
    clock: Arc<ManualClock>,
    pub(crate) rng: SystemRng,
}

/// A request that may be sent, and what opens its reply.
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) sealed: v1::SealedRequest,
    pub(crate) pending: PendingReply,
}

/// The messages that carry an envelope all look like this one.
type Carrier = v1::QueryRequest;
type Carried = v1::QueryResponse;

impl Caller {
    pub(crate) fn new(gateway: &Gateway, channel: Channel, who: Who) -> Self {
        let pinned = Pinned {
            gateway: site::GATEWAY.to_owned(),
            identity: gateway.place.gateway_identity(),
        };
        let published = gateway.running.keys().current().unwrap();
        Self {
            who,
            channel,
            signer: (!who.staff).then(|| gateway.place.signer(who)),
            signing_key_id: format!("{}-1", who.id),
            keys: KeyList::verify(&published, &pinned, gateway.now()).unwrap(),
            clock: Arc::clone(&gateway.clock),
            rng: SystemRng::default(),
        }
    }

    pub(crate) fn parties(&self) -> Parties<'_> {
        Parties {
            gateway: site::GATEWAY,
            partner: self.who.id,
        }
    }
    pub(crate) fn identity(&self) -> Option<SigningIdentity<'_>> {
        self.signer.as_ref().map(|signer| SigningIdentity {
            key_id: &self.signing_key_id,
            signer,
        })
    }
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Any unary method.
    pub(crate) async fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<Q, A>::default();
        let reply = grpc.unary(Request::new(request), PathAndQuery::from_static(method), codec);
        reply.await.map(tonic::Response::into_inner)
    }

    /// A method that answers with a stream.
    pub(crate) async fn listen<Q, A>(&self, method: &'static str, request: Q) -> Result<Streaming<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<Q, A>::default();
        let stream = grpc.server_streaming(Request::new(request), PathAndQuery::from_static(method), codec);
        stream.await.map(tonic::Response::into_inner)
    }

    /// One chunk of a load, on a stream of its own.
    pub(crate) async fn stream_one(&self, sealed: v1::SealedRequest) -> Result<v1::SealedReply, Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let chunks = tokio_stream::once(v1::LoadRequest { sealed: Some(sealed) });
        let codec = ProstCodec::<v1::LoadRequest, v1::LoadResponse>::default();
        let method = PathAndQuery::from_static("/tollgate.v1.RecordsService/Load");
        let mut replies = grpc.streaming(Request::new(chunks), method, codec).await?.into_inner();
        let reply = replies.message().await?;
        Ok(reply.and_then(|r| r.sealed).expect("a reply to each chunk"))
    }

    /// Sends an envelope.
    pub(crate) async fn send(
        &self,
        method: &'static str,
        sealed: Option<v1::SealedRequest>,
    ) -> Result<v1::SealedReply, Status> {
        if let (true, Some(sealed)) = (method.ends_with("/Load"), &sealed) {
            return self.stream_one(sealed.clone()).await;
        }
        let reply: Carried = self.call(method, Carrier { sealed }).await?;
        Ok(reply.sealed.expect("a sealed reply"))
    }
    pub(crate) async fn exchange(&self, sent: Sent) -> Result<(v1::SealedReply, PendingReply), Status> {
        let reply = self.send(sent.method, Some(sent.sealed)).await?;
        Ok((reply, sent.pending))
    }

    /// A signed request; `make` may change the header before it is signed.
    pub(crate) fn draft<M: Message>(
        &self,
        method: &'static str,
        one_shot: bool,
        make: impl FnOnce(v1::RequestHeader) -> M,
    ) -> Draft {
        let (identity, at) = (self.identity(), (self.now(), &self.rng as _));
        Draft::new(self.parties(), method, one_shot, identity.as_ref(), at, make).unwrap()
    }
    pub(crate) fn seal(&self, method: &'static str, suite: Suite, draft: &Draft) -> Sent {
        let key = self.keys.exchange(suite, self.now()).unwrap();
        let (request, pending) = seal_one_shot(self.parties(), draft, key, &self.rng).unwrap();
        Sent {
            method,
            sealed: one_shot(request),
            pending,
        }
    }
    /// A request in one-shot mode.
    pub(crate) fn one_shot<M: Message>(&self, method: &'static str, make: impl FnOnce(v1::RequestHeader) -> M) -> Sent {
        self.seal(method, Suite::X25519, &self.draft(method, true, make))
    }
    /// Any bytes, sealed as a one-shot request to this method.
    pub(crate) fn seal_bytes(&self, method: &'static str, plaintext: &[u8]) -> v1::SealedRequest {
        let key = self.keys.exchange(Suite::X25519, self.now()).unwrap();
        let info = self.parties().one_shot_info(method, key.suite, &key.key_id);
        let (enc, ciphertext) = key.suite.seal(&self.rng, &key.public_key, &info, plaintext).unwrap();
        let (kem, kdf, aead) = key.suite.ids();
        one_shot(v1::OneShotRequest {
            suite: Some(v1::Suite {
                kem: kem.into(),
                kdf: kdf.into(),
                aead: aead.into(),
            }),
            key_id: key.key_id.clone(),
            enc,
            ciphertext,
        })
    }
    /// A request in a session.
    pub(crate) fn in_session<M: Message>(
        &self,
        session: &Session,
        method: &'static str,
        make: impl FnOnce(v1::RequestHeader) -> M,
    ) -> Sent {
        let draft = self.draft(method, false, make);
        self.seal_in(session, method, &draft)
    }
    pub(crate) fn seal_in(&self, session: &Session, method: &'static str, draft: &Draft) -> Sent {
        let (request, pending) = session.seal(draft, self.now(), &self.rng).unwrap();
        Sent {
            method,
            sealed: v1::SealedRequest {
                mode: Some(v1::sealed_request::Mode::Session(request)),
            },
            pending,
        }
    }

    /// The opening of a session, not yet sent.
    pub(crate) fn opening(&self, suite: Suite, evidence: v1::Evidence) -> (v1::OpenSessionRequest, Opening) {
        let key = self.keys.exchange(suite, self.now()).unwrap();
        let identity = self.identity().unwrap();
        Opening::new(self.parties(), key, &identity, evidence, self.now(), &self.rng).unwrap()
    }
    pub(crate) async fn send_opening(&self, open: v1::OpenSessionRequest) -> Result<v1::OpenSessionResponse, Status> {
        self.call(tollgate::seal::frame::OPEN_SESSION, open).await
    }
    pub(crate) async fn open_session(&self, suite: Suite, evidence: v1::Evidence) -> Session {
        let (open, opening) = self.opening(suite, evidence);
        let response = self.send_opening(open).await.unwrap();
        opening.accept(self.parties(), &response, self.now()).unwrap().0
    }
    /// A session of the usual kind.
    pub(crate) async fn session(&self) -> Session {
        self.open_session(Suite::X25519, v1::Evidence::Request).await
    }
}

fn one_shot(request: v1::OneShotRequest) -> v1::SealedRequest {
    v1::SealedRequest {
        mode: Some(v1::sealed_request::Mode::OneShot(request)),
    }
}

/// The session part of an envelope, to be changed on its way.
pub(crate) fn session_of(sealed: &mut v1::SealedRequest) -> &mut v1::SessionRequest {
    match sealed.mode.as_mut() {
        Some(v1::sealed_request::Mode::Session(request)) => request,
        _ => panic!("not in a session"),
    }
}
