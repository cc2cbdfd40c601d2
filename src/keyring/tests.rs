use super::*;
use crate::{
    crypto::{Ed25519Signer, SeededRng, Signer, Suite, SystemRng, VerifyKey},
    limits::{EXCHANGE_KEY_ACTIVE_S, EXCHANGE_KEY_OPENS_S, EXCHANGE_KEY_PREPARE_S},
    seal::frame,
    wire::{decode_canonical, millis, v1},
};
use std::{fs, os::unix::fs::PermissionsExt};

const NOW: Time = Time(1_700_000_000_000);

fn later_s(s: i64) -> Time {
    NOW.plus_ms(s * 1000)
}

fn epoch(keyring: &Keyring) -> Secret<32> {
    keyring.epochs().active().unwrap().key().clone()
}

fn active_ids(keyring: &Keyring, now: Time) -> Vec<KeyId> {
    let ring = keyring.ring();
    ring.keys
        .iter()
        .filter(|k| k.class == Class::Exchange && k.may_seal(now))
        .map(|k| k.id)
        .collect()
}

#[test]
fn what_is_closed_opens_again_with_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SystemRng::default();
    let made = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, true).unwrap();
    let again = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    assert!(again.is_development());
    assert_eq!(made.log_keys(), again.log_keys());
    assert!(made.pseudonym().same(again.pseudonym().expose()));
    assert!(epoch(&made).same(epoch(&again).expose()));
    assert!(made.period_detail().same(again.period_detail().expose()));
    assert!(!epoch(&made).same(made.pseudonym().expose()));
    for id in active_ids(&made, NOW) {
        let (a, b) = (made.exchange(&id.0, NOW).unwrap(), again.exchange(&id.0, NOW).unwrap());
        assert_eq!(a.public(), b.public());
    }
    assert!(matches!(
        Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, true),
        Err(KeyringError::Exists(_))
    ));
}

#[test]
fn a_damaged_file_a_wrong_root_and_a_readable_root_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(1);
    drop(Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap());
    let (sealed, root) = (dir.path().join(file::SEALED), dir.path().join(file::ROOT));
    for path in [&sealed, &root] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let whole = fs::read(&sealed).unwrap();
    for at in [0, 20, 60, whole.len() - 1] {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        fs::write(&sealed, &bad).unwrap();
        assert!(matches!(
            Keyring::open(dir.path(), &RootSource::default()),
            Err(KeyringError::Damaged(_))
        ));
        fs::write(&sealed, &whole[..at]).unwrap();
        assert!(matches!(
            Keyring::open(dir.path(), &RootSource::default()),
            Err(KeyringError::Damaged(_))
        ));
    }
    fs::write(&sealed, &whole).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        Keyring::open(dir.path(), &RootSource::default()),
        Err(KeyringError::RootReadable(_))
    ));
    fs::set_permissions(&root, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Keyring::open(dir.path(), &RootSource::default()).is_ok());
    fs::write(&root, [7; 32]).unwrap();
    assert!(matches!(
        Keyring::open(dir.path(), &RootSource::default()),
        Err(KeyringError::Damaged(_))
    ));
    fs::write(&root, [7; 33]).unwrap();
    assert!(matches!(
        Keyring::open(dir.path(), &RootSource::default()),
        Err(KeyringError::RootMalformed(_))
    ));
    fs::remove_file(&root).unwrap();
    assert!(matches!(
        Keyring::open(dir.path(), &RootSource::default()),
        Err(KeyringError::Missing(_))
    ));
}

