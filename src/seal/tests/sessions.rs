//! Sessions: opened once, kept to their peer, and each sequence number used once.
use super::{
    super::{payload::Question, testing::*, *},
    code, inner,
};
use crate::{
    client::{Draft, Opening},
    crypto::{Suite, sha256},
    limits::SESSION_MS_MAX,
    refusal::Code,
    wire::{Message, v1},
};

#[test]
fn a_sequence_number_opens_once_however_many_try() {
    let world = World::new(9);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let (sealed, _) = world.seal_in(&session, &world.draft(false));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| world.open::<Question>(sealed.clone()).map(|_| ()).map_err(|r| r.code())))
            .collect();
        tries.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Err(Code::Replayed)).count(), 3);
    // Out of order is fine.
    let (third, _) = world.seal_in(&session, &world.draft(false));
    let (fourth, _) = world.seal_in(&session, &world.draft(false));
    assert!(world.open::<Question>(fourth).is_ok());
    assert!(world.open::<Question>(third).is_ok());
}

#[test]
fn a_message_that_does_not_open_takes_no_sequence_number() {
    let world = World::new(10);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let (good, _) = world.seal_in(&session, &world.draft(false));
    let mut bad = good.clone();
    let Some(v1::sealed_request::Mode::Session(request)) = bad.mode.as_mut() else {
        panic!("in a session");
    };
    request.ciphertext[0] ^= 1;
    assert_eq!(code(world.open::<Question>(bad)), Code::OpenFailed);
    assert!(world.open::<Question>(good).is_ok());
}

#[test]
fn a_session_exists_for_its_own_peer_only_and_until_it_ends() {
    let world = World::new(11);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let sealed = || world.seal_in(&session, &world.draft(false)).0;
    let other = world.case_of(world.member("bank-b"), QUERY);
    assert_eq!(
        code(world.open_as::<Question>(other, sealed(), NOW)),
        Code::SessionUnknown
    );
    let mut moved = world.member("bank-a");
    moved.uri = "spiffe://bank-a.test/partner/other".into();
    let case = world.case_of(moved, QUERY);
    assert_eq!(
        code(world.open_as::<Question>(case, sealed(), NOW)),
        Code::SessionUnknown
    );
    let mut narrowed = world.member("bank-a");
    narrowed.suites = vec![Suite::XWing];
    let case = world.case_of(narrowed, QUERY);
    assert_eq!(
        code(world.open_as::<Question>(case, sealed(), NOW)),
        Code::SuiteNotAllowed
    );
    // Another method than it was sealed for.
    let case = world.case("/tollgate.v1.ConsentService/Get");
    assert_eq!(code(world.open_as::<Question>(case, sealed(), NOW)), Code::OpenFailed);
    let late = NOW.plus_ms(SESSION_MS_MAX);
    assert_eq!(
        code(world.open_as::<Question>(world.case(QUERY), sealed(), late)),
        Code::SessionExpired
    );
    assert_eq!(world.opener.sessions().sweep(late), 1);
    assert_eq!(
        code(world.open_as::<Question>(world.case(QUERY), sealed(), late)),
        Code::SessionUnknown
    );
}

#[test]
fn an_unsigned_message_needs_a_session_whose_opening_is_the_evidence() {
    let world = World::new(12);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let unsigned = Draft::new(world.parties(), QUERY, false, None, (NOW, &*world.rng), query).unwrap();
    let (sealed, _) = world.seal_in(&session, &unsigned);
    assert_eq!(code(world.open::<Question>(sealed)), Code::SigningKeyUnknown);
}

#[test]
fn a_reply_secret_has_no_place_in_a_session() {
    let world = World::new(13);
    let session = world.session(Suite::X25519, v1::Evidence::Request);
    let (sealed, _) = world.seal_in(&session, &world.draft(true));
    assert_eq!(code(world.open::<Question>(sealed)), Code::FieldInvalid);
}

#[test]
fn closing_needs_a_session() {
    let world = World::new(14);
    let draft = world.draft_with(true, |header| v1::CloseSession { header: Some(header) });
    let (sealed, _) = world.seal_one_shot(Suite::X25519, &draft);
    assert_eq!(code(world.open::<payload::CloseSession>(sealed)), Code::SessionRequired);
}

