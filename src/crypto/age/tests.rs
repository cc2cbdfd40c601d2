use super::*;
use crate::crypto::SystemRng;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::io::{ErrorKind, Read};

/// Made by `age-keygen` 1.1.1 for this test, and never used for anything.
const KEY: &str = "WHWUSLVN3SHF3UTXCN7T8WFXUAUX375A9U8NC3WSAPSK4N30ZX0STG5QT8";
const PUBLIC: &str = "age1ayseq5w9t5uy5wrp7dcq2x3elwscygeja7uwaf9060sq00v7jupq9l33zf";
/// `age -r PUBLIC` 1.1.1 of `hello from age` and a line feed.
const FILE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBwQnpZNG02UkdkZ0IzQXFpQk1scE9lRjdSU2V1SzF1M3UvNnQ1dlpGWldFCkpjdHVUNUxu\
K2RxYk93MGhuZDRxejZ4UkxkNlFxSDNId0hxVXVRMWpIL1kKLS0tIHFFajNwN1YwVG1OL3Y0NUthSXZvbTVvaDhRYUZWdjZ3ZG14a2tJOTNyYjQKby5Gk1shbSgPuOEk\
kwQGiUp6DuXanbzh6ZLE2vaQD5WkcEfQwljKaEh8iDuRJqs=";

fn identity() -> Identity {
    Identity::parse(&format!("# made by a test\nAGE-SECRET-KEY-1{KEY}\n")).unwrap()
}

fn sealed(recipients: &[Recipient], plain: &[u8], step: usize) -> Vec<u8> {
    let mut encryptor = Encryptor::new(&SystemRng::default(), recipients).unwrap();
    let mut out = Vec::new();
    for part in plain.chunks(step) {
        out.extend(encryptor.push(part).unwrap());
    }
    out.extend(encryptor.finish().unwrap());
    out
}

fn opened(file: &[u8], identity: &Identity) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    Decryptor::new(file, identity)?.read_to_end(&mut out)?;
    Ok(out)
}

#[test]
fn a_file_of_the_reference_tool_opens_and_its_keys_are_read() {
    assert_eq!(identity().recipient().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse::<Recipient>().unwrap(), identity().recipient());
    assert_eq!(*identity().to_text(), format!("AGE-SECRET-KEY-1{KEY}"));
    let file = STANDARD.decode(FILE).unwrap();
    assert_eq!(opened(&file, &identity()).unwrap(), b"hello from age\n");
}

#[test]
fn what_is_written_is_read_by_each_recipient_and_nobody_else() {
    let (one, two, other) = (identity(), fresh(), fresh());
    let both = [one.recipient(), two.recipient()];
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073] {
        let plain = vec![7; length];
        let file = sealed(&both, &plain, 10_007);
        assert_eq!(opened(&file, &one).unwrap(), plain, "{length}");
        assert_eq!(opened(&file, &two).unwrap(), plain, "{length}");
        assert_eq!(opened(&file, &other).unwrap_err().kind(), ErrorKind::InvalidData);
    }
    assert!(Encryptor::new(&SystemRng::default(), &[]).is_err());
}

fn fresh() -> Identity {
    Identity::random(&SystemRng::default()).unwrap()
}

#[test]
fn every_changed_bit_and_every_cut_is_an_error() {
    let file = sealed(&[identity().recipient()], &vec![1; 66_000], 66_000);
    let all = (0..300)
        .chain((300..file.len()).step_by(997))
        .chain(file.len() - 20..file.len());
    for at in all {
        let mut bad = file.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(opened(&bad, &identity()).is_err(), "byte {at}");
        assert!(opened(&file[..at], &identity()).is_err(), "cut {at}");
    }
    // At the chunk's edge too: that is where a format without a mark of the last one would take a cut file for whole.
    let edge = file.len() - (66_000 - 65_536) - 16;
    assert!(opened(&file[..edge], &identity()).is_err());
    assert!(opened(&[&file[..], &[0]].concat(), &identity()).is_err());
}

#[test]
fn keys_that_are_none_are_refused() {
    for bad in [
        "",
        "age1",
        PUBLIC.strip_suffix('f').unwrap(),
        &PUBLIC.to_uppercase(),
        &PUBLIC.replace('y', "z"),
    ] {
        assert!(bad.parse::<Recipient>().is_err(), "{bad}");
    }
    let twice = format!("AGE-SECRET-KEY-1{KEY}\nAGE-SECRET-KEY-1{KEY}");
    let mixed = format!("AGE-secret-KEY-1{KEY}");
    for bad in ["# nothing", PUBLIC, &twice, &mixed] {
        assert!(Identity::parse(bad).is_err());
    }
    // A point of small order: whoever holds any key at all would share a secret with it.
    let zero = Recipient([0; 32]);
    assert!(Encryptor::new(&SystemRng::default(), &[zero]).is_err());
}

proptest::proptest! {
    #[test]
    fn hostile_files_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        let _ = opened(&bytes, &identity());
        let mut file = b"age-encryption.org/v1\n-> X25519 ".to_vec();
        file.extend(bytes);
        let _ = opened(&file, &identity());
    }
}
