//! Two gateways, one of which witnesses the other's log.
use super::*;
use crate::support::{lib_client, until};
use std::{sync::Arc, time::Duration};
use tollgate::{
    app::{self, AppError},
    audit::{cosignature::cosignatures, proof::verify_consistency, verify},
    clock::{Clock, ManualClock, SystemClock},
    crypto::Suite,
    store::DataDir,
    wire::v1,
    witness::WitnessError,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A witness of the sample's log, and the table by which the log asks it.
async fn witness(log_key: &str) -> (Gateway, WitnessKey, String) {
    let (place, key) = witness_place(&[log_key.to_owned()]);
    let gateway = Gateway::start(place).await;
    let table = asks(&gateway.place, &key, gateway.running.witness().unwrap());
    (gateway, key, table)
}

/// A log's site, its witness, and the witness's key.
async fn pair() -> (Place, Gateway, WitnessKey) {
    let place = Place::new();
    let (witness, key, table) = witness(place.site().log_verifier_key()).await;
    let text = place.read("gateway.toml");
    place.write("gateway.toml", &format!("{text}{table}"));
    (place, witness, key)
}

async fn start_of(place: &Place) -> Result<Running, AppError> {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    app::start_with(&place.config(), clock, Arc::new(SystemRng::default())).await
}

async fn refused_start(place: &Place) -> WitnessError {
    match start_of(place).await {
        Err(AppError::BehindWitness(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it serves"),
    }
}

/// What health says of the witnesses.
async fn serving(gateway: &Gateway) -> Option<i32> {
    let channel = gateway.channel(&gateway.place.credential(BANK_A), false).await.unwrap();
    let service = "tollgate.v1.witness".to_owned();
    let reply = HealthClient::new(channel).check(HealthCheckRequest { service }).await;
    reply.ok().map(|r| r.into_inner().status)
}

#[test]
fn a_cosigned_checkpoint_reaches_a_partner_who_needs_only_public_keys() {
    runtime().block_on(async {
        let (place, witness, key) = pair().await;
        let gateway = Gateway::start(place).await;
        let running = &gateway.running;
        until("a first cosignature", || status_of(running).cosigned.is_some()).await;
        // The log has grown since the start asked: the next round proves it.
        until("the entries of the start are cosigned", || {
            status_of(running).cosigned.is_some_and(|(size, _)| size >= 3)
        })
        .await;
        assert_eq!(status_of(running).error, None);
        let client = lib_client(&gateway, BANK_A, Suite::X25519).await;
        let cosigned = client.cosigned_checkpoint().await.unwrap().unwrap();
        let log_key = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
        assert_eq!(note::verify(&cosigned.note, &log_key).unwrap().root, cosigned.root);
        let by = cosignatures(&cosigned.note, std::slice::from_ref(&key)).unwrap();
        assert_eq!(by[0].witness, WITNESS);
        let (proof, head) = gateway.gate().log.prove_consistency(cosigned.size, 0).unwrap();
        verify_consistency(cosigned.size, &cosigned.root, head.size, &head.root, &proof).unwrap();
        assert_eq!(serving(&gateway).await, Some(1), "health says that it is witnessed");
        // The note lies in the data directory, and the whole log goes through it.
        let place = gateway.stop().await;
        let data = place.config().gateway.data_dir;
        let kept = fs::read_to_string(DataDir::cosigned_note_of(&data)).unwrap();
        let through = note::verify(&kept, &log_key).unwrap();
        verify::dir_through(&data, &log_key, &through, &mut |_| ()).unwrap();
        let other = Checkpoint {
            root: [1; 32],
            ..through.clone()
        };
        assert!(verify::dir_through(&data, &log_key, &other, &mut |_| ()).is_err());
        let beyond = Checkpoint {
            size: 1 << 40,
            ..through
        };
        assert!(verify::dir_through(&data, &log_key, &beyond, &mut |_| ()).is_err());
        assert!(verified(&witness.stop().await) > 0);
    });
}

#[test]
fn a_machine_that_was_set_back_does_not_start() {
    runtime().block_on(async {
        let (place, witness, _) = pair().await;
        start_of(&place).await.unwrap().stop().await.unwrap();
        // A snapshot of the whole machine, while it is off.
        let (data, snapshot) = (place.config().gateway.data_dir, place.beside("snapshot"));
        copy(&data, &snapshot);
        let known = || {
            let origin = place.site().log_verifier_key().split('+').next().unwrap().to_owned();
            let known = tollgate::witness::Known::of(&*witness.gate().state, &origin).unwrap();
            known.map_or(0, |k| k.size)
        };
        let running = start_of(&place).await.unwrap();
        let added = running.gate().log.head().size;
        until("what was added is cosigned", || known() >= added).await;
        running.stop().await.unwrap();
        let good = place.beside("good");
        fs::rename(&data, &good).unwrap();
        fs::rename(&snapshot, &data).unwrap();
        let error = refused_start(&place).await;
        let WitnessError::Behind { seen, have, .. } = &error else {
            panic!("{error}")
        };
        assert!(*seen == known() && have < seen, "{error}");
        assert!(error.to_string().contains("docs/operating/witnesses.md"), "{error}");
        // Refused again, and nothing was added to the log meanwhile.
        assert_eq!(refused_start(&place).await, error);
        // With the newer copy it starts.
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&good, &data).unwrap();
        start_of(&place).await.unwrap().stop().await.unwrap();
    });
}

/// An older backup is a machine that was set back: the checkpoint that was given may be old, the witness's is not.
#[test]
fn an_older_backup_beside_a_witness_does_not_start() {
    runtime().block_on(async {
        let (place, witness, _) = pair().await;
        let kept = crate::backup::Kept::of(&place);
        let gateway = Gateway::start(place).await;
        let taken = crate::backup::take(&gateway, "older").await;
        let now = gateway.now();
        let checkpoint = kept.check(&gateway.place, &taken, now).unwrap().manifest.checkpoint;
        let place = gateway.restart().await;
        let origin = place
            .place
            .site()
            .log_verifier_key()
            .split('+')
            .next()
            .unwrap()
            .to_owned();
        let added = place.size();
        until("what was added is cosigned", || {
            let known = tollgate::witness::Known::of(&*witness.gate().state, &origin).unwrap();
            known.is_some_and(|known| known.size >= added)
        })
        .await;
        let place = place.stop().await;
        let data = place.config().gateway.data_dir;
        fs::rename(&data, place.beside("lost")).unwrap();
        kept.restore(&place, &taken, &checkpoint, false, now).await.unwrap();
        let size = kept.check(&place, &taken, now).unwrap().entries;
        let error = refused_start(&place).await;
        assert!(
            matches!(&error, WitnessError::Behind { have, .. } if *have == size),
            "{error}"
        );
        // Nothing was added to the log that is behind, not even that it was restored.
        assert_eq!(place.verify_log(), size);
    });
}

#[test]
fn a_machine_that_was_set_back_and_has_served_since_does_not_start() {
    runtime().block_on(async {
        let (place, witness, _) = pair().await;
        start_of(&place).await.unwrap().stop().await.unwrap();
        let (data, copied) = (place.config().gateway.data_dir, place.beside("copy"));
        copy(&data, &copied);
        let sizes = |running: &Running| running.gate().log.head().size;
        let running = start_of(&place).await.unwrap();
        until("the first history is cosigned", || {
            status_of(&running)
                .cosigned
                .is_some_and(|(size, _)| size == sizes(&running))
        })
        .await;
        running.stop().await.unwrap();
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&copied, &data).unwrap();
        // Served without witnesses, so that it grows past what they know.
        let with = place.read("gateway.toml");
        place.write("gateway.toml", with.split("\n[witnesses]").next().unwrap());
        for _ in 0..3 {
            start_of(&place).await.unwrap().stop().await.unwrap();
        }
        place.write("gateway.toml", &with);
        let error = refused_start(&place).await;
        assert!(matches!(error, WitnessError::Forked { .. }), "{error}");
        drop(witness);
    });
}

#[test]
fn a_witness_that_hangs_slows_no_answer_and_shows_in_health() {
    runtime().block_on(async {
        // Takes connections and never says a word.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let (other, key) = witness_place(&[VerifierKey::encode(LOG, &signer(7).public_key())]);
        let place = log_place(&asks(&other, &key, address));
        let gateway = Gateway::start(place).await;
        let client = lib_client(&gateway, BANK_A, Suite::X25519).await;
        let asked = tokio::time::timeout(Duration::from_secs(2), client.check_log());
        asked.await.expect("an answer waited for a witness").unwrap();
        assert!(client.cosigned_checkpoint().await.unwrap().is_none());
        assert_eq!(serving(&gateway).await, Some(2), "NOT_SERVING");
        let error = status_of(&gateway.running).error.unwrap();
        assert!(error.contains("cannot be reached"), "{error}");
        gateway.stop().await;
    });
}

#[test]
fn without_witnesses_health_knows_no_such_service() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        assert_eq!(serving(&gateway).await, None);
        assert!(gateway.running.witnesses().is_none());
    });
}

