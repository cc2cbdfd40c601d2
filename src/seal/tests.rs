#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod sessions;

use super::{payload::Question, testing::*, *};
use crate::{
    case::Case,
    client::{ClientError, Draft, check},
    crypto::Suite,
    domain::Method,
    limits::{REPLY_BLOCK_BYTES, SKEW_MS_MAX},
    refusal::{Code, Refusal},
    wire::{Message, timestamp, v1},
};
use proptest::prelude::*;

fn code<T>(outcome: Result<Case<T>, Refusal>) -> Code {
    outcome.err().expect("a refusal").code()
}

fn inner(sealed: &mut v1::SealedRequest) -> &mut v1::OneShotRequest {
    match sealed.mode.as_mut() {
        Some(v1::sealed_request::Mode::OneShot(request)) => request,
        _ => panic!("one-shot"),
    }
}

#[test]
fn a_question_goes_there_and_back_in_both_suites() {
    let world = World::new(1);
    for suite in [Suite::XWing, Suite::X25519] {
        let draft = world.draft(true);
        let (sealed, pending) = world.seal_one_shot(suite, &draft);
        let case = world.open::<Question>(sealed).ok().unwrap();
        let question = case.proof().payload();
        assert_eq!(question.purpose.as_str(), "credit.origination");
        assert_eq!(case.facts().signals.len(), 2);
        assert_eq!(case.facts().signing_key_id, "bank-a-1");
        assert_eq!(case.facts().key_ids.len(), 2);
        assert_eq!(case.proof().session_id(), None);
        let reply = world.answer(case);
        let body = pending.open(world.parties(), &reply).unwrap();
        let receipt = check(&body, &body.answer, &world.keys, &world.expected(&draft), NOW).unwrap();
        assert!(receipt.index >= 3);
        assert_eq!(body.reference, "TG-7F3K-92QX");
    }
}

#[test]
fn sessions_answer_in_both_suites_and_both_kinds_of_evidence() {
    let world = World::new(2);
    for suite in [Suite::XWing, Suite::X25519] {
        for evidence in [v1::Evidence::Request, v1::Evidence::Session] {
            let session = world.session(suite, evidence);
            let unsigned = session.opening_is_evidence();
            let signer = world.identity();
            let signer = (!unsigned).then_some(&signer);
            let made = Draft::new(world.parties(), QUERY, false, signer, (NOW, &*world.rng), query);
            let draft = made.unwrap();
            let (sealed, pending) = world.seal_in(&session, &draft);
            let case = world.open::<Question>(sealed).ok().unwrap();
            assert_eq!(case.facts().signature.is_empty(), unsigned);
            assert!(case.proof().session_id().is_some());
            let body = pending.open(world.parties(), &world.answer(case)).unwrap();
            check(&body, &body.answer, &world.keys, &world.expected(&draft), NOW).unwrap();
        }
    }
}

#[test]
fn replies_have_one_size_and_open_for_their_request_only() {
    let world = World::new(3);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let draft = world.draft(false);
    let (first, pending_first) = world.seal_in(&session, &draft);
    let (second, pending_second) = world.seal_in(&session, &draft);
    let reply_first = world.answer(world.open(first).ok().unwrap());
    let reply_second = world.answer(world.open(second).ok().unwrap());
    let Some(v1::sealed_reply::Mode::Session(sealed)) = &reply_first.mode else {
        panic!("in a session");
    };
    assert_eq!(sealed.ciphertext.len(), REPLY_BLOCK_BYTES + 16);
    let swapped = pending_first.open(world.parties(), &reply_second);
    assert!(matches!(swapped, Err(ClientError::ReplyBroken)));
    pending_second.open(world.parties(), &reply_second).unwrap();
}

#[test]
fn what_was_changed_on_the_way_is_one_open_failed() {
    let world = World::new(4);
    let draft = world.draft(true);
    let (good, _) = world.seal_one_shot(Suite::X25519, &draft);
    let mut flipped = good.clone();
    inner(&mut flipped).ciphertext[3] ^= 1;
    let mut cut = good.clone();
    inner(&mut cut).ciphertext.pop();
    let mut other_enc = good.clone();
    inner(&mut other_enc).enc[0] ^= 1;
    for bad in [flipped, cut, other_enc] {
        assert_eq!(code(world.open::<Question>(bad)), Code::OpenFailed);
    }
    // Another method, another partner: the info differs.
    let case = world.case("/tollgate.v1.ConsentService/Get");
    assert_eq!(
        code(world.open_as::<Question>(case, good.clone(), NOW)),
        Code::OpenFailed
    );
    let case = world.case_of(world.member("bank-b"), QUERY);
    assert_eq!(code(world.open_as::<Question>(case, good, NOW)), Code::OpenFailed);
    // Opens, and holds no SignedMessage.
    let key = world.key(Suite::X25519);
    let info = world.parties().one_shot_info(QUERY, Suite::X25519, &key.key_id);
    let (enc, ciphertext) = Suite::X25519
        .seal(&*world.rng, &key.public_key, &info, b"\xff\xff")
        .unwrap();
    let (mut garbage, _) = world.seal_one_shot(Suite::X25519, &draft);
    (inner(&mut garbage).enc, inner(&mut garbage).ciphertext) = (enc, ciphertext);
    assert_eq!(code(world.open::<Question>(garbage)), Code::OpenFailed);
}

