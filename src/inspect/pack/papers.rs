//! The papers of a pack beside its sample: the summary, the agreements, who read the log, and how to check it all.
use super::{File, PackRequest, draw::Drawing};
use crate::{
    audit::{Dimension, Query, Volume},
    clock::Time,
    domain::Language::{self, Chinese, English},
    evidence::{html::Html, pack},
    inspect::{Scope, words},
    limits::{PACK_READINGS_MAX, SEARCH_PAGE_MAX},
    pipeline::Gate,
    refusal::Code,
    wire::{self, v1},
};
use serde::Serialize;

/// Methods by which staff read the log.
const READINGS: [&str; 10] = [
    "/tollgate.v1.AuditService/Search",
    "/tollgate.v1.AuditService/GetEntry",
    "/tollgate.v1.AuditService/StreamEntries",
    "/tollgate.v1.AuditService/ReportSubject",
    "/tollgate.v1.AuditService/Pack",
    "/tollgate.console/Search",
    "/tollgate.console/Entry",
    "/tollgate.console/Export",
    "/tollgate.console/Follow",
    "/tollgate.console/ReportSubject",
];

/// `2026-11-27T16:24:02.000Z`.
pub(super) fn time(time: Time) -> String {
    crate::inspect::report::time(time.0)
}

/// One reading of the log.
#[derive(Serialize)]
pub(super) struct Reading {
    entry: u64,
    time: String,
    peer: String,
    method: String,
    refusal: String,
}

/// Who read the log in the period, as far as the caller may see, oldest first.
#[derive(Serialize)]
pub(super) struct Readings {
    readings: Vec<Reading>,
    /// There were more than a pack lists.
    cut: bool,
    /// The caller's scope leaves readings out: those of staff belong to no partner.
    scoped: bool,
}

pub(super) fn readings(volume: &Volume, scope: &Scope, asked: &PackRequest) -> Result<Readings, Code> {
    let (mut readings, mut cut) = (Vec::new(), false);
    for method in READINGS {
        let query = Query {
            from: Some(asked.from),
            until: Some(asked.until),
            terms: vec![(Dimension::Method, method.as_bytes().to_vec())],
            person: None,
        };
        let mut before = Some(volume.log.head().size);
        while let Some(at) = before {
            let left = PACK_READINGS_MAX.saturating_sub(readings.len());
            if left == 0 {
                cut = true;
                break;
            }
            let page = volume.log.search(&query, at, left.min(SEARCH_PAGE_MAX));
            let page = page.map_err(|_| Code::Internal)?;
            before = page.next;
            for index in page.entries {
                let stored = volume
                    .log
                    .entry(index)
                    .map_err(|_| Code::Internal)?
                    .ok_or(Code::Internal)?;
                let leaf: v1::Leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
                if scope.covers(&leaf) {
                    readings.push(Reading {
                        entry: index,
                        time: time(Time(wire::millis(leaf.time.as_ref()).unwrap_or_default())),
                        peer: leaf.peer,
                        method: leaf.method,
                        refusal: leaf.refusal,
                    });
                }
            }
        }
    }
    readings.sort_by_key(|reading| reading.entry);
    Ok(Readings {
        readings,
        cut,
        scoped: !scope.is_whole(),
    })
}

/// An agreement of the partner, in words.
#[derive(Serialize)]
struct Agreed {
    id: String,
    sha256: String,
    words_en: Vec<String>,
    words_zh: Vec<String>,
}