#[test]
fn a_copy_that_serves_elsewhere_shows_as_soon_as_the_witness_answers() {
    runtime().block_on(async {
        let (place, witness, _) = pair().await;
        start_of(&place).await.unwrap().stop().await.unwrap();
        let (data, aside) = (place.config().gateway.data_dir, place.beside("original"));
        copy(&data, &aside);
        // The copy serves, and is cosigned.
        let running = start_of(&place).await.unwrap();
        let added = running.gate().log.head().size;
        until("the copy is cosigned", || {
            status_of(&running).cosigned.is_some_and(|(size, _)| size >= added)
        })
        .await;
        running.stop().await.unwrap();
        // The original starts while the witness is down, and goes on when it is back and says what it has seen.
        let address = witness.running.witness().unwrap();
        let down = witness.stop().await;
        down.swap(
            "gateway.toml",
            "\nwitness = \"127.0.0.1:0\"",
            &format!("\nwitness = \"{address}\""),
        );
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&aside, &data).unwrap();
        let gateway = Gateway::start(place).await;
        assert_eq!(
            serving(&gateway).await,
            Some(2),
            "it serves, and health says that nobody cosigned"
        );
        let before = gateway.size();
        let witness = Gateway::start(down).await;
        until("the witness contradicts", || status_of(&gateway.running).contradicts).await;
        until("and an entry says so", || {
            let new = entries(&gateway, before);
            let said = new.iter().filter(|e| e.leaf.kind() == v1::EntryKind::Witness);
            said.clone().count() == 1
                && said
                    .clone()
                    .all(|e| e.i.note.contains(WITNESS) && e.leaf.peer == "gateway")
        })
        .await;
        assert_eq!(serving(&gateway).await, Some(2));
        assert!(
            gateway.running.witnesses().unwrap().cosigned().newest().is_some(),
            "what was cosigned before is still served"
        );
        gateway.stop().await;
        assert!(verified(&witness.stop().await) > 0);
    });
}

