//! The words of methods, outcomes and guards, in both languages of the glossary.
use crate::{domain::Language, wire::v1::EntryKind};

/// A method, and what whoever calls it does.
const METHODS: [(&str, &str, &str); 47] = [
    ("AdminService/Propose", "proposed a change", "提出变更"),
    ("AdminService/Approve", "approved a change", "批准变更"),
    ("AdminService/Reject", "rejected a proposed change", "否决变更提案"),
    ("AdminService/ListProposals", "listed proposals", "列出变更提案"),
    (
        "AdminService/GetStatus",
        "looked at keys, suspensions and revocation lists",
        "查看密钥、停用与吊销列表状态",
    ),
    (
        "AdminService/Suspend",
        "shut out a member, a certificate or a key in an emergency",
        "紧急停用成员、证书或密钥",
    ),
    (
        "AdminService/RevokeExchangeKey",
        "revoked an exchange key in an emergency",
        "紧急吊销交换密钥",
    ),
    (
        "/tollgate.internal/CarryOut",
        "carried out what two people approved, or one ordered in an emergency",
        "执行经批准或紧急下令的作业",
    ),
    (
        "PersonsService/RequestErasure",
        "requested the erasure of a person's record",
        "申请删除一名信息主体的信息",
    ),
    (
        "PersonsService/GetErasure",
        "looked at the erasure of a person's record",
        "查看一名信息主体的删除进度",
    ),
    (
        "PersonsService/PlaceHold",
        "placed a hold on a person's record",
        "对一名信息主体的信息设置保留",
    ),
    (
        "PersonsService/ReleaseHold",
        "released a hold on a person's record",
        "解除对一名信息主体信息的保留",
    ),
    (
        "PersonsService/ListErasures",
        "listed erasures and holds",
        "列出删除与保留事项",
    ),
    (
        "PersonsService/RunErasures",
        "had due erasures carried out",
        "执行到期的删除",
    ),
    (
        "AuditService/FindCheckpoint",
        "looked up a past checkpoint of the log",
        "查找日志的历史检查点",
    ),
    ("ExchangeService/Query", "asked about a person", "查询一名信息主体"),
    ("ExchangeService/OpenSession", "opened a session", "开启会话"),
    ("ExchangeService/CloseSession", "closed a session", "关闭会话"),
    (
        "ExchangeService/ListSignals",
        "read the list of signals",
        "读取信号清单",
    ),
    ("ExchangeService/GetKeyList", "fetched the key list", "获取密钥清单"),
    (
        "ConsentService/Grant",
        "said that a person consented",
        "登记一名信息主体的授权",
    ),
    (
        "ConsentService/Confirm",
        "confirmed a person's consent",
        "确认一名信息主体的授权",
    ),
    (
        "ConsentService/Withdraw",
        "withdrew a person's consent",
        "撤回一名信息主体的授权",
    ),
    (
        "ConsentService/Get",
        "read a person's consent",
        "读取一名信息主体的授权",
    ),
    (
        "ConsentService/List",
        "read a person's consents",
        "读取一名信息主体的授权清单",
    ),
    ("RecordsService/Load", "loaded records", "加载原始记录"),
    (
        "RecordsService/Correct",
        "corrected a person's record",
        "更正一名信息主体的记录",
    ),
    (
        "LogService/GetCheckpoint",
        "fetched the log's checkpoint",
        "获取日志检查点",
    ),
    (
        "LogService/ProveConsistency",
        "fetched a consistency proof of the log",
        "获取日志一致性证明",
    ),
    (
        "/tollgate.console/Overview",
        "looked at the console's overview",
        "在控制台查看概览",
    ),
    (
        "/tollgate.console/Search",
        "searched the log in the console",
        "在控制台检索审计日志",
    ),
    (
        "/tollgate.console/NamePerson",
        "named a person in the console",
        "在控制台输入信息主体",
    ),
    (
        "/tollgate.console/Export",
        "exported a search from the console",
        "从控制台导出检索结果",
    ),
    (
        "/tollgate.console/Entry",
        "read an entry of the log in the console",
        "在控制台查看日志条目",
    ),
    (
        "/tollgate.console/Proof",
        "took the proof of an entry from the console",
        "从控制台下载条目的证明",
    ),
    (
        "/tollgate.console/Log",
        "looked at the newest checkpoint in the console",
        "在控制台查看最新检查点",
    ),
    (
        "/tollgate.console/Continuation",
        "had a browser compare the log with what it saw before",
        "由浏览器核对日志与之前所见",
    ),
    (
        "/tollgate.console/Live",
        "opened the console's live page",
        "打开控制台的实时页面",
    ),
    (
        "/tollgate.console/Follow",
        "followed the log in the console",
        "在控制台实时查看日志",
    ),
    ("AuditService/Search", "searched the log", "检索审计日志"),
    ("AuditService/GetEntry", "read an entry of the log", "查看日志条目"),
    (
        "AuditService/GetOverview",
        "read an overview of the log",
        "查看日志概览",
    ),
    (
        "AuditService/ReportSubject",
        "made the report about a person",
        "出具个人信息查询报告",
    ),
    (
        "AuditService/StreamEntries",
        "followed the log as a stream",
        "以数据流方式读取日志",
    ),
    (
        "AuditService/Pack",
        "made a pack of evidence for a regulator",
        "制作监管取证包",
    ),
    (
        "NoticeService/ListNotices",
        "fetched its notices of corrections",
        "获取更正通知",
    ),
    (
        "NoticeService/AcknowledgeNotices",
        "acknowledged notices of corrections",
        "确认收到更正通知",
    ),
];

