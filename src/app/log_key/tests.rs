//! The log key is rotated in a gateway that serves; and whatever stops a step, the next start ends it.
use super::*;
use crate::{
    app::{Kept, NextLogKey, Running, close_period_for, testing::Place, verify_archive},
    audit::{note, verify},
    client::Client,
    crypto::SystemRng,
    wire::v1,
};
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;

fn terms() -> LogKeyTerms {
    LogKeyTerms::new(2 * 86_400, 3 * 86_400).unwrap()
}

/// Looks, and waits until a step is in the log.
async fn step(running: &Running, steps: &mut broadcast::Receiver<LogKeyStep>) -> (u32, State) {
    running.log_keys().look();
    let step = tokio::time::timeout(crate::app::testing::PATIENCE, steps.recv()).await;
    let key = step.expect("a step in time").unwrap().key;
    (key.version, key.state)
}

fn head(running: &Running) -> String {
    running.gate().log.head().note.to_string()
}

/// Gets a receipt and a proof that the log goes on, and checks both by its key list.
async fn asks(client: &Client) {
    client.open_session(v1::Evidence::Request).await.unwrap();
    client.check_log().await.unwrap();
}

async fn client(place: &Place, running: &Running) -> Client {
    place.client(running, "bank-a", "partners/bank-a").await
}

async fn shut(kept: Kept) {
    drop((kept.state, kept.vault, kept.log));
    tokio::task::spawn_blocking(|| kept.worker.close())
        .await
        .unwrap()
        .unwrap();
}