/// The witness's operator adds the new key beside the old one while both sign, and takes the old one away later.
#[test]
fn a_log_whose_key_is_rotated_goes_on_being_cosigned() {
    use tollgate::keyring::{LogKeyTerms, State};
    runtime().block_on(async {
        let (place, witness, key) = pair().await;
        let gateway = Gateway::start(place).await;
        let keys = gateway.running.log_keys().clone();
        keys.begin(LogKeyTerms::new(86_400, 86_400).unwrap()).unwrap();
        let has = |state: State| keys.keys().iter().any(|key| key.state == state);
        let cosigned_from_here = async |what: &str| {
            let size = gateway.size();
            until(what, || {
                status_of(&gateway.running)
                    .cosigned
                    .is_some_and(|(seen, _)| seen >= size)
            })
            .await;
        };
        gateway.clock.advance_ms(86_400_000);
        keys.look();
        until("both keys sign", || {
            has(State::Tainted) && gateway.gate().log.head().note.lines().count() == 6
        })
        .await;
        cosigned_from_here("by a witness that knows only the old key").await;
        let old = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
        let lines = gateway.gate().log.head().note.lines().count();
        assert_eq!(lines, 6, "three lines, an empty one, two signatures");

        let address = witness.running.witness().unwrap();
        let down = witness.stop().await;
        let new = keys.keys().pop().unwrap();
        let new = VerifierKey::encode(old.name(), &new.public_key);
        let known = down.site().log_verifier_key().to_owned();
        assert_ne!(known, new);
        down.swap(
            "gateway.toml",
            "\nwitness = \"127.0.0.1:0\"",
            &format!("\nwitness = \"{address}\""),
        );
        let logs = gateway.place.site().log_verifier_key();
        down.swap(
            "gateway.toml",
            &format!("\"{logs}\""),
            &format!("\"{logs}\", \"{new}\""),
        );
        let witness = Gateway::start(down).await;
        gateway.clock.advance_ms(86_400_000);
        keys.look();
        until("the new key signs alone", || {
            has(State::Revoked) && note::verify(&gateway.gate().log.head().note, &old).is_err()
        })
        .await;
        cosigned_from_here("by the new key alone").await;
        let new = VerifierKey::parse(&new).unwrap();
        let newest = || gateway.running.witnesses().unwrap().cosigned().newest().unwrap();
        until("and kept", || {
            note::verify(&newest(), &new).is_ok() && note::verify(&newest(), &old).is_err()
        })
        .await;
        let newest = newest();
        assert_eq!(cosignatures(&newest, std::slice::from_ref(&key)).unwrap().len(), 1);
        // What was kept verifies at the next start too.
        let gateway = gateway.restart().await;
        assert!(gateway.running.witnesses().unwrap().cosigned().newest().is_some());
        gateway.stop().await;
        witness.stop().await;
    });
}
