//! What was signed: by whom, in which form, when, and about whom.
use super::{GRANT, QUERY};
use crate::support::{
    BANK_A, BANK_B, Caller, Gateway, Refused, grant_of, on_shared, question, refused, subject, terms,
};
use tollgate::{
    crypto::{Suite, sha256},
    refusal::Code,
    seal::signed,
    wire::{Message, timestamp, v1},
};

/// A question whose header was changed.
async fn with_header(gateway: &Gateway, bank: &Caller, change: impl FnOnce(&mut v1::RequestHeader)) -> Refused {
    let sent = bank.one_shot(QUERY, |mut header| {
        change(&mut header);
        v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        }
    });
    refused(gateway, bank, QUERY, bank.exchange(sent)).await
}

/// A question that was changed.
async fn with_query(gateway: &Gateway, bank: &Caller, change: impl FnOnce(&mut v1::Query)) -> Refused {
    let sent = bank.one_shot(QUERY, |header| {
        let mut query = v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        };
        change(&mut query);
        query
    });
    refused(gateway, bank, QUERY, bank.exchange(sent)).await
}

#[test]
pub(super) fn an_unregistered_key() {
    on_shared(async |gateway| {
        let mut bank = gateway.caller(BANK_A).await;
        // Its own key under an id that nobody registered, and under an id of another partner.
        for id in ["bank-a-2", "bank-b-1", ""] {
            id.clone_into(&mut bank.signing_key_id);
            let refused = with_query(gateway, &bank, |_| ()).await;
            assert_eq!(refused.code, Code::SigningKeyUnknown, "`{id}`");
            let entry = refused.entry;
            // The key that opened it is named; the one that does not count is not, and nothing it signed is believed.
            assert_eq!(entry.leaf.key_ids.len(), 1);
            assert_eq!(entry.x.request_digest.len(), 32);
            assert!(entry.x.signing_key_id.is_empty() && entry.x.signature.is_empty() && entry.x.purpose.is_empty());
        }
    });
}

#[test]
pub(super) fn a_signature_over_something_else() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        // Signed for Grant, sealed for Query.
        let draft = bank.draft(GRANT, true, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        let sealed = bank.seal_bytes(QUERY, draft.signed());
        let other_method = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
        // One bit of the payload turned, and one of the signature.
        let good = bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        let mut turned = v1::SignedMessage::decode(good.signed()).unwrap();
        *turned.payload.last_mut().unwrap() ^= 1;
        let sealed = bank.seal_bytes(QUERY, &turned.encode_to_vec());
        let payload = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
        let mut turned = v1::SignedMessage::decode(good.signed()).unwrap();
        turned.signature[20] ^= 1;
        let sealed = bank.seal_bytes(QUERY, &turned.encode_to_vec());
        let signature = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
        turned.signature.clear();
        let sealed = bank.seal_bytes(QUERY, &turned.encode_to_vec());
        let none = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
        for refused in [other_method, payload, signature, none] {
            assert_eq!(refused.code, Code::SignatureInvalid);
            assert!(refused.entry.x.signature.is_empty() && refused.entry.x.request_id.is_empty());
        }
    });
}

#[test]
pub(super) fn not_canonical() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let good = bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        let payload = v1::SignedMessage::decode(good.signed()).unwrap().payload;
        // A field that no version has; a default written out; what is no protobuf at all.
        for surplus in [&[0x98, 0x06, 0x01][..], &[0x12, 0x00], &[0xff]] {
            let payload = [&payload[..], surplus].concat();
            let digest = sha256(&payload);
            let signed = signed::sign(bank.parties(), QUERY, payload, bank.identity().as_ref()).unwrap();
            let sealed = bank.seal_bytes(QUERY, &signed);
            let refused = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
            assert_eq!(refused.code, Code::NotCanonical, "{surplus:?}");
            // It was signed: the entry holds the partner to it.
            assert_eq!(refused.entry.x.request_digest, digest);
            assert_eq!(refused.entry.x.signing_key_id, "bank-a-1");
            assert_eq!(refused.entry.x.signature.len(), 64);
        }
        // The message around the payload has one form, too.
        let longer = [good.signed(), &[0x98, 0x06, 0x01]].concat();
        let sealed = bank.seal_bytes(QUERY, &longer);
        let refused = refused(gateway, &bank, QUERY, bank.send(QUERY, Some(sealed))).await;
        assert_eq!(refused.code, Code::OpenFailed);
    });
}

#[test]
pub(super) fn stale() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        for off in [-120_001, 120_001] {
            let at = bank.now().0 + off;
            let refused = with_header(gateway, &bank, |header| header.issued_at = Some(timestamp(at))).await;
            assert_eq!(refused.code, Code::Stale, "{off}");
            assert_eq!(refused.entry.x.signing_key_id, "bank-a-1");
            // What it asked is not looked at.
            assert!(refused.entry.x.purpose.is_empty());
        }
        let far = with_header(gateway, &bank, |header| {
            header.issued_at = Some(timestamp(i64::MIN / 2))
        })
        .await;
        assert_eq!(far.code, Code::Stale);
    });
}

