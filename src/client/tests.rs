#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod over_the_wire;

use super::{receipt::Expected, *};
use crate::{
    audit::note,
    clock::Time,
    crypto::{Ed25519Signer, Secret, Signer, Suite},
    keyring::delegate,
    seal::{frame, payload::Question, testing::*},
    wire::{Message, decode_canonical, timestamp, v1},
};

/// Signs a changed list again, as an online key would.
fn resigned(world: &World, change: impl FnOnce(&mut v1::KeyList)) -> v1::GetKeyListResponse {
    let mut response = world.list.response.clone();
    let mut list: v1::KeyList = decode_canonical(&response.key_list).unwrap();
    change(&mut list);
    response.key_list = list.encode_to_vec();
    let input = frame::key_list(GATEWAY, list.serial, &response.key_list);
    response.signature = world.online.sign(&input).unwrap().to_vec();
    response
}

fn why(world: &World, response: &v1::GetKeyListResponse, now: Time) -> KeyListError {
    KeyList::verify(response, &world.pinned, now).expect_err("not accepted")
}

#[test]
fn a_key_list_stands_on_the_pinned_key_alone() {
    let world = World::new(1);
    let good = &world.list.response;
    let mut flipped = good.clone();
    flipped.key_list[9] ^= 1;
    assert!(KeyList::verify(&flipped, &world.pinned, NOW).is_err());
    let mut unsigned = good.clone();
    unsigned.signature[0] ^= 1;
    assert!(matches!(why(&world, &unsigned, NOW), KeyListError::Signature));
    let mut no_delegation = good.clone();
    no_delegation.delegation = None;
    assert!(matches!(why(&world, &no_delegation, NOW), KeyListError::Malformed));
    // Delegated by somebody else.
    let mut foreign = good.clone();
    let stranger = Ed25519Signer::from_seed(Secret::from([99; 32])).unwrap();
    foreign.delegation = delegate(&stranger, GATEWAY, &world.online.public_key(), NOW, 86_400).ok();
    assert!(matches!(why(&world, &foreign, NOW), KeyListError::Delegation));
    // A delegation that was stretched after it was signed.
    let mut stretched = good.clone();
    stretched.delegation.as_mut().unwrap().not_after_s += 1;
    assert!(matches!(why(&world, &stretched, NOW), KeyListError::Delegation));
    // Another gateway's list, by the same keys.
    let of_other = resigned(&world, |list| list.gateway = "spiffe://own.test/gateway-2".into());
    assert!(matches!(why(&world, &of_other, NOW), KeyListError::Foreign));
}

#[test]
fn a_key_list_is_short_lived_and_so_is_its_delegation() {
    let world = World::new(2);
    let good = &world.list.response;
    let day = 86_400_000;
    assert!(matches!(
        why(&world, good, NOW.plus_ms(day)),
        KeyListError::DelegationPeriod
    ));
    assert!(matches!(
        why(&world, good, NOW.plus_ms(-day)),
        KeyListError::DelegationPeriod
    ));
    let mut long = good.clone();
    long.delegation = long_delegation(&world);
    assert!(matches!(why(&world, &long, NOW), KeyListError::DelegationPeriod));
    let two_days = resigned(&world, |list| list.not_after = Some(timestamp(NOW.0 + day + 1000)));
    assert!(matches!(why(&world, &two_days, NOW), KeyListError::Period));
    let over = resigned(&world, |list| {
        list.not_before = Some(timestamp(NOW.0 - 2000));
        list.not_after = Some(timestamp(NOW.0));
    });
    assert!(matches!(why(&world, &over, NOW), KeyListError::Period));
}

fn long_delegation(world: &World) -> Option<v1::KeyListDelegation> {
    let (from, to) = (NOW.seconds() as u64, NOW.seconds() as u64 + 31 * 86_400);
    let public_key = world.online.public_key();
    let input = frame::key_list_delegate(GATEWAY, &public_key, from, to);
    Some(v1::KeyListDelegation {
        public_key: public_key.to_vec(),
        not_before_s: from,
        not_after_s: to,
        signature: world.identity.sign(&input).unwrap().to_vec(),
    })
}

#[test]
fn serials_never_go_back_and_never_say_two_things() {
    let world = World::new(3);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serial");
    let list = |serial| {
        let response = resigned(&world, |list| list.serial = serial);
        KeyList::verify(&response, &world.pinned, NOW).unwrap()
    };
    let mut memory = SerialMemory::at(Some(&path)).unwrap();
    memory.accept(&list(7)).unwrap();
    memory.accept(&list(7)).unwrap();
    drop(memory);
    let mut memory = SerialMemory::at(Some(&path)).unwrap();
    assert!(matches!(
        memory.accept(&list(6)),
        Err(KeyListError::Serial { known: 7, got: 6 })
    ));
    let other = resigned(&world, |list| {
        list.serial = 7;
        list.protocol_minors.push(1);
    });
    let other = KeyList::verify(&other, &world.pinned, NOW).unwrap();
    assert!(matches!(memory.accept(&other), Err(KeyListError::Equivocation(7))));
    memory.accept(&list(8)).unwrap();
    std::fs::write(&path, "x").unwrap();
    assert!(matches!(SerialMemory::at(Some(&path)), Err(KeyListError::Memory(..))));
}

