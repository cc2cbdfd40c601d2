//! An agreement in sentences.
use super::{day, say};
use crate::{
    agreement::{Agreement, Evidence, Route},
    domain::Language,
    pipeline::View,
};

/// What was agreed, as a person reads it.
pub(in crate::inspect) fn agreement(view: &View, agreement: &Agreement, language: Language) -> Vec<String> {
    let (id, title, partner) = (agreement.id(), agreement.title(), agreement.partner());
    let (from, until) = (day(agreement.not_before().0), day(agreement.not_after().0));
    let comma = language.pick(", ", "、");
    let parties: Vec<String> = agreement.parties().iter().map(|p| p.id.to_string()).collect();
    let parties = parties.join(comma);
    let purpose = |id: &crate::domain::Purpose| {
        let known = view.signals.purposes().iter().find(|p| p.id == *id);
        known.map_or_else(
            || id.to_string(),
            |p| format!("{id} ({})", language.pick(&p.title_en, &p.title_zh)),
        )
    };
    let purposes: Vec<String> = agreement.purposes().iter().map(purpose).collect();
    let purposes = purposes.join(comma);
    let families: Vec<String> = agreement
        .families()
        .iter()
        .map(|(f, finest)| format!("{f}:{finest}"))
        .collect();
    let families = families.join(comma);
    let mut said = vec![
        say!(
            language,
            "Agreement {id}: {title}. Partner: {partner}; parties: {parties}.",
            "合作协议 {id}：{title}。合作机构：{partner}；各方：{parties}。"
        ),
        say!(
            language,
            "In force from {from} to {until}.",
            "有效期自 {from} 至 {until}。"
        ),
        say!(language, "Purposes: {purposes}.", "使用目的：{purposes}。"),
        say!(
            language,
            "Families of signals, each with the finest granularity allowed (1 is the coarsest): {families}.",
            "可查询的信号族及最细粒度（1 为最粗）：{families}。"
        ),
    ];
    said.push(match agreement.route() {
        Route::Direct => say!(
            language,
            "Questions come directly from the institution.",
            "数据路径：机构直接查询。"
        ),
        Route::ViaLicensedBureau => say!(
            language,
            "Questions come through a licensed credit bureau.",
            "数据路径：经持牌征信机构查询。"
        ),
    });
    said.push(match agreement.evidence() {
        Evidence::Request => say!(language, "Each question is signed.", "每次请求均单独签名。"),
        Evidence::Session => say!(
            language,
            "Only the opening of a session is signed.",
            "仅会话的开启经过签名。"
        ),
    });
    said.push(match agreement.impact_assessment() {
        Some(id) => say!(
            language,
            "Impact assessment (PIPL articles 55 and 56): {id}.",
            "个人信息保护影响评估（个人信息保护法第五十五、五十六条）：{id}。"
        ),
        None => say!(
            language,
            "It has no impact assessment, and so was never in force.",
            "没有个人信息保护影响评估，因此从未生效。"
        ),
    });
    let (kept, quota) = (agreement.retention_days(), agreement.quotas().questions_per_day);
    said.push(say!(
        language,
        "The partner may keep answers for {kept} days, and ask {quota} questions a day.",
        "合作机构可保存答复 {kept} 天，每日最多查询 {quota} 次。"
    ));
    said
}
