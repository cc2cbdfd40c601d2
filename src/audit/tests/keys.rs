//! One log key follows another while the log goes on, and a crash in between is nothing.
use super::*;
use std::fs;

fn key(n: u8) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(Secret::from([n; 32])).unwrap())
}

fn of(keys: &[u8]) -> note::VerifierKey {
    let public: Vec<_> = keys.iter().map(|n| key(*n).public_key()).collect();
    note::VerifierKey::of_keys(ORIGIN, &public).unwrap()
}

fn signed_by(keys: &[u8]) -> LogSigners {
    LogSigners::new(keys.iter().map(|n| key(*n)).collect(), Vec::new())
}

fn open_by(path: &Path, signers: &Arc<LogSigners>) -> Result<Opened, OpenError> {
    let dir = data_dir(path);
    Log::open(Setup {
        signers: Arc::clone(signers),
        ..setup(&dir)
    })
}

fn checkpoint_of(acknowledged: &[(usize, Receipt)]) -> String {
    acknowledged.last().unwrap().1.checkpoint.to_string()
}

#[test]
fn while_two_keys_sign_whoever_knows_one_verifies_and_a_start_takes_either() {
    let temp = temp();
    let signers = Arc::new(signed_by(&[7]));
    let opened = open_by(temp.path(), &signers).unwrap();
    let before = append(&opened.log, 0..10, 3);
    signers.replace(&signed_by(&[8, 7]));
    let during = append(&opened.log, 10..20, 3);
    signers.replace(&signed_by(&[8]));
    let after = append(&opened.log, 20..30, 3);
    opened.worker.close().unwrap();
    for (checkpoint, by, not_by) in [
        (checkpoint_of(&before), &[7][..], &[8][..]),
        (checkpoint_of(&during), &[7, 8], &[]),
        (checkpoint_of(&after), &[8], &[7]),
    ] {
        assert!(by.iter().all(|n| note::verify(&checkpoint, &of(&[*n])).is_ok()));
        assert!(not_by.iter().all(|n| note::verify(&checkpoint, &of(&[*n])).is_err()));
        note::verify(&checkpoint, &of(&[7, 8])).unwrap();
    }
    // The whole log needs both keys, and does not hold for a stranger's beside one of them.
    let verified = verify::dir(temp.path(), &of(&[8, 7]), &mut |_| ()).unwrap();
    assert_eq!((verified.entries, verified.signed), (30, 30));
    for keys in [&[7][..], &[8], &[8, 9]] {
        verify::dir(temp.path(), &of(keys), &mut |_| ()).unwrap_err();
    }
    // Its own key alone opens it; a past checkpoint is still given as it was signed.
    assert!(matches!(
        open_by(temp.path(), &Arc::new(signed_by(&[7]))),
        Err(OpenError::Key)
    ));
    let opened = open_by(temp.path(), &signers).unwrap();
    let past = opened.log.checkpoint_covering(5).unwrap();
    note::verify(&past, &of(&[7])).unwrap();
    opened.worker.close().unwrap();
}

/// The keyring changes first; then an entry is signed by it. Cut off between the two, and the head is signed by the keys
/// before.
#[test]
fn a_head_that_was_signed_just_before_a_step_is_taken_after_it() {
    for (before, after) in [(&[7][..], &[8, 7][..]), (&[8, 7], &[8])] {
        let temp = temp();
        let opened = open_by(temp.path(), &Arc::new(signed_by(before))).unwrap();
        let acknowledged = append(&opened.log, 0..10, 3);
        opened.worker.close().unwrap();
        let opened = open_by(temp.path(), &Arc::new(signed_by(after))).unwrap();
        assert_eq!(opened.log.head().size, 10);
        append(&opened.log, 10..12, 1);
        opened.worker.close().unwrap();
        let all = of(&[7, 8]);
        verify::dir(temp.path(), &all, &mut |_| ()).unwrap();
        note::verify(&checkpoint_of(&acknowledged), &all).unwrap();
    }
}

/// A head with the longest name, the largest size and two signatures fits its page, and a torn one leaves the one before.
#[test]
fn a_head_with_two_signatures_that_is_torn_leaves_the_one_before() {
    let temp = temp();
    let signers = Arc::new(signed_by(&[8, 7]));
    let opened = open_by(temp.path(), &signers).unwrap();
    append(&opened.log, 0..6, 1);
    opened.worker.close().unwrap();
    let head = temp.path().join("head");
    let whole = fs::read(&head).unwrap();
    // The newest copy, cut where a sector ends.
    let newest = if opened_generation(&whole[4_096..]) > opened_generation(&whole) {
        4_096
    } else {
        0
    };
    let mut torn = whole.clone();
    torn[newest + 256..newest + 512].fill(0);
    fs::write(&head, torn).unwrap();
    let opened = open_by(temp.path(), &signers).unwrap();
    assert!(opened.recovery.head_copy_damaged);
    assert_eq!(opened.log.head().size, 6);
    opened.worker.close().unwrap();
    let name = "n".repeat(crate::limits::ORIGIN_BYTES_MAX);
    let body = note::Checkpoint {
        origin: name.clone(),
        size: u64::MAX,
        root: [255; 32],
    };
    assert!(signers.sign(&name, &body.body()).unwrap().len() < 4_000);
}

fn opened_generation(slot: &[u8]) -> u64 {
    u64::from_be_bytes(slot[8..16].try_into().unwrap())
}
