//! Stopping and failing, of a real gateway.
use super::*;
use crate::{
    app::testing::{PATIENCE, Place, until},
    wire::v1,
};
use tokio::time::timeout;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A question about nobody: this gateway has no records.
fn question() -> v1::ListConsents {
    v1::ListConsents {
        subject: Some(v1::Subject {
            scheme: v1::SubjectScheme::Opaque.into(),
            value: "nobody".to_owned(),
        }),
        page_size: 10,
        ..v1::ListConsents::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_recorded_at_the_stop_still_gets_its_reply() {
    let place = Place::new();
    // Each reply is held back until this long after its request, its entry is written at once: the stop comes between.
    let mut config = place.config();
    config.gateway.reply_quantum_ms = 2_000;
    let running = place.try_start_by(&config).await.unwrap_or_else(|e| panic!("{e}"));
    let client = place.client(&running, "bank-a", "partners/bank-a").await;
    client.open_session(v1::Evidence::Request).await.unwrap();
    let log = running.gate().log.clone();
    let before = log.head().size;
    let asking = tokio::spawn(async move { client.consents(question()).await.map(drop) });
    until("the call is recorded", || log.head().size > before).await;
    drop(log);
    assert!(!asking.is_finished(), "the reply is still held back");
    running.stop().await.unwrap();
    asking.await.unwrap().unwrap();
    assert_eq!(place.notes().last().unwrap(), "drained");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_on_which_nothing_happens_do_not_hold_up_the_stop() {
    let place = Place::new();
    let running = place.start().await;
    let client = place.client(&running, "lender", "provider/lender").await;
    client.open_session(v1::Evidence::Request).await.unwrap();
    let loading = client.load().await.unwrap();
    let channel = place.channel(running.partners(), "partners/bank-b").await.unwrap();
    let watched = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    running.stop().await.unwrap();
    let last = watched.message().await.unwrap().unwrap();
    assert_eq!(last.status, 2, "who watches is told that it does not serve any more");
    drop(loading);
    assert_eq!(place.notes().last().unwrap(), "drained");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_during_the_drain_is_recorded() {
    let place = Place::new();
    let mut running = place.start().await;
    // As a call would that is turned away while the last connections end.
    let (stop, counted) = (running.stop.clone(), Arc::clone(&running.counter));
    running.servers.spawn(async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        counted.count("RATE_LIMITED", "spiffe://a.example/partner/a");
        Ok(())
    });
    running.stop().await.unwrap();
    let notes = place.notes();
    assert!(notes.iter().any(|n| n.starts_with("RATE_LIMITED")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_or_ends_is_a_failure_of_the_gateway() {
    let place = Place::new();
    let mut running = place.start().await;
    assert!(
        timeout(Duration::from_millis(200), running.failed()).await.is_err(),
        "a sound gateway goes on"
    );
    running.tasks.spawn(async { panic!("for the test") });
    let mut signals = StopSignals::listen().unwrap();
    let told = timeout(PATIENCE, running.until_told_to_stop(&mut signals))
        .await
        .unwrap();
    assert!(told.unwrap_err().to_string().contains("panicked"), "a panic");
    running.tasks.spawn(async { Ok(()) });
    let told = timeout(PATIENCE, running.until_told_to_stop(&mut signals))
        .await
        .unwrap();
    assert!(told.unwrap_err().to_string().contains("ended"), "an end");
    running.stop().await.unwrap();
    assert_eq!(place.notes().last().unwrap(), "drained");
}
