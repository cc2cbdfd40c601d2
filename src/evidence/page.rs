//! A report as a page for print, with the report and its proof inside: one file that a person takes home.
//!
//! The page is made from the report alone, so who checks it makes it again and compares.
use super::{DocumentProof, EvidenceError, Looked, Proven, SubjectReport, html::Html, report::Told, verify_report};
use crate::{
    audit::note::VerifierKey,
    crypto::sha256,
    domain::Language,
    limits::{PAGE_BYTES_MAX, REPORT_BYTES_MAX},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const OPEN: &str = "<template id=\"tollgate-report\">\n";
const BETWEEN: &str = "\n";
const CLOSE: &str = "</template>\n";

/// A page that was checked.
pub struct Page {
    /// The report in it.
    pub report: SubjectReport,
    /// Its bytes.
    pub document: Vec<u8>,
    /// What was proven of it.
    pub proven: Proven,
}

/// Whether a text may be such a page.
pub fn is_page(text: &str) -> bool {
    text.starts_with("<!DOCTYPE html>") && text.contains(OPEN)
}

/// The page of a report.
///
/// # Errors
/// If `document` is no report.
pub fn page(document: &[u8], proof: &DocumentProof, language: Language) -> Result<String, EvidenceError> {
    let report = SubjectReport::read(document)?;
    let say = |english: &'static str, chinese: &'static str| language.pick(english, chinese);
    let title = say("What was asked about you, and what left", "关于您的查询与提供情况报告");
    let mut html = Html::begin(language, title);
    html.markup("<h1>").text(title).markup("</h1>\n");
    html.paragraph(say(
        "By articles 44 and 45 of the Personal Information Protection Law: every request about you that this gateway recorded, what became of it, and what left.",
        "依据《个人信息保护法》第四十四条、第四十五条：本网关记录的关于您的每一次请求、处理结果以及对外提供的内容。",
    ));
    head(&mut html, &report, language);
    if !report.known {
        html.markup("<p class=\"note\">").text(say(
            "This gateway has no record of any request about this person in the period.",
            "在所述期间内，本网关没有关于该信息主体的任何请求记录。",
        ));
        html.markup("</p>\n");
    }
    if let Some(until) = &report.earlier_until {
        html.markup("<p class=\"note\">");
        html.text(say(
            "This is the later part. Earlier entries are in a report of their own, asked for with the end: ",
            "本报告为较晚的部分。更早的条目见另一份报告，其截止时间为：",
        ));
        html.text(until).markup("</p>\n");
    }
    summary(&mut html, &report, language);
    entries(&mut html, &report, language);
    consents(&mut html, &report, language);
    looks(&mut html, &report, language);
    html.heading(say("How to check this report", "如何核验本报告"));
    html.paragraph(say(
        "This file holds the report as the gateway recorded it, and the proof that its entry is in the log. With the log's public key, which the institution publishes, anybody can check both without the gateway: tollgate audit verify FILE --key KEY. A changed character is found.",
        "本文件内含网关所记录的报告原文，以及其条目存在于审计日志中的证明。使用机构公布的日志公钥，任何人无需连接网关即可核验：tollgate audit verify 文件 --key 公钥。任何改动都会被发现。",
    ));
    let digest: String = sha256(document).iter().map(|b| format!("{b:02x}")).collect();
    html.markup("<p class=\"proof\">SHA-256 ")
        .text(&digest)
        .markup("</p>\n");
    html.markup(OPEN).text(&STANDARD.encode(document));
    html.markup(BETWEEN)
        .text(&STANDARD.encode(proof.encode()))
        .markup(BETWEEN)
        .markup(CLOSE);
    Ok(html.end())
}

/// Checks a page: the proof of the report in it, and that it shows that report.
pub fn verify_page(text: &str, key: &VerifierKey) -> Result<Page, EvidenceError> {
    let (document, proof, language) = inside(text).ok_or(EvidenceError::Malformed("page"))?;
    let (report, proven) = verify_report(&document, &proof, key)?;
    // The page again, from what was proven: whatever else it says was put there.
    if page(&document, &proof, language)? != text {
        return Err(EvidenceError::PageChanged);
    }
    Ok(Page {
        report,
        document,
        proven,
    })
}

fn inside(text: &str) -> Option<(Vec<u8>, DocumentProof, Language)> {
    if text.len() > PAGE_BYTES_MAX {
        return None;
    }
    let tag = text.split_once("<html lang=\"")?.1.split_once('"')?.0;
    let (_, rest) = text.split_once(OPEN)?;
    let (inner, _) = rest.split_once(CLOSE)?;
    let (document, proof) = inner.split_once('\n')?;
    let document = STANDARD.decode(document).ok()?;
    let proof = STANDARD.decode(proof.strip_suffix('\n')?).ok()?;
    let proof = DocumentProof::decode(&String::from_utf8(proof).ok()?).ok()?;
    (document.len() <= REPORT_BYTES_MAX).then_some((document, proof, Language::of(tag)))
}

fn head(html: &mut Html, report: &SubjectReport, language: Language) {
    let all = language.pick("all that is kept", "全部留存期间");
    let (from, until) = (report.from.as_deref(), report.until.as_deref());
    let period = match (from, until) {
        (None, None) => all.to_owned(),
        (from, until) => format!("{} – {}", from.unwrap_or("…"), until.unwrap_or("…")),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    html.markup("<div class=\"head\">\n").table(
        &["", ""],
        &[
            row(language.pick("person", "信息主体"), report.subject.clone()),
            row(language.pick("period", "期间"), period),
            row(language.pick("made at", "出具时间"), clock(&report.made_at)),
            row(
                language.pick("log", "审计日志"),
                format!("{} ({})", report.log, report.log_size),
            ),
        ],
    );
    html.markup("</div>\n");
}

fn named(language: Language, english: &str, chinese: &str, id: &str) -> String {
    match language.pick(english, chinese) {
        "" => id.to_owned(),
        text => text.to_owned(),
    }
}

/// A time of the report to the second, without the letters of RFC 3339.
fn clock(time: &str) -> String {
    let seconds = time.get(..19).unwrap_or(time);
    format!("{} UTC", seconds.replacen('T', " ", 1))
}

/// One row a question.
fn summary(html: &mut Html, report: &SubjectReport, language: Language) {
    let asked: Vec<_> = report.entries.iter().filter(|line| line.kind == "query").collect();
    if asked.is_empty() {
        return;
    }
    html.heading(language.pick("Questions at a glance", "查询一览"));
    let told = |told: &Told| {
        let name = named(language, &told.signal.en, &told.signal.zh, &told.signal.id);
        match told.band.as_str() {
            "" => format!(
                "{name}: {}",
                named(language, &told.outcome.en, &told.outcome.zh, &told.outcome.id)
            ),
            band => format!("{name}: {band}"),
        }
    };
    let rows: Vec<Vec<String>> = asked
        .iter()
        .map(|line| {
            let what: Vec<String> = line.signals.iter().map(told).collect();
            let purpose = line
                .purpose
                .as_ref()
                .map_or(String::new(), |p| named(language, &p.en, &p.zh, &p.id));
            let what = match line.refusal.as_str() {
                "" => what.join(language.pick("; ", "；")),
                code => format!("{} {code}", language.pick("refused:", "被拒绝：")),
            };
            vec![clock(&line.time), line.partner.clone(), purpose, what]
        })
        .collect();
    html.table(
        &[
            language.pick("time", "时间"),
            language.pick("who asked", "查询机构"),
            language.pick("what for", "使用目的"),
            language.pick("what left", "提供的内容"),
        ],
        &rows,
    );
}

fn entries(html: &mut Html, report: &SubjectReport, language: Language) {
    if report.entries.is_empty() {
        return;
    }
    html.heading(language.pick("Every entry, in words", "逐条说明"));
    for line in &report.entries {
        html.markup("<div class=\"entry\">\n");
        for sentence in language.pick(&line.words_en, &line.words_zh) {
            html.paragraph(sentence);
        }
        html.markup("</div>\n");
    }
}

fn consents(html: &mut Html, report: &SubjectReport, language: Language) {
    if report.consents.is_empty() {
        return;
    }
    html.heading(language.pick("Your consents", "您的授权"));
    for consent in &report.consents {
        let purposes: Vec<String> = consent
            .purposes
            .iter()
            .map(|p| named(language, &p.en, &p.zh, &p.id))
            .collect();
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row(language.pick("consent", "授权编号"), consent.consent.clone()),
            row(language.pick("given to", "接收方"), consent.recipient.clone()),
            row(
                language.pick("status", "状态"),
                named(language, &consent.status.en, &consent.status.zh, &consent.status.id),
            ),
            row(
                language.pick("what for", "使用目的"),
                purposes.join(language.pick(", ", "、")),
            ),
            row(language.pick("about what", "信号族与粒度"), consent.families.join(" ")),
            row(language.pick("until", "到期时间"), clock(&consent.not_after)),
        ];
        for event in &consent.events {
            let what = named(language, &event.what.en, &event.what.zh, &event.what.id);
            rows.push(vec![what, format!("{} {}", clock(&event.time), event.by)]);
        }
        html.markup("<div class=\"entry\">\n")
            .table(&["", ""], &rows)
            .markup("</div>\n");
    }
}

/// The entry that was looked at, and its period where the report is made from several.
fn looked_at(report: &SubjectReport, look: &Looked) -> String {
    match look.at_period.filter(|_| report.periods.len() > 1) {
        Some(period) => format!("{period}:{}", look.at),
        None => look.at.to_string(),
    }
}

fn looks(html: &mut Html, report: &SubjectReport, language: Language) {
    html.heading(language.pick("Who looked at these entries", "谁查看过这些条目"));
    if report.looked.is_empty() {
        html.paragraph(language.pick(
            "Nobody opened one of them by itself. Searches and reports about you are among the entries above.",
            "没有人单独打开过其中任何一条。针对您的检索和报告已列于上述条目之中。",
        ));
    } else {
        let rows: Vec<Vec<String>> = report
            .looked
            .iter()
            .map(|look| vec![clock(&look.time), look.peer.clone(), looked_at(report, look)])
            .collect();
        let (time, who) = (language.pick("time", "时间"), language.pick("who", "查看者"));
        html.table(&[time, who, language.pick("entry", "条目")], &rows);
    }
    if report.looked_cut {
        html.paragraph(language.pick("There were more looks than are listed here.", "查看次数多于此处所列。"));
    }
}
