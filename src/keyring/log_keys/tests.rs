use super::*;
use crate::{
    audit::note,
    crypto::{Ed25519Signer, SystemRng},
    keyring::{KeyListTerms, RootSource, delegate},
    limits::KEY_LIST_S,
    wire::{decode_canonical, v1},
};

const NOW: Time = Time(1_700_000_000_000);
const NAME: &str = "log.test";
const DAY_S: i64 = 86_400;

fn later(s: i64) -> Time {
    NOW.plus_ms(s * 1_000)
}

fn terms() -> LogKeyTerms {
    LogKeyTerms::new(DAY_S, 2 * DAY_S).unwrap()
}

fn made() -> (tempfile::TempDir, Keyring, SystemRng) {
    let (dir, rng) = (tempfile::tempdir().unwrap(), SystemRng::default());
    let keyring = Keyring::create(dir.path(), &RootSource::default(), NOW, &rng, true).unwrap();
    (dir, keyring, rng)
}

fn active(keyring: &Keyring) -> KeyId {
    let keys = keyring.log_keys();
    keys.iter().find(|key| key.state == State::Active).unwrap().id
}

fn states(keyring: &Keyring) -> Vec<State> {
    keyring.log_keys().iter().map(|key| key.state).collect()
}

/// Origins and keys that the next list names.
fn listed(keyring: &Keyring) -> Vec<(String, String)> {
    let rng = SystemRng::default();
    let (identity, online) = (
        Ed25519Signer::generate(&rng).unwrap(),
        Ed25519Signer::generate(&rng).unwrap(),
    );
    let delegation = delegate(&identity, "gw", &online.public_key(), NOW, 86_400).unwrap();
    let terms = KeyListTerms {
        gateway: "gw",
        origin: NAME,
        online: &online,
        delegation: &delegation,
    };
    let signed = keyring.key_list(&terms, NOW, &rng).unwrap();
    let list: v1::KeyList = decode_canonical(&signed.response.key_list).unwrap();
    list.log_keys
        .into_iter()
        .map(|key| (key.origin, key.verifier_key))
        .collect()
}

fn verifier(name: &str, key: &LogKey) -> String {
    VerifierKey::encode(name, &key.public_key)
}

/// The keyring as a start after a crash finds it is the keyring that was.
fn same_after_a_crash(dir: &tempfile::TempDir, keyring: &Keyring) {
    let again = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    assert_eq!(again.log_keys(), keyring.log_keys());
    assert_eq!(again.log_signers().text(NAME), keyring.log_signers().text(NAME));
}

#[test]
fn one_key_follows_another_and_what_the_old_one_signed_still_verifies() {
    let (dir, keyring, rng) = made();
    let signers = keyring.log_signers();
    let before = signers.sign(NAME, "b\n").unwrap();
    keyring.prepare_log_key(active(&keyring), terms(), NOW, &rng).unwrap();
    assert_eq!(states(&keyring), [State::Active, State::Prepared]);
    let [old, new] = keyring.log_keys().try_into().unwrap();
    assert_eq!((new.version, new.not_before), (2, later(DAY_S)));
    let both = vec![(NAME.into(), verifier(NAME, &old)), (NAME.into(), verifier(NAME, &new))];
    assert_eq!(listed(&keyring), both, "published before it signs");
    assert_eq!(signers.sign(NAME, "b\n").unwrap(), before, "and it does not sign yet");
    same_after_a_crash(&dir, &keyring);

    assert!(!keyring.activate_log_key(later(DAY_S - 1), &rng).unwrap());
    assert!(keyring.activate_log_key(later(DAY_S), &rng).unwrap());
    assert!(!keyring.activate_log_key(later(DAY_S), &rng).unwrap(), "once");
    assert_eq!(states(&keyring), [State::Tainted, State::Active]);
    // Who held the signers before the change signs by both from now on.
    let by_both = signers.sign(NAME, "b\n").unwrap();
    assert_eq!(by_both.lines().count(), before.lines().count() + 1);
    same_after_a_crash(&dir, &keyring);

    assert!(!keyring.retire_log_key(later(3 * DAY_S - 1), &rng).unwrap());
    assert!(keyring.retire_log_key(later(3 * DAY_S), &rng).unwrap());
    assert_eq!(states(&keyring), [State::Revoked, State::Active]);
    assert_eq!(
        listed(&keyring),
        both,
        "receipts by the old key verify for as long as its period is listed"
    );
    assert_eq!(
        signers.sign(NAME, "b\n").unwrap().lines().count(),
        before.lines().count()
    );
    same_after_a_crash(&dir, &keyring);
    let of_period = keyring.log_verifier(NAME, 1).unwrap();
    assert!(of_period.shares_a_key_with(&VerifierKey::parse(&verifier(NAME, &old)).unwrap()));
    let private = keyring.ring().keys.iter().filter_map(Key::log_signer).count();
    assert_eq!(private, 1, "the old private half is destroyed");
    // And once more.
    keyring
        .prepare_log_key(new.id, terms(), later(4 * DAY_S), &rng)
        .unwrap();
    assert_eq!(states(&keyring), [State::Revoked, State::Active, State::Prepared]);
}

