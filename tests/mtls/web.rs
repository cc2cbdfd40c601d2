//! HTTP that is not gRPC, over the same doors: who calls is known, bounds hold, a stop lets requests end.
use super::world::*;
use axum::{Extension, Router, routing::post};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::AsyncReadExt, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tollgate::{
    channel::{Acceptor, Connections, Denylist, Limits, Listener, Setup, client::Connector},
    identity::PeerIdentity,
    limits::FIRST_REQUEST_MS_MAX,
    web::{self, Door},
};

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    turned_away: Arc<Mutex<Vec<&'static str>>>,
}

async fn serve(world: &World, router: Router) -> Served {
    let denylist = Arc::new(Denylist::default());
    let setup = Setup {
        tls: world.tls(Listener::Partner),
        connections: Connections::new(Limits::default()),
        denylist: Arc::clone(&denylist),
        events: Arc::new(|_, _| ()),
        clock: Arc::clone(&world.clock) as _,
    };
    let acceptor = Acceptor::bind("127.0.0.1:0".parse().unwrap(), setup).await.unwrap();
    let (address, stop) = (acceptor.local_addr().unwrap(), CancellationToken::new());
    let turned_away: Arc<Mutex<Vec<_>>> = Arc::default();
    let heard = Arc::clone(&turned_away);
    let door = Door {
        denylist,
        clock: Arc::clone(&world.clock) as _,
        turned_away: Arc::new(move |reason, _| heard.lock().unwrap().push(reason)),
    };
    let server = tokio::spawn(web::serve(router, door, acceptor.incoming(), stop.clone()));
    Served {
        address,
        stop,
        server,
        turned_away,
    }
}

fn connector(world: &World) -> Connector {
    Connector::new(&world.roots(), &world.credential("partners/bank-a"), GATEWAY).unwrap()
}

fn client(world: &World, served: &Served) -> web::Server {
    web::Server::new(connector(world), &format!("https://{}", served.address)).unwrap()
}

#[tokio::test]
async fn a_handler_knows_the_verified_peer() {
    let world = World::new();
    let whoami = async |Extension(peer): Extension<PeerIdentity>| peer.uri().to_owned();
    let served = serve(&world, Router::new().route("/", post(whoami))).await;
    let answer = client(&world, &served).post("/", String::new()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, BANK_A));
    assert_eq!(answer.content_type, "text/plain; charset=utf-8");
    assert!(served.turned_away.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stop_lets_a_request_end_and_takes_no_more() {
    let world = World::new();
    let begun = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&begun);
    let slow = async move || {
        told.notify_one();
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    };
    let served = serve(&world, Router::new().route("/", post(slow))).await;
    let asking = client(&world, &served);
    let asking = tokio::spawn(async move { asking.post("/", String::new()).await });
    begun.notified().await;
    served.stop.cancel();
    assert_eq!(asking.await.unwrap().unwrap().body, "done");
    let ended = tokio::time::timeout(Duration::from_secs(5), served.server);
    ended.await.expect("the server goes on").unwrap().unwrap();
    let address = served.address;
    let again = web::Server::new(connector(&world), &format!("https://{address}")).unwrap();
    assert!(again.post("/", String::new()).await.is_err());
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let world = World::new();
    let served = serve(&world, Router::new()).await;
    let mut connector = connector(&world);
    let uri = format!("https://{}", served.address).parse().unwrap();
    let stream = tower_service::Service::call(&mut connector, uri).await.unwrap();
    // A TLS connection and not a byte of HTTP/2.
    let mut stream = stream.into_inner();
    let patience = Duration::from_millis(FIRST_REQUEST_MS_MAX + 3_000);
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(patience, stream.read_to_end(&mut bytes));
    let _ = closed.await.expect("the connection stays open");
}

#[test]
fn an_address_is_https_with_a_port() {
    let world = World::new();
    for bad in [
        "",
        "https://witness.test",
        "http://witness.test:1",
        "witness.test:1",
        "https://witness.test:1/?a=b",
        "https://[::1:1",
    ] {
        assert!(web::Server::new(connector(&world), bad).is_none(), "{bad}");
    }
    assert!(web::Server::new(connector(&world), "https://[::1]:7445/prefix/").is_some());
}
