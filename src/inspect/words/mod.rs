//! An entry in sentences for people: who asked for what, by what it was decided, what was read and what left.
//!
//! Nothing is recomputed. Bands and reasons are those of the kept answer; which fields a bitmap names is said only where
//! the catalogue is still the one of the entry. Everything that is not known is said to be unknown.
mod agreement;
mod phrases;
mod refusals;
mod signals;

use super::Entry;
use crate::{
    domain::{FieldSet, Language},
    pipeline::View,
    wire::{self, store::v1::InstitutionDetail, v1},
};
pub(super) use agreement::agreement;
pub(super) use phrases::{day, guard, moment, outcome};
pub(super) use signals::answer_of;

/// One sentence in the language that is asked for; both hold the same values in braces.
macro_rules! say {
    ($language:expr, $english:literal, $chinese:literal) => {
        match $language {
            $crate::domain::Language::English => format!($english),
            $crate::domain::Language::Chinese => format!($chinese),
        }
    };
}
pub(super) use say;

/// The entry in sentences, in the order of the request's path.
pub fn words(view: &View, entry: &Entry, language: Language) -> Vec<String> {
    let leaf = &entry.leaf;
    let mut said = vec![who(leaf, language)];
    let current = leaf.policy_hash == view.snapshot.hash();
    if let Some(details) = &entry.details {
        said.extend(under(view, leaf, &details.x, language));
    }
    said.extend(decided(leaf, language));
    let Some(details) = &entry.details else {
        said.push(say!(
            language,
            "Its details cannot be opened: the key of the person it is about was destroyed, or it was never this gateway's. The entry itself still stands and can be proven.",
            "条目明细无法打开：所涉信息主体的密钥已被销毁，或该密钥不属于本网关。条目本身仍然存在，并可证明。"
        ));
        return said;
    };
    said.extend(signals::sentences(view, details, language));
    said.extend(read(view, leaf, &details.i, language));
    said.extend(noted(&details.i, language));
    if !current && leaf.kind() == v1::EntryKind::Query {
        let hash = hex(leaf.policy_hash.get(..8).unwrap_or_default());
        said.push(say!(
            language,
            "It was decided by the policy snapshot {hash}…, which is not the current one: meanings of signals and reasons are given as they read today.",
            "决定依据的策略快照 {hash}… 已不是当前快照：信号与原因代码的含义按现行文字给出。"
        ));
    }
    if !details.x.reference.is_empty() {
        let reference = &details.x.reference;
        said.push(say!(language, "Reference {reference}.", "查询编号 {reference}。"));
    }
    said
}

/// What a refusal code means; a code of another version is its own name.
pub fn meaning(code: &str, language: Language) -> String {
    refusals::explained(code, language).1
}

/// Names of the fields that were read and of those that were withheld, where that can be told: from the kept answer, or
/// from the entry's bitmaps while the policy is still the one it names.
pub fn fields(view: &View, entry: &Entry) -> Option<(Vec<String>, Vec<String>)> {
    let details = entry.details.as_ref()?;
    fields_of(view, &entry.leaf, &details.i)
}

fn fields_of(view: &View, leaf: &v1::Leaf, i: &InstitutionDetail) -> Option<(Vec<String>, Vec<String>)> {
    let named = |bitmap: &[u8]| -> Vec<String> {
        let names = view.snapshot.names(FieldSet::from_bytes(bitmap));
        names.into_iter().map(ToString::to_string).collect()
    };
    if leaf.policy_hash == view.snapshot.hash() || (i.fields_read.is_empty() && i.fields_withheld.is_empty()) {
        return Some((named(&i.fields_read), named(&i.fields_withheld)));
    }
    // A repeat reads nothing, whatever its answer says.
    let answer = answer_of(leaf, i).filter(|a| !a.fields_read.is_empty() || !a.fields_withheld.is_empty())?;
    match i.fields_read.is_empty() {
        true => Some((Vec::new(), [answer.fields_read, answer.fields_withheld].concat())),
        false => Some((answer.fields_read, answer.fields_withheld)),
    }
}

fn who(leaf: &v1::Leaf, language: Language) -> String {
    let (seq, peer) = (leaf.seq, &leaf.peer);
    let time = moment(wire::millis(leaf.time.as_ref()).unwrap_or_default());
    let did = phrases::did(&leaf.method, leaf.kind(), language);
    let member = match leaf.partner.as_str() {
        "" => peer.clone(),
        partner => say!(language, "{partner} ({peer})", "{partner}（{peer}）"),
    };
    say!(
        language,
        "Entry {seq}, {time}: {member} {did}.",
        "条目 {seq}，{time}：{member} {did}。"
    )
}

