//! The vectors of `tests/vectors`: made with `TOLLGATE_REGENERATE=1`, compared otherwise, so that the protocol cannot
//! change by accident. Another implementation checks itself against the same files; what is named `fail_…` must fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
use super::{
    frame::{self, Direction},
    padding,
    payload::Question,
    signed,
    testing::*,
};
use crate::{
    client::{self, Expected},
    crypto::{KemKeyPair, Label, Secret, Signer, Suite, VerifyKey, ctx, sha256},
    wire::{Message, v1},
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

/// Writes the vectors, or compares them with what is there.
fn hold(name: &str, vectors: &Value) {
    let text = serde_json::to_string_pretty(vectors).unwrap() + "\n";
    if std::env::var_os("TOLLGATE_REGENERATE").is_some() {
        fs::write(file(name), &text).unwrap();
    }
    let kept = fs::read_to_string(file(name)).unwrap_or_default();
    assert!(
        kept == text,
        "tests/vectors/{name} is not what the code does: a change of the protocol needs a decision; then run \
         `TOLLGATE_REGENERATE=1 cargo test --lib vectors`"
    );
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(file(name)).unwrap()).unwrap()
}

#[test]
fn framing() {
    let cases = [
        (Label::OneShotRequest, vec![]),
        (Label::KeyList, vec![b"a".to_vec(), vec![], b"bc".to_vec()]),
        (Label::XDetail, vec![vec![7; 65_536]]),
    ];
    let cases = cases.map(|(label, fields)| {
        let parts: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let long = fields.iter().any(|f| f.len() > 100);
        let fields: Vec<_> = fields
            .iter()
            .map(|f| {
                if long {
                    format!("{} bytes of 07", f.len())
                } else {
                    hex(f)
                }
            })
            .collect();
        json!({ "label": label.text(), "fields": fields, "ctx": hex(ctx(label, &parts)) })
    });
    let labels: Vec<_> = Label::ALL.iter().map(|label| label.text()).collect();
    hold("framing.json", &json!({ "labels": labels, "cases": cases }));
}

#[test]
fn padding_of_replies() {
    let block = crate::limits::REPLY_BLOCK_BYTES;
    let cases = [0, 1, block - 2, block - 1, block, block + 1].map(|len| {
        let padded = padding::pad(vec![0xab; len]);
        json!({ "plaintext_bytes": len, "plaintext_byte": "ab", "padded_bytes": padded.len(), "padded_sha256": hex(sha256(&padded)) })
    });
    hold("padding.json", &json!({ "block_bytes": block, "cases": cases }));
    // Length, then where the last byte that is not zero stands, and what it is.
    let bad = [
        (0, None),
        (block, None),
        (block - 1, Some((0, 0x80))),
        (block, Some((9, 0x81))),
        (2 * block, Some((1, 0x80))),
    ];
    let cases = bad.map(|(len, mark): (usize, Option<(usize, u8)>)| {
        let mut padded = vec![0; len];
        if let Some((at, byte)) = mark {
            padded[at] = byte;
        }
        assert!(padding::unpad(&mut padded.clone()).is_err());
        json!({ "padded_bytes": len, "mark_at": mark.map(|m| m.0), "mark": mark.map(|m| hex([m.1])) })
    });
    hold("fail_padding.json", &json!({ "cases": cases }));
}

fn identifiers(suite: Suite) -> Value {
    let (kem, kdf, aead) = suite.ids();
    json!({ "name": suite.name(), "kem": kem, "kdf": kdf, "aead": aead, "bytes": hex(suite.bytes()) })
}

fn common(world: &World, suite: Suite) -> Value {
    let key = world.key(suite);
    let pair = world.keyring.exchange(&key.key_id, NOW).unwrap();
    json!({
        "suite": identifiers(suite),
        "gateway": GATEWAY,
        "partner": "bank-a",
        "exchange_key_id": hex(&key.key_id),
        "exchange_secret_key": hex(pair.secret().expose()),
        "exchange_public_key": hex(&key.public_key),
        "signing_key_id": "bank-a-1",
        "signing_key_seed": hex([3; 32]),
        "signing_public_key": hex(world.signer.public_key()),
    })
}

