//! Every text of the console, in English and Chinese: a text without one of the two does not compile.
//!
//! The words are those of `docs/glossary.md`.

use crate::domain::Language;

macro_rules! texts {
    ($($name:ident = $en:literal, $zh:literal;)*) => {
        /// One text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Text { $($name,)* }
        impl Text {
            #[cfg(test)]
            const ALL: &'static [Text] = &[$(Text::$name,)*];
            /// The text in a language.
            pub(super) fn said(self, language: Language) -> &'static str {
                match (self, language) { $((Text::$name, Language::English) => $en, (Text::$name, Language::Chinese) => $zh,)* }
            }
        }
    };
}

texts! {
    // The frame.
    Product = "Tollgate · audit log", "Tollgate · 审计日志";
    SkipToContent = "Skip to the content", "跳到正文";
    MainNavigation = "Pages", "页面";
    Overview = "Overview", "概览";
    Search = "Search", "检索";
    Live = "Live", "实时";
    TheLog = "The log", "日志状态";
    SignedInAs = "Certificate", "证书身份";
    Recorded = "This view is recorded as entry", "本次查看已记入日志，条目";
    TimesAreUtc = "All times are UTC.", "所有时间均为协调世界时（UTC）。";
    NeedsScript = "This part needs JavaScript. Everything else works without.", "此部分需要 JavaScript，其余功能无需脚本。";

    // Overview.
    Period = "Period", "时间范围";
    LastDay = "24 hours", "24 小时";
    LastWeek = "7 days", "7 天";
    LastMonth = "30 days", "30 天";
    LastYear = "a year", "一年";
    From = "from", "起";
    Until = "until (not included)", "止（不含）";
    Show = "Show", "显示";
    EntriesOverTime = "Entries over time", "条目随时间分布";
    RefusalsByReason = "Refusals by reason", "按原因统计的拒绝";
    Partners = "Partners", "合作机构";
    SignalsOverTime = "Signals asked for over time", "信号查询随时间分布";
    AsTable = "as a table", "以表格显示";
    Total = "Total", "合计";
    Time = "Time", "时间";
    NothingInPeriod = "Nothing in this period.", "此时间范围内没有条目。";
    Others = "others", "其他";
    UnknownSignals = "no signal of this gateway", "本网关没有的信号";
    OneBar = "one bar is", "每柱为";
    Minutes = "min", "分钟";
    Hours = "h", "小时";
    Days = "days", "天";
    NobodyNamed = "no partner", "无合作机构";

    // Health.
    Health = "Health", "运行状况";
    LogTakesEntries = "The log takes entries", "日志正常写入";
    LogFailed = "The log has failed: nothing is answered", "日志故障：网关停止应答";
    DiskHasRoom = "The disk has room", "磁盘空间充足";
    DiskIsFull = "The disk is full: questions are refused", "磁盘已满：拒绝查询";
    EntriesInLog = "entries in the log", "条日志";

    // Kinds.
    Kind = "Kind", "种类";
    KindLifecycle = "Start and stop", "启动与停止";
    KindQuery = "Question", "查询";
    KindSession = "Session", "会话";
    KindConsent = "Consent", "授权";
    KindRecords = "Records", "记录";
    KindRead = "Reading", "读取";
    KindKeys = "Keys", "密钥";
    KindConfiguration = "Configuration", "配置";
    KindCounted = "Counted", "计数";
    KindSubjectRequest = "Request of a person", "信息主体请求";
    KindWitness = "Witnessing", "见证";
    KindOther = "Other", "其他";

    // How entries ended.
    Class = "Result", "结果";
    ClassSealed = "Sealed answer", "密封应答";
    ClassRefused = "Refused", "拒绝";
    ClassAdmin = "Done", "完成";
    ClassAbandoned = "Abandoned", "中止";
    ClassOther = "Other", "其他";

    // Search.
    Filters = "Filters", "筛选条件";
    Any = "any", "不限";
    Partner = "Partner", "合作机构";
    Agreement = "Agreement", "合作协议";
    Refusal = "Refusal code", "拒绝代码";
    Method = "Method", "方法";
    Purpose = "Purpose", "使用目的";
    Outcome = "Outcome", "实际结果";
    Signal = "Signal", "信号";
    ConsentId = "Consent id", "授权编号";
    RequestId = "Request id", "请求编号";
    FindEntries = "Find entries", "检索条目";
    ClearFilters = "Clear", "清除";
    Person = "A person", "信息主体";
    PersonExplained = "The identity travels in the body, never in an address. What stands in the address for 15 minutes is a random handle that only you can use.", "身份信息只在请求正文中传送，绝不出现在网址里。网址中的随机代号 15 分钟内有效，且仅限本人使用。";
    PersonNamed = "Only entries about the person you named.", "仅显示与所指定信息主体相关的条目。";
    ForgetPerson = "All people again", "取消指定";
    IdentityKind = "Kind of identity", "证件类型";
    ResidentId = "Resident identity number", "居民身份号码";
    Mobile = "Mobile number", "手机号码";
    Opaque = "Agreed identifier", "约定标识";
    Identity = "Identity", "证件号码";
    FindPerson = "Find this person's entries", "检索此人的条目";
    Results = "Entries found", "检索结果";
    NewestFirst = "Newest first. The search looks at", "按时间倒序。检索范围";
    NoneFound = "No entry matches.", "没有符合条件的条目。";
    NextPage = "Older entries", "更早的条目";
    FirstPage = "Newest entries", "最新的条目";
    ExportCsv = "Export as CSV", "导出 CSV";
    ExportLines = "Export as JSON Lines", "导出 JSON Lines";
    ExportBound = "At most 10,000 entries.", "最多 10,000 条。";
    Number = "Entry", "条目";
    CannotBeOpened = "sealed: the person's key is destroyed", "已密封：该主体的密钥已销毁";

    // The report about a person.
    Report = "Report", "查询报告";
    ReportExplained = "Everything that was asked about one person and what left (PIPL articles 44 and 45), in the language of this page: a file that opens as a page, prints, and proves by itself. That it was made is recorded under the person's own key, with your reason. Check it anywhere with `tollgate audit verify report.html`.", "关于一名信息主体的全部查询及提供情况（个人信息保护法第四十四、四十五条），使用本页面的语言：文件可直接打开、打印，并可自证。出具行为连同理由以该主体自己的密钥记入日志。可随时用 `tollgate audit verify report.html` 验证。";
    Reason = "Reason", "理由";
    MakeReport = "Make the report", "出具报告";

    // Entry.
    EntryTitle = "Entry", "日志条目";
    InWords = "In words", "文字说明";
    WhatLeafSays = "What the leaf says", "叶子内容";
    LeafExplained = "This part is hashed into the tree; it tells nothing about a person.", "此部分计入哈希树，不含任何个人信息。";
    WhatIsSealed = "What is sealed in it", "密封明细";
    SealedExplained = "Opened with the keys of this gateway and checked against the leaf's commitments.", "已用本网关密钥打开，并与叶子中的承诺值核对一致。";
    Peer = "Peer", "对端身份";
    Policy = "Policy snapshot", "策略快照";
    KeyIds = "Keys used", "所用密钥";
    XCommit = "Commitment, partner", "承诺值（机构）";
    ICommit = "Commitment, institution", "承诺值（本机构）";
    Version = "Version", "版本";
    Reference = "Reference", "查询编号";
    Signals = "Signals", "信号";
    Outcomes = "Outcomes", "实际结果";
    FieldsRead = "Fields read", "已读取字段";
    FieldsWithheld = "Fields withheld", "未读取字段";
    OtherCatalogue = "the field catalogue was another then", "当时的字段目录与现在不同";
    Note = "Note", "备注";
    RowsOrEvents = "Rows or events", "行数或次数";
    None = "none", "无";
    SignedBy = "Signed by", "签名密钥";
    EntryBefore = "Entry before", "上一条";
    EntryAfter = "Entry after", "下一条";
    ProofFile = "Download the proof", "下载证明文件";
    ProofAsWritten = "The proof as text", "证明原文";
    ProofExplained = "C2SP tlog-proof, with the leaf in it: `tollgate audit verify` reads it, today or in years.", "C2SP tlog-proof 格式，内含叶子：可随时用 `tollgate audit verify` 验证。";

    // Verification in the browser.
    Verified = "Verified in this browser", "由本浏览器验证";
    VerifiedExplained = "Your browser computes this itself from the bytes of the proof. It does not ask the gateway whether it is right.", "由您的浏览器根据证明字节自行计算，不询问网关结论。";
    VerifyAgain = "Verify again", "重新验证";
    Checking = "checking", "验证中";
    StepFailed = "This failed: do not rely on this entry, and tell the security team.", "验证未通过：请勿采信此条目，并通知安全团队。";
    LeafYes = "The leaf was read and hashed:", "已读取叶子并计算哈希：";
    LeafNo = "The proof cannot be read.", "证明无法读取。";
    RootYes = "The hashes of the proof lead from the leaf to the root of the checkpoint:", "证明中的哈希由叶子推得检查点的根：";
    RootNo = "The hashes do not lead to the root of the checkpoint: the leaf or the proof was changed.", "哈希无法推得检查点的根：叶子或证明被改动。";
    NoteYes = "The checkpoint is signed with the log's key:", "检查点由日志密钥签名：";
    NoteNo = "The checkpoint is not signed with the log's key.", "检查点签名与日志密钥不符。";
    NoteSkip = "This browser cannot verify Ed25519 signatures: the root was recomputed only. Use a newer browser, or `tollgate audit verify`.", "本浏览器不支持 Ed25519 签名验证：仅重新计算了根。请使用较新的浏览器，或用 `tollgate audit verify`。";
    ShownYes = "What this page shows of the leaf is what the leaf says.", "页面显示的内容与叶子一致。";
    ShownNo = "This page shows something else than the leaf says:", "页面显示的内容与叶子不一致：";
    SeenYes = "The log only grew since the last checkpoint this browser saw, of size", "自本浏览器上次所见的检查点以来，日志只增未改，当时条数";
    SeenFirst = "This browser has seen no checkpoint of this log before: it remembers this one.", "本浏览器首次见到此日志的检查点，现已记住。";
    SeenNo = "The log is not the one this browser saw before: a history was rewritten.", "此日志与本浏览器之前所见不符：历史被改写。";
    SeenSkip = "Not compared with what this browser saw before.", "未与本浏览器之前所见比较。";

    // Verifier key.
    VerifierKey = "The log's verifier key", "日志验证公钥";
    KeyFromGateway = "As this gateway tells it", "网关所示";
    Fingerprint = "Fingerprint (SHA-256 of the key)", "指纹（公钥的 SHA-256）";
    CompareKey = "Compare it with the one you were given another way: on paper, or in the file `log.vkey`.", "请与您通过其他途径（纸质文件或 `log.vkey`）获得的公钥核对。";
    YourKey = "The key you were given another way", "您通过其他途径获得的公钥";
    KeepKey = "Keep it in this browser", "保存在本浏览器";
    DropKey = "Forget it", "删除";
    KeyKept = "This browser verifies with the key you gave it.", "本浏览器使用您提供的公钥验证。";
    KeyBad = "That is no verifier key: it has the form name+hash+key.", "这不是验证公钥，格式应为 名称+哈希+密钥。";
    KeyNotKept = "This browser verifies with the key the gateway tells, until you give it one.", "在您提供公钥之前，本浏览器使用网关所示公钥验证。";

    // The log.
    Origin = "Origin", "日志来源";
    Size = "Entries", "条目数";
    Root = "Root", "根哈希";
    Checkpoint = "Newest checkpoint, signed", "最新检查点（已签名）";
    Witnesses = "Witnesses", "见证方";
    Unwitnessed = "Unwitnessed: nobody outside would notice if this machine were set back.", "无见证方：若本机被回滚，外部无人能发现。";
    WitnessesAgree = "Witnesses agree", "见证方一致";
    WitnessesMissing = "Witnesses are missing", "有见证方未签署";
    WitnessesContradict = "A witness has seen another history", "有见证方见过不同的历史";
    Cosigned = "Cosigned, entries", "已签署条目数";
    When = "When", "时间";
    WhyNot = "Why not", "未签署原因";

    // Live.
    LiveExplained = "New entries appear as they are recorded. That you follow is one entry; it ends after ten minutes and is opened again.", "新条目写入后即时显示。查看实时日志本身记为一条条目；每十分钟重新连接一次。";
    Pause = "Pause", "暂停";
    Resume = "Go on", "继续";
    LiveOn = "Following", "正在跟随";
    LivePaused = "Paused; new entries wait", "已暂停，新条目等待显示";
    LiveLost = "Connection lost; trying again", "连接中断，正在重试";

    // Refusals.
    NotShown = "Not shown", "无法显示";
    WhatToDo = "What to do", "如何处理";
    RolesNeeded = "This page is for the roles", "此页面仅限以下角色";
    RoleCompliance = "compliance officer", "合规人员";
    RoleAuditor = "auditor (within scope)", "审计人员（限其范围）";
    YourCertificate = "Your certificate is", "您的证书身份为";
    RefusalRecorded = "This refusal is recorded. Reference:", "本次拒绝已记入日志。查询编号：";
    AskOperator = "Ask the operator to give your certificate the role, or use the certificate that has it.", "请运维人员为您的证书分配角色，或改用具有该角色的证书。";
    AskScope = "Your audit scope does not cover this. Ask the operator to widen or renew it.", "超出您的审计范围。请运维人员扩大或延长授权范围。";
    NoSuchEntry = "The log has no such entry or size. Go back to the search.", "日志中没有该条目或条数。请返回检索页面。";
    BeginAgain = "The page token is not of this search. Begin the search again.", "分页标记不属于本次检索。请重新检索。";
    MendFilter = "A filter has a value that no entry can have. Mend it and search again.", "筛选条件的值无效。请修改后重新检索。";
    NameAgain = "The handle for the person has expired, or is not yours. Name the person again.", "信息主体代号已过期或不属于您。请重新输入证件号码。";
    MendIdentity = "The identity is not well formed: check kind, length and check digit.", "证件号码格式不正确：请核对类型、长度与校验位。";
    SlowDown = "Too many requests. Wait a second and load the page again.", "请求过于频繁。请稍候再刷新页面。";
    CloseViews = "Close a live view in another window first.", "请先关闭其他窗口中的实时页面。";
    OpenConsole = "The request came from another site, so nothing was done. Open the console itself and try again.", "请求来自其他网站，未作任何处理。请直接打开本控制台重试。";
    TryLater = "Try again. If it lasts, give the reference to the operator.", "请重试。如仍失败，请将查询编号告知运维人员。";
    NoSuchPage = "There is no such page.", "没有此页面。";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        let cjk = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        assert!(Text::ALL.len() > 100);
        for text in Text::ALL {
            let (en, zh) = (text.said(Language::English), text.said(Language::Chinese));
            assert!(!en.trim().is_empty() && !en.chars().any(cjk), "{text:?}: {en}");
            assert!(zh.chars().any(cjk), "{text:?} is not Chinese: {zh}");
            assert_eq!(en.matches('`').count(), zh.matches('`').count(), "{text:?}");
        }
    }
}