/// A month, hour by hour: always one key to seal to per suite, published before it is used, open for two days after.
#[test]
fn exchange_keys_live_by_their_calendar() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(2);
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap();
    let first = active_ids(&keyring, NOW);
    let mut seen_prepared: Vec<KeyId> = first.clone();
    for hour in 0..24 * 30 {
        let now = later_s(hour * 3600);
        keyring.rotate_exchange_if_due(now, &rng).unwrap();
        assert_eq!(
            keyring.rotate_exchange_if_due(now, &rng).unwrap(),
            None,
            "nothing is due twice"
        );
        let ring = keyring.ring();
        for suite in [Suite::XWing, Suite::X25519] {
            let active: Vec<_> = ring
                .keys
                .iter()
                .filter(|k| k.suite() == Some(suite) && k.may_seal(now))
                .collect();
            assert_eq!(active.len(), 1, "hour {hour}");
            assert!(
                seen_prepared.contains(&active[0].id),
                "hour {hour}: published before it is used"
            );
            assert!(active[0].not_after_s - active[0].not_before_s <= EXCHANGE_KEY_ACTIVE_S);
        }
        seen_prepared.extend(ring.keys.iter().filter(|k| k.state == State::Prepared).map(|k| k.id));
        let opens = now.seconds() - NOW.seconds() < EXCHANGE_KEY_ACTIVE_S + EXCHANGE_KEY_OPENS_S;
        for id in &first {
            assert_eq!(keyring.exchange(&id.0, now).is_some(), opens, "hour {hour}");
            assert_eq!(
                ring.keys.iter().any(|k| k.id == *id),
                opens,
                "hour {hour}: destroyed, not only closed"
            );
        }
    }
}

#[test]
fn a_prepared_key_opens_nothing_before_its_time_and_a_long_sleep_ends_with_fresh_keys() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(3);
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap();
    let prepare = later_s(EXCHANGE_KEY_ACTIVE_S - EXCHANGE_KEY_PREPARE_S);
    let rotation = keyring.rotate_exchange_if_due(prepare, &rng).unwrap().unwrap();
    assert!(rotation.to_string().ends_with("(x25519) prepared"), "{rotation}");
    let id = rotation.changes[0].key_id;
    assert!(keyring.exchange(&id.0, prepare).is_none());
    assert!(keyring.exchange(&id.0, later_s(EXCHANGE_KEY_ACTIVE_S)).is_some());
    drop(keyring);
    let much_later = later_s(100 * 86_400);
    let keyring = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    // Not at the opening: who rotates also records it.
    assert!(keyring.rotate_exchange_if_due(much_later, &rng).unwrap().is_some());
    assert_eq!(active_ids(&keyring, much_later).len(), 2);
    assert!(keyring.exchange(&id.0, much_later).is_none());
}

#[test]
fn a_revoked_key_opens_nothing_at_once_and_has_a_successor() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(4);
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap();
    let id = active_ids(&keyring, NOW)[0];
    let rotation = keyring.revoke_exchange(&id, NOW, &rng).unwrap();
    assert_eq!(rotation.changes.len(), 2, "{rotation}");
    assert!(keyring.exchange(&id.0, NOW).is_none());
    assert_eq!(active_ids(&keyring, NOW).len(), 2);
    assert!(matches!(
        keyring.revoke_exchange(&id, NOW, &rng),
        Err(KeyringError::KeyUnknown)
    ));
    drop(keyring);
    assert!(
        Keyring::open(dir.path(), &RootSource::default())
            .unwrap()
            .exchange(&id.0, NOW)
            .is_none()
    );
}

#[test]
fn key_lists_rise_are_signed_and_end_with_the_delegation() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(5);
    let (identity, online) = (
        Ed25519Signer::generate(&rng).unwrap(),
        Ed25519Signer::generate(&rng).unwrap(),
    );
    let gateway = "spiffe://own.test/gateway";
    let delegation = delegate(&identity, gateway, &online.public_key(), NOW, 3600).unwrap();
    let terms = KeyListTerms {
        gateway,
        origin: "own.test/log",
        online: &online,
        delegation: &delegation,
    };
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap();
    let first = keyring.key_list(&terms, NOW, &rng).unwrap();
    drop(keyring);
    let keyring = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    let second = keyring.key_list(&terms, NOW, &rng).unwrap();
    assert!(second.serial > first.serial, "the serial survives a restart");
    let list: v1::KeyList = decode_canonical(&second.response.key_list).unwrap();
    assert_eq!(
        millis(list.not_after.as_ref()),
        Some(NOW.0 + 3_600_000),
        "not longer than the delegation"
    );
    assert_eq!(list.exchange_keys.len(), 2);
    let key = VerifyKey::ed25519(&online.public_key()).unwrap();
    let input = frame::key_list(gateway, list.serial, &second.response.key_list);
    assert_eq!(key.verify(&input, &second.response.signature), Ok(()));
    let over = keyring.key_list(&terms, later_s(3600), &rng);
    assert!(matches!(over, Err(KeyringError::Delegation)));
    let other = Ed25519Signer::generate(&rng).unwrap();
    let wrong = KeyListTerms {
        online: &other,
        ..terms
    };
    assert!(matches!(
        keyring.key_list(&wrong, NOW, &rng),
        Err(KeyringError::Delegation)
    ));
}