fn receipt_of(body: &v1::ReplyBody) -> Value {
    let receipt = body.receipt.clone().unwrap();
    json!({ "leaf": hex(receipt.leaf), "proof": receipt.proof, "commitment_key": hex(receipt.commitment_key) })
}

#[test]
fn one_shot_in_both_suites() {
    let world = World::new(100);
    let parties = world.parties();
    let cases = [Suite::X25519, Suite::XWing].map(|suite| {
        let draft = world.draft(true);
        let (sealed, pending) = world.seal_one_shot(suite, &draft);
        let Some(v1::sealed_request::Mode::OneShot(request)) = sealed.mode.clone() else { unreachable!() };
        let reply = world.answer(world.open::<Question>(sealed).ok().unwrap());
        let Some(v1::sealed_reply::Mode::OneShot(sealed_reply)) = &reply.mode else { unreachable!() };
        let body = pending.open(parties, &reply).unwrap();
        let message = v1::SignedMessage::decode(draft.signed()).unwrap();
        let payload_sha256 = sha256(&message.payload);
        let secret = v1::Query::decode(&message.payload[..]).unwrap().header.unwrap().reply_secret;
        let secret_key = Secret::from_slice(&secret).unwrap();
        let request_sha256 = frame::envelope_sha256(&request.enc, &request.ciphertext);
        let nonce: [u8; 32] = sealed_reply.nonce.clone().try_into().unwrap();
        let key = parties.one_shot_reply_key(QUERY, suite, &request.enc, &nonce, &secret_key).unwrap();
        let (key, aead_nonce) = key.parts();
        json!({
            "common": common(&world, suite),
            "method": QUERY,
            "payload": hex(&message.payload),
            "signature_input": hex(parties.signed_message("bank-a-1", QUERY, &payload_sha256)),
            "signature": hex(&message.signature),
            "signed_message": hex(draft.signed()),
            "info": hex(parties.one_shot_info(QUERY, suite, &request.key_id)),
            "enc": hex(&request.enc),
            "ciphertext": hex(&request.ciphertext),
            "request_sha256": hex(request_sha256),
            "reply": {
                "reply_secret": hex(secret),
                "nonce": hex(nonce),
                "info": hex(ctx(Label::OneShotReply, &[GATEWAY.as_bytes(), b"bank-a", QUERY.as_bytes(), &suite.bytes()])),
                "key": hex(key),
                "aead_nonce": hex(aead_nonce),
                "aad": hex(frame::one_shot_reply_aad(&request_sha256)),
                "ciphertext": hex(&sealed_reply.ciphertext),
                "body": hex(body.encode_to_vec()),
            },
        })
    });
    hold("one-shot.json", &json!({ "cases": cases }));
}

