//! A search as a file: CSV that a spreadsheet opens, or JSON Lines. One entry says how many rows left.
use super::{Console, filter::Filter, moment, search::read, trouble, visitor::Visitor};
use crate::{
    audit::csv_row,
    clock::Time,
    inspect::{self, Entry, TAKE, Taken},
    pipeline::StaffCall,
    refusal::Code,
    wire,
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;

const CALL: StaffCall = TAKE;
/// Says that there was more than the bound.
const CUT: HeaderName = HeaderName::from_static("tollgate-export-cut");

const COLUMNS: [&str; 14] = [
    "序号 entry",
    "时间 time (UTC)",
    "种类 kind",
    "结果 class",
    "拒绝代码 refusal",
    "对端 peer",
    "机构 partner",
    "协议 agreement",
    "方法 method",
    "目的 purpose",
    "信号 signals",
    "实际结果 outcomes",
    "查询编号 reference",
    "期次 period",
];

pub(super) async fn csv(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let taken = match take(&console, &visitor, asked).await {
        Ok(taken) => taken,
        Err(page) => return page,
    };
    // The mark tells a spreadsheet that it is UTF-8.
    let mut text = format!("\u{feff}{}", csv_row(COLUMNS.into_iter()));
    for entry in &taken.entries {
        let line = Line::of(entry);
        let cells = [
            line.entry.to_string(),
            line.time.replace('T', " ").replace('Z', ""),
            line.kind,
            line.class,
            line.refusal,
            line.peer,
            line.partner,
            line.agreement,
            line.method,
            line.purpose,
            line.signals.join(" "),
            line.outcomes.join(" "),
            line.reference,
            line.period.to_string(),
        ];
        text.push_str(&csv_row(cells.iter().map(String::as_str)));
    }
    file(
        "text/csv; charset=utf-8",
        "attachment; filename=\"entries.csv\"",
        taken.cut,
        text,
    )
}

pub(super) async fn lines(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let taken = match take(&console, &visitor, asked).await {
        Ok(taken) => taken,
        Err(page) => return page,
    };
    let mut text = String::new();
    for entry in &taken.entries {
        let Ok(line) = serde_json::to_string(&Line::of(entry)) else {
            return trouble::counted(&visitor, Code::Internal);
        };
        text.push_str(&line);
        text.push('\n');
    }
    file(
        "application/jsonl",
        "attachment; filename=\"entries.jsonl\"",
        taken.cut,
        text,
    )
}

async fn take(
    console: &Console,
    visitor: &Visitor,
    asked: Result<Query<Filter>, QueryRejection>,
) -> Result<Taken, Response> {
    let now = console.gate.clock.now();
    let asked = read(asked).and_then(|filter| filter.conditions(visitor.peer.uri(), &console.handles, now));
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return Err(console.refuse(visitor, CALL, problem).await),
    };
    let taking = inspect::take(Arc::clone(&console.gate), visitor.peer.clone(), CALL, asked);
    Ok(console.read(visitor, taking).await?.0)
}

fn file(kind: &'static str, disposition: &'static str, cut: bool, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
        (CUT, HeaderValue::from_static(if cut { "yes" } else { "no" })),
    ];
    (headers, text).into_response()
}

/// One row.
#[derive(Serialize)]
struct Line {
    entry: u64,
    period: u32,
    time: String,
    kind: String,
    class: String,
    refusal: String,
    peer: String,
    partner: String,
    agreement: String,
    method: String,
    /// Whether the rest could be opened.
    opened: bool,
    purpose: String,
    signals: Vec<String>,
    outcomes: Vec<String>,
    reference: String,
}

impl Line {
    fn of(entry: &Entry) -> Self {
        let leaf = &entry.leaf;
        let x = entry
            .details
            .as_ref()
            .map(|details| details.x.clone())
            .unwrap_or_default();
        let i = entry.details.as_ref().map(|details| details.i.outcomes.clone());
        Self {
            entry: leaf.seq,
            period: entry.period,
            time: moment::machine(Time(wire::millis(leaf.time.as_ref()).unwrap_or_default())),
            kind: leaf.kind().as_str_name().to_owned(),
            class: leaf.class().as_str_name().to_owned(),
            refusal: leaf.refusal.clone(),
            peer: leaf.peer.clone(),
            partner: leaf.partner.clone(),
            agreement: leaf.agreement.clone(),
            method: leaf.method.clone(),
            opened: entry.details.is_some(),
            purpose: x.purpose,
            signals: x.signals,
            outcomes: i.unwrap_or_default(),
            reference: x.reference,
        }
    }
}
