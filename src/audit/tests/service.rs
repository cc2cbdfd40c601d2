//! The log in service.
use super::*;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;

#[test]
fn a_receipt_proves_the_entry_to_who_has_the_logs_key() {
    let temp = temp();
    let opened = open(temp.path()).unwrap();
    let acknowledged = append(&opened.log, 0..300, 64);
    assert_eq!(acknowledged.len(), 300);
    for (n, receipt) in &acknowledged {
        let text = proof::encode(receipt.index, &receipt.proof, &receipt.checkpoint);
        let read = proof::decode(&text).unwrap();
        let checkpoint = note::verify(&read.checkpoint, &vkey()).unwrap();
        proof::verify_inclusion(
            &receipt.leaf,
            read.index,
            &read.proof,
            checkpoint.size,
            &checkpoint.root,
        )
        .unwrap();
        let leaf: v1::Leaf = wire::decode_canonical(&receipt.leaf).unwrap();
        let mut detail = v1::PartnerDetail {
            reference: format!("ref-{n}"),
            ..Default::default()
        };
        assert_eq!(x_commit(&receipt.commitment_key, &detail)[..], leaf.x_commit[..]);
        detail.reference.push('x');
        assert_ne!(x_commit(&receipt.commitment_key, &detail)[..], leaf.x_commit[..]);
        let mut other = receipt.leaf.clone();
        other[40] ^= 1;
        assert!(proof::verify_inclusion(&other, read.index, &read.proof, checkpoint.size, &checkpoint.root).is_err());
    }
    assert_kept(&opened, &acknowledged);
    opened.worker.close().unwrap();
}

#[test]
fn a_restart_keeps_log_and_state() {
    let temp = temp();
    let mut acknowledged = Vec::new();
    for (round, width) in [1, 7, 16, 40, 3].into_iter().enumerate() {
        let opened = open(temp.path()).unwrap();
        assert_eq!(opened.recovery.entries, acknowledged.len() as u64);
        assert!(opened.recovery.replayed < 128 + 16, "{}", opened.recovery);
        assert_eq!((&opened.recovery.rebuilt, opened.recovery.torn_bytes), (&None, 0));
        assert_kept(&opened, &acknowledged);
        acknowledged.extend(append(&opened.log, round * 37..(round + 1) * 37, width));
        assert_kept(&opened, &acknowledged);
        opened.worker.close().unwrap();
    }
    assert_eq!(acknowledged.len(), 5 * 37);
}

#[test]
fn a_dropped_slot_leaves_an_entry_that_names_peer_and_method() {
    let temp = temp();
    let opened = open(temp.path()).unwrap();
    drop(opened.log.reserve("spiffe://bank-a.test/p", METHOD).unwrap());
    let too_large = {
        let mut facts = Facts::new(Kind::Query, "p", METHOD, [0; 32]);
        facts.note = "x".repeat(5_000);
        block_on(
            opened
                .log
                .reserve("spiffe://bank-b.test/p", METHOD)
                .unwrap()
                .append(Event::new(facts)),
        )
        .err()
    };
    assert_eq!(too_large, Some(NotRecorded::TooLarge));
    append(&opened.log, 0..1, 1);
    for (index, peer) in [(0, "spiffe://bank-a.test/p"), (1, "spiffe://bank-b.test/p")] {
        let leaf: v1::Leaf = wire::decode_canonical(&opened.log.entry(index).unwrap().unwrap().leaf).unwrap();
        assert_eq!(leaf.class(), v1::EntryClass::Abandoned);
        assert_eq!((leaf.peer.as_str(), leaf.method.as_str()), (peer, METHOD.path()));
    }
    assert!(opened.log.entry(3).unwrap().is_none());
    opened.worker.close().unwrap();
}

#[test]
fn an_entry_is_queued_before_its_future_is_polled() {
    let temp = temp();
    let opened = open(temp.path()).unwrap();
    drop(opened.log.reserve("p", METHOD).unwrap().append(event(5)));
    opened.worker.close().unwrap();
    let opened = open(temp.path()).unwrap();
    assert_eq!(opened.log.head().size, 1);
    assert_eq!(
        opened.state.row(Table::Consent, b"row-5").unwrap(),
        Some(b"value-5".to_vec())
    );
    let leaf: v1::Leaf = wire::decode_canonical(&opened.log.entry(0).unwrap().unwrap().leaf).unwrap();
    assert_eq!(leaf.class(), v1::EntryClass::Admin);
    opened.worker.close().unwrap();
}

