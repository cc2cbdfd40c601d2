//! Charts as SVG, drawn here: no script, no picture from elsewhere, and a table beneath each for who cannot see it.
use maud::{Markup, html};

/// One set of bars, in the order in which they are stacked.
pub(super) struct Series {
    /// What it is called.
    pub(super) name: String,
    /// The style sheet's word for its colour.
    pub(super) colour: String,
    /// One number per bar.
    pub(super) values: Vec<u64>,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers of the left axis, and for the dates below.
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
/// Room for one date.
const LABEL: f64 = 72.0;
/// Dates that have room below.
const LABELS: usize = 8;

/// One, two or five times a power of ten, at least `n`.
fn round_up(n: u64) -> u64 {
    let mut power = 1u64;
    while power.saturating_mul(10) < n {
        power = power.saturating_mul(10);
    }
    let steps = [1, 2, 5, 10].map(|step| power.saturating_mul(step));
    steps.into_iter().find(|top| *top >= n).unwrap_or(n).max(1)
}

/// Counts are far below 2^52, where a float is exact.
#[expect(clippy::cast_precision_loss, reason = "a bar's height needs three digits")]
fn float(n: u64) -> f64 {
    n as f64
}

fn tenth(x: f64) -> String {
    format!("{x:.1}")
}

/// Stacked bars over time. `labels` has one text per bar; `title` says what is counted.
pub(super) fn stacked(title: &str, labels: &[String], series: &[Series]) -> Markup {
    let sums = (0..labels.len()).map(|i| series.iter().filter_map(|s| s.values.get(i)).sum::<u64>());
    let top = round_up(sums.max().unwrap_or(0));
    let plot = HEIGHT - TOP - BOTTOM;
    let step = (WIDTH - LEFT) / float(labels.len().max(1) as u64);
    let every = labels.len().div_ceil(LABELS).max(1);
    let y = |value: u64| TOP + plot * (1.0 - float(value) / float(top));
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(title) {
        svg class="chart" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
            @for line in lines(top) {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(tenth(y(line))) y2=(tenth(y(line))) {}
                text class="axis" x=(LEFT - 6.0) y=(tenth(y(line) + 4.0)) text-anchor="end" { (line) }
            }
            @for (i, label) in labels.iter().enumerate() {
                @let x = LEFT + step * float(i as u64);
                @for (bar, from, to) in stack(series, i) {
                    rect class=(bar.colour) x=(tenth(x + step * 0.1)) width=(tenth((step * 0.8).max(0.5)))
                        y=(tenth(y(to))) height=(tenth(y(from) - y(to))) {
                        title { (label) " · " (bar.name) ": " (to - from) }
                    }
                }
                // The last date would be cut off.
                @if i % every == 0 && x < WIDTH - LABEL {
                    text class="axis" x=(tenth(x)) y=(HEIGHT - 6.0) { (label) }
                }
            }
            line class="base" x1=(LEFT) x2=(WIDTH) y1=(tenth(y(0))) y2=(tenth(y(0))) {}
        }
        }
        (legend(series))
    }
}

fn lines(top: u64) -> Vec<u64> {
    let half = top / 2;
    let mut lines = vec![0, half, top];
    lines.dedup();
    lines
}

/// What stands on bar `i`: a series, where it begins and where it ends.
fn stack(series: &[Series], i: usize) -> Vec<(&Series, u64, u64)> {
    let mut at = 0;
    let mut out = Vec::new();
    for bar in series {
        let value = bar.values.get(i).copied().unwrap_or(0);
        if value > 0 {
            out.push((bar, at, at + value));
            at += value;
        }
    }
    out
}

fn legend(series: &[Series]) -> Markup {
    html! {
        ul class="legend" aria-hidden="true" {
            @for one in series {
                li {
                    svg class="key" viewBox="0 0 10 10" { rect class=(one.colour) width="10" height="10" rx="2" {} }
                    (one.name)
                }
            }
        }
    }
}

/// One row of a chart of lying bars.
pub(super) struct Row {
    /// What it is called.
    pub(super) name: String,
    /// What it means, where the name alone does not say.
    pub(super) meaning: String,
    /// Where it leads.
    pub(super) address: String,
    /// Its parts: style sheet's word, what it is called, how many.
    pub(super) parts: Vec<(&'static str, &'static str, u64)>,
}

impl Row {
    /// Sum of its parts.
    pub(super) fn total(&self) -> u64 {
        self.parts.iter().map(|(.., n)| n).sum()
    }
}

/// Lying bars with their numbers, one above the other: a list that reads aloud as well as it looks.
pub(super) fn lying(rows: &[Row]) -> Markup {
    let top = rows.iter().map(Row::total).max().unwrap_or(0).max(1);
    html! {
        ul class="bars" {
            @for row in rows {
                li {
                    a href=(row.address) title=[(!row.meaning.is_empty()).then_some(&row.meaning)] { (row.name) }
                    svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                        @for (colour, name, from, to) in laid(row) {
                            rect class=(colour) y="0" height="4" x=(tenth(100.0 * float(from) / float(top)))
                                width=(tenth(100.0 * float(to - from) / float(top))) { title { (name) ": " (to - from) } }
                        }
                    }
                    span class="number" { (row.total()) }
                }
            }
        }
    }
}

fn laid(row: &Row) -> Vec<(&'static str, &'static str, u64, u64)> {
    let mut at = 0;
    let mut out = Vec::new();
    for (colour, name, count) in &row.parts {
        if *count > 0 {
            out.push((*colour, *name, at, at + count));
            at += count;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let tops = [0, 1, 2, 3, 7, 11, 50, 51, 999].map(round_up);
        assert_eq!(tops, [1, 1, 2, 5, 10, 20, 50, 100, 1000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
        assert_eq!(lines(1), [0, 1]);
        assert_eq!(lines(20), [0, 10, 20]);
    }

    #[test]
    fn bars_stand_on_each_other_and_nothing_is_unescaped() {
        let series = [("<a>", vec![1, 0]), ("b", vec![3, 2])].map(|(name, values)| Series {
            name: name.to_owned(),
            colour: "c0".to_owned(),
            values,
        });
        assert_eq!(
            stack(&series, 0).iter().map(|(_, f, t)| (*f, *t)).collect::<Vec<_>>(),
            [(0, 1), (1, 4)]
        );
        assert_eq!(stack(&series, 1).len(), 1);
        let drawn = stacked("x\"y", &["one".to_owned(), "<script>".to_owned()], &series).into_string();
        assert_eq!(drawn.matches("<rect").count(), 3 + 2, "bars and the legend");
        assert!(
            !drawn.contains("<script>") && !drawn.contains("<a>") && drawn.contains("x&quot;y"),
            "{drawn}"
        );
        assert!(!drawn.contains("style="), "the policy allows no inline style");
    }
}
