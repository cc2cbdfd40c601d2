//! What is spoken: TLS 1.3, HTTP/2, with a client certificate. Clients here are bare rustls, or bare bytes.
use super::world::*;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, client::Resumption};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tollgate::channel::Listener;

/// A bare client, with the certificate in `place` if any.
pub(super) fn config(world: &World, place: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&world.roots()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match place {
        None => builder.with_no_client_auth(),
        Some(place) => {
            let pem = read(&world.path(place).join("tls.pem"));
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes())
                .collect::<Result<_, _>>()
                .unwrap();
            let key = PrivateKeyDer::from_pem_slice(read(&world.path(place).join("tls.key")).as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    config
}

async fn connect(door: &Door, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(door.address).await?;
    TlsConnector::from(config)
        .connect(ServerName::try_from("localhost").unwrap(), tcp)
        .await
}

/// Connects and waits for the server's first frame, so that its verdict on the certificate is known: in TLS 1.3 the
/// client finishes first.
pub(super) async fn hello(door: &Door, config: Arc<ClientConfig>) -> io::Result<HandshakeKind> {
    let mut tls = connect(door, config).await?;
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await?;
    let mut frame = [0; 9];
    tls.read_exact(&mut frame).await?;
    tls.get_ref()
        .1
        .handshake_kind()
        .ok_or_else(|| io::Error::other("no handshake"))
}

/// Two handshakes with a server whose resumption is on, as rustls has it by default.
pub(super) async fn kinds_at_an_ordinary_server(world: &World, client: Arc<ClientConfig>) -> Vec<HandshakeKind> {
    let pem = read(&world.path("gateway/tls.pem"));
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(read(&world.path("gateway/tls.key")).as_bytes()).unwrap();
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let client = TlsConnector::from(Arc::clone(&client));
        let asking = async {
            let tcp = TcpStream::connect(address).await.unwrap();
            let mut tls = client
                .connect(ServerName::try_from("localhost").unwrap(), tcp)
                .await
                .unwrap();
            // Tickets come before the first byte.
            tls.read_exact(&mut [0]).await.unwrap();
            tls.get_ref().1.handshake_kind().unwrap()
        };
        let answering = async {
            let mut tls = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            tls.write_all(b"x").await.unwrap();
            tls.flush().await.unwrap();
            tls
        };
        kinds.push(tokio::join!(asking, answering).0);
    }
    kinds
}

/// The certificate that the gateway shows now.
pub(super) async fn server_leaf(world: &World, door: &Door) -> Vec<u8> {
    let tls = connect(door, Arc::new(config(world, Some("partners/bank-a"))))
        .await
        .unwrap();
    tls.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    assert!(hello(&door, Arc::new(config(&world, None))).await.is_err());
    assert_eq!(door.event().await, ("no_certificate", "127.0.0.1".to_owned()));
}

#[tokio::test]
async fn only_http2_is_spoken() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        door.events.lock().unwrap().clear();
        let mut config = config(&world, Some("partners/bank-a"));
        config.alpn_protocols = protocols.clone();
        assert!(hello(&door, Arc::new(config)).await.is_err());
        assert_eq!(door.event().await.0, "not_h2", "{protocols:?}");
    }
    hello(&door, Arc::new(config(&world, Some("partners/bank-a"))))
        .await
        .unwrap();
}

/// A TLS 1.2 ClientHello as old clients send it: no `supported_versions`.
fn client_hello_of_tls12() -> Vec<u8> {
    let groups = [0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x17];
    let signatures = [0x00, 0x0d, 0, 4, 0, 2, 0x04, 0x03];
    let extensions = [&groups[..], &signatures[..]].concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]); // random
    body.push(0); // session id
    body.extend([0, 2, 0xc0, 0x2b]); // ECDHE-ECDSA-AES128-GCM-SHA256
    body.extend([1, 0]); // no compression
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut handshake = vec![1, 0];
    handshake.extend((body.len() as u16).to_be_bytes());
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    let mut tcp = TcpStream::connect(door.address).await.unwrap();
    tcp.write_all(&client_hello_of_tls12()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    // A fatal alert, protocol_version (RFC 8446, section 6.2).
    assert_eq!((answer[0], &answer[5..7]), (21, &[2, 70][..]), "{answer:02x?}");
    assert_eq!(door.event().await.0, "not_tls13");
}

#[tokio::test]
async fn bytes_that_are_no_tls_are_dropped_and_the_next_client_is_served() {
    let world = World::new();
    let door = world.serve(Listener::Partner).await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[22, 3, 1, 0xff, 0xff],
        &[0xff; 300],
    ] {
        let mut tcp = TcpStream::connect(door.address).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // A reset is as good as an end.
        let _ = tokio::time::timeout(Duration::from_secs(5), tcp.read_to_end(&mut answer))
            .await
            .unwrap();
    }
    until("all four are reported", || door.events.lock().unwrap().len() == 4).await;
    assert!(door.events.lock().unwrap().iter().all(|(reason, _)| *reason == "other"));
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
}
