use super::*;
use crate::crypto::{Ed25519Signer, Secret, Signer};
use proptest::prelude::*;
use tlog_tiles::{node_hash, record_hash};

const LOG: &str = "bank-a.test/log";

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(Secret::from([seed; 32])).unwrap()
}
fn keys() -> Vec<VerifierKey> {
    // The log's key is changing: two of one name.
    [7, 8]
        .map(|seed| VerifierKey::new(LOG, &signer(seed).public_key()).unwrap())
        .to_vec()
}
fn leaf(text: &str) -> [u8; 32] {
    record_hash(text.as_bytes()).0
}
fn both(a: &str, b: &str) -> [u8; 32] {
    node_hash(record_hash(a.as_bytes()), record_hash(b.as_bytes())).0
}
fn body(old_size: u64, proof: &[[u8; 32]], (size, root): (u64, [u8; 32]), seed: u8) -> String {
    let checkpoint = Checkpoint {
        origin: LOG.to_owned(),
        size,
        root,
    };
    Continuation {
        old_size,
        proof: proof.to_vec(),
        checkpoint: note::sign(&signer(seed), LOG, &checkpoint.body()).unwrap(),
    }
    .encode()
}
fn known(size: u64, root: [u8; 32]) -> Known {
    Known {
        size,
        root,
        note: String::new(),
    }
}
fn judged(body: &str, known: Option<&Known>) -> Result<(), Code> {
    Submission::read(body.as_bytes(), &keys())
        .map_err(|(code, _)| code)?
        .continues(known)
}

#[test]
fn a_log_that_grows_is_cosigned_from_its_first_checkpoint_on() {
    let one = known(1, leaf("a"));
    assert_eq!(judged(&body(0, &[], (1, leaf("a")), 7), None), Ok(()));
    assert_eq!(
        judged(&body(1, &[leaf("b")], (2, both("a", "b")), 7), Some(&one)),
        Ok(())
    );
    assert_eq!(
        judged(&body(1, &[], (1, leaf("a")), 7), Some(&one)),
        Ok(()),
        "again, for a fresh time"
    );
    assert_eq!(
        judged(&body(1, &[], (1, leaf("a")), 8), Some(&one)),
        Ok(()),
        "its next key"
    );
}

#[test]
fn another_size_than_is_known_is_a_conflict() {
    let one = known(1, leaf("a"));
    for (body, known) in [
        (body(1, &[leaf("b")], (2, both("a", "b")), 7), None),
        (body(0, &[], (2, both("a", "b")), 7), Some(&one)),
        (
            body(1, &[leaf("b")], (2, both("a", "b")), 7),
            Some(&known(2, both("a", "b"))),
        ),
    ] {
        assert_eq!(judged(&body, known), Err(Code::CheckpointSize));
    }
}

#[test]
fn two_histories_are_refused() {
    let one = known(1, leaf("a"));
    assert_eq!(
        judged(&body(1, &[], (1, leaf("x")), 7), Some(&one)),
        Err(Code::CheckpointForked)
    );
    for proof in [vec![], vec![leaf("b")], vec![leaf("a"), leaf("b")]] {
        let forked = body(1, &proof, (2, both("x", "b")), 7);
        assert_eq!(judged(&forked, Some(&one)), Err(Code::CheckpointInconsistent));
    }
    let with_proof = body(0, &[leaf("a")], (1, leaf("a")), 7);
    assert_eq!(judged(&with_proof, None), Err(Code::CheckpointInconsistent));
}

#[test]
fn only_the_logs_own_keys_count() {
    assert_eq!(
        judged(&body(0, &[], (1, leaf("a")), 9), None),
        Err(Code::CheckpointSignature)
    );
    let good = body(0, &[], (1, leaf("a")), 7);
    assert_eq!(
        judged(&good.replace(LOG, "bank-c.test/log"), None),
        Err(Code::WitnessedLogUnknown)
    );
    // Other signatures are passed over, and not kept: sixteen are read, also where each is as long as a post-quantum one.
    let line = format!("\u{2014} pq.test {}\n", "A".repeat(4 * 1_666));
    let many = format!("{good}{}", line.repeat(15));
    let read = Submission::read(many.as_bytes(), &keys()).unwrap();
    assert!(good.ends_with(&read.note), "{}", read.note);
    assert!(many.len() < crate::limits::WEB_BODY_BYTES_MAX);
    let cosigned = format!("{good}\u{2014} witness.test AAAAAAAA\n");
    let read = Submission::read(cosigned.as_bytes(), &keys()).unwrap();
    assert!(good.ends_with(&read.note), "{}", read.note);
}

/// C2SP tlog-witness: "The client MUST NOT send more than 63 consistency proof lines."
#[test]
fn more_than_63_hashes_are_malformed() {
    let one = known(1, leaf("a"));
    let sent = |hashes: usize| body(1, &vec![leaf("b"); hashes], (2, both("a", "b")), 7);
    assert_eq!(judged(&sent(63), Some(&one)), Err(Code::CheckpointInconsistent));
    assert_eq!(judged(&sent(64), Some(&one)), Err(Code::CheckpointMalformed));
}

#[test]
fn what_is_no_submission_is_malformed() {
    let good = body(1, &[leaf("b")], (2, both("a", "b")), 7);
    let bad = [
        String::new(),
        good.replace("old 1", "old 01"),
        good.replace("old 1", "old -1"),
        good.replace("old 1", "old 3"),
        good.replace("old 1\n", ""),
        good.replace("\n\n", "\n"),
        good.replace("\n2\n", "\n2\nmore\n"),
        good.trim_end().to_owned(),
    ];
    for body in bad {
        let code = judged(&body, None).unwrap_err();
        // An old size over the new one is said only to those whose signature holds.
        assert!(matches!(code, Code::CheckpointMalformed), "{code:?} {body}");
    }
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..600, to in any::<u8>()) {
        prop_assert!(Submission::read(&bytes, &keys()).is_err());
        let good = body(1, &[leaf("b")], (2, both("a", "b")), 7);
        let mut changed = good.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = to;
        // Whatever was changed: it is never accepted as another checkpoint than the one that was signed.
        if let Ok(read) = Submission::read(&changed, &keys()) {
            prop_assert!(good.ends_with(&read.note));
        }
    }
}
