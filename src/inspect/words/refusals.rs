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
    Log,
    Scope,
    Work,
    Persons,
    Witness,
}

impl Step {
    fn words(self, language: Language) -> &'static str {
        match self {
            Step::Persons => language.pick("the desk of people's rights", "个人信息权利事项"),
            Step::Witness => language.pick("the witness of other logs", "对其他日志的见证"),
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
            Step::Log => language.pick("the log's own reader", "日志读取"),
            Step::Scope => language.pick("the scope of the caller in the register", "登记册中的审计范围"),
            Step::Work => language.pick("the gateway itself", "网关自身"),
        }
    }
}

/// Each code with the step that gives it and its meaning in Chinese; the English one is the code's own text.
const CODES: &[(Code, Step, &str)] = &[
    (Code::PeerUnknown, Step::Identity, "证书不属于已登记的对端"),
    (Code::PeerRevoked, Step::Identity, "证书已被吊销"),
    (Code::CertificateExpired, Step::Identity, "客户端证书已过期"),
    (Code::MethodNotAllowed, Step::Authenticate, "该角色无权调用此方法"),
    (Code::PartnerSuspended, Step::Authenticate, "该合作机构已被暂停"),
    (Code::RateLimited, Step::Rate, "请求过于频繁"),
    (Code::TooLarge, Step::Open, "消息超出此方法允许的大小"),
    (Code::EnvelopeMalformed, Step::Open, "密封信封缺少部分内容或长度不对"),
    (Code::SuiteNotAllowed, Step::Open, "该密码套件不被允许"),
    (Code::KeyUnknown, Step::Open, "没有可用的交换密钥对应此编号"),
    (Code::OpenFailed, Step::Open, "密封信封无法打开"),
    (Code::SessionUnknown, Step::Open, "不存在这样的会话"),
    (Code::SessionExpired, Step::Open, "会话已结束"),
    (Code::Replayed, Step::Open, "序号已被使用"),
    (Code::SessionsExhausted, Step::Open, "打开的会话过多"),
    (Code::SessionRequired, Step::Open, "此方法只接受会话中的请求"),
    (Code::SigningKeyUnknown, Step::Signed, "签名密钥未登记在该机构名下"),
    (Code::SignatureInvalid, Step::Signed, "签名与规范编码的请求不符"),
    (Code::SignatureRequired, Step::Signed, "该请求需要单独签名"),
    (Code::NotCanonical, Step::Signed, "签名内容不是规范编码"),
    (Code::Stale, Step::Request, "请求签发时间与网关时钟相差过大"),
    (Code::FieldInvalid, Step::Signed, "请求的某个字段缺失或无效"),
    (Code::SubjectMalformed, Step::Signed, "身份标识的格式不正确"),
    (Code::RequestIdReused, Step::Request, "请求编号已用于另一请求"),
    (Code::AgreementUnknown, Step::Policy, "该机构没有此编号的合作协议"),
    (Code::AgreementNotInForce, Step::Policy, "合作协议当日未生效"),
    (Code::PurposeNotAgreed, Step::Policy, "合作协议不包含该使用目的"),
    (Code::PurposeUnknown, Step::Policy, "网关没有这一使用目的"),
    (Code::SignalUnknown, Step::Policy, "网关没有这一信号"),
    (Code::SignalRetired, Step::Policy, "该信号已停止提供"),
    (Code::SignalNotAgreed, Step::Policy, "合作协议不包含该信号族"),
    (Code::PurposeNotAllowedForSignal, Step::Policy, "该信号不得用于此目的"),
    (
        Code::GranularityTooFine,
        Step::Policy,
        "合作协议只允许该信号族的更粗粒度",
    ),
    (
        Code::RouteNotAllowed,
        Step::Policy,
        "数据路径不被允许，须经持牌征信机构（断直连）",
    ),
    (
        Code::CrossBorderNotAllowed,
        Step::Policy,
        "合作协议未约定出境机制（个人信息保护法第三十八条）",
    ),
    (
        Code::SensitivityNotAllowed,
        Step::Policy,
        "该信号的敏感级别超出合作协议",
    ),
    (Code::PolicyError, Step::Policy, "策略无法求值，因此拒绝"),
    (Code::QuotaSpent, Step::Quota, "合作协议当日配额已用完"),
    (Code::ConsentTermsInvalid, Step::Consent, "授权条款无效"),
    (Code::ConsentsExhausted, Step::Consent, "该机构持有的此人授权已达上限"),
    (Code::BatchOutOfOrder, Step::Records, "分块与批次的当前位置不衔接"),
    (Code::BatchesExhausted, Step::Records, "未完成的加载过多"),
    (Code::CatalogueMismatch, Step::Records, "记录所依据的字段目录不同"),
    (Code::RowInvalid, Step::Records, "记录与字段目录不符"),
    (Code::LogRange, Step::Log, "日志没有这样的大小或条目"),
    (Code::PageTokenInvalid, Step::Log, "翻页标记不属于此次检索"),
    (Code::OutOfScope, Step::Scope, "超出审计范围"),
    (Code::DiskFull, Step::Work, "磁盘空间不足，日志无法写入"),
    (Code::Internal, Step::Work, "网关自身出错，未能答复"),
    (Code::DeadlineExceeded, Step::Work, "处理超时"),
    (Code::StreamsExhausted, Step::Rate, "同时打开的数据流过多"),
    (Code::ErasuresExhausted, Step::Persons, "打开的保留或删除事项已达上限"),
    (
        Code::CheckpointMalformed,
        Step::Witness,
        "请求内容不是旧大小、证明与签名检查点",
    ),
    (Code::WitnessedLogUnknown, Step::Witness, "本网关不见证该日志"),
    (
        Code::CheckpointSignature,
        Step::Witness,
        "检查点未由该日志的已知密钥签名",
    ),
    (Code::CheckpointSize, Step::Witness, "见证方所知的该日志大小不同"),
    (
        Code::CheckpointForked,
        Step::Witness,
        "见证方在该大小已见证另一根哈希：日志存在两个版本",
    ),
    (
        Code::CheckpointInconsistent,
        Step::Witness,
        "证明无法从已见证的检查点延续到此检查点",
    ),
];

/// The step that refused, and what the code means. A code of another version has its name only.
pub(super) fn explained(name: &str, language: Language) -> (&'static str, String) {
    let known = Code::ALL.iter().find(|code| code.name() == name);
    let Some(code) = known.copied() else {
        let unknown = language.pick("a step of another version", "其他版本的步骤");
        return (unknown, name.to_owned());
    };
    let row = CODES.iter().find(|(of, ..)| *of == code);
    let (step, chinese) = row.map_or((Step::Work, code.message()), |(_, step, chinese)| (*step, *chinese));
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
        for code in Code::ALL {
            let rows = CODES.iter().filter(|(of, ..)| of == code).count();
            assert_eq!(rows, 1, "`{}` has no words in Chinese, or two", code.name());
        }
        assert_eq!(
            explained("OF_ANOTHER_VERSION", Language::English).1,
            "OF_ANOTHER_VERSION"
        );
    }
}