#[test]
fn a_full_queue_refuses_and_a_closed_log_fails() {
    let temp = temp();
    let opened = open(temp.path()).unwrap();
    let mut slots = Vec::new();
    let refused = loop {
        match opened.log.reserve("p", METHOD) {
            Ok(slot) => slots.push(slot),
            Err(why) => break why,
        }
    };
    assert_eq!(
        (refused, slots.len()),
        (NotRecorded::QueueFull, crate::limits::AUDIT_QUEUE_MAX)
    );
    // Closing needs no place in the queue, and waits only so long for slots that are held.
    let held = slots.split_off(slots.len() - 1);
    drop(slots);
    let log = opened.log.clone();
    opened.worker.close().unwrap();
    drop(held);
    assert_eq!(log.reserve("p", METHOD).err(), Some(NotRecorded::LogFailed));
    assert_eq!(block_on(log.append(event(0))).err(), Some(NotRecorded::LogFailed));
    assert_eq!(
        open(temp.path()).unwrap().log.head().size,
        crate::limits::AUDIT_QUEUE_MAX as u64 - 1
    );
}

#[test]
fn time_never_goes_back() {
    let temp = temp();
    for now in [5_000, 4_000, 6_000] {
        let dir = data_dir(temp.path());
        let mut setup = setup(&dir);
        setup.clock = Arc::new(ManualClock::new(Time(now)));
        let opened = Log::open(setup).unwrap();
        append(&opened.log, 0..1, 1);
        opened.worker.close().unwrap();
    }
    let opened = open(temp.path()).unwrap();
    let times = (0..3).map(|i| {
        let leaf: v1::Leaf = wire::decode_canonical(&opened.log.entry(i).unwrap().unwrap().leaf).unwrap();
        wire::millis(leaf.time.as_ref()).unwrap()
    });
    assert_eq!(times.collect::<Vec<_>>(), [5_000, 5_000, 6_000]);
    opened.worker.close().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// Proofs from the store are those of another implementation, whatever the batches were.
    #[test]
    fn proofs_agree_with_ct_merkle(n in 1usize..260, width in 1usize..130) {
        let temp = temp();
        let opened = open(temp.path()).unwrap();
        append(&opened.log, 0..n, width);
        let mut oracle = MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
        let mut roots = vec![];
        for i in 0..n {
            oracle.push(opened.log.entry(i as u64).unwrap().unwrap().leaf);
            roots.push(oracle.root());
        }
        let head = opened.log.head();
        let theirs = oracle.root();
        prop_assert_eq!(&head.root[..], theirs.as_bytes().as_slice());
        for i in 0..n {
            let ours = opened.log.prove_inclusion(i as u64).unwrap();
            let theirs = oracle.prove_inclusion(i);
            prop_assert_eq!(ours.proof.concat(), theirs.as_bytes());
        }
        for from in 1..n {
            let (ours, _) = opened.log.prove_consistency(from as u64, 0).unwrap();
            let theirs = oracle.prove_consistency(n - from);
            prop_assert_eq!(ours.concat(), theirs.as_bytes());
            let root: [u8; 32] = roots[from - 1].as_bytes()[..].try_into().unwrap();
            prop_assert!(proof::verify_consistency(from as u64, &root, head.size, &head.root, &ours).is_ok());
        }
        prop_assert_eq!(opened.log.prove_inclusion(n as u64), Err(ProofError::Range));
        prop_assert_eq!(opened.log.prove_consistency(n as u64 + 1, 0), Err(ProofError::Range));
        opened.worker.close().unwrap();
    }
}

/// Over many segments, a restart, and batches of many widths: for each size the smallest checkpoint that was signed.
#[test]
fn a_checkpoint_of_the_past_is_the_smallest_that_covers_a_size() {
    let temp = temp();
    let mut signed: Vec<u64> = Vec::new();
    let mut opened = open_on(temp.path(), Arc::new(disk::RealDisk)).unwrap();
    for (round, width) in [1, 7, 40, 3].into_iter().enumerate() {
        for receipt in append(&opened.log, round * 40..(round + 1) * 40, width) {
            signed.push(note::verify(&receipt.1.checkpoint, &vkey()).unwrap().size);
        }
        opened.worker.close().unwrap();
        drop((opened.log, opened.state));
        opened = open_on(temp.path(), Arc::new(disk::RealDisk)).unwrap();
    }
    let newest = opened.log.head().size;
    for size in 0..=newest {
        let found = opened.log.checkpoint_covering(size).unwrap();
        let found = note::verify(&found, &vkey()).unwrap();
        // What was signed of nothing is in the journal too, if it was.
        let smallest = signed.iter().copied().filter(|s| *s >= size).min().unwrap();
        assert!(
            found.size == smallest || (size == 0 && found.size == 0),
            "{size}: {} {smallest}",
            found.size
        );
        let root = opened.log.prove_consistency(found.size, 0).unwrap();
        proof::verify_consistency(found.size, &found.root, root.1.size, &root.1.root, &root.0).unwrap();
    }
    assert_eq!(opened.log.checkpoint_covering(newest + 1), Err(ProofError::Range));
    let segments = std::fs::read_dir(temp.path().join("journal")).unwrap().count();
    assert!(segments > 5, "{segments}");
    opened.worker.close().unwrap();
}
