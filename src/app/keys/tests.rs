//! Rotations that meet a log that does not take entries.
use super::*;
use crate::{
    app::{Kept, testing::Place},
    crypto::SystemRng,
    limits::{EXCHANGE_KEY_ACTIVE_S, EXCHANGE_KEY_PREPARE_S},
};

fn publisher(place: &Place, kept: &Kept) -> Publisher {
    let clock = Arc::clone(&place.clock) as Arc<dyn Clock>;
    let rng = Arc::new(SystemRng::default());
    let keyring = Arc::clone(&kept.keyring);
    Publisher::new(&place.config(), keyring, kept.log.clone(), [0; 32], clock, rng).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_could_not_be_recorded_is_recorded_and_published_later() {
    let place = Place::new();
    let kept = place.kept();
    let mut publisher = publisher(&place, &kept);
    publisher.keep_current().await.unwrap();
    let before = publisher.published.current().unwrap();

    // A log that has been closed takes no entries, as one whose disk has failed.
    tokio::task::spawn_blocking(|| kept.worker.close())
        .await
        .unwrap()
        .unwrap();
    drop((kept.state, kept.vault, kept.log));
    // A minute more: the keys were made by the system's clock, after this one was read.
    place
        .clock
        .advance_ms((EXCHANGE_KEY_ACTIVE_S - EXCHANGE_KEY_PREPARE_S) * 1_000);
    publisher.keep_current().await.unwrap_err();
    publisher.keep_current().await.unwrap_err();
    let served = publisher.published.current().unwrap();
    assert_eq!(
        served.key_list, before.key_list,
        "nothing is published that is not in the log"
    );

    // It works again; the keyring has long turned, and it is not time for an ordinary new list.
    let kept = place.kept();
    publisher.log = kept.log.clone();
    publisher.renew_at = Time(i64::MAX);
    publisher.keep_current().await.unwrap();
    assert_ne!(publisher.published.current().unwrap().key_list, before.key_list);
    let size = kept.log.head().size;
    publisher.renew_at = Time(i64::MAX);
    publisher.keep_current().await.unwrap();
    assert_eq!(kept.log.head().size, size, "and once only");
    tokio::task::spawn_blocking(|| kept.worker.close())
        .await
        .unwrap()
        .unwrap();
    drop((kept.state, kept.vault, kept.log, kept.keyring, publisher));
    let notes = place.notes();
    let rotated = notes
        .iter()
        .filter(|n| n.contains("exchange key") && n.contains("prepared"));
    assert_eq!(rotated.count(), 1, "{notes:?}");
}
