//! The overview: what happened in a period, as charts with a table beneath each.
use super::{
    Console, by,
    chart::{self, Row, Series},
    filter::periods,
    link::link,
    moment::{self, DAY_MS, Period},
    names::CLASSES,
    search,
    shell::{Place, Sheet},
    thelog,
    trouble::Problem,
    visitor::Visitor,
    words::Text,
};
use crate::{
    audit::Count,
    clock::Time,
    inspect::{self, OVERVIEW, Periods},
    pipeline::StaffCall,
    refusal::Code,
    wire::v1::EntryClass,
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const CALL: StaffCall = by("/tollgate.console/Overview", OVERVIEW);
/// Signals with a colour of their own; the rest is counted together.
const COLOURS: usize = 6;
/// Rows of a chart of lying bars.
const ROWS_MAX: usize = 12;

/// The period of an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// A period of the log by its number; empty is the one that takes entries.
    period: String,
    from: String,
    until: String,
    lang: String,
}

impl Asked {
    /// The period of the log.
    fn log(&self) -> Result<u32, Problem> {
        match periods(&self.period)? {
            Periods::One(period) => Ok(period),
            Periods::All => Err(Code::FieldInvalid.into()),
        }
    }

    /// The last day unless it says otherwise.
    fn period(&self, now: Time) -> Result<Period, Problem> {
        let read = |text: &str, otherwise: Time| match text {
            "" => Some(otherwise),
            text => moment::parse(text),
        };
        // This minute belongs to it.
        let until = read(&self.until, now.plus_ms(60_000)).ok_or(Code::FieldInvalid)?;
        let from = read(&self.from, until.plus_ms(-DAY_MS)).ok_or(Code::FieldInvalid)?;
        Period::new(from, until).ok_or(Code::FieldInvalid.into())
    }
}

pub(super) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let now = console.gate.clock.now();
    let asked = asked.map_err(|_| Problem::from(Code::FieldInvalid));
    let asked = asked.and_then(|Query(asked)| {
        let log = asked.log()?;
        Ok((asked.period(now)?, log, asked.period))
    });
    let (period, log, of) = match asked {
        Ok(asked) => asked,
        Err(problem) => return console.refuse(&visitor, CALL, problem).await,
    };
    let over = inspect::Period {
        log,
        from: period.from,
        until: period.until,
        bucket_s: period.bucket_s,
    };
    let counted = inspect::overview(Arc::clone(&console.gate), visitor.peer.clone(), CALL, over);
    let (overview, receipt) = match console.read(&visitor, counted).await {
        Ok(counted) => counted,
        Err(page) => return page,
    };
    let sheet = Sheet {
        title: visitor.say(Text::Overview).to_owned(),
        place: Place::Overview,
        script: None,
        recorded: Some(receipt.index),
    };
    let (entries, signals): (Vec<Count>, Vec<Count>) = overview.counts.into_iter().partition(|c| c.signal.is_empty());
    let drawn = Drawn {
        visitor: &visitor,
        period,
        of: &of,
    };
    let body = html! {
        h1 { (visitor.say(Text::Overview)) }
        (health(&console, &visitor))
        (picker(&console, &visitor, (period, &of), now))
        (drawn.over_time(&entries))
        div class="pair" {
            (drawn.refusals(&entries))
            (drawn.partners(&entries))
        }
        (drawn.signals(&signals))
    };
    visitor.page(StatusCode::OK, &sheet, &body)
}

/// What an operator would be woken for.
fn health(console: &Console, visitor: &Visitor) -> Markup {
    let log = &console.gate.log;
    let (failed, full) = (log.has_failed(), log.is_disk_full());
    let head = log.head();
    html! {
        ul class="health" aria-label=(visitor.say(Text::Health)) {
            li class={ @if failed { "bad" } @else { "good" } } {
                (visitor.say(if failed { Text::LogFailed } else { Text::LogTakesEntries }))
            }
            li class={ @if full { "bad" } @else { "good" } } {
                (visitor.say(if full { Text::DiskIsFull } else { Text::DiskHasRoom }))
            }
            @let (well, witnesses) = thelog::witnessed(console);
            li class={ @if well { "good" } @else { "warn" } } { (visitor.say(witnesses)) }
            @if let Some(due) = console.gate.due() { li class="warn" { (due.words(visitor.language)) } }
            li { a href="/log" { (head.size) " " (visitor.say(Text::EntriesInLog)) } }
        }
    }
}

