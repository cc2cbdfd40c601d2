//! The kill switch under load: a partner with 1,000 open streams is out within a second, and nobody else is.
use crate::support::{BANK_A, BANK_B, Gateway, Place, SECURITY, runtime};
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};
use tollgate::{client::AdminClient, wire::v1::target::Target};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const STREAMS: usize = 1_000;
/// Streams of one connection: less than an HTTP/2 connection may have.
const PER_CONNECTION: usize = 200;
/// The bound that the issue demands.
const P99_MAX: Duration = Duration::from_secs(1);

#[test]
fn a_thousand_open_streams_end_within_a_second() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut streams = JoinSet::new();
        for _ in 0..STREAMS / PER_CONNECTION {
            let channel = gateway.channel(&gateway.place.credential(BANK_A), false).await.unwrap();
            for _ in 0..PER_CONNECTION {
                let mut health = HealthClient::new(channel.clone());
                let mut stream = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
                stream.message().await.unwrap().unwrap();
                streams.spawn(async move {
                    while let Ok(Some(_)) = stream.message().await {}
                    Instant::now()
                });
            }
        }
        let other = gateway.channel(&gateway.place.credential(BANK_B), false).await.unwrap();
        let mut other = HealthClient::new(other);
        let connector = gateway.connector(&gateway.place.credential(SECURITY));
        let security = AdminClient::connect(gateway.address(true), connector).await.unwrap();
        let began = Instant::now();
        let done = security.suspend(Target::Member("bank-a".to_owned()), "INC-1").await.unwrap();
        let answered = began.elapsed();
        assert_eq!(done.connections as usize, STREAMS / PER_CONNECTION);
        let mut ends: Vec<Duration> = Vec::with_capacity(STREAMS);
        while let Some(ended) = streams.join_next().await {
            ends.push(ended.unwrap().duration_since(began));
        }
        ends.sort();
        let p99 = ends[STREAMS * 99 / 100 - 1];
        println!(
            "kill switch, {STREAMS} streams: p50 {:?}, p99 {p99:?}, last {:?}; the order was answered after {answered:?}",
            ends[STREAMS / 2],
            ends[STREAMS - 1]
        );
        assert!(p99 <= P99_MAX, "{p99:?}");
        other.check(HealthCheckRequest::default()).await.unwrap();
        gateway.stop().await.verify_log();
    });
}