#[test]
fn one_rotation_at_a_time_by_the_key_that_is_in_use() {
    let (_dir, keyring, rng) = made();
    let first = active(&keyring);
    let prepare = |key, at| keyring.prepare_log_key(key, terms(), at, &rng);
    assert!(matches!(prepare(KeyId([0; 8]), NOW), Err(KeyringError::LogKeyGaveWay)));
    prepare(first, NOW).unwrap();
    assert!(matches!(prepare(first, NOW), Err(KeyringError::LogKeyRotating)));
    assert!(keyring.withdraw_log_key(&rng).unwrap());
    assert!(!keyring.withdraw_log_key(&rng).unwrap());
    assert_eq!(states(&keyring), [State::Active, State::Revoked], "it never signed");
    assert!(!keyring.activate_log_key(later(90 * DAY_S), &rng).unwrap());
    prepare(first, NOW).unwrap();
    keyring.activate_log_key(later(DAY_S), &rng).unwrap();
    assert!(
        !keyring.withdraw_log_key(&rng).unwrap(),
        "a key that signs is not taken back"
    );
    assert!(matches!(prepare(first, NOW), Err(KeyringError::LogKeyGaveWay)));
    let second = active(&keyring);
    assert!(matches!(
        prepare(second, later(2 * DAY_S)),
        Err(KeyringError::LogKeyRotating)
    ));
    for (ahead, overlap) in [
        (0, DAY_S),
        (DAY_S, KEY_LIST_S - 1),
        (91 * DAY_S, DAY_S),
        (DAY_S, i64::MAX),
        (-1, -1),
    ] {
        assert!(matches!(
            LogKeyTerms::new(ahead, overlap),
            Err(KeyringError::LogKeyTerms)
        ));
    }
}

/// After a compromise the next period is signed by another key, and nobody takes the old one for it.
#[test]
fn a_key_that_is_not_trusted_signs_no_period_after_its_own() {
    let (dir, keyring, rng) = made();
    // One was prepared when it happened: it lay beside the other.
    keyring.prepare_log_key(active(&keyring), terms(), NOW, &rng).unwrap();
    keyring.prepare_log_key_of_next_period(NOW, &rng).unwrap();
    keyring.prepare_log_key_of_next_period(NOW, &rng).unwrap();
    assert_eq!(states(&keyring), [State::Active, State::Prepared, State::Prepared]);
    let (period, _) = keyring.prepare_period(NOW, &rng).unwrap();
    let [old, beside, next] = keyring.log_keys().try_into().unwrap();
    assert!(next.of_next_period && !beside.of_next_period);
    assert!(listed(&keyring).iter().all(|(_, key)| *key != verifier(NAME, &next)));
    assert!(!keyring.activate_log_key(later(DAY_S - 1), &rng).unwrap());
    let signed = keyring.next_log_signers().sign("log.test/2", "b\n").unwrap();
    same_after_a_crash(&dir, &keyring);

    keyring.activate_period(period, &rng).unwrap();
    assert_eq!(states(&keyring), [State::Revoked, State::Revoked, State::Active]);
    assert_eq!(keyring.log_signers().sign("log.test/2", "b\n").unwrap(), signed);
    let expected = vec![
        ("log.test/2".into(), verifier("log.test/2", &next)),
        (NAME.into(), verifier(NAME, &old)),
        (NAME.into(), verifier(NAME, &beside)),
    ];
    assert_eq!(listed(&keyring), expected);
    assert!(keyring.log_verifier(NAME, 3).is_ok(), "the new one goes on");
    assert_eq!(keyring.ring().keys.iter().filter_map(Key::log_signer).count(), 1);
    let opened = Keyring::open(dir.path(), &RootSource::default()).unwrap();
    assert_eq!(opened.log_signers().text("log.test/2"), verifier("log.test/2", &next));
    // An ordinary end of a period changes no log key.
    let (period, _) = opened.prepare_period(NOW, &rng).unwrap();
    opened.activate_period(period, &rng).unwrap();
    assert_eq!(states(&opened), [State::Revoked, State::Revoked, State::Active]);
    assert!(
        note::verify(&signed, &opened.log_verifier(NAME, 2).unwrap()).is_err(),
        "no checkpoint"
    );
}
