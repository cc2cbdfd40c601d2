//! A client over the end of a period: the new log must prove that it continues the one that is known.
use crate::support::{BANK_A, Gateway, Place, runtime};
use std::{fs, path::Path, process::Command, sync::Arc};
use tollgate::{
    app::{self, site},
    client::{Client, ClientError, Head, LogError, Partnership, Pinned, ReceiptError},
    clock::{Clock, ManualClock, Time},
    crypto::{Rng, Suite, SystemRng},
};

/// Bank A with a memory in `file`, so that it is the same client over restarts.
async fn bank(gateway: &Gateway, file: &str) -> Client {
    let place = &gateway.place;
    let partnership = Partnership {
        pinned: Pinned {
            gateway: site::GATEWAY.to_owned(),
            identity: place.gateway_identity(),
        },
        partner: BANK_A.id.to_owned(),
        signing_key_id: "bank-a-1".to_owned(),
        signer: Arc::new(place.signer(BANK_A)),
        suite: Suite::X25519,
    };
    let connector = gateway.connector(&place.credential(BANK_A));
    let (clock, rng) = (Arc::clone(&gateway.clock) as _, Arc::new(SystemRng::default()));
    let memory = place.beside(file);
    let connected = Client::connect(
        gateway.address(false),
        connector,
        partnership,
        Some(&memory),
        clock,
        rng,
    );
    connected.await.unwrap()
}

async fn close(place: &Place, now: Time) {
    let clock = Arc::new(ManualClock::new(now)) as Arc<dyn Clock>;
    let rng = Arc::new(SystemRng::default()) as Arc<dyn Rng>;
    let closed = app::close_period(&place.config(), &clock, &rng, &mut |_| ()).await;
    closed.unwrap_or_else(|e| panic!("{e}"));
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

async fn check(gateway: &Gateway, file: &str) -> Result<Head, LogError> {
    match bank(gateway, file).await.check_log().await {
        Ok(head) => Ok(head),
        Err(ClientError::Log(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_client_follows_the_log_into_its_next_period() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let known = check(&gateway, "memory").await.unwrap();
        assert_eq!(known.origin(), "tollgate.example/log");
        let now = gateway.now();
        let place = gateway.stop().await;
        close(&place, now).await;
        let gateway = Gateway::start_at(place, now).await;
        let crossed = check(&gateway, "memory").await.unwrap();
        assert_eq!(crossed.origin(), "tollgate.example/log/2");
        // From then on it is the log that is known: it only grows.
        let newer = check(&gateway, "memory").await.unwrap();
        assert!(newer.size > crossed.size);
        let client = bank(&gateway, "memory").await;
        client
            .open_session(tollgate::wire::v1::Evidence::Request)
            .await
            .unwrap();
        gateway.stop().await;
    });
}

#[test]
fn a_client_that_missed_a_period_is_told_so() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        check(&gateway, "memory").await.unwrap();
        let now = gateway.now();
        let mut place = gateway.stop().await;
        for _ in 0..2 {
            close(&place, now).await;
            place = Gateway::start_at(place, now).await.stop().await;
        }
        let gateway = Gateway::start_at(place, now).await;
        let error = check(&gateway, "memory").await.unwrap_err();
        assert!(
            matches!(error, LogError::Succession(why) if why.contains("in between")),
            "{error}"
        );
        // Whoever comes for the first time takes what the log says.
        assert_eq!(
            check(&gateway, "fresh").await.unwrap().origin(),
            "tollgate.example/log/3"
        );
        gateway.stop().await;
    });
}

/// A gateway that was set back, and whose log then went on in a new period: the final checkpoint is behind what is known.
#[test]
fn a_new_period_does_not_hide_that_the_old_one_was_set_back() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        check(&gateway, "other").await.unwrap();
        let now = gateway.now();
        let place = gateway.stop().await;
        let (data, earlier) = (place.path("data"), place.beside("earlier"));
        copy(&data, &earlier);
        let gateway = Gateway::start_at(place, now).await;
        for _ in 0..20 {
            check(&gateway, "memory").await.unwrap();
        }
        let place = gateway.stop().await;
        // All but the keyring: an older one would show by the serial of its key lists alone.
        let keyring = place.beside("keyring");
        copy(&data.join("keyring"), &keyring);
        copy(&earlier, &data);
        copy(&keyring, &data.join("keyring"));
        close(&place, now).await;
        let gateway = Gateway::start_at(place, now).await;
        let error = check(&gateway, "memory").await.unwrap_err();
        assert!(
            matches!(error, LogError::Checkpoint(ReceiptError::Shrank { .. })),
            "{error}"
        );
        gateway.stop().await;
    });
}
