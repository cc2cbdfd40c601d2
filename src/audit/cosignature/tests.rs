use super::*;
use crate::{
    audit::note::{self, VerifierKey},
    crypto::{Ed25519Signer, Secret},
};
use proptest::prelude::*;

const VECTOR: &str = include_str!("../../../tests/vectors/cosignature.json");
/// The example of C2SP tlog-cosignature: `witness.example.com/w1` cosigned at this time.
const EXAMPLE_TIME_S: u64 = 1_679_315_147;

struct Vector(serde_json::Value);

impl Vector {
    fn read() -> Self {
        Self(serde_json::from_str(VECTOR).unwrap())
    }
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }
    fn checkpoint(&self) -> Checkpoint {
        note::verify(
            self.text("checkpoint"),
            &VerifierKey::parse(self.text("log_key")).unwrap(),
        )
        .unwrap()
    }
    fn key(&self) -> WitnessKey {
        WitnessKey::parse(self.text("witness_key")).unwrap()
    }
    fn cosigned(&self) -> String {
        format!("{}{}", self.text("checkpoint"), self.text("cosignature"))
    }
}

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(Secret::from([seed; 32])).unwrap()
}

#[test]
fn our_cosignature_is_the_one_that_was_computed_elsewhere() {
    let vector = Vector::read();
    let name = vector.text("witness_name");
    assert_eq!(
        WitnessKey::encode(name, &signer(9).public_key()),
        vector.text("witness_key")
    );
    assert_eq!(
        message(&vector.checkpoint().body(), EXAMPLE_TIME_S),
        vector.text("message")
    );
    let line = cosign(&signer(9), name, &vector.checkpoint(), EXAMPLE_TIME_S).unwrap();
    assert_eq!(line, vector.text("cosignature"));
    let cosigned = cosignatures(&vector.cosigned(), &[vector.key()]).unwrap();
    assert_eq!(cosigned.len(), 1);
    assert_eq!(
        (cosigned[0].witness.as_str(), cosigned[0].time_s),
        (name, EXAMPLE_TIME_S)
    );
}

#[test]
fn the_log_still_verifies_its_note_with_cosignatures_on_it() {
    let vector = Vector::read();
    let key = VerifierKey::parse(vector.text("log_key")).unwrap();
    assert_eq!(note::verify(&vector.cosigned(), &key), Ok(vector.checkpoint()));
}

#[test]
fn a_cosignature_that_was_changed_refuses_the_note_and_an_unknown_one_does_not() {
    let vector = Vector::read();
    let later = cosign(&signer(9), vector.text("witness_name"), &vector.checkpoint(), 5).unwrap();
    let honest = format!("{}{later}", vector.text("checkpoint"));
    // The same bytes under another time, root and key.
    let elsewhere = Checkpoint {
        size: 1,
        ..vector.checkpoint()
    };
    let bad = cosign(&signer(9), vector.text("witness_name"), &elsewhere, 5).unwrap();
    let bad = format!("{honest}{bad}");
    assert_eq!(cosignatures(&bad, &[vector.key()]), Err(NoteError::Signature));
    let other = WitnessKey::new("other.test", &signer(8).public_key()).unwrap();
    assert_eq!(cosignatures(&bad, &[other]), Ok(Vec::new()));
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let vector = Vector::read();
    let second = cosign(&signer(9), "another.test", &vector.checkpoint(), EXAMPLE_TIME_S + 1).unwrap();
    let note = format!("{}{second}", vector.cosigned());
    let keys = [
        vector.key(),
        WitnessKey::new("another.test", &signer(9).public_key()).unwrap(),
    ];
    let cosigned = cosignatures(&note, &keys).unwrap();
    assert_eq!(cosigned.len(), 1);
    assert_eq!(cosigned[0].time_s, EXAMPLE_TIME_S + 1, "the newest counts");
}

#[test]
fn a_key_that_signs_notes_is_not_one_that_cosigns() {
    let vector = Vector::read();
    assert_eq!(WitnessKey::parse(vector.text("log_key")), Err(NoteError::WitnessKey));
    assert_eq!(VerifierKey::parse(vector.text("witness_key")), Err(NoteError::Key));
}

proptest! {
    #[test]
    fn hostile_notes_never_panic(text in "(\\PC|\n|\u{2014} ){0,400}", at in 0usize..600, to in any::<u8>()) {
        let vector = Vector::read();
        prop_assert!(cosignatures(&text, &[vector.key()]).map_or(true, |c| c.is_empty()));
        let _ = WitnessKey::parse(&text);
        let mut bytes = vector.cosigned().into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(cosigned) = cosignatures(&text, &[vector.key()])
        {
            prop_assert!(cosigned.is_empty() || text.starts_with(&vector.checkpoint().body()));
        }
    }
}