/// Under which agreement, for which purpose, by which consent, signed with what.
fn under(view: &View, leaf: &v1::Leaf, x: &v1::PartnerDetail, language: Language) -> Vec<String> {
    let mut said = Vec::new();
    if let Ok(agreement) = leaf.agreement.parse::<crate::domain::AgreementId>() {
        let known = view.snapshot.agreements().by_id(&agreement);
        let title = known.map_or(String::new(), |a| {
            let title = a.title();
            say!(language, " ({title})", "（{title}）")
        });
        said.push(say!(
            language,
            "Agreement: {agreement}{title}.",
            "合作协议：{agreement}{title}。"
        ));
    }
    if !x.purpose.is_empty() {
        let purpose = &x.purpose;
        let known = view.signals.purposes().iter().find(|p| p.id.as_str() == purpose);
        let title = known.map_or(String::new(), |p| {
            let title = language.pick(&p.title_en, &p.title_zh);
            say!(language, ", {title}", "，{title}")
        });
        said.push(say!(
            language,
            "Purpose: {purpose}{title}.",
            "使用目的：{purpose}{title}。"
        ));
    }
    if !x.consent_id.is_empty() {
        let consent = hex(&x.consent_id);
        said.push(say!(
            language,
            "Consent that was named: {consent}.",
            "所引用的授权：{consent}。"
        ));
    }
    if !x.signals.is_empty() {
        let asked = x.signals.join(language.pick(", ", "、"));
        said.push(say!(
            language,
            "Signals that were asked for: {asked}.",
            "请求的信号：{asked}。"
        ));
    }
    if !x.signing_key_id.is_empty() {
        let key = &x.signing_key_id;
        said.push(match x.signature.is_empty() {
            false => say!(
                language,
                "The request was signed with the key {key}: whoever holds it cannot deny the request.",
                "请求由密钥 {key} 签名：密钥持有方不能否认该请求。"
            ),
            true => say!(
                language,
                "The session it came in was opened with a signature by the key {key}.",
                "请求所在的会话由密钥 {key} 签名开启。"
            ),
        });
    }
    said
}

/// Refused, and by which step.
fn decided(leaf: &v1::Leaf, language: Language) -> Vec<String> {
    match leaf.class() {
        v1::EntryClass::Refused => {
            let code = &leaf.refusal;
            let (step, meaning) = refusals::explained(code, language);
            vec![
                say!(
                    language,
                    "It was refused with {code}: {meaning}.",
                    "请求被拒绝，拒绝代码 {code}：{meaning}。"
                ),
                say!(
                    language,
                    "The step that decided: {step}. No record was read for an answer, and nothing left but this refusal.",
                    "作出决定的步骤：{step}。未为答复读取任何记录，除此拒绝外没有任何信息离开网关。"
                ),
            ]
        }
        v1::EntryClass::Abandoned => vec![say!(
            language,
            "It ended without a reply: the case was broken off before it was answered, and nothing left.",
            "该请求没有得到答复：处理中途终止，没有任何信息离开网关。"
        )],
        _ => Vec::new(),
    }
}

/// Which fields were read, and which the question would have needed.
fn read(view: &View, leaf: &v1::Leaf, i: &InstitutionDetail, language: Language) -> Vec<String> {
    if leaf.kind() != v1::EntryKind::Query || leaf.class() != v1::EntryClass::Sealed {
        return Vec::new();
    }
    let Some((read, withheld)) = fields_of(view, leaf, i) else {
        let (read, withheld) = (count(&i.fields_read), count(&i.fields_withheld));
        return vec![say!(
            language,
            "{read} fields were read and {withheld} withheld; their names follow a catalogue that is not the current one.",
            "读取 {read} 个字段，未提供 {withheld} 个字段；字段名称对应的字段目录已不是当前版本。"
        )];
    };
    let list = |names: &[String]| names.join(language.pick(", ", "、"));
    let (all, not) = (list(&read), list(&withheld));
    let mut said = vec![match read.is_empty() {
        true => say!(language, "No field of the record was read.", "未读取记录中的任何字段。"),
        false => say!(
            language,
            "Fields that were read inside the gateway: {all}. Their values did not leave.",
            "网关内部读取的字段：{all}。字段的值没有离开网关。"
        ),
    }];
    if !withheld.is_empty() {
        said.push(say!(
            language,
            "Fields that the signals would need and that were not read: {not}.",
            "信号所需但未读取的字段：{not}。"
        ));
    }
    said
}

fn count(bitmap: &[u8]) -> u32 {
    bitmap.iter().map(|byte| byte.count_ones()).sum()
}

/// What the entry notes beside: repeats, batches, counted events.
fn noted(i: &InstitutionDetail, language: Language) -> Vec<String> {
    let mut said = Vec::new();
    let note = &i.note;
    if let Some(entry) = note.strip_prefix("repeats entry ") {
        said.push(say!(
            language,
            "The same request was answered before: the answer that entry {entry} kept went out again, and nothing was read for it.",
            "同一请求此前已经答复：再次发出的是条目 {entry} 中保存的答复，没有为此读取任何内容。"
        ));
    } else if let Some(consent) = note.strip_prefix("consent ") {
        said.push(say!(
            language,
            "The consent it is about: {consent}.",
            "涉及的授权：{consent}。"
        ));
    } else if !note.is_empty() && i.guards.is_empty() {
        said.push(say!(language, "Noted: {note}.", "备注：{note}。"));
    }
    if i.count > 0 {
        let count = i.count;
        said.push(say!(
            language,
            "It stands for {count} rows, entries or events.",
            "涉及 {count} 条记录、条目或事件。"
        ));
    }
    said
}

/// Bytes as people copy them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