fn picker(console: &Console, visitor: &Visitor, (period, of): (Period, &str), now: Time) -> Markup {
    let last = |days: i64, text: Text| {
        let from = moment::field(now.plus_ms(-days * DAY_MS));
        html! { a href=(link("/", [("period", of), ("from", from.as_str())])) { (visitor.say(text)) } }
    };
    html! {
        form class="panel period" method="get" action="/" {
            fieldset {
                legend { (visitor.say(Text::Period)) " (UTC)" }
                (search::period(console, visitor, of, false))
                label for="from" { (visitor.say(Text::From)) }
                input id="from" name="from" type="datetime-local" value=(moment::field(period.from)) required;
                label for="until" { (visitor.say(Text::Until)) }
                input id="until" name="until" type="datetime-local" value=(moment::field(period.until)) required;
                button type="submit" { (visitor.say(Text::Show)) }
            }
            p class="actions" {
                (last(1, Text::LastDay)) (last(7, Text::LastWeek)) (last(30, Text::LastMonth)) (last(365, Text::LastYear))
            }
        }
    }
}

struct Drawn<'a> {
    visitor: &'a Visitor,
    period: Period,
    /// The period of the log, as the address has it.
    of: &'a str,
}

impl Drawn<'_> {
    fn say(&self, text: Text) -> &'static str {
        self.visitor.say(text)
    }

    /// An address of the search for this period, and one condition more.
    fn search(&self, name: &str, value: &str) -> String {
        let (from, until) = (moment::field(self.period.from), moment::field(self.period.until));
        link(
            "/search",
            [
                ("period", self.of),
                ("from", from.as_str()),
                ("until", until.as_str()),
                (name, value),
            ],
        )
    }

    fn over_time(&self, counts: &[Count]) -> Markup {
        let series = CLASSES.iter().map(|(colour, class, text)| Series {
            name: self.say(*text).to_owned(),
            colour: (*colour).to_owned(),
            values: self.values(counts, |count| count.class == *class),
        });
        self.time_chart("entries", Text::EntriesOverTime, series.collect())
    }

    fn signals(&self, counts: &[Count]) -> Markup {
        let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
        for count in counts {
            *totals.entry(&count.signal).or_default() += count.count;
        }
        let mut names: Vec<(&str, u64)> = totals.into_iter().collect();
        names.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
        let own: BTreeSet<&str> = names.iter().take(COLOURS).map(|(name, _)| *name).collect();
        let mut series: Vec<Series> = names
            .iter()
            .take(COLOURS)
            .enumerate()
            .map(|(i, (name, _))| Series {
                // A signal that the configuration has forgotten, or that nobody ever had.
                name: match *name {
                    "?" => self.say(Text::UnknownSignals).to_owned(),
                    name => name.to_owned(),
                },
                colour: format!("c{i}"),
                values: self.values(counts, |count| count.signal == *name),
            })
            .collect();
        if names.len() > COLOURS {
            series.push(Series {
                name: self.say(Text::Others).to_owned(),
                colour: "other".to_owned(),
                values: self.values(counts, |count| !own.contains(count.signal.as_str())),
            });
        }
        self.time_chart("signals", Text::SignalsOverTime, series)
    }

    /// What fits, per bar.
    fn values(&self, counts: &[Count], fits: impl Fn(&Count) -> bool) -> Vec<u64> {
        let mut values = vec![0u64; self.period.buckets().len()];
        let width = i64::from(self.period.bucket_s) * 1000;
        for count in counts.iter().filter(|count| fits(count)) {
            let at = count.bucket.since(self.period.from).div_euclid(width);
            if let Some(value) = usize::try_from(at).ok().and_then(|at| values.get_mut(at)) {
                *value += count.count;
            }
        }
        values
    }

    fn time_chart(&self, id: &str, title: Text, mut series: Vec<Series>) -> Markup {
        series.retain(|s| s.values.iter().any(|n| *n > 0));
        let buckets = self.period.buckets();
        let labels: Vec<String> = buckets
            .iter()
            .map(|at| moment::axis(*at, self.period.bucket_s))
            .collect();
        let filled = |i: &usize| series.iter().any(|s| s.values.get(*i).is_some_and(|n| *n > 0));
        html! {
            section class="panel" aria-labelledby=(id) {
                h2 id=(id) { (self.say(title)) }
                @if series.is_empty() { p { (self.say(Text::NothingInPeriod)) } }
                @else {
                    p class="note" { (self.say(Text::OneBar)) " " (self.period.width(self.visitor.language)) }
                    (chart::stacked(self.say(title), &labels, &series))
                    details {
                        summary { (self.say(title)) ": " (self.say(Text::AsTable)) }
                        div class="scroll" {
                            table {
                                thead { tr {
                                    th scope="col" { (self.say(Text::Time)) " (UTC)" }
                                    @for one in &series { th scope="col" class="number" { (one.name) } }
                                } }
                                tbody {
                                    @for (i, at) in buckets.iter().enumerate().filter(|(i, _)| filled(i)) {
                                        tr {
                                            th scope="row" { (moment::stamp(*at)) }
                                            @for one in &series { td class="number" { (one.values.get(i).copied().unwrap_or(0)) } }
                                        }
                                    }
                                }
                                tfoot { tr {
                                    th scope="row" { (self.say(Text::Total)) }
                                    @for one in &series { td class="number" { (one.values.iter().sum::<u64>()) } }
                                } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn refusals(&self, counts: &[Count]) -> Markup {
        let refused = counts.iter().filter(|count| count.class == EntryClass::Refused);
        let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
        for count in refused {
            *by_code.entry(&count.refusal).or_default() += count.count;
        }
        let rows = by_code.into_iter().map(|(code, count)| Row {
            name: code.to_owned(),
            meaning: inspect::meaning(code, self.visitor.language),
            address: self.search("refusal", code),
            parts: vec![("refused", self.say(Text::ClassRefused), count)],
        });
        self.lying("refusals", Text::RefusalsByReason, rows.collect())
    }

    fn partners(&self, counts: &[Count]) -> Markup {
        let mut by_partner: BTreeMap<&str, [u64; CLASSES.len()]> = BTreeMap::new();
        for count in counts {
            let parts = by_partner.entry(&count.partner).or_default();
            let at = CLASSES.iter().position(|(_, class, _)| *class == count.class);
            if let Some(part) = at.and_then(|at| parts.get_mut(at)) {
                *part += count.count;
            }
        }
        let rows = by_partner.into_iter().map(|(partner, parts)| Row {
            name: match partner {
                "" => self.say(Text::NobodyNamed).to_owned(),
                partner => partner.to_owned(),
            },
            meaning: String::new(),
            address: self.search("partner", partner),
            parts: CLASSES
                .iter()
                .zip(parts)
                .map(|((colour, _, text), n)| (*colour, self.say(*text), n))
                .collect(),
        });
        self.lying("partners", Text::Partners, rows.collect())
    }

    fn lying(&self, id: &str, title: Text, mut rows: Vec<Row>) -> Markup {
        rows.sort_by_key(|row| std::cmp::Reverse(row.total()));
        let shown = rows.len().min(ROWS_MAX);
        html! {
            section class="panel" aria-labelledby=(id) {
                h2 id=(id) { (self.say(title)) }
                @if rows.is_empty() { p { (self.say(Text::NothingInPeriod)) } }
                @else {
                    (chart::lying(rows.get(..shown).unwrap_or_default()))
                    details {
                        summary { (self.say(title)) ": " (self.say(Text::AsTable)) }
                        table {
                            thead { tr {
                                th scope="col" { (self.say(title)) }
                                @for (_, name, _) in rows.first().iter().flat_map(|row| &row.parts) {
                                    th scope="col" class="number" { (name) }
                                }
                            } }
                            tbody { @for row in &rows {
                                tr {
                                    th scope="row" { a href=(row.address) { (row.name) } }
                                    @for (_, _, count) in &row.parts { td class="number" { (count) } }
                                }
                            } }
                        }
                    }
                }
            }
        }
    }
}