#[test]
pub(super) fn a_field_that_is_not_valid() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        type Change = fn(&mut v1::Query);
        let changes: [(&str, Change); 14] = [
            ("no header", |q| q.header = None),
            ("no time", |q| q.header.as_mut().unwrap().issued_at = None),
            ("a short blind", |q| q.header.as_mut().unwrap().blind.truncate(31)),
            ("a long request id", |q| q.header.as_mut().unwrap().request_id.push(0)),
            ("no reply secret", |q| q.header.as_mut().unwrap().reply_secret.clear()),
            ("no person", |q| q.subject = None),
            ("no scheme", |q| q.subject.as_mut().unwrap().scheme = 0),
            ("no signal", |q| q.signals.clear()),
            ("nine signals", |q| {
                q.signals = (1..=9).map(|n| format!("limit_band@{n}")).collect();
            }),
            ("a signal twice", |q| q.signals.push(q.signals[0].clone())),
            ("what is no signal", |q| q.signals[0] = "limit_band".to_owned()),
            ("what is no purpose", |q| q.purpose = "Credit!".to_owned()),
            ("no agreement", |q| q.agreement_id.clear()),
            ("a short consent id", |q| q.consent_id.truncate(15)),
        ];
        for (what, change) in changes {
            let refused = with_query(gateway, &bank, change).await;
            assert_eq!(refused.code, Code::FieldInvalid, "{what}");
            assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Query);
        }
    });
}

#[test]
pub(super) fn an_identity_that_is_not_well_formed() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let good = subject(1).value;
        let other_check = if good.ends_with('1') { "2" } else { "1" };
        let (resident, mobile, opaque) = (
            v1::SubjectScheme::CnResidentId,
            v1::SubjectScheme::CnMobile,
            v1::SubjectScheme::Opaque,
        );
        for (scheme, value) in [
            (resident, String::new()),
            (resident, good[..17].to_owned()),
            (resident, format!("{}{other_check}", &good[..17])),
            (resident, "999999185013010018".to_owned()),
            (mobile, "23800138000".to_owned()),
            (mobile, "1380013800".to_owned()),
            (opaque, String::new()),
            (opaque, "a b".to_owned()),
            (opaque, "a".repeat(65)),
        ] {
            let refused = with_query(gateway, &bank, |query| {
                query.subject = Some(v1::Subject {
                    scheme: scheme as i32,
                    value: value.clone(),
                });
            })
            .await;
            assert_eq!(refused.code, Code::SubjectMalformed, "{scheme:?}");
            // Nobody is named by it.
            assert!(refused.entry.i.subject.is_empty());
        }
    });
}

#[test]
pub(super) fn a_request_id_twice() {
    on_shared(async |gateway| {
        let (bank, other) = (gateway.caller(BANK_A).await, gateway.caller(BANK_B).await);
        let id = sha256(&gateway.size().to_be_bytes())[..16].to_vec();
        let ask = |caller: &Caller, row| {
            caller.one_shot(QUERY, |header| v1::Query {
                header: Some(v1::RequestHeader {
                    request_id: id.clone(),
                    ..header
                }),
                ..question(row, &[7; 16])
            })
        };
        let first = crate::support::answered(gateway, &bank, ask(&bank, 1)).await;
        assert_eq!(first.entry.x.request_id, id);
        let again = refused(gateway, &bank, QUERY, bank.exchange(ask(&bank, 2))).await;
        assert_eq!(again.code, Code::RequestIdReused);
        assert_eq!(again.entry.x.request_id, id);
        assert_eq!(again.entry.x.purpose, "credit.origination");
        // Of another kind.
        let grant = bank.one_shot(GRANT, |header| v1::GrantConsent {
            header: Some(v1::RequestHeader {
                request_id: id.clone(),
                ..header
            }),
            ..grant_of(1, terms(BANK_A.id, bank.now()))
        });
        let grant = refused(gateway, &bank, GRANT, bank.exchange(grant)).await;
        assert_eq!(grant.code, Code::RequestIdReused);
        // Another partner's ids are its own: it is asked for its agreement.
        let theirs = refused(gateway, &other, QUERY, other.exchange(ask(&other, 2))).await;
        assert_eq!(theirs.code, Code::AgreementUnknown);
    });
}

/// The suite of a request says nothing about who may sign it.
#[test]
fn a_post_quantum_seal_does_not_stand_for_a_signature() {
    on_shared(async |gateway| {
        let mut bank = gateway.caller(BANK_A).await;
        "bank-a-9".clone_into(&mut bank.signing_key_id);
        let draft = bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..question(1, &[7; 16])
        });
        let sent = bank.seal(QUERY, Suite::XWing, &draft);
        let refused = refused(gateway, &bank, QUERY, bank.exchange(sent)).await;
        assert_eq!(refused.code, Code::SigningKeyUnknown);
    });
}