/// A word of an outcome, and what it means for the signal.
const OUTCOMES: [(&str, &str, &str); 5] = [
    ("band", "answered with a band", "以分档答复"),
    (
        "no_valid_consent",
        "withheld: no valid consent covers it",
        "不予提供：没有有效授权覆盖该信号",
    ),
    (
        "no_file",
        "no file: the person is not on record, which is not the same as clean",
        "查无记录：不等于信用良好",
    ),
    (
        "budget_spent",
        "withheld: the budget for this person is spent",
        "不予提供：对该信息主体的查询预算已用尽",
    ),
    (
        "not_available",
        "not available: the record does not suffice for it",
        "无法提供：记录不足以得出结果",
    ),
];

/// A guard that withholds, and what it looks at.
const GUARDS: [(&str, &str, &str); 8] = [
    (
        "CONSENT_ABSENT",
        "the partner has no consent of this id by this person",
        "该机构没有该信息主体的此项授权",
    ),
    (
        "CONSENT_OF_ANOTHER_RECIPIENT",
        "the consent was given to another recipient",
        "授权的接收方是另一机构",
    ),
    (
        "CONSENT_NOT_CURRENT",
        "the consent is not in force: not confirmed, withdrawn, or expired",
        "授权当前无效：未经确认、已撤回或已到期",
    ),
    (
        "CONSENT_FOR_ANOTHER_PURPOSE",
        "the consent does not name this purpose",
        "授权不包含该使用目的",
    ),
    (
        "CONSENT_WITHOUT_FAMILY",
        "the consent does not name this family of signals",
        "授权不包含该信号族",
    ),
    (
        "CONSENT_COARSER",
        "the consent allows this family at coarser bands only",
        "授权只允许该信号族的更粗粒度",
    ),
    (
        "CONSENT_NOT_SEPARATE",
        "sensitive information needs a separate consent (PIPL article 29)",
        "敏感个人信息需要单独同意（个人信息保护法第二十九条）",
    ),
    (
        "CONSENT_LOOK_BACK_TOO_SHORT",
        "the signal looks further back than the consent lets records go",
        "信号的回溯期超出授权允许的回溯期",
    ),
];

fn found<'a>(table: &'a [(&str, &'a str, &'a str)], word: &str, language: Language) -> Option<&'a str> {
    let row = table.iter().find(|(name, ..)| *name == word);
    row.map(|(_, english, chinese)| language.pick(*english, *chinese))
}

/// What was done, by the method that was called.
pub(super) fn did(method: &str, kind: EntryKind, language: Language) -> String {
    let short = method.strip_prefix("/tollgate.v1.").unwrap_or(method);
    if let Some(known) = found(&METHODS, short, language) {
        return known.to_owned();
    }
    let about = match kind {
        EntryKind::Lifecycle => language.pick("start or stop", "启动或停止"),
        EntryKind::Keys => language.pick("keys", "密钥"),
        EntryKind::Configuration => language.pick("configuration", "配置"),
        EntryKind::Counted => language.pick("events of one kind, counted", "同类事件计数"),
        EntryKind::Read => language.pick("reading", "读取"),
        _ => language.pick("a call", "调用"),
    };
    match method {
        "" => language.pick(format!("recorded {about}"), format!("记录{about}")),
        _ => language.pick(
            format!("called {method} ({about})"),
            format!("调用 {method}（{about}）"),
        ),
    }
}

/// What an outcome means. Words that are not of signals stand as they are.
pub(in crate::inspect) fn outcome(word: &str, language: Language) -> String {
    found(&OUTCOMES, word, language).unwrap_or(word).to_owned()
}

/// What a guard looks at; its name where it has no words.
pub(in crate::inspect) fn guard(id: &str, language: Language) -> String {
    found(&GUARDS, id, language).unwrap_or(id).to_owned()
}

/// `2026-11-27 16:24:02 UTC`.
pub(in crate::inspect) fn moment(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `2026-11-27`, of UTC.
pub(in crate::inspect) fn day(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guard without words would be shown as its id to somebody who must decide by it.
    #[test]
    fn every_guard_that_withholds_has_words() {
        let text = include_str!("../../policy/guards.cedar");
        let mut withholding = 0;
        for block in text.split("@id(\"").skip(1) {
            let id = block.split('"').next().unwrap();
            if block.contains("@withhold") {
                withholding += 1;
                assert!(GUARDS.iter().any(|(name, ..)| *name == id), "`{id}` has no words");
            }
        }
        assert_eq!(withholding, GUARDS.len());
    }

    #[test]
    fn what_has_no_words_stands_as_it_is() {
        assert_eq!(outcome("batch-visible", Language::Chinese), "batch-visible");
        assert_eq!(did("/x/Y", EntryKind::Read, Language::English), "called /x/Y (reading)");
    }
}
