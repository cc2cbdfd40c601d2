//! The baseline: a bare tonic server over the same TLS, in a process of its own, that answers each call with the bytes
//! of a real reply and does nothing else.
use super::place::{Place, Serving};
use http::uri::PathAndQuery;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use std::{
    convert::Infallible,
    path::Path,
    process::Command,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tollgate::wire::{Message, v1};
use tonic::{Request, Response, Status, body::Body, codegen::BoxFuture, server::NamedService, transport::Channel};
use tonic_prost::ProstCodec;

const PATH: &str = "/tollgate.bench.Echo/Echo";

/// Starts the server process. `reply` is what it answers.
pub(crate) fn start(place: &Place, reply: &v1::QueryResponse) -> Serving {
    let file = place.site.folder().join("echo-reply.bin");
    std::fs::write(&file, reply.encode_to_vec()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("echo-server").arg(place.site.pki()).arg(&file);
    Serving::start(command, "echo serves on ")
}

/// One call.
pub(crate) async fn call(channel: Channel, request: v1::QueryRequest) -> v1::QueryResponse {
    unary(channel, PATH, request).await.unwrap()
}

/// A unary call as generated code makes it.
pub(crate) async fn unary(
    channel: Channel,
    path: &'static str,
    request: v1::QueryRequest,
) -> Result<v1::QueryResponse, Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|e| Status::unknown(e.to_string()))?;
    let codec = ProstCodec::<v1::QueryRequest, v1::QueryResponse>::default();
    let reply = grpc
        .unary(Request::new(request), PathAndQuery::from_static(path), codec)
        .await?;
    Ok(reply.into_inner())
}

/// The server's process: never ends by itself.
pub(crate) fn serve(pki: &Path, reply: &Path) {
    let reply = v1::QueryResponse::decode(std::fs::read(reply).unwrap().as_slice()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tls = TlsAcceptor::from(Arc::new(tls(pki)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("echo serves on {} ", listener.local_addr().unwrap());
        let (ready, connections) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                if let Ok(stream) = tls.accept(tcp).await {
                    let _ = ready.send(Ok::<_, std::io::Error>(stream)).await;
                }
            }
        });
        tonic::transport::Server::builder()
            .add_service(Echo(Arc::new(reply)))
            .serve_with_incoming(tokio_stream::wrappers::ReceiverStream::new(connections))
            .await
            .unwrap();
    });
}

/// TLS 1.3, a client certificate, no resumption, HTTP/2: what the gateway asks for.
fn tls(pki: &Path) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    let root = pki.join("trust/bank-a.example/root.pem");
    roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .unwrap();
    let chain = CertificateDer::pem_file_iter(pki.join("gateway/tls.pem")).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pki.join("gateway/tls.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config
}

#[derive(Clone)]
struct Echo(Arc<v1::QueryResponse>);

impl NamedService for Echo {
    const NAME: &'static str = "tollgate.bench.Echo";
}

impl tonic::server::UnaryService<v1::QueryRequest> for Echo {
    type Response = v1::QueryResponse;
    type Future = std::future::Ready<Result<Response<v1::QueryResponse>, Status>>;
    fn call(&mut self, _: Request<v1::QueryRequest>) -> Self::Future {
        std::future::ready(Ok(Response::new(v1::QueryResponse::clone(&self.0))))
    }
}

impl tower_service::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
            Ok(grpc.unary(service, request).await)
        })
    }
}