#[test]
fn sessions_in_both_suites() {
    let world = World::new(101);
    let parties = world.parties();
    let cases = [Suite::X25519, Suite::XWing].map(|suite| {
        let key = world.key(suite);
        let evidence = v1::Evidence::Request;
        let (open, opening) =
            client::Opening::new(parties, key, &world.identity(), evidence, NOW, &*world.rng).unwrap();
        let open = open.open.unwrap();
        let case = world.case(frame::OPEN_SESSION);
        let offer = super::open_session(&world.opener, case, open.clone(), NOW, &*world.rng).ok().unwrap();
        let accept = super::seal_accept(&world.opener, world.record(offer), &*world.rng).unwrap();
        let (client_kem_secret, client_secret) = opening.secrets();
        let (session, body, committed) = opening.accept(parties, &accept, NOW).unwrap();
        let accepted = v1::SessionAccept::decode(body.answer.as_slice()).unwrap();
        let th = frame::transcript((&open.enc, &open.ciphertext), (&accept.enc, &accept.ciphertext));
        let id: [u8; 16] = accepted.session_id.clone().try_into().unwrap();
        let server_secret = Secret::from_slice(&accepted.server_secret).unwrap();
        let keys = parties.session_keys(suite, &th, &client_secret, &server_secret, &id).unwrap();
        let draft = world.draft(false);
        let (request, pending) = session.seal(&draft, NOW, &*world.rng).unwrap();
        let reply = world.answer(world.open::<Question>(in_session(request.clone())).ok().unwrap());
        let Some(v1::sealed_reply::Mode::Session(sealed_reply)) = &reply.mode else { unreachable!() };
        let reply_body = pending.open(parties, &reply).unwrap();
        let request_sha256 = frame::envelope_sha256(&request.salt, &request.ciphertext);
        json!({
            "common": common(&world, suite),
            "open": {
                "info": hex(parties.session_open_info(suite, &open.key_id)),
                "enc": hex(&open.enc),
                "ciphertext": hex(&open.ciphertext),
                "client_kem_secret_key": hex(client_kem_secret.expose()),
                "client_secret": hex(client_secret.expose()),
                "sha256": hex(frame::envelope_sha256(&open.enc, &open.ciphertext)),
            },
            "accept": {
                "info": hex(parties.session_accept_info(suite, &frame::envelope_sha256(&open.enc, &open.ciphertext))),
                "enc": hex(&accept.enc),
                "ciphertext": hex(&accept.ciphertext),
                "body": hex(body.encode_to_vec()),
                "session_accept": hex(&body.answer),
                "committed_answer": hex(committed),
                "server_secret": hex(server_secret.expose()),
                "session_id": hex(id),
            },
            "keys": { "th": hex(th), "c2s": hex(keys.c2s.expose()), "s2c": hex(keys.s2c.expose()) },
            "request": message(&world, Direction::Request, &keys.c2s, &request.salt, request.seq, &request.ciphertext,
                &frame::session_request_aad(&id, request.seq, QUERY), draft.signed()),
            "reply": message(&world, Direction::Reply, &keys.s2c, &sealed_reply.salt, request.seq, &sealed_reply.ciphertext,
                &frame::session_reply_aad(&id, request.seq, QUERY, &request_sha256), &reply_body.encode_to_vec()),
        })
    });
    hold("session.json", &json!({ "method": QUERY, "cases": cases }));
}

