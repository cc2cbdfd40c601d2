//! What strangers and partners can take up.
use super::world::*;
use std::time::{Duration, Instant};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tollgate::channel::{Limits, Listener};

#[tokio::test]
async fn a_slow_handshake_is_dropped() {
    let world = World::new();
    let limits = Limits {
        handshake_ms: 200,
        ..Limits::default()
    };
    let door = world.serve_with(world.tls(Listener::Partner), limits).await;
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    let start = Instant::now();
    let end = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0; 16])).await;
    assert!(matches!(end.unwrap(), Ok(0) | Err(_)));
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(door.event().await, ("timeout", "127.0.0.1".to_owned()));
}

#[tokio::test]
async fn a_flood_of_handshakes_is_bounded_and_passes() {
    let world = World::new();
    let limits = Limits {
        handshakes_per_address: 4,
        handshake_ms: 400,
        ..Limits::default()
    };
    let door = world.serve_with(world.tls(Listener::Partner), limits).await;
    let mut flood = Vec::new();
    for _ in 0..12 {
        flood.push(TcpStream::connect(door.address).await.unwrap());
    }
    let count = |reason: &str| door.events.lock().unwrap().iter().filter(|(r, _)| *r == reason).count();
    until("eight of twelve are turned away at once", || count("too_many") == 8).await;
    assert_eq!(count("timeout"), 0, "four are still waited for");
    until("the four are dropped in time", || count("timeout") == 4).await;
    world.ask(&door, &world.credential("partners/bank-a")).await.unwrap();
}

#[tokio::test]
async fn one_peer_has_only_so_many_connections() {
    let world = World::new();
    let limits = Limits {
        per_peer: 2,
        ..Limits::default()
    };
    let door = world.serve_with(world.tls(Listener::Partner), limits).await;
    let bank = world.credential("partners/bank-a");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = world.client(&door, &bank).await.unwrap();
        check(&mut client).await.unwrap();
        held.push(client);
    }
    assert_eq!(world.refused(&door, &bank).await, "too_many");
    assert_eq!(door.event().await.1, BANK_A, "by name: its certificate was good");
    // Another certificate of the same peer is still the same peer.
    let second = world.issue("partners/bank-a/ca", BANK_A, |_| {});
    assert_eq!(world.refused(&door, &credential(&second)).await, "too_many");
    world.ask(&door, &world.credential("partners/bank-b")).await.unwrap();
    drop(held);
    until("places come back", || door.connections.count() == 0).await;
    world.ask(&door, &bank).await.unwrap();
}

#[tokio::test]
async fn all_peers_together_have_only_so_many_connections() {
    let world = World::new();
    let limits = Limits {
        total: 1,
        ..Limits::default()
    };
    let door = world.serve_with(world.tls(Listener::Partner), limits).await;
    let mut held = world.client(&door, &world.credential("partners/bank-a")).await.unwrap();
    check(&mut held).await.unwrap();
    assert_eq!(
        world.refused(&door, &world.credential("partners/bank-b")).await,
        "too_many"
    );
}