#[test]
fn shape_suite_key_and_rate_come_before_any_decapsulation() {
    let world = World::new(5);
    let (good, _) = world.seal_one_shot(Suite::X25519, &world.draft(true));
    let malformed = |change: fn(&mut v1::OneShotRequest)| {
        let mut bad = good.clone();
        change(inner(&mut bad));
        Envelope::from_wire(bad).is_err()
    };
    assert!(Envelope::from_wire(v1::SealedRequest { mode: None }).is_err());
    assert!(malformed(|r| r.suite = None));
    assert!(malformed(|r| r.enc.push(0)));
    assert!(malformed(|r| r.key_id.clear()));
    assert!(malformed(|r| r.ciphertext.truncate(15)));
    let mut foreign = good.clone();
    inner(&mut foreign).suite.as_mut().unwrap().aead = 3;
    assert_eq!(code(world.open::<Question>(foreign)), Code::SuiteNotAllowed);
    let mut only_xwing = world.member("bank-a");
    only_xwing.suites = vec![Suite::XWing];
    let case = world.case_of(only_xwing, QUERY);
    assert_eq!(
        code(world.open_as::<Question>(case, good.clone(), NOW)),
        Code::SuiteNotAllowed
    );
    let mut unknown = good.clone();
    inner(&mut unknown).key_id[0] ^= 1;
    assert_eq!(code(world.open::<Question>(unknown)), Code::KeyUnknown);
    let mut of_other_suite = good.clone();
    inner(&mut of_other_suite)
        .key_id
        .clone_from(&world.key(Suite::XWing).key_id);
    assert_eq!(code(world.open::<Question>(of_other_suite)), Code::KeyUnknown);
    let mut large = good;
    inner(&mut large)
        .ciphertext
        .resize(crate::limits::SEALED_REQUEST_BYTES_MAX + 1, 0);
    assert_eq!(code(world.open::<Question>(large)), Code::TooLarge);
}

/// Seals a payload that was changed before it was signed.
fn refused_for(world: &World, change: impl FnOnce(&mut v1::Query)) -> Code {
    let draft = world.draft_with(true, |header| {
        let mut message = query(header);
        change(&mut message);
        message
    });
    code(world.open::<Question>(world.seal_one_shot(Suite::X25519, &draft).0))
}

#[test]
fn every_field_of_the_payload_is_checked() {
    let world = World::new(6);
    let header = |change: fn(&mut v1::RequestHeader)| move |m: &mut v1::Query| change(m.header.as_mut().unwrap());
    assert_eq!(refused_for(&world, |m| m.header = None), Code::FieldInvalid);
    assert_eq!(
        refused_for(&world, header(|h| h.request_id = vec![1; 15])),
        Code::FieldInvalid
    );
    assert_eq!(refused_for(&world, header(|h| h.blind.clear())), Code::FieldInvalid);
    assert_eq!(
        refused_for(&world, header(|h| h.reply_secret.clear())),
        Code::FieldInvalid
    );
    assert_eq!(refused_for(&world, header(|h| h.issued_at = None)), Code::FieldInvalid);
    for off in [SKEW_MS_MAX + 1, -SKEW_MS_MAX - 1, i64::MIN / 2000, i64::MAX / 2000] {
        let at = timestamp(NOW.0.saturating_add(off));
        let stale = refused_for(&world, |m| m.header.as_mut().unwrap().issued_at = Some(at));
        assert_eq!(stale, Code::Stale, "{off}");
    }
    assert_eq!(refused_for(&world, |m| m.subject = None), Code::FieldInvalid);
    assert_eq!(
        refused_for(&world, |m| m.subject.as_mut().unwrap().scheme = 0),
        Code::FieldInvalid
    );
    let malformed = refused_for(&world, |m| m.subject.as_mut().unwrap().value.push('1'));
    assert_eq!(malformed, Code::SubjectMalformed);
    assert_eq!(refused_for(&world, |m| m.purpose = "Credit".into()), Code::FieldInvalid);
    assert_eq!(refused_for(&world, |m| m.signals.clear()), Code::FieldInvalid);
    assert_eq!(
        refused_for(&world, |m| m.signals = vec!["a@1".into(); 2]),
        Code::FieldInvalid
    );
    let nine = (1..=9).map(|n| format!("a@{n}")).collect::<Vec<_>>();
    assert_eq!(refused_for(&world, |m| m.signals = nine), Code::FieldInvalid);
    assert_eq!(
        refused_for(&world, |m| m.signals = vec!["a@01".into()]),
        Code::FieldInvalid
    );
    assert_eq!(refused_for(&world, |m| m.consent_id.clear()), Code::FieldInvalid);
    assert_eq!(refused_for(&world, |m| m.agreement_id.clear()), Code::FieldInvalid);
}

