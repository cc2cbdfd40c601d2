//! What a start refuses, and what a running gateway shuts out.
use crate::{
    admin::Target,
    app::testing::Place,
    audit::Event,
    domain::Method,
    facts::{Facts, Kind},
    wire::v1,
};
use http::uri::PathAndQuery;
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_keys_for_development_starts_only_when_told_so() {
    let place = Place::new();
    place.edit("gateway.toml", "development = true\n", "");
    let refused = place.try_start().await.err().unwrap().to_string();
    assert!(refused.contains("`development = true`"), "{refused}");
    let checked = crate::app::check_keys(&place.config()).unwrap_err().to_string();
    assert_eq!(checked, refused);
    place.edit(
        "gateway.toml",
        "data_dir = \"data\"\n",
        "data_dir = \"data\"\ndevelopment = true\n",
    );
    crate::app::check_keys(&place.config()).unwrap();
    place.start().await.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_ends_live_connections_and_stays_after_a_restart() {
    let place = Place::new();
    let running = place.start().await;
    let channel = place.channel(running.partners(), "partners/bank-a").await.unwrap();
    let watched = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    let key = Target::Key(place.key_sha256("partners/bank-a"));
    let shut = running.gate().admin.switch.shut(&key).unwrap();
    assert_eq!(shut.connections, 1);
    let mut facts = Facts::new(Kind::Configuration, "gateway", Method("/test"), [0; 32]);
    facts.effects = shut.effects;
    running.gate().log.append(Event::new(facts)).await.unwrap();
    assert!(watched.message().await.is_err(), "the stream was cut");
    assert!(!place.answers(running.partners(), "partners/bank-a").await);
    assert!(place.answers(running.partners(), "partners/bank-b").await);
    running.stop().await.unwrap();
    let running = place.start().await;
    assert!(!place.answers(running.partners(), "partners/bank-a").await);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_asks_anew_whether_the_certificate_is_good_health_too() {
    let place = Place::new();
    let running = place.start().await;
    let channel = place.channel(running.partners(), "partners/bank-a").await.unwrap();
    let mut health = HealthClient::new(channel);
    health.check(HealthCheckRequest::default()).await.unwrap();
    // The connection lives by the system's clock, the call is judged by the gateway's.
    place.clock.advance_ms(31 * 86_400_000);
    let refused = health.check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    running.stop().await.unwrap();
    let notes = place.notes();
    assert!(notes.iter().any(|n| n.starts_with("CERTIFICATE_EXPIRED")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_bound_is_too_large_and_counted_and_only_a_provider_may_send_more() {
    let place = Place::new();
    let running = place.start().await;
    for (keys, path, bytes, code) in [
        (
            "partners/bank-a",
            "/tollgate.v1.ExchangeService/Query",
            100 << 10,
            "TOO_LARGE",
        ),
        (
            "partners/bank-a",
            "/tollgate.v1.ConsentService/List",
            100 << 10,
            "TOO_LARGE",
        ),
        (
            "partners/bank-a",
            "/tollgate.v1.LogService/GetCheckpoint",
            100 << 10,
            "TOO_LARGE",
        ),
        (
            "partners/bank-a",
            "/tollgate.v1.RecordsService/Correct",
            100 << 10,
            "TOO_LARGE",
        ),
        (
            "partners/bank-a",
            "/tollgate.v1.RecordsService/Load",
            100 << 10,
            "TOO_LARGE",
        ),
        // Read and opened, and then it is no envelope.
        (
            "provider/lender",
            "/tollgate.v1.RecordsService/Load",
            900 << 10,
            "ENVELOPE_MALFORMED",
        ),
        (
            "provider/lender",
            "/tollgate.v1.RecordsService/Load",
            2 << 20,
            "TOO_LARGE",
        ),
    ] {
        let channel = place.channel(running.partners(), keys).await.unwrap();
        let refused = send(channel, path, bytes).await;
        assert_eq!(reason(&refused), code, "{path} of {keys}: {refused:?}");
    }
    running.stop().await.unwrap();
    let notes = place.notes();
    assert!(notes.iter().any(|n| n.starts_with("TOO_LARGE")), "{notes:?}");
}

/// One message of this size, in a field that no message has.
async fn send(channel: Channel, path: &'static str, bytes: usize) -> Status {
    let mut grpc = Grpc::new(channel).max_encoding_message_size(4 << 20);
    grpc.ready().await.unwrap();
    let message = v1::GetCheckpointResponse {
        checkpoint: "x".repeat(bytes),
        ..Default::default()
    };
    let request = Request::new(tokio_stream::once(message));
    let codec = ProstCodec::<v1::GetCheckpointResponse, v1::LoadResponse>::default();
    let called = grpc.streaming(request, PathAndQuery::from_static(path), codec).await;
    match called {
        Err(status) => status,
        Ok(replies) => replies.into_inner().message().await.unwrap_err(),
    }
}

fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}