fn one(name: &str, key: &LogKey) -> note::VerifierKey {
    note::VerifierKey::parse(&VerifierKey::encode(name, &key.public_key)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_runs_while_the_gateway_serves_and_every_receipt_verifies() {
    let place = Place::new();
    let running = place.start().await;
    let (keys, name) = (running.log_keys().clone(), running.gate().log.origin().to_owned());
    let mut steps = keys.follow();
    // It has its key list before anything happens, and keeps it for as long as it may.
    let early = client(&place, &running).await;
    asks(&early).await;
    keys.begin(terms()).unwrap();
    assert!(matches!(keys.begin(terms()), Err(KeyringError::LogKeyRotating)));
    assert_eq!(step(&running, &mut steps).await, (2, State::Prepared));
    let [old, new] = keys.keys().try_into().unwrap();
    let (by_old, by_new) = (one(&name, &old), one(&name, &new));
    let list = client(&place, &running).await.key_list().await.unwrap();
    let old_head = head(&running);
    assert!(
        note::verify(&old_head, &by_new).is_err(),
        "a prepared key does not sign"
    );
    assert_eq!(keys.due(), Due::ActivateAt(new.not_before));
    asks(&early).await;

    place.clock.advance_ms(2 * DAY_MS);
    assert_eq!(step(&running, &mut steps).await, (1, State::Tainted));
    assert_eq!(step(&running, &mut steps).await, (2, State::Active));
    let both = head(&running);
    note::verify(&both, &by_old).unwrap();
    note::verify(&both, &by_new).unwrap();
    // A list from before knows both, since the new key was published ahead.
    list.checkpoint(&both).unwrap();
    asks(&early).await;
    asks(&client(&place, &running).await).await;

    place.clock.advance_ms(3 * DAY_MS);
    assert_eq!(step(&running, &mut steps).await, (1, State::Revoked));
    let new_head = head(&running);
    assert!(note::verify(&new_head, &by_old).is_err());
    note::verify(&new_head, &by_new).unwrap();
    asks(&early).await;
    let late = client(&place, &running).await;
    asks(&late).await;
    let list = late.key_list().await.unwrap();
    for checkpoint in [&old_head, &both, &new_head] {
        list.checkpoint(checkpoint).unwrap();
    }
    assert_eq!(keys.due(), Due::Nothing);
    running.stop().await.unwrap();

    // Offline with the keys that the gateway tells, over a restart, and with what each step said of itself.
    let running = place.start().await;
    asks(&client(&place, &running).await).await;
    running.stop().await.unwrap();
    let data = place.config().gateway.data_dir;
    let kept = place.kept();
    let all = note::VerifierKey::parse(&kept.keyring.log_signers().text(&name)).unwrap();
    shut(kept).await;
    let verified = verify::dir(&data, &all, &mut |_| ()).unwrap();
    assert_eq!(verified.signed, verified.entries);
    verify::dir(&data, &by_old, &mut |_| ()).unwrap_err();
    let notes = place.notes();
    for said in [
        format!(
            "log key {} prepared: {}",
            new.id,
            VerifierKey::encode(&name, &new.public_key)
        ),
        format!("log key {} tainted; log key {} active", old.id, new.id),
        format!("log key {} revoked", old.id),
    ] {
        assert_eq!(
            notes.iter().filter(|note| note.contains(&said)).count(),
            1,
            "{said}: {notes:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_key_is_taken_back() {
    let place = Place::new();
    let running = place.start().await;
    let keys = running.log_keys().clone();
    let mut steps = keys.follow();
    keys.begin(terms()).unwrap();
    assert_eq!(step(&running, &mut steps).await, (2, State::Prepared));
    assert!(keys.withdraw().unwrap());
    assert_eq!(step(&running, &mut steps).await, (2, State::Revoked));
    place.clock.advance_ms(10 * DAY_MS);
    let before = head(&running);
    keys.begin(terms()).unwrap();
    assert_eq!(
        step(&running, &mut steps).await,
        (3, State::Prepared),
        "another may follow"
    );
    assert_ne!(head(&running), before);
    running.stop().await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

fn keyring_dir(place: &Place) -> PathBuf {
    crate::store::DataDir::keyring_dir_of(&place.config().gateway.data_dir)
}

fn notes_of(place: &Place, id: &str) -> usize {
    place.notes().iter().filter(|note| note.contains(id)).count()
}

/// The keyring is written first. A crash right after it leaves a step that no entry tells of: the next start records it,
/// once, and goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_cut_off_is_recorded_by_the_next_start() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let rng = SystemRng::default();
    let on_disk = |change: &dyn Fn(&Keyring, Time)| {
        change(
            &Keyring::open(&keyring_dir(&place), &place.config().keys).unwrap(),
            place.clock.now(),
        )
    };
    on_disk(&|keyring, now| {
        let active = keyring.log_keys()[0].id;
        keyring.prepare_log_key(active, terms(), now, &rng).unwrap();
    });
    for (days, cut_off) in [
        (
            2,
            (|k, now| k.activate_log_key(now, &SystemRng::default()).unwrap()) as fn(&Keyring, Time) -> bool,
        ),
        (3, |k, now| k.retire_log_key(now, &SystemRng::default()).unwrap()),
        (0, |_, _| true),
    ] {
        let running = place.start().await;
        // What the start found in the keyring is in the log and in the list that it serves.
        let keys = running.log_keys().keys();
        let recorded = LogKeyRotation {
            keys: running.log_keys().clone(),
            state: Arc::clone(&running.gate().state),
            log: running.gate().log.clone(),
            snapshot: [0; 32],
        };
        assert_eq!(recorded.unrecorded().unwrap(), []);
        drop(recorded);
        let list = client(&place, &running).await.key_list().await.unwrap();
        list.checkpoint(&head(&running)).unwrap();
        assert_eq!(keys.len(), 2);
        running.stop().await.unwrap();
        place.clock.advance_ms(days * DAY_MS);
        on_disk(&|keyring, now| assert!(cut_off(keyring, now)));
    }
    let new = Keyring::open(&keyring_dir(&place), &place.config().keys)
        .unwrap()
        .log_keys()[1]
        .id
        .to_string();
    assert_eq!(notes_of(&place, &format!("{new} prepared")), 1);
    assert_eq!(notes_of(&place, &format!("{new} active")), 1);
}

/// Days pass while the machine is off: the steps that are due are taken one after another, never two keys away at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_slept_through_its_steps_takes_them_in_order() {
    let place = Place::new();
    let running = place.start().await;
    running.log_keys().begin(terms()).unwrap();
    running.stop().await.unwrap();
    place.clock.advance_ms(60 * DAY_MS);
    // What ended meanwhile is not this test's business: its certificates are good for thirty days.
    let kept = place.kept();
    let keyring = Arc::clone(&kept.keyring);
    let rotation = LogKeyRotation {
        keys: LogKeys::new(keyring, Arc::clone(&place.clock) as _, Arc::new(SystemRng::default())),
        state: Arc::clone(&kept.state),
        log: kept.log.clone(),
        snapshot: [0; 32],
    };
    assert_eq!(rotation.keys.due(), Due::Activate);
    // Recorded before the machine was off, or now.
    rotation.record().await.unwrap();
    assert!(
        rotation
            .keys
            .keyring
            .activate_log_key(place.clock.now(), &SystemRng::default())
            .unwrap()
    );
    // From now on, and not from when it was planned; keys count in seconds.
    let until = Time(place.clock.now().plus_ms(3 * DAY_MS).seconds() * 1_000);
    assert_eq!(rotation.keys.due(), Due::RetireAt(until));
    assert!(rotation.record().await.unwrap());
    assert!(!rotation.record().await.unwrap());
    drop(rotation);
    shut(kept).await;
}

async fn size_of(place: &Place) -> u64 {
    let kept = place.kept();
    let size = kept.log.head().size;
    shut(kept).await;
    size
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_keyring_is_refused_and_nothing_is_written() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let older = place.path("older");
    copy(&keyring_dir(&place), &older);
    let running = place.start().await;
    let mut steps = running.log_keys().follow();
    running.log_keys().begin(terms()).unwrap();
    step(&running, &mut steps).await;
    running.stop().await.unwrap();
    let size = size_of(&place).await;
    let newest = place.path("newest");
    copy(&keyring_dir(&place), &newest);
    copy(&older, &keyring_dir(&place));
    let refused = place.try_start().await;
    let Err(AppError::KeyringBehind(_)) = refused else {
        panic!("{:?}", refused.err());
    };
    copy(&newest, &keyring_dir(&place));
    assert_eq!(size_of(&place).await, size, "nothing was written");
    place.start().await.stop().await.unwrap();
}

/// A key that somebody may have copied: the period ends, and the next is signed by another key alone.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_compromise_the_next_period_is_signed_by_another_key() {
    let place = Place::new();
    let running = place.start().await;
    // A rotation is under way when it is found out: what was prepared lay beside what was copied.
    running.log_keys().begin(terms()).unwrap();
    let [old, _] = running.log_keys().keys().try_into().unwrap();
    let name = running.gate().log.origin().to_owned();
    let known = client(&place, &running).await;
    asks(&known).await;
    running.stop().await.unwrap();
    let stolen = Keyring::open(&keyring_dir(&place), &place.config().keys)
        .unwrap()
        .log_signer()
        .unwrap();
    place.clock.advance_ms(DAY_MS);
    let (clock, rng) = (
        Arc::clone(&place.clock) as Arc<dyn Clock>,
        Arc::new(SystemRng::default()) as Arc<dyn Rng>,
    );
    let closed = close_period_for(NextLogKey::Another, &place.config(), &clock, &rng, &mut |_| ()).await;
    let closed = closed.unwrap();
    assert_eq!(closed.verifier_key.lines().count(), 1, "{}", closed.verifier_key);
    let next = note::VerifierKey::parse(&closed.verifier_key).unwrap();
    assert!(!next.shares_a_key_with(&one(next.name(), &old)));
    note::verify(&closed.checkpoint, &one(&name, &old)).unwrap();

    let running = place.start().await;
    note::verify(&head(&running), &next).unwrap();
    // Entry 0 holds the end of the old log, so that no other end can be shown; a client walks over it.
    let entry = running.gate().log.entry(0).unwrap().unwrap();
    let leaf: v1::Leaf = crate::wire::decode_canonical(&entry.leaf).unwrap();
    assert_eq!(leaf.continues, closed.checkpoint);
    let fresh = client(&place, &running).await;
    asks(&fresh).await;
    let list = fresh.key_list().await.unwrap();
    list.checkpoint(&closed.checkpoint).unwrap();
    // What a thief signs now for the new log is nobody's.
    let forged = note::Checkpoint {
        origin: next.name().to_owned(),
        size: 9,
        root: [1; 32],
    };
    let forged = note::sign(&*stolen, next.name(), &forged.body()).unwrap();
    list.checkpoint(&forged).unwrap_err();
    let states: Vec<_> = running.log_keys().keys().into_iter().map(|key| key.state).collect();
    assert_eq!(states, [State::Revoked, State::Revoked, State::Active]);
    running.stop().await.unwrap();
    let archived = crate::app::archives(&place.config()).unwrap();
    verify_archive(&place.config(), &archived[0], &mut |_| ()).unwrap();
    let notes = place.notes();
    let revoked = format!("log key {} revoked", old.id);
    assert!(notes.iter().any(|note| note.contains(&revoked)), "{notes:?}");
    // It goes on as any other.
    place.start().await.stop().await.unwrap();
}
