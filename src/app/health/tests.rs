//! Health of a real gateway, as a bank sees it.
use super::*;
use crate::{
    app::testing::{PATIENCE, Place},
    keyring::SignedKeyList,
    wire::v1,
};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const DAY_MS: i64 = 86_400_000;
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// Waits until the service has this status.
async fn becomes(channel: &Channel, service: &str, status: i32) {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let mut watched = HealthClient::new(channel.clone())
        .watch(request)
        .await
        .unwrap()
        .into_inner();
    let told = tokio::time::timeout(PATIENCE, async {
        while watched.message().await.unwrap().unwrap().status != status {}
    });
    assert!(told.await.is_ok(), "`{service}` never becomes {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_degraded_has_a_name_of_its_own_and_answers_go_on() {
    let place = Place::new();
    let running = place.start().await;
    let channel = place.channel(running.partners(), "partners/bank-a").await.unwrap();
    for service in [ANSWERS, LOG, REVOCATION, KEYS] {
        becomes(&channel, service, SERVING).await;
    }
    // Development lists end after seven days.
    place.clock.advance_ms(8 * DAY_MS);
    becomes(&channel, REVOCATION, NOT_SERVING).await;
    for service in [ANSWERS, LOG] {
        becomes(&channel, service, SERVING).await;
    }
    running.stop().await.unwrap();
}

#[test]
fn a_delegation_is_renewed_a_week_before_it_ends() {
    let published = PublishedKeys::default();
    assert!(keys(&published, Time(0)).unwrap().contains("no key list"));
    published.publish(SignedKeyList {
        response: v1::GetKeyListResponse {
            delegation: Some(v1::KeyListDelegation {
                not_after_s: 30 * 86_400,
                ..v1::KeyListDelegation::default()
            }),
            ..v1::GetKeyListResponse::default()
        },
        serial: 1,
        not_after: Time(30 * DAY_MS),
    });
    assert_eq!(keys(&published, Time(23 * DAY_MS - 1)), None);
    assert!(keys(&published, Time(23 * DAY_MS)).unwrap().contains("delegation ends"));
    assert!(keys(&published, Time(30 * DAY_MS)).unwrap().contains("has expired"));
}