#[test]
fn an_opening_is_accepted_once_and_answers_nothing_before_it_is_recorded() {
    let world = World::new(15);
    let (parties, key) = (world.parties(), world.key(Suite::X25519));
    let evidence = v1::Evidence::Request;
    let (open, opening) = Opening::new(parties, key, &world.identity(), evidence, NOW, &*world.rng).unwrap();
    let offer = |open: v1::OpenSessionRequest| {
        open_session(
            &world.opener,
            world.case(frame::OPEN_SESSION),
            open.open.unwrap(),
            NOW,
            &*world.rng,
        )
    };
    let first = offer(open.clone()).ok().unwrap();
    assert_eq!(code(offer(open)), Code::Replayed);
    assert_eq!(world.opener.sessions().count(), 1);
    let recorded = world.record(first);
    let committed = crate::audit::Auditable::answer(recorded.value()).unwrap().to_vec();
    let response = seal_accept(&world.opener, recorded, &*world.rng).unwrap();
    let (_, body, ours) = opening.accept(parties, &response, NOW).unwrap();
    // The log commits to the acceptance without the gateway's secret.
    assert_eq!(committed, ours);
    let sent = v1::SessionAccept::decode(body.answer.as_slice()).unwrap();
    assert_eq!(sent.server_secret.len(), 32);
    assert!(!committed.windows(32).any(|w| w == sent.server_secret));
}

#[test]
fn an_offer_that_is_never_recorded_leaves_no_session() {
    let world = World::new(16);
    let (open, _) = Opening::new(
        world.parties(),
        world.key(Suite::X25519),
        &world.identity(),
        v1::Evidence::Request,
        NOW,
        &*world.rng,
    )
    .unwrap();
    let offer = open_session(
        &world.opener,
        world.case(frame::OPEN_SESSION),
        open.open.unwrap(),
        NOW,
        &*world.rng,
    );
    assert_eq!(world.opener.sessions().count(), 1);
    drop(offer);
    assert_eq!(world.opener.sessions().count(), 0);
}

#[test]
fn an_opening_with_a_key_that_cannot_be_sealed_to_is_refused_before_it_is_recorded() {
    let world = World::new(17);
    let key = world.key(Suite::X25519);
    for (bad_pk, evidence) in [(vec![0; 32], 1), (vec![9; 31], 1), (vec![9; 32], 0), (vec![9; 32], 7)] {
        let signer = world.identity();
        let made = Draft::new(
            world.parties(),
            frame::OPEN_SESSION,
            false,
            Some(&signer),
            (NOW, &*world.rng),
            |h| v1::SessionOpen {
                header: Some(h),
                client_kem_pk: bad_pk,
                client_secret: vec![4; 32],
                evidence,
            },
        );
        let info = world.parties().session_open_info(Suite::X25519, &key.key_id);
        let (mut sealed, _) = world.seal_one_shot(Suite::X25519, &world.draft(true));
        let (enc, ciphertext) = Suite::X25519
            .seal(&*world.rng, &key.public_key, &info, made.unwrap().signed())
            .unwrap();
        (inner(&mut sealed).enc, inner(&mut sealed).ciphertext) = (enc, ciphertext);
        let open = inner(&mut sealed).clone();
        let case = world.case(frame::OPEN_SESSION);
        assert_eq!(
            code(open_session(&world.opener, case, open, NOW, &*world.rng)),
            Code::FieldInvalid
        );
    }
}

#[test]
fn keys_of_two_sessions_and_two_directions_differ() {
    let world = World::new(18);
    let (a, b) = (
        &crate::crypto::Secret::from([1; 32]),
        &crate::crypto::Secret::from([2; 32]),
    );
    let th = sha256(b"transcript");
    let one = world
        .parties()
        .session_keys(Suite::X25519, &th, a, b, &[1; 16])
        .unwrap();
    let two = world
        .parties()
        .session_keys(Suite::X25519, &th, a, b, &[2; 16])
        .unwrap();
    let all = [&one.c2s, &one.s2c, &two.c2s, &two.s2c];
    for (i, x) in all.iter().enumerate() {
        for y in &all[i + 1..] {
            assert!(!x.same(y.expose()));
        }
    }
}
