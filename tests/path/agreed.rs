//! What was agreed: each refusal of the policy, none of which depends on the person.
use super::QUERY;
use crate::support::{
    AGREEMENT, BANK_A, BANK_B, Caller, Gateway, Place, Refused, Who, agreed, on_shared, question, refused, runtime,
};
use tollgate::{refusal::Code, wire::v1};

/// A question that is good but for `change`. With and without a consent: a refusal must not tell which.
async fn asked(gateway: &Gateway, change: impl Fn(&mut v1::Query)) -> Refused {
    asked_by(gateway, BANK_A, &change).await
}

async fn asked_by(gateway: &Gateway, who: Who, change: &impl Fn(&mut v1::Query)) -> Refused {
    let caller = gateway.caller(who).await;
    let consent = agreed(gateway, 3).await;
    let with = one(gateway, &caller, &consent, change).await;
    let without = one(gateway, &caller, &[7; 16], change).await;
    assert_eq!(with.code, without.code, "the refusal tells whether there is a consent");
    // The entry says what was asked: who answers for it later needs to know.
    for (refused, consent) in [(&with, &consent[..]), (&without, &[7; 16])] {
        assert_eq!(refused.entry.x.consent_id, consent);
        assert_eq!(refused.entry.x.signing_key_id, format!("{}-1", who.id));
        assert_eq!(refused.entry.i.subject.len(), 32);
        assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Query);
    }
    with
}

async fn one(gateway: &Gateway, by: &Caller, consent: &[u8], change: &impl Fn(&mut v1::Query)) -> Refused {
    let mut query = question(3, consent);
    change(&mut query);
    let (purpose, signals) = (query.purpose.clone(), query.signals.clone());
    let sent = by.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..query
    });
    let refused = refused(gateway, by, QUERY, by.exchange(sent)).await;
    assert_eq!(
        (&refused.entry.x.purpose, &refused.entry.x.signals),
        (&purpose, &signals)
    );
    refused
}

fn under(agreement: &'static str) -> impl Fn(&mut v1::Query) {
    move |query| agreement.clone_into(&mut query.agreement_id)
}

