//! What each refusal code says of the request, and which step gives it.
use crate::{domain::Language, refusal::Code};

/// A step of a request's path.
#[derive(Clone, Copy)]
enum Step {
    Identity,
    Authenticate,
    Rate,
    Open,
    Signed,
    Request,
    Consent,
    Policy,
    Quota,
    Records,
    Cases,
    Log,
    Scope,
    Admin,
    Work,
}

impl Step {
    fn words(self, language: Language) -> &'static str {
        match self {
            Step::Identity => language.pick(
                "the certificate of the connection, looked at anew for each call",
                "身份：连接证书，每次调用重新检查",
            ),
            Step::Authenticate => language.pick("authentication against the register", "认证：对照登记册"),
            Step::Rate => language.pick(
                "the rates per peer, before anything is opened",
                "限速：打开任何内容之前按对端计数",
            ),
            Step::Open => language.pick("opening of the sealed envelope", "拆封：打开密封信封"),
            Step::Signed => language.pick("the signature and form of the request", "验签：请求的签名与格式"),
            Step::Request => language.pick("the request's id and time", "请求编号与时间"),
            Step::Consent => language.pick("the consent desk", "授权登记"),
            Step::Policy => language.pick(
                "the policy: a guard that looks at agreement, purpose and signal, never at the person",
                "策略：只看协议、目的与信号、不看个人的平台规则",
            ),
            Step::Quota => language.pick("the agreement's quota of the day", "配额：协议当日调用配额"),
            Step::Records => language.pick("the records desk", "记录登记"),
            Step::Cases => language.pick("the case list", "个人权利请求清单"),
            Step::Log => language.pick("the log's own reader", "日志读取"),
            Step::Scope => language.pick("the scope of the caller in the register", "登记册中的审计范围"),
            Step::Admin => language.pick("the desk of proposals and suspensions", "提案与停用登记"),
            Step::Work => language.pick("the gateway itself", "网关自身"),
        }
    }
}