/// A good exchange, to be spoilt one thing at a time.
struct Exchange {
    world: World,
    draft: Draft,
    body: v1::ReplyBody,
}

impl Exchange {
    fn new() -> Self {
        let world = World::new(4);
        let draft = world.draft(true);
        let (sealed, pending) = world.seal_one_shot(Suite::X25519, &draft);
        let reply = world.answer(world.open::<Question>(sealed).ok().unwrap());
        let body = pending.open(world.parties(), &reply).unwrap();
        let good = Self { world, draft, body };
        good.check_with(|_| {}).unwrap();
        good
    }

    fn check_with(&self, change: impl FnOnce(&mut Expected<'static>)) -> Result<CheckedReceipt, ReceiptError> {
        let mut expected = self.world.expected(&self.draft);
        change(&mut expected);
        check(&self.body, &self.body.answer, &self.world.keys, &expected, NOW)
    }

    fn check_body(&self, change: impl FnOnce(&mut v1::ReplyBody)) -> ReceiptError {
        let mut body = self.body.clone();
        change(&mut body);
        let expected = self.world.expected(&self.draft);
        check(&body, &body.answer, &self.world.keys, &expected, NOW).expect_err("does not hold")
    }

    /// The receipt of a leaf that the real log signed, and that is not the one it should be.
    fn check_leaf(&self, change: impl FnOnce(&mut v1::Leaf)) -> ReceiptError {
        let receipt = self.body.receipt.clone().unwrap();
        let mut leaf = v1::Leaf::decode(receipt.leaf.as_slice()).unwrap();
        leaf.seq = self.world.log.lock().unwrap().leaves.len() as u64;
        change(&mut leaf);
        let key = Secret::from_slice(&receipt.commitment_key).unwrap();
        let receipt = self.world.log.lock().unwrap().append_leaf(leaf.encode_to_vec(), key);
        self.check_body(|body| {
            body.receipt = Some(v1::Receipt {
                leaf: receipt.leaf,
                proof: crate::audit::proof::encode(receipt.index, &receipt.proof, &receipt.checkpoint),
                commitment_key: receipt.commitment_key.expose().to_vec(),
            });
        })
    }
}

fn proof_of(body: &mut v1::ReplyBody) -> &mut String {
    &mut body.receipt.as_mut().unwrap().proof
}

#[test]
fn every_check_of_a_receipt_can_fail_and_says_which_did() {
    let good = Exchange::new();
    // Malformed.
    assert_eq!(good.check_body(|b| b.receipt = None), ReceiptError::Malformed);
    assert_eq!(good.check_body(|b| proof_of(b).insert(0, 'x')), ReceiptError::Malformed);
    // 1: a log that the list does not name; extension lines.
    let renamed = good.check_body(|b| *proof_of(b) = proof_of(b).replace(ORIGIN, "other.test/log"));
    assert_eq!(renamed, ReceiptError::Origin);
    // 2: not signed by the log.
    let stranger = Ed25519Signer::from_seed(Secret::from([66; 32])).unwrap();
    let forged = good.check_body(|b| {
        let decoded = crate::audit::proof::decode(proof_of(b)).unwrap();
        let text = decoded.checkpoint.split_once("\n\n").unwrap().0.to_owned() + "\n";
        let note = note::sign(&stranger, ORIGIN, &text).unwrap();
        *proof_of(b) = crate::audit::proof::encode(decoded.index, &decoded.proof, &note);
    });
    assert!(matches!(forged, ReceiptError::Checkpoint(note::NoteError::Signature)));
    let extended = good.check_body(|b| {
        let decoded = crate::audit::proof::decode(proof_of(b)).unwrap();
        let text = decoded.checkpoint.split_once("\n\n").unwrap().0.to_owned() + "\nextension\n";
        let note = note::sign(&*good.world.keyring.log_signer().unwrap(), ORIGIN, &text).unwrap();
        *proof_of(b) = crate::audit::proof::encode(decoded.index, &decoded.proof, &note);
    });
    assert!(matches!(
        extended,
        ReceiptError::Checkpoint(note::NoteError::Checkpoint)
    ));
    // 3: the index is not the leaf's.
    assert_eq!(
        good.check_body(|b| *proof_of(b) = proof_of(b).replace("index 3", "index 2")),
        ReceiptError::Index
    );
    assert_eq!(good.check_leaf(|leaf| leaf.seq += 1), ReceiptError::Index);
    // 4: not in the tree.
    let not_in = good.check_body(|b| {
        let mut decoded = crate::audit::proof::decode(proof_of(b)).unwrap();
        decoded.proof[0][0] ^= 1;
        *proof_of(b) = crate::audit::proof::encode(decoded.index, &decoded.proof, &decoded.checkpoint);
    });
    assert!(matches!(not_in, ReceiptError::NotIncluded(_)));
    let surplus = good.check_body(|b| {
        let mut decoded = crate::audit::proof::decode(proof_of(b)).unwrap();
        decoded.proof.push([0; 32]);
        *proof_of(b) = crate::audit::proof::encode(decoded.index, &decoded.proof, &decoded.checkpoint);
    });
    assert!(matches!(surplus, ReceiptError::NotIncluded(_)));
    // 5: about another exchange.
    assert_eq!(
        good.check_leaf(|leaf| leaf.partner = "bank-b".into()),
        ReceiptError::Facts("partner")
    );
    assert_eq!(
        good.check_leaf(|leaf| leaf.method.push('x')),
        ReceiptError::Facts("method")
    );
    assert_eq!(
        good.check_leaf(|leaf| leaf.agreement.push('x')),
        ReceiptError::Facts("agreement")
    );
    assert_eq!(
        good.check_leaf(|leaf| leaf.policy_hash[0] ^= 1),
        ReceiptError::Facts("policy_hash")
    );
    assert_eq!(
        good.check_leaf(|leaf| leaf.class = v1::EntryClass::Refused.into()),
        ReceiptError::Facts("class")
    );
    // 6: commits to another request, signature, answer or reference.
    for field in ["request_id", "request_digest", "signature", "purpose", "consent_id"] {
        let spoilt = good.check_with(|expected| {
            let detail = &mut expected.detail;
            match field {
                "request_id" => detail.request_id[0] ^= 1,
                "request_digest" => detail.request_digest[0] ^= 1,
                "signature" => detail.signature[0] ^= 1,
                "purpose" => detail.purpose.push('x'),
                _ => detail.consent_id[0] ^= 1,
            }
        });
        assert_eq!(spoilt.err(), Some(ReceiptError::Commitment), "{field}");
    }
    assert_eq!(
        good.check_body(|b| b.reference = "TG-0000-0000".into()),
        ReceiptError::Commitment
    );
    assert_eq!(good.check_body(|b| b.answer.push(0)), ReceiptError::Commitment);
    let other_key = good.check_body(|b| b.receipt.as_mut().unwrap().commitment_key[0] ^= 1);
    assert_eq!(other_key, ReceiptError::Commitment);
    // 7: old.
    let later = timestamp(NOW.0 + 120_001);
    assert_eq!(good.check_leaf(|leaf| leaf.time = Some(later)), ReceiptError::Time);
    // 8 and 9: the log shrank, or forked.
    let head = good.check_with(|_| {}).unwrap().head;
    let larger = Head {
        size: head.size + 1,
        ..head.clone()
    };
    let shrank = good.check_with(|expected| expected.known = Some(larger));
    assert!(matches!(shrank, Err(ReceiptError::Shrank { .. })));
    let other_note: std::sync::Arc<str> = format!("{}\nthe other", head.origin()).into();
    let fork = Head {
        root: [0; 32],
        note: other_note.clone(),
        ..head.clone()
    };
    let forked = good.check_with(|expected| expected.known = Some(fork)).err();
    let Some(ReceiptError::Forked { size, evidence }) = forked else {
        panic!("{forked:?}")
    };
    assert_eq!((size, &evidence.known), (head.size, &other_note));
    assert_eq!(evidence.offered, head.note, "the evidence is what was signed");
    // Of another period: sizes say nothing then, and nobody is accused.
    let before = Head {
        size: head.size + 1,
        note: "log.test/1\n".into(),
        ..head.clone()
    };
    let other = good.check_with(|expected| expected.known = Some(before)).err();
    assert_eq!(other, Some(ReceiptError::OtherLog));
    good.check_with(|expected| expected.known = Some(head)).unwrap();
}

#[test]
fn a_hostile_acceptance_or_reply_never_panics() {
    let world = World::new(5);
    for len in [0, 1, 16, 31, 32, 33, 4096, 4112] {
        let draft = world.draft(true);
        let (_, pending) = world.seal_one_shot(Suite::X25519, &draft);
        let reply = v1::SealedReply {
            mode: Some(v1::sealed_reply::Mode::OneShot(v1::OneShotReply {
                nonce: vec![1; len.min(40)],
                ciphertext: vec![2; len],
            })),
        };
        assert!(matches!(
            pending.open(world.parties(), &reply),
            Err(ClientError::ReplyBroken)
        ));
        let made = Opening::new(
            world.parties(),
            world.key(Suite::XWing),
            &world.identity(),
            v1::Evidence::Request,
            NOW,
            &*world.rng,
        );
        let response = v1::OpenSessionResponse {
            enc: vec![3; len],
            ciphertext: vec![4; len],
        };
        let accepted = made.unwrap().1.accept(world.parties(), &response, NOW);
        assert!(matches!(accepted.err(), Some(ClientError::ReplyBroken)));
    }
}
