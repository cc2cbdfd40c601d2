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
    Product = "Tollgate · compliance", "Tollgate · 合规";
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
    LogPeriod = "Period of the log", "日志期次";
    TakesEntries = "(takes entries)", "（当前期）";
    AllPeriods = "all that are kept", "全部留存期次";
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

    // Cases: requests of persons.
    Cases = "Cases", "权利请求";
    CaseTitle = "Case", "权利请求";
    CaseKind = "Asks for", "请求类型";
    CaseAccess = "Access", "查阅复制";
    CaseCorrection = "Correction", "更正";
    CaseDeletion = "Deletion", "删除";
    CaseDispute = "Dispute", "异议";
    CaseExplanation = "Explanation", "说明理由";
    CaseState = "State", "状态";
    CasePending = "not closed", "未办结";
    CaseOpen = "Open", "办理中";
    CaseWaiting = "Waiting for others", "等待他方";
    CaseClosed = "Closed", "已办结";
    CaseOwner = "Owner", "承办人";
    CaseClock = "Clock", "期限";
    CaseReceived = "Received", "收到时间";
    CaseDue = "Answer due by", "答复期限";
    CaseId = "Case id", "请求标识";
    CaseOutcome = "How it ends", "办理结果";
    CaseWords = "In the person's words", "请求内容";
    CaseReason = "Reason given", "答复理由";
    DaysLeft = "days left:", "剩余天数";
    DaysOverdue = "overdue, days:", "已逾期天数";
    OnlyOverdue = "only overdue ones", "仅显示逾期";
    ShowCases = "Show cases", "显示请求";
    NearestFirst = "Nearest deadline first", "按期限先后排列";
    CasesPending = "Not closed:", "未办结";
    CasesOverdue = "overdue:", "其中逾期";
    NoCases = "No case matches.", "没有符合条件的请求。";
    FirstCases = "First page", "第一页";
    LaterCases = "Later deadlines", "期限较晚的请求";
    OpenCase = "Take in a request", "登记新请求";
    OpenCaseExplained = "The clock runs from the day the request arrived. Who it is, where letters go and what they write are kept under the person's own key.", "期限自收到请求之日起算。身份、联系方式和请求内容均以该主体自己的密钥加密保存。";
    ReceivedOn = "Arrived on (empty: now)", "收到日期（空：现在）";
    Contact = "Where letters go", "联系地址";
    WordsBound = "At most 256 bytes of address and 1,024 bytes of text; a Chinese character is three bytes.", "地址最多 256 字节，内容最多 1,024 字节；一个汉字占三个字节。";
    EndFulfilled = "Fulfilled", "已办理";
    EndPartly = "Fulfilled in part", "部分办理";
    EndRefused = "Not fulfilled", "未予办理";
    EndWithdrawn = "Withdrawn", "已撤回";
    CaseHistory = "History", "办理过程";
    Event = "What happened", "事项";
    EventReceived = "The request arrived", "收到请求";
    EventOpened = "The case was opened", "登记立案";
    Letters = "Letters", "函件数";
    EventLetter = "Letter written:", "出具函件";
    EventClosed = "Closed:", "办结";
    HistoryExplained = "The last four letters stand here. Every step, with who took it, is an entry in the log; the links name the person by a handle that only you can use, for 15 minutes.", "此处列出最近四份函件。每一步骤及经办人均记入日志；下列链接以仅限本人使用、15 分钟内有效的代号指代该主体。";
    StepsInLog = "All steps of this person's cases in the log", "日志中此人各项请求的全部步骤";
    RecipientsTold = "Recipients who were told of a correction", "已获更正通知的接收方";
    PersonErased = "The person's key is destroyed: nothing names them any more.", "该主体的密钥已销毁，已无任何信息指向其本人。";
    WhatNext = "What comes next", "后续步骤";
    TakeCase = "Take it over", "由我承办";
    HandOn = "Owner and state", "承办人与状态";
    HandOnNow = "Change", "更改";
    ClockGoesOn = "The clock goes on while it waits.", "等待期间，期限照常计算。";
    WriteLetter = "The letter that is due", "应出具的函件";
    WriteLetterNow = "Write the letter", "出具函件";
    LetterLanguage = "Language of the letter", "函件语言";
    LetterExplained = "Each letter that is written is an entry that proves its bytes. The gateway keeps its digest, not its words.", "每份函件均对应一条可证明其内容的日志。网关只保存摘要，不保存正文。";
    LetterReceipt = "Acknowledgement", "受理通知";
    LetterDelay = "Notice of delay", "逾期告知";
    LetterOutcome = "Notice of the outcome", "办结通知";
    LetterRefusal = "Refusal, with what the person can do", "不予办理通知（附救济途径）";
    LetterWritten = "This letter is written and proven by entry", "函件已出具，证明条目";
    KeepLetter = "Print or save it now: it cannot be shown again.", "请立即打印或保存：网关无法再次显示。";
    SaveLetter = "Save the letter as a file", "保存函件文件";
    BackToCase = "Back to the case", "返回该请求";
    GrantDeletion = "Grant the deletion", "同意删除";
    GrantExplained = "Closes the case as fulfilled and orders the erasure in the same entry: the record is blocked at once and erased when nothing holds it.", "以“已办理”办结，并在同一条目中下达删除：记录立即停止处理，待无保留事由时删除。";
    Certain = "I have checked it: this cannot be taken back.", "已核对无误：此操作无法撤销。";
    CloseCase = "Close: nothing is left to explain", "办结：无需说明理由";
    CloseWithReason = "Close with a reason", "附理由办结";
    CloseNow = "Close the case", "办结";
    ReasonForPerson = "Reason, in words for the person", "答复理由（告知本人）";
    CloseExplained = "The reason stands in the letter. At most 512 bytes; a Chinese character is three.", "理由将写入函件。最多 512 字节，一个汉字占三个字节。";

    // Legal holds on the log.
    Holds = "Holds", "法定留存";
    HoldsOnLog = "Legal holds on the log", "日志的法定留存";
    HoldsExplained = "What is held is not deleted with an archive, whatever its age. A hold never ends by itself. Holds on persons stand with their erasure.", "留存的内容无论年限均不随归档删除。留存不会自行终止。针对个人的保留事由见“删除”页面。";
    HoldsInForce = "Holds in force", "现行留存";
    NoHolds = "Nothing is held.", "目前没有留存。";
    WhatIsHeld = "What is held", "留存对象";
    HeldPeriod = "period", "日志期";
    HeldPartner = "everything about partner", "合作机构的全部日志";
    CaseNumber = "Case number", "案号";
    CaseNumberExplained = "The institution's own number for the reason, at most 64 bytes; no names in it. Another number for what is held already replaces the first.", "本机构的事由编号，最多 64 字节，不得含姓名。对已留存对象重复登记将替换原编号。";
    PlaceHold = "Place a hold", "设置留存";
    ReleaseHold = "Release", "解除";

    // Erasures.
    Erasures = "Erasures", "删除";
    ErasuresTitle = "Erasures and what holds them", "删除及其保留事由";
    ErasureOfPerson = "Erasure of this person", "此人的删除情况";
    ShowPerson = "Show how it stands", "查看情况";
    NotComplete = "Not complete", "尚未完成";
    NotCompleteExplained = "By erasure id, without the person. Holds on persons for whom nothing was requested stand here too.", "按删除编号排列，不显示本人。尚未申请删除但设有保留事由的也列于此。";
    NoErasures = "No erasure is under way and nobody is held.", "没有进行中的删除或保留事由。";
    FirstErasures = "First page", "第一页";
    MoreErasures = "More", "下一页";
    ErasureId = "Erasure id", "删除编号";
    Requested = "Requested", "申请时间";
    Stage = "Stage", "阶段";
    HeldBy = "What stands against it", "保留事由";
    HeldByNothing = "Nothing.", "无。";
    StageFree = "No erasure is requested", "未申请删除";
    StageBlocked = "Blocked: the record is stored and not used", "停止处理：记录仅存储，不再使用";
    StageRecordRemoved = "The record is removed; old bytes of it would still open", "记录已移除；旧字节仍可打开";
    StageRecordErased = "The record is erased; the log's link to the person stands", "记录已删除；日志与本人的关联仍在";
    StageLinkRemoved = "The link is removed too; old bytes of it would still open", "关联亦已移除；旧字节仍可打开";
    ReasonLegal = "Legal hold", "法定留存";
    ReasonDispute = "Dispute", "异议";
    ReasonRetention = "Retention duty", "保存义务";
    UntilCaseCloses = "until the dispute is closed", "至异议办结";
    UntilReleased = "until it is released", "至解除为止";
    UntilThen = "until", "至";
    HoldIsOver = "over", "已届满";
    NextWhenFree = "The record is removed once nothing holds it.", "无保留事由后移除记录。";
    NextSoon = "The record is removed within half a minute.", "半分钟内移除记录。";
    NextTurn = "Erased when the epoch turns, by", "销毁周期轮换时删除，最迟";
    NextSearch = "The log is searched for what was last told.", "正在检索日志中最近一次提供的内容。";
    NextLink = "The link is removed after", "关联移除时间不早于";
    NextAlsoFree = "and once nothing holds it", "且须无保留事由";
    HowItStands = "How it stands", "目前情况";
    NothingOrdered = "No erasure is requested and nothing is held.", "未申请删除，亦无保留事由。";
    PersonStandsHere = "This is about the person you named; for 15 minutes the address works for you only.", "所示为您指定的信息主体；该网址 15 分钟内有效，仅限本人使用。";
    BackToErasures = "All erasures", "返回删除列表";
    RecordRemoved = "Record removed", "记录移除时间";
    RecordErased = "Record erased", "记录删除时间";
    ProvableUntil = "What was told is provable until", "提供记录可证明至";
    HoldUntil = "How long", "期限";
    HoldPlaced = "Placed", "设置时间";
    HoldPlacedBy = "By", "设置人";
    EndsWithCase = "ends with its case", "随异议办结而终止";
    RequestErasure = "Request the erasure", "申请删除";
    RequestExplained = "The record is blocked at once and erased as soon as nothing holds it.", "记录立即停止处理，待无保留事由时删除。";
    KeepPerson = "Keep what there is of this person", "设置保留事由";
    KeepExplained = "A court, a regulator, a dispute or a law needs it. At most four holds of a person.", "因法院、监管机构、异议或法律要求而保留。每人最多四项。";
    KeepUntil = "Until (UTC), or released", "期限（UTC；空：至解除）";
    CaseNumberPlain = "The case number is the institution's own: letters, digits and signs without spaces, at most 64; never a name.", "案号为本机构编号：不含空格的字母、数字和符号，最多 64 个字符；不得含姓名。";

    // What was not done.
    NotDone = "Not done", "未执行";
    MendForm = "A field of the form has a value that is not taken: an officer, a date, a length, a reason that is missing. Go back, mend it and send it again.", "表单中有无法接受的值：承办人、日期、长度或缺少理由。请返回修改后重新提交。";
    ListCases = "The case list has no such case. Go back to the list.", "没有此请求。请返回请求列表。";
    CaseIsClosed = "Somebody has closed it. Open the case to see how it ended; take in a new request if the person asks again.", "该请求已办结。请查看办理结果；如本人再次提出，请登记新请求。";
    CloseCases = "Close some of the person's open cases first.", "请先办结此人的部分请求。";
    ReleaseHolds = "Release holds that are no longer needed first.", "请先解除不再需要的保留事由。";
    WriteLess = "The form is too long. Go back and write less.", "表单内容过长。请返回缩短后重新提交。";

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
    NoSuchPeriod = "No such period of the log is kept. Choose one in the search.", "未留存该期日志。请在检索页面选择期次。";
    MendArchive = "The archive of that period cannot be read. Ask the operator to verify it and to restore it from a backup.", "该期日志存档无法读取。请运维人员验证存档，并从备份恢复。";
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
