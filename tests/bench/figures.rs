//! What was measured, as a table for people and as one line of JSON for programs.
use std::time::Duration;

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What it is measured against, and whether that was met.
    target: Option<(String, bool)>,
}

impl Figures {
    /// A figure without a target.
    pub(crate) fn note(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, None);
    }

    /// A figure that should be at least this.
    pub(crate) fn at_least(&mut self, name: impl Into<String>, value: f64, unit: &'static str, target: f64) {
        let told = Some((format!("at least {}", short(target)), value >= target));
        self.push(name.into(), value, unit, told);
    }

    /// A figure that should be at most this.
    pub(crate) fn at_most(&mut self, name: impl Into<String>, value: f64, unit: &'static str, target: f64) {
        let told = Some((format!("at most {}", short(target)), value <= target));
        self.push(name.into(), value, unit, told);
    }

    fn push(&mut self, name: String, value: f64, unit: &'static str, target: Option<(String, bool)>) {
        let figure = Figure {
            name,
            value,
            unit,
            target,
        };
        println!("{}", figure.line());
        self.0.push(figure);
    }

    /// One JSON object: name to value, unit and whether a target was met.
    pub(crate) fn json(&self) -> String {
        let figures: serde_json::Map<_, _> = self
            .0
            .iter()
            .map(|f| {
                let met = f.target.as_ref().map(|t| t.1);
                let value = serde_json::json!({ "value": f.value, "unit": f.unit, "met": met });
                (f.name.clone(), value)
            })
            .collect();
        serde_json::Value::Object(figures).to_string()
    }
}

impl Figure {
    fn line(&self) -> String {
        let told = match &self.target {
            Some((target, true)) => format!("   {target}: yes"),
            Some((target, false)) => format!("   {target}: NO"),
            None => String::new(),
        };
        format!("  {:<58} {:>11} {:<9}{told}", self.name, short(self.value), self.unit)
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The middle of what was measured.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

/// A percentile of latencies, in milliseconds.
pub(crate) fn percentile_ms(latencies: &mut [Duration], percent: usize) -> f64 {
    latencies.sort_unstable();
    let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
    latencies.get(at).map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
}
