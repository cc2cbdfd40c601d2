use super::*;
use crate::crypto::{Ed25519Signer, Secret};
use proptest::prelude::*;
use signed_note::{Note, StandardVerifier, VerifierList};

const NAME: &str = "log.bank-a.test/2026";

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(Secret::from([7; 32])).unwrap()
}
fn vkey() -> String {
    VerifierKey::encode(NAME, &signer().public_key())
}
fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: NAME.into(),
        size,
        root: [5; 32],
    }
}
fn note(size: u64) -> String {
    sign(&signer(), NAME, &checkpoint(size).body()).unwrap()
}
/// The other implementation.
fn oracle(note: &str) -> bool {
    let verifier = StandardVerifier::new(&vkey()).unwrap();
    let list = VerifierList::new(vec![Box::new(verifier)]);
    Note::from_bytes(note.as_bytes()).is_ok_and(|n| n.verify(&list).is_ok())
}

#[test]
fn what_we_sign_the_other_implementation_verifies() {
    let key = VerifierKey::parse(&vkey()).unwrap();
    for size in [0, 1, 12_345, u64::MAX] {
        assert!(oracle(&note(size)));
        assert_eq!(verify(&note(size), &key), Ok(checkpoint(size)));
    }
}

#[test]
fn unknown_signatures_are_tolerated_and_nothing_else() {
    let key = VerifierKey::parse(&vkey()).unwrap();
    let good = note(9);
    let witness = format!("{good}\u{2014} witness.test {}\n", STANDARD.encode([1; 72]));
    assert_eq!(verify(&witness, &key), Ok(checkpoint(9)));
    assert!(oracle(&witness));
    let other = Ed25519Signer::from_seed(Secret::from([8; 32])).unwrap();
    let extension = format!("{}more\n", checkpoint(9).body());
    let elsewhere = checkpoint(9).body().replace(NAME, "other.test");
    let bad = [
        (sign(&other, NAME, &checkpoint(9).body()).unwrap(), NoteError::Signature),
        (sign(&signer(), NAME, &extension).unwrap(), NoteError::Checkpoint),
        (sign(&signer(), NAME, &elsewhere).unwrap(), NoteError::Origin),
        (good.replace("\n9\n", "\n8\n"), NoteError::Signature),
        (format!("{good}trailing\n"), NoteError::Malformed),
        (format!("{good}\n"), NoteError::Malformed),
        (good.trim_end().to_owned(), NoteError::Malformed),
        (good.replace('\n', "\r\n"), NoteError::Malformed),
        (String::new(), NoteError::Malformed),
        (
            sign(&signer(), NAME, &checkpoint(9).body().replace("\n9\n", "\n09\n")).unwrap(),
            NoteError::Checkpoint,
        ),
    ];
    for (note, why) in bad {
        assert_eq!(verify(&note, &key), Err(why), "{note}");
    }
}

#[test]
fn a_log_has_one_key_in_all_its_periods() {
    let of = |name: &str| VerifierKey::new(name, &signer().public_key()).unwrap();
    let named = |name: &str| Checkpoint {
        origin: name.to_owned(),
        ..checkpoint(3)
    };
    for (known, period, name, fits) in [
        ("a/log", 1, "a/log", true),
        ("a/log/3", 1, "a/log", true),
        ("a/log/3", 2, "a/log/2", true),
        ("a/log/3", 3, "a/log/3", true),
        ("a/log/2026", 2, "a/log/2026/2", true),
        // Of another period, or of another log.
        ("a/log/3", 1, "a/log/3/1", false),
        ("a/log/3", 2, "a/log/3", false),
        ("a/log/3", 1, "b/log", false),
    ] {
        let body = named(name).body();
        let key = of(known).for_period(period, &body);
        assert_eq!(key.is_ok_and(|key| key == of(name)), fits, "{known} {period} {name}");
    }
}

#[test]
fn verifier_keys_are_checked() {
    let good = vkey();
    assert!(VerifierKey::parse(&good).is_ok());
    assert!(StandardVerifier::new(&good).is_ok());
    let renamed = good.replacen("log", "lag", 1);
    for bad in ["", "a", "a+b", "a+00000000+AAAA", &renamed, &good[..good.len() - 4]] {
        assert_eq!(VerifierKey::parse(bad), Err(NoteError::Key), "{bad}");
    }
}

#[test]
fn of_two_keys_one_must_have_signed_and_none_wrongly() {
    let new = Ed25519Signer::from_seed(Secret::from([8; 32])).unwrap();
    let both = format!("{}\n{}", vkey(), VerifierKey::encode(NAME, &new.public_key()));
    let (one, both) = (VerifierKey::parse(&vkey()).unwrap(), VerifierKey::parse(&both).unwrap());
    let body = checkpoint(9).body();
    let by_both = format!("{}{}", note(9), signature_of(&new, NAME, &body).unwrap());
    for note in [note(9), sign(&new, NAME, &body).unwrap(), by_both.clone()] {
        assert_eq!(verify(&note, &both), Ok(checkpoint(9)), "{note}");
    }
    assert_eq!(verify(&by_both, &one), Ok(checkpoint(9)));
    assert!(oracle(&by_both));
    assert_eq!(signed_by(&by_both, &one), Ok(note(9)));
    assert_eq!(signed_by(&by_both, &both), Ok(by_both.clone()));
    // The second signature is of another checkpoint.
    let wrong = signature_of(&new, NAME, &checkpoint(8).body()).unwrap();
    let wrong = format!("{}{wrong}", note(9));
    assert_eq!(verify(&wrong, &both), Err(NoteError::Signature));
    assert_eq!(verify(&wrong, &one), Ok(checkpoint(9)));
    let elsewhere = VerifierKey::new("other.test", &new.public_key()).unwrap();
    assert_eq!(one.clone().and(elsewhere), Err(NoteError::Key));
    assert!(VerifierKey::parse(&format!("{} other.test+1+AA==", vkey())).is_err());
    let too_many =
        (0..=LOG_KEYS_MAX as u8).map(|n| Ed25519Signer::from_seed(Secret::from([n; 32])).unwrap().public_key());
    assert_eq!(
        VerifierKey::of_keys(NAME, &too_many.collect::<Vec<_>>()),
        Err(NoteError::Key)
    );
}

proptest! {
    #[test]
    fn a_changed_note_never_verifies_as_another_checkpoint(at in 0usize..300, to in any::<u8>()) {
        let mut bytes = note(77).into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(text) = String::from_utf8(bytes) {
            let key = VerifierKey::parse(&vkey()).unwrap();
            if let Ok(read) = verify(&text, &key) {
                prop_assert_eq!(read, checkpoint(77));
                prop_assert!(oracle(&text));
            }
        }
    }

    #[test]
    fn hostile_notes_never_panic(text in "(\\PC|\n|\u{2014} ){0,400}") {
        let key = VerifierKey::parse(&vkey()).unwrap();
        prop_assert!(verify(&text, &key).is_err());
        let _ = VerifierKey::parse(&text);
        let _ = Checkpoint::parse(&text);
    }
}