/// The step that gives a code, and its meaning in Chinese; the English one is the code's own text.
fn row(code: Code) -> (Step, &'static str) {
    use Step::{
        Admin, Authenticate, Cases, Consent, Identity, Log, Open, Policy, Quota, Rate, Records, Request, Scope, Signed,
        Work,
    };
    match code {
        Code::PeerUnknown => (Identity, "证书不属于已登记的对端"),
        Code::PeerRevoked => (Identity, "证书已被吊销"),
        Code::CertificateExpired => (Identity, "客户端证书已过期"),
        Code::MethodNotAllowed => (Authenticate, "该角色无权调用此方法"),
        Code::PartnerSuspended => (Authenticate, "该合作机构已被暂停"),
        Code::RateLimited => (Rate, "请求过于频繁"),
        Code::TooLarge => (Open, "消息超出此方法允许的大小"),
        Code::EnvelopeMalformed => (Open, "密封信封缺少部分内容或长度不对"),
        Code::SuiteNotAllowed => (Open, "该密码套件不被允许"),
        Code::KeyUnknown => (Open, "没有可用的交换密钥对应此编号"),
        Code::OpenFailed => (Open, "密封信封无法打开"),
        Code::SessionUnknown => (Open, "不存在这样的会话"),
        Code::SessionExpired => (Open, "会话已结束"),
        Code::Replayed => (Open, "序号已被使用"),
        Code::SessionsExhausted => (Open, "打开的会话过多"),
        Code::SessionRequired => (Open, "此方法只接受会话中的请求"),
        Code::SigningKeyUnknown => (Signed, "签名密钥未登记在该机构名下"),
        Code::SignatureInvalid => (Signed, "签名与规范编码的请求不符"),
        Code::SignatureRequired => (Signed, "该请求需要单独签名"),
        Code::NotCanonical => (Signed, "签名内容不是规范编码"),
        Code::Stale => (Request, "请求签发时间与网关时钟相差过大"),
        Code::FieldInvalid => (Signed, "请求的某个字段缺失或无效"),
        Code::SubjectMalformed => (Signed, "身份标识的格式不正确"),
        Code::RequestIdReused => (Request, "请求编号已用于另一请求"),
        Code::AgreementUnknown => (Policy, "该机构没有此编号的合作协议"),
        Code::AgreementNotInForce => (Policy, "合作协议当日未生效"),
        Code::PurposeNotAgreed => (Policy, "合作协议不包含该使用目的"),
        Code::PurposeUnknown => (Policy, "网关没有这一使用目的"),
        Code::SignalUnknown => (Policy, "网关没有这一信号"),
        Code::SignalRetired => (Policy, "该信号已停止提供"),
        Code::SignalNotAgreed => (Policy, "合作协议不包含该信号族"),
        Code::PurposeNotAllowedForSignal => (Policy, "该信号不得用于此目的"),
        Code::GranularityTooFine => (Policy, "合作协议只允许该信号族的更粗粒度"),
        Code::RouteNotAllowed => (Policy, "数据路径不被允许，须经持牌征信机构（断直连）"),
        Code::CrossBorderNotAllowed => (Policy, "合作协议未约定出境机制（个人信息保护法第三十八条）"),
        Code::SensitivityNotAllowed => (Policy, "该信号的敏感级别超出合作协议"),
        Code::PolicyError => (Policy, "策略无法求值，因此拒绝"),
        Code::QuotaSpent => (Quota, "合作协议当日配额已用完"),
        Code::ConsentTermsInvalid => (Consent, "授权条款无效"),
        Code::ConsentsExhausted => (Consent, "该机构持有的此人授权已达上限"),
        Code::BatchOutOfOrder => (Records, "分块与批次的当前位置不衔接"),
        Code::BatchesExhausted => (Records, "未完成的加载过多"),
        Code::CatalogueMismatch => (Records, "记录所依据的字段目录不同"),
        Code::RowInvalid => (Records, "记录与字段目录不符"),
        Code::LogRange => (Log, "日志没有这样的大小或条目"),
        Code::PeriodUnknown => (Log, "没有保存这一期日志"),
        Code::ArchiveUnreadable => (Log, "该期日志的存档无法读取"),
        Code::PageTokenInvalid => (Log, "翻页标记不属于此次检索"),
        Code::OutOfScope => (Scope, "超出审计范围"),
        Code::StreamsExhausted => (Rate, "同时打开的日志流过多"),
        Code::ErasuresExhausted => (Work, "等待处理的删除请求过多"),
        Code::CheckpointMalformed => (Log, "提交的检查点格式不正确"),
        Code::WitnessedLogUnknown => (Log, "本网关不见证该日志"),
        Code::CheckpointSignature => (Log, "检查点签名与该日志的已知密钥不符"),
        Code::CheckpointSize => (Log, "见证方已知该日志的另一条数"),
        Code::CheckpointForked => (Log, "同一条数下见证方已签署另一个根：日志出现两种历史"),
        Code::CheckpointInconsistent => (Log, "延续证明与已签署的检查点不衔接"),
        Code::CrossOrigin => (Identity, "请求来自其他网站的页面"),
        Code::SubjectRequestUnknown => (Cases, "案件清单中没有此编号的请求"),
        Code::SubjectRequestClosed => (Cases, "该请求已办结"),
        Code::SubjectRequestsExhausted => (Cases, "未办结的个人权利请求过多"),
        Code::TargetUnknown => (Admin, "没有这样的成员、密钥或停用记录"),
        Code::SuspensionsExhausted => (Admin, "已停用的证书与密钥达到上限"),
        Code::ProposalUnknown => (Admin, "没有此编号的变更提案"),
        Code::ProposalClosed => (Admin, "该提案此前已有决定，不再有效"),
        Code::ProposalExpired => (Admin, "该提案已过期"),
        Code::ProposalChanged => (Admin, "批准的内容与提案不一致，或其对象此后已有变化"),
        Code::SamePerson => (Admin, "提案人不能批准自己的提案，换用证书或角色也不行"),
        Code::OfficerNotValid => (Admin, "提案人已不再是该角色的成员，或已被停用"),
        Code::JobRunning => (Admin, "同类的另一项作业正在执行"),
        Code::ProposalsExhausted => (Admin, "未决的提案过多"),
        Code::DiskFull => (Work, "磁盘空间不足，日志无法写入"),
        Code::Internal => (Work, "网关自身出错，未能答复"),
        Code::DeadlineExceeded => (Work, "处理超时"),
    }
}

/// The step that refused, and what the code means. A code of another version has its name only.
pub(super) fn explained(name: &str, language: Language) -> (&'static str, String) {
    let known = Code::ALL.iter().find(|code| code.name() == name);
    let Some(code) = known.copied() else {
        let unknown = language.pick("a step of another version", "其他版本的步骤");
        return (unknown, name.to_owned());
    };
    let (step, chinese) = row(code);
    (step.words(language), language.pick(code.message(), chinese).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_its_own_words() {
        for language in [Language::English, Language::Chinese] {
            let said: HashSet<_> = Code::ALL.iter().map(|c| explained(c.name(), language).1).collect();
            assert_eq!(said.len(), Code::ALL.len(), "{language:?}");
        }
        assert_eq!(
            explained("OF_ANOTHER_VERSION", Language::English).1,
            "OF_ANOTHER_VERSION"
        );
    }
}
