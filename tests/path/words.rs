//! Entries in sentences: what was asked, which guard decided, what was read, what left. In both languages.
use super::QUERY;
use crate::support::{
    AGREEMENT, BANK_A, BANK_B, Caller, Gateway, LENDER, NOBODY, agreed, answered, granted, lib_client, on_shared,
    question, refused, terms,
};
use tollgate::{
    crypto::Suite,
    domain::Language::{self, Chinese, English},
    inspect,
    refusal::Code,
    wire::v1,
};

/// The words of entry `index`.
fn said(gateway: &Gateway, index: u64, language: Language) -> String {
    let entry = inspect::open(gateway.gate(), index).unwrap();
    let words = inspect::words(&gateway.gate().view, &entry, language);
    assert!(words.iter().all(|line| !line.contains('{')), "{words:?}");
    words.join("\n")
}

async fn asked(gateway: &Gateway, bank: &Caller, query: v1::Query) -> u64 {
    let sent = bank.one_shot(QUERY, |header| v1::Query {
        header: Some(header),
        ..query
    });
    answered(gateway, bank, sent).await.entry.index
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn an_answer_tells_bands_reasons_and_fields() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 2).await;
        let index = asked(gateway, &bank, question(2, &consent)).await;
        let hex: String = consent.iter().map(|b| format!("{b:02x}")).collect();
        let english = said(gateway, index, English);
        has(
            &english,
            &[
                &format!("Entry {index}, "),
                "bank-a (spiffe://bank-a.example/partner/bank-a) asked about a person",
                &format!("Agreement: {AGREEMENT} (Bank A: joint credit"),
                "Purpose: credit.origination, deciding on an application for credit",
                &format!("Consent that was named: {hex}"),
                "signed with the key bank-a-1",
                "worst_overdue_6m@1 (longest delay of a payment in the last six months): the band \"31-60 days\" went out",
                "Reasons, the weightiest first: 1. RB0",
                "Fields that were read inside the gateway: card.limit_minor, card.overdue_days",
                "Reference TG-",
            ],
        );
        assert!(!english.contains("guard"), "{english}");
        let chinese = said(gateway, index, Chinese);
        has(
            &chinese,
            &[
                &format!("条目 {index}，"),
                "查询一名信息主体",
                "使用目的：credit.origination，贷款审批",
                "近六个月最长逾期天数区间",
                "给出分档“31-60 days”",
                "主要原因（按重要性排序）：1. RB0",
                "网关内部读取的字段：card.limit_minor、card.overdue_days",
            ],
        );
    });
}

/// Each check of a consent has its guard, told per signal.
#[test]
fn a_withheld_signal_names_its_guard() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let lib = lib_client(gateway, BANK_A, Suite::X25519).await;
        let unknown = asked(gateway, &bank, question(NOBODY, &[7; 16])).await;
        has(
            &said(gateway, unknown, English),
            &[
                "The guard that decided, CONSENT_ABSENT: the partner has no consent of this id by this person",
                "No field of the record was read.",
                "Fields that the signals would need and that were not read: card.limit_minor",
            ],
        );
        // Granted and not confirmed.
        let pending = granted(&lib, 5, terms(BANK_A.id, gateway.now())).await;
        let pending = asked(gateway, &bank, question(5, &pending)).await;
        has(
            &said(gateway, pending, Chinese),
            &["CONSENT_NOT_CURRENT：授权当前无效", "未读取记录中的任何字段。"],
        );
        // A family that the consent leaves out, beside others that it names: one is withheld, the others are told.
        let mut narrow = terms(BANK_A.id, gateway.now());
        narrow.families.retain(|f| f.family != "limit");
        let consent = granted(&lib, 6, narrow).await;
        let lender = lib_client(gateway, LENDER, Suite::X25519).await;
        crate::support::confirm(&lender, 6, &consent).await;
        let partly = asked(gateway, &bank, question(6, &consent)).await;
        let entry = inspect::open(gateway.gate(), partly).unwrap();
        let i = entry.details.unwrap().i;
        assert_eq!(i.guards, ["", "", "CONSENT_WITHOUT_FAMILY", ""]);
        let text = said(gateway, partly, English);
        has(
            &text,
            &[
                "limit_band@1",
                "CONSENT_WITHOUT_FAMILY: the consent does not name this family of signals",
            ],
        );
        assert_eq!(text.matches("The guard that decided").count(), 1, "{text}");
    });
}

#[test]
fn a_refusal_names_its_step_and_a_repeat_its_first() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_B).await;
        let sent = bank.one_shot(QUERY, |header| v1::Query {
            header: Some(header),
            ..question(2, &[7; 16])
        });
        let refused = refused(gateway, &bank, QUERY, bank.exchange(sent)).await;
        assert_eq!(refused.code, Code::AgreementUnknown);
        has(
            &said(gateway, refused.entry.index, English),
            &[
                "It was refused with AGREEMENT_UNKNOWN: no agreement of this id is yours.",
                "The step that decided: the policy",
                "bank-b",
            ],
        );
        has(
            &said(gateway, refused.entry.index, Chinese),
            &["拒绝代码 AGREEMENT_UNKNOWN：该机构没有此编号的合作协议"],
        );
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 3).await;
        let draft = bank.draft(QUERY, true, |header| v1::Query {
            header: Some(header),
            ..question(3, &consent)
        });
        let first = answered(gateway, &bank, bank.seal(QUERY, Suite::X25519, &draft)).await;
        let again = answered(gateway, &bank, bank.seal(QUERY, Suite::X25519, &draft)).await;
        let text = said(gateway, again.entry.index, English);
        has(
            &text,
            &[
                &format!("the answer that entry {} kept went out again", first.entry.index),
                "No field of the record was read.",
            ],
        );
    });
}

/// A catalogue that has changed since must not lend its names to an old bitmap.
#[test]
fn bitmaps_of_another_policy_are_not_named() {
    on_shared(async |gateway| {
        let bank = gateway.caller(BANK_A).await;
        let consent = agreed(gateway, 8).await;
        let index = asked(gateway, &bank, question(8, &consent)).await;
        let mut entry = inspect::open(gateway.gate(), index).unwrap();
        entry.leaf.policy_hash = vec![9; 32];
        let view = &gateway.gate().view;
        // The kept answer names them itself.
        let (read, _) = inspect::fields(view, &entry).unwrap();
        assert!(read.contains(&"card.overdue_days".to_owned()), "{read:?}");
        entry.details.as_mut().unwrap().i.answer.clear();
        assert_eq!(inspect::fields(view, &entry), None);
        let text = inspect::words(view, &entry, English).join("\n");
        has(
            &text,
            &[
                "their names follow a catalogue that is not the current one",
                "the policy snapshot 0909090909090909…, which is not the current one",
            ],
        );
        entry.details = None;
        let text = inspect::words(view, &entry, English).join("\n");
        has(&text, &["Its details cannot be opened"]);
    });
}