fn signals(ids: &'static [&'static str]) -> impl Fn(&mut v1::Query) {
    move |query| query.signals = ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
pub(super) fn an_agreement_that_is_not_yours() {
    on_shared(async |gateway| {
        // None of this name, and one of another partner: nobody learns which.
        let none = asked(gateway, under("bank-a-2099")).await;
        let theirs = asked_by(gateway, BANK_B, &|_| ()).await;
        for refused in [none, theirs] {
            assert_eq!(refused.code, Code::AgreementUnknown);
            // A leaf names no agreement that is not the caller's.
            assert_eq!(refused.entry.leaf.agreement, "");
        }
    });
}

#[test]
pub(super) fn an_agreement_that_is_not_in_force() {
    on_shared(async |gateway| {
        // Over, and without an impact assessment.
        for agreement in ["ended", "unassessed"] {
            let refused = asked(gateway, under(agreement)).await;
            assert_eq!(refused.code, Code::AgreementNotInForce, "{agreement}");
            assert_eq!(refused.entry.leaf.agreement, agreement);
        }
    });
}

#[test]
fn an_agreement_ends_with_its_last_moment() {
    runtime().block_on(async {
        let place = Place::new();
        let start = tollgate::clock::Clock::now(&tollgate::clock::SystemClock).0;
        // Half an hour from now, in whole seconds.
        let end = start / 1000 + 1_800;
        let text = rfc3339(end);
        place.swap("agreement-bank-a.toml", "2027-12-31T23:59:59+08:00", &text);
        let gateway = Gateway::start(place).await;
        let bank = gateway.caller(BANK_A).await;
        let left = end * 1000 - gateway.now().0;
        gateway.clock.advance_ms(left);
        let ask = || {
            bank.one_shot(QUERY, |header| v1::Query {
                header: Some(header),
                ..question(3, &[7; 16])
            })
        };
        crate::support::answered(&gateway, &bank, ask()).await;
        gateway.clock.advance_ms(1_000);
        let refused = refused(&gateway, &bank, QUERY, bank.exchange(ask())).await;
        assert_eq!(refused.code, Code::AgreementNotInForce);
        gateway.stop().await.verify_log();
    });
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

#[test]
pub(super) fn a_purpose_that_was_not_agreed() {
    on_shared(async |gateway| {
        let refused = asked(gateway, |q| "credit.limit_review".clone_into(&mut q.purpose)).await;
        assert_eq!(refused.code, Code::PurposeNotAgreed);
        assert_eq!(refused.entry.leaf.agreement, AGREEMENT);
    });
}

#[test]
pub(super) fn an_unknown_purpose() {
    on_shared(async |gateway| {
        let refused = asked(gateway, |q| "credit.curiosity".clone_into(&mut q.purpose)).await;
        assert_eq!(refused.code, Code::PurposeUnknown);
    });
}

#[test]
pub(super) fn an_unknown_signal() {
    on_shared(async |gateway| {
        for id in ["net_worth@1", "risk_band@2"] {
            let refused = asked(gateway, move |q| q.signals[2] = id.to_owned()).await;
            assert_eq!(refused.code, Code::SignalUnknown, "{id}");
        }
    });
}

#[test]
pub(super) fn a_retired_signal() {
    on_shared(async |gateway| {
        let refused = asked(gateway, signals(&["limit_old@1"])).await;
        assert_eq!(refused.code, Code::SignalRetired);
        // Beside good ones: all or nothing.
        let refused = asked(gateway, signals(&["risk_band@1", "limit_old@1"])).await;
        assert_eq!(refused.code, Code::SignalRetired);
    });
}

#[test]
pub(super) fn a_family_that_was_not_agreed() {
    on_shared(async |gateway| {
        let refused = asked(gateway, under("narrow")).await;
        assert_eq!(refused.code, Code::SignalNotAgreed);
    });
}

#[test]
pub(super) fn a_signal_that_is_for_other_purposes() {
    on_shared(async |gateway| {
        let refused = asked(gateway, signals(&["limit_review@1"])).await;
        assert_eq!(refused.code, Code::PurposeNotAllowedForSignal);
    });
}

#[test]
pub(super) fn too_fine() {
    on_shared(async |gateway| {
        let refused = asked(gateway, signals(&["utilisation@1"])).await;
        assert_eq!(refused.code, Code::GranularityTooFine);
    });
}

#[test]
pub(super) fn across_a_border() {
    on_shared(async |gateway| {
        let refused = asked(gateway, under("abroad")).await;
        assert_eq!(refused.code, Code::CrossBorderNotAllowed);
        assert_eq!(refused.entry.leaf.agreement, "abroad");
    });
}

#[test]
pub(super) fn too_sensitive() {
    on_shared(async |gateway| {
        let refused = asked(gateway, under("insensitive")).await;
        assert_eq!(refused.code, Code::SensitivityNotAllowed);
    });
}

/// 断直连: a platform may not answer a mainland bank directly; through a licensed bureau it may.
#[test]
pub(super) fn a_platform_that_answers_a_mainland_bank_directly() {
    runtime().block_on(async {
        let place = Place::new();
        place.add_agreement("bureau", &[("route = \"direct\"", "route = \"via_licensed_bureau\"")]);
        place.swap(
            "agreement-bureau.toml",
            "id = \"bank-a\", kind = \"bank\"",
            "id = \"bank-a\", kind = \"licensed-bureau\"",
        );
        place.swap(
            "gateway.toml",
            "licence = \"licensed-bureau\"",
            "licence = \"platform\"",
        );
        let gateway = Gateway::start(place).await;
        let refused = asked(&gateway, |_| ()).await;
        assert_eq!(refused.code, Code::RouteNotAllowed);
        let bank = gateway.caller(BANK_A).await;
        let sent = bank.one_shot(QUERY, |header| v1::Query {
            header: Some(header),
            agreement_id: "bureau".to_owned(),
            ..question(3, &[7; 16])
        });
        crate::support::answered(&gateway, &bank, sent).await;
        gateway.stop().await.verify_log();
    });
}

/// Every question counts, whatever its answer: a count that depended on it would tell of the person.
#[test]
pub(super) fn a_quota_that_is_spent() {
    runtime().block_on(async {
        let place = Place::new();
        place.swap(
            "agreement-bank-a.toml",
            "questions_per_day = 100_000",
            "questions_per_day = 3",
        );
        let gateway = Gateway::start(place).await;
        let consent = agreed(&gateway, 3).await;
        let bank = gateway.caller(BANK_A).await;
        let ask = |bank: &Caller, row, consent: &[u8]| {
            bank.one_shot(QUERY, |header| v1::Query {
                header: Some(header),
                ..question(row, consent)
            })
        };
        for (row, consent) in [(3, &consent[..]), (3, &[7; 16]), (4, &[7; 16])] {
            crate::support::answered(&gateway, &bank, ask(&bank, row, consent)).await;
        }
        let spent = refused(&gateway, &bank, QUERY, bank.exchange(ask(&bank, 3, &consent))).await;
        assert_eq!(spent.code, Code::QuotaSpent);
        assert_eq!(spent.entry.leaf.agreement, AGREEMENT);
        // A restart does not give it back; the next day does.
        let gateway = gateway.restart().await;
        let bank = gateway.caller(BANK_A).await;
        let still = refused(&gateway, &bank, QUERY, bank.exchange(ask(&bank, 3, &consent))).await;
        assert_eq!(still.code, Code::QuotaSpent);
        gateway.clock.advance_ms(crate::support::DAY_MS);
        crate::support::answered(&gateway, &bank, ask(&bank, 3, &consent)).await;
        gateway.stop().await.verify_log();
    });
}