#[test]
fn a_turned_epoch_opens_until_it_is_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(6);
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, false).unwrap();
    let epochs = keyring.epochs();
    let first = epochs.active().unwrap();
    let boxed = first.seal(&rng, b"here", b"secret".to_vec()).unwrap();
    assert!(keyring.destroy_epochs(&rng).unwrap().is_empty(), "the one in use stays");
    let second = keyring.turn_epoch(NOW, &rng).unwrap().unwrap();
    assert_eq!(keyring.turn_epoch(NOW, &rng).unwrap(), None, "one turn at a time");
    // Whoever held the epochs before has the new ones.
    assert_eq!((epochs.active().unwrap().id(), epochs.is_turning()), (second, true));
    drop(keyring);
    let keyring = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    let all = keyring.epochs().all();
    assert_eq!(all.iter().map(|e| e.id()).collect::<Vec<_>>(), [second, first.id()]);
    assert_eq!(all[1].open(b"here", &boxed).unwrap(), b"secret");
    assert!(all[0].open(b"here", &boxed).is_err());
    assert_eq!(keyring.destroy_epochs(&rng).unwrap(), [first.id()]);
    let keyring = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    let left: Vec<KeyId> = keyring.epochs().all().iter().map(|e| e.id()).collect();
    assert_eq!(left, [second]);
}

#[test]
fn keys_that_are_told_to_give_way_do_so_once_and_go_on_opening() {
    let dir = tempfile::tempdir().unwrap();
    let rng = SeededRng::new(9);
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, true).unwrap();
    let before = keyring.exchange_keys_in_use();
    let noon = later_s(43_200);
    let rotation = keyring.retire_exchange(&before, noon, &rng).unwrap().unwrap();
    assert_eq!(rotation.changes.len(), 4, "{rotation}");
    let after = keyring.exchange_keys_in_use();
    assert_eq!((after.len(), after.iter().any(|key| before.contains(key))), (2, false));
    assert_eq!(active_ids(&keyring, noon).len(), 2);
    let last = noon.plus_ms(EXCHANGE_KEY_OPENS_S * 1_000);
    for old in &before {
        assert!(keyring.exchange(&old.0, last.plus_ms(-1_000)).is_some());
        assert!(
            keyring.exchange(&old.0, last).is_none(),
            "no longer than after any other end"
        );
    }
    assert!(keyring.retire_exchange(&before, noon, &rng).unwrap().is_none());
    // The same after a restart, and a successor that was prepared takes over.
    let keyring = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    assert_eq!(keyring.exchange_keys_in_use(), after);
    let prepare = noon.plus_ms((EXCHANGE_KEY_ACTIVE_S - EXCHANGE_KEY_PREPARE_S) * 1_000);
    keyring.rotate_exchange_if_due(prepare, &rng).unwrap().unwrap();
    let prepared = keyring.status().into_iter().filter(|key| key.state == State::Prepared);
    let prepared: Vec<_> = prepared.map(|key| key.id).collect();
    assert_eq!(prepared.len(), 2);
    keyring.retire_exchange(&after, prepare, &rng).unwrap().unwrap();
    assert_eq!(keyring.exchange_keys_in_use(), prepared);
    assert!(keyring.may_revoke(&prepared[0]));
    keyring.revoke_exchange(&prepared[0], prepare, &rng).unwrap();
    assert!(!keyring.may_revoke(&prepared[0]) && !keyring.may_revoke(&KeyId([0; 8])));
}