/// Seals hand-made signed bytes.
fn refused_signed(world: &World, message: &v1::SignedMessage) -> Code {
    let key = world.key(Suite::X25519);
    let info = world.parties().one_shot_info(QUERY, Suite::X25519, &key.key_id);
    let (mut sealed, _) = world.seal_one_shot(Suite::X25519, &world.draft(true));
    let made = Suite::X25519.seal(&*world.rng, &key.public_key, &info, &message.encode_to_vec());
    (inner(&mut sealed).enc, inner(&mut sealed).ciphertext) = made.unwrap();
    code(world.open::<Question>(sealed))
}

#[test]
fn the_signature_covers_key_method_and_every_byte() {
    let world = World::new(7);
    let draft = world.draft(true);
    let good = v1::SignedMessage::decode(draft.signed()).unwrap();
    let mut unknown_key = good.clone();
    unknown_key.signing_key_id = "bank-a-2".into();
    assert_eq!(refused_signed(&world, &unknown_key), Code::SigningKeyUnknown);
    let mut unsigned = good.clone();
    (unsigned.signing_key_id, unsigned.signature) = (String::new(), vec![]);
    assert_eq!(refused_signed(&world, &unsigned), Code::SigningKeyUnknown);
    let mut flipped = good.clone();
    flipped.signature[0] ^= 1;
    assert_eq!(refused_signed(&world, &flipped), Code::SignatureInvalid);
    let mut other_payload = good.clone();
    other_payload.payload[20] ^= 1;
    assert_eq!(refused_signed(&world, &other_payload), Code::SignatureInvalid);
    let signer = world.identity();
    let other_method = "/tollgate.v1.ConsentService/Get";
    let signed = signed::sign(world.parties(), other_method, good.payload.clone(), Some(&signer)).unwrap();
    let other_method = v1::SignedMessage::decode(signed.as_slice()).unwrap();
    assert_eq!(refused_signed(&world, &other_method), Code::SignatureInvalid);
    // Signed by the right key, and not the one encoding.
    for surplus in [&[0xfa, 0x01, 0x01, 0x00][..], &good.payload.clone()[..]] {
        let payload = [&good.payload[..], surplus].concat();
        let signed = signed::sign(world.parties(), QUERY, payload, Some(&signer)).unwrap();
        let message = v1::SignedMessage::decode(signed.as_slice()).unwrap();
        assert_eq!(refused_signed(&world, &message), Code::NotCanonical);
    }
}

#[test]
fn a_refusal_carries_what_was_known_and_claims_no_signature_that_did_not_verify() {
    let world = World::new(8);
    let draft = world.draft_with(true, |header| {
        let mut message = query(header);
        message.signals.clear();
        message
    });
    let refusal = world
        .open::<Question>(world.seal_one_shot(Suite::X25519, &draft).0)
        .err()
        .unwrap();
    assert_eq!(refusal.code(), Code::FieldInvalid);
    let facts = refusal.facts();
    assert_eq!(facts.request_digest.unwrap().to_vec(), draft.detail().request_digest);
    assert_eq!(facts.signature, draft.detail().signature);
    assert!(facts.request_id.is_some());
    let mut bad = v1::SignedMessage::decode(draft.signed()).unwrap();
    bad.signature[0] ^= 1;
    let key = world.key(Suite::X25519);
    let info = world.parties().one_shot_info(QUERY, Suite::X25519, &key.key_id);
    let (mut sealed, _) = world.seal_one_shot(Suite::X25519, &draft);
    let made = Suite::X25519
        .seal(&*world.rng, &key.public_key, &info, &bad.encode_to_vec())
        .unwrap();
    (inner(&mut sealed).enc, inner(&mut sealed).ciphertext) = made;
    let refusal = world.open::<Question>(sealed).err().unwrap();
    assert_eq!(refusal.code(), Code::SignatureInvalid);
    assert!(refusal.facts().signature.is_empty() && refusal.facts().signing_key_id.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_envelopes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in any::<usize>()) {
        let world = World::new(19);
        if let Ok(sealed) = v1::SealedRequest::decode(bytes.as_slice()) {
            let _ = Envelope::from_wire(sealed);
        }
        // Signed by a real partner, and still hostile.
        let signer = world.identity();
        let signed = signed::sign(world.parties(), QUERY, bytes.clone(), Some(&signer)).unwrap();
        let message = v1::SignedMessage::decode(signed.as_slice()).unwrap();
        prop_assert_ne!(refused_signed(&world, &message), Code::Internal);
        // A good one, with one byte changed anywhere.
        let (sealed, _) = world.seal_one_shot(Suite::X25519, &world.draft(true));
        let mut wire = sealed.encode_to_vec();
        let at = at % wire.len();
        wire[at] ^= 1 << (bytes.len() % 8);
        if let Some(envelope) = v1::SealedRequest::decode(wire.as_slice()).ok().and_then(|s| Envelope::from_wire(s).ok()) {
            prop_assert!(open::<Question>(&world.opener, world.case(QUERY), envelope, Method(QUERY), NOW).is_err());
        }
    }
}