#[expect(clippy::too_many_arguments, reason = "the parts of one message")]
fn message(
    _: &World,
    direction: Direction,
    key: &Secret<32>,
    salt: &[u8],
    seq: u64,
    ciphertext: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Value {
    let derived = frame::session_message_key(direction, key, &salt.try_into().unwrap(), seq).unwrap();
    let (key, nonce) = derived.parts();
    json!({
        "seq": seq, "salt": hex(salt), "key": hex(key), "aead_nonce": hex(nonce), "aad": hex(aad),
        "plaintext_before_padding": hex(plaintext), "ciphertext": hex(ciphertext),
    })
}

#[test]
fn signatures() {
    let world = World::new(102);
    let parties = world.parties();
    let payload = v1::CloseSession {
        header: Some(v1::RequestHeader {
            request_id: vec![1; 16],
            blind: vec![2; 32],
            issued_at: Some(crate::wire::timestamp(NOW.0)),
            reply_secret: vec![],
        }),
    }
    .encode_to_vec();
    let method = "/tollgate.v1.ExchangeService/CloseSession";
    let message = signed::sign(parties, method, payload.clone(), Some(&world.identity())).unwrap();
    let decoded = v1::SignedMessage::decode(message.as_slice()).unwrap();
    let public = world.signer.public_key();
    let register = parties.register_key("bank-a-1", &public);
    let vectors = json!({
        "common": common(&world, Suite::X25519),
        "signed_message": {
            "method": method,
            "payload": hex(&payload),
            "input": hex(parties.signed_message("bank-a-1", method, &sha256(&payload))),
            "signature": hex(&decoded.signature),
            "encoded": hex(&message),
        },
        "register_key": { "input": hex(&register), "signature": hex(world.signer.sign(&register).unwrap()) },
    });
    hold("signatures.json", &vectors);
    // Each differs in one thing and must not verify under the key above.
    let mut other_payload = payload.clone();
    other_payload[5] ^= 1;
    let cases = [
        ("payload", method, "bank-a-1", &other_payload),
        ("method", QUERY, "bank-a-1", &payload),
        ("signing_key_id", method, "bank-a-2", &payload),
    ];
    let key = VerifyKey::ed25519(&public).unwrap();
    let cases = cases.map(|(changed, method, key_id, payload)| {
        let input = parties.signed_message(key_id, method, &sha256(payload));
        assert!(key.verify(&input, &decoded.signature).is_err());
        json!({ "changed": changed, "method": method, "signing_key_id": key_id, "payload": hex(payload), "signature": hex(&decoded.signature) })
    });
    hold(
        "fail_signatures.json",
        &json!({ "signing_public_key": hex(public), "cases": cases }),
    );
}

#[test]
fn key_lists_and_receipts() {
    let world = World::new(103);
    let draft = world.draft(true);
    let (sealed, pending) = world.seal_one_shot(Suite::X25519, &draft);
    let body = pending
        .open(
            world.parties(),
            &world.answer(world.open::<Question>(sealed).ok().unwrap()),
        )
        .unwrap();
    let detail = v1::PartnerDetail {
        answer_digest: sha256(&body.answer).to_vec(),
        reference: body.reference.clone(),
        ..world.expected(&draft).detail
    };
    let delegation = world.list.response.delegation.clone().unwrap();
    let vectors = json!({
        "now_ms": NOW.0,
        "key_list": {
            "gateway": GATEWAY,
            "identity_public_key": hex(world.identity.public_key()),
            "delegation": hex(delegation.encode_to_vec()),
            "key_list": hex(&world.list.response.key_list),
            "signature": hex(&world.list.response.signature),
        },
        "partner": "bank-a", "method": QUERY, "agreement": "joint-2026",
        "answer": hex(&body.answer),
        "reference": body.reference,
        "partner_detail": hex(detail.encode_to_vec()),
        "x_commit_input": hex(ctx(Label::XDetail, &[&detail.encode_to_vec()])),
        "receipt": receipt_of(&body),
    });
    hold("receipt.json", &vectors);
    let spoil = |name: &str, change: &dyn Fn(&mut v1::ReplyBody, &mut Expected<'static>)| {
        let (mut body, mut expected) = (body.clone(), world.expected(&draft));
        change(&mut body, &mut expected);
        let why = client::check(&body, &body.answer, &world.keys, &expected, NOW).expect_err(name);
        let detail = v1::PartnerDetail {
            answer_digest: sha256(&body.answer).to_vec(),
            reference: body.reference.clone(),
            ..expected.detail
        };
        json!({
            "name": name, "error": why.to_string(), "answer": hex(&body.answer), "reference": body.reference,
            "partner_detail": hex(detail.encode_to_vec()), "receipt": receipt_of(&body),
        })
    };
    let proof = |body: &mut v1::ReplyBody, from: &str, to: &str| {
        let receipt = body.receipt.as_mut().unwrap();
        assert!(receipt.proof.contains(from));
        receipt.proof = receipt.proof.replace(from, to);
    };
    let cases = [
        spoil("another answer", &|body, _| body.answer.push(0)),
        spoil("another reference", &|body, _| body.reference = "TG-0000-0000".into()),
        spoil("another request", &|_, expected| expected.detail.request_digest[0] ^= 1),
        spoil("another commitment key", &|body, _| {
            body.receipt.as_mut().unwrap().commitment_key[0] ^= 1
        }),
        spoil("another leaf", &|body, _| {
            *body.receipt.as_mut().unwrap().leaf.last_mut().unwrap() ^= 1
        }),
        spoil("another index", &|body, _| proof(body, "index 3", "index 2")),
        spoil("another log", &|body, _| proof(body, ORIGIN, "other.test/log")),
        spoil("a larger log than was signed", &|body, _| proof(body, "\n4\n", "\n5\n")),
        spoil("a hash too many", &|body, _| {
            proof(body, "index 3\n", &format!("index 3\n{}=\n", "A".repeat(43)))
        }),
    ];
    hold(
        "fail_receipt.json",
        &json!({ "key_list": "as in receipt.json", "cases": cases }),
    );
}

/// What is in the files opens with the keys in the files: they say enough for somebody who has nothing else.
#[test]
fn the_files_suffice_to_open_what_is_in_them() {
    for case in read("one-shot.json")["cases"].as_array().unwrap() {
        let common = &case["common"];
        let id = |name: &str| u32::try_from(common["suite"][name].as_u64().unwrap()).unwrap();
        let suite = Suite::from_ids(id("kem"), id("kdf"), id("aead")).unwrap();
        let pair = KemKeyPair::from_secret(suite, &unhex(&common["exchange_secret_key"])).unwrap();
        assert_eq!(pair.public(), unhex(&common["exchange_public_key"]));
        let opened = pair
            .open(&unhex(&case["enc"]), &unhex(&case["info"]), &unhex(&case["ciphertext"]))
            .unwrap();
        assert_eq!(opened, unhex(&case["signed_message"]));
        let reply = &case["reply"];
        let (key, nonce) = (unhex(&reply["key"]), unhex(&reply["aead_nonce"]));
        let (key, nonce) = (key.try_into().unwrap(), nonce.try_into().unwrap());
        let mut body = crate::crypto::open(&key, &nonce, &unhex(&reply["aad"]), &unhex(&reply["ciphertext"])).unwrap();
        padding::unpad(&mut body).unwrap();
        assert_eq!(body, unhex(&reply["body"]));
    }
}

/// What another implementation of RFC 9180 and X-Wing sealed, with empty aad as Tollgate uses it.
#[test]
fn the_suites_open_what_others_sealed() {
    for case in read("hpke.json")["cases"].as_array().unwrap() {
        let suite = match case["kem"].as_u64() {
            Some(0x20) => Suite::X25519,
            _ => Suite::XWing,
        };
        let pair = KemKeyPair::from_secret(suite, &unhex(&case["secret_key"])).unwrap();
        assert_eq!(pair.public(), unhex(&case["public_key"]));
        let (enc, info) = (unhex(&case["enc"]), unhex(&case["info"]));
        let opened = pair.open(&enc, &info, &unhex(&case["ciphertext"])).unwrap();
        assert_eq!(opened, unhex(&case["plaintext"]), "{}", case["source"]);
        assert!(
            pair.open(&enc, &[info.as_slice(), b"x"].concat(), &unhex(&case["ciphertext"]))
                .is_err()
        );
    }
}

/// The worked examples of the specification are those of the vectors.
#[test]
fn the_examples_in_the_specification_are_in_the_vectors() {
    let page = fs::read_to_string(file("../../docs/protocol.md")).unwrap();
    let vectors: String = ["framing", "signatures", "one-shot", "session"]
        .iter()
        .map(|name| fs::read_to_string(file(&format!("{name}.json"))).unwrap())
        .collect();
    let words = page.split(|c: char| !c.is_ascii_alphanumeric());
    let examples: Vec<_> = words
        .filter(|w| w.len() >= 24 && w.bytes().all(|b| b.is_ascii_hexdigit()))
        .collect();
    assert!(examples.len() > 15, "{}", examples.len());
    for example in examples {
        // SHA-256 of a payload stands inside the input that was signed.
        assert!(
            vectors.contains(example),
            "docs/protocol.md has `{example}`, and no vector has it: copy it anew"
        );
    }
}