/// All papers, in the order of the archive.
pub(super) fn papers(
    gate: &Gate,
    volume: &Volume,
    asked: &PackRequest,
    drawing: &Drawing,
    readings: &Readings,
) -> Result<Vec<File>, Code> {
    let view = &gate.view;
    let agreements: Vec<Agreed> = view
        .snapshot
        .agreements()
        .iter()
        .filter(|agreement| *agreement.partner() == asked.partner)
        .map(|agreement| Agreed {
            id: agreement.id().to_string(),
            sha256: words::hex(&agreement.sha256()),
            words_en: words::agreement(view, agreement, English),
            words_zh: words::agreement(view, agreement, Chinese),
        })
        .collect();
    let summary = serde_json::json!({
        "partner": asked.partner.as_str(), "from": time(asked.from), "until": time(asked.until),
        "entries": drawing.population, "drawn_from": drawing.drawn_from.map(time),
        "by_class": drawing.by_class, "by_refusal": drawing.by_refusal, "by_method": drawing.by_method,
        "by_signal": drawing.by_signal, "sample": drawing.drawn.len(),
        "readings_of_the_log": readings.readings.len(),
    });
    let page = |language| page(asked, drawing, readings, &agreements, language).into_bytes();
    Ok(vec![
        ("readme.txt".to_owned(), include_bytes!("readme.txt").to_vec()),
        ("summary.json".to_owned(), json(&summary)?),
        ("summary.zh.html".to_owned(), page(Chinese)),
        ("summary.en.html".to_owned(), page(English)),
        ("agreements.json".to_owned(), json(&agreements)?),
        ("readings.json".to_owned(), json(readings)?),
        (pack::CHECKPOINT.to_owned(), volume.log.head().note.as_bytes().to_vec()),
    ])
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Code> {
    serde_json::to_vec_pretty(value).map_err(|_| Code::Internal)
}

fn page(
    asked: &PackRequest,
    drawing: &Drawing,
    readings: &Readings,
    agreements: &[Agreed],
    language: Language,
) -> String {
    let say = |english: &'static str, chinese: &'static str| language.pick(english, chinese);
    let title = format!("{} {}", say("Audit pack:", "审计取证包："), asked.partner);
    let mut html = Html::begin(language, &title);
    html.markup("<h1>").text(&title).markup("</h1>\n");
    html.paragraph(&format!("{} – {}", time(asked.from), time(asked.until)));
    html.paragraph(say(
        "What this page says is held by the log: the manifest names this file's digest, and the log's entry that of the manifest. How to check it: readme.txt.",
        "本页内容由审计日志担保：清单文件记有本页摘要，日志条目记有清单摘要。核验方法见 readme.txt。",
    ));
    let mut counts = |heading: &'static str, counts: &super::draw::Counts| {
        if !counts.is_empty() {
            let rows: Vec<_> = counts
                .iter()
                .map(|(name, n)| vec![name.clone(), n.to_string()])
                .collect();
            html.heading(heading).table(&["", say("entries", "条目数")], &rows);
        }
    };
    counts(say("Entries by result", "按结果统计"), &drawing.by_class);
    counts(say("Refusals by reason", "按拒绝原因统计"), &drawing.by_refusal);
    counts(say("Entries by call", "按方法统计"), &drawing.by_method);
    let rows: Vec<Vec<String>> = drawing
        .by_signal
        .iter()
        .flat_map(|(signal, counts)| {
            let row = |(word, n): (&String, &u64)| vec![signal.clone(), words::outcome(word, language), n.to_string()];
            counts.iter().map(row).collect::<Vec<_>>()
        })
        .collect();
    if !rows.is_empty() {
        html.heading(say("Signals by outcome", "信号及其结果"));
        html.table(
            &[say("signal", "信号"), say("outcome", "结果"), say("times", "次数")],
            &rows,
        );
    }
    html.heading(say("Agreements", "合作协议"));
    for agreement in agreements {
        html.markup("<div class=\"entry\">\n");
        for sentence in language.pick(&agreement.words_en, &agreement.words_zh) {
            html.paragraph(sentence);
        }
        html.markup("</div>\n");
    }
    html.heading(say("The sample", "样本"));
    html.paragraph(&format!(
        "{} / {}. {}",
        drawing.drawn.len(),
        drawing.population,
        pack::RULE
    ));
    for drawn in &drawing.drawn {
        html.markup("<div class=\"entry\">\n");
        for sentence in language.pick(&drawn.line.words_en, &drawn.line.words_zh) {
            html.paragraph(sentence);
        }
        html.markup("</div>\n");
    }
    html.heading(say("Who read the log in the period", "期间内谁读取过日志"));
    if readings.scoped {
        html.paragraph(say(
            "Readings by the institution's own staff lie outside the scope of whoever asked for this pack.",
            "机构内部人员的读取记录不在申请本取证包者的审计范围内。",
        ));
    }
    let rows: Vec<_> = readings
        .readings
        .iter()
        .map(|r| vec![r.time.clone(), r.peer.clone(), r.method.clone()])
        .collect();
    html.table(
        &[
            say("time (UTC)", "时间 (UTC)"),
            say("who", "读取者"),
            say("call", "方法"),
        ],
        &rows,
    );
    html.end()
}
