//! What stands behind a band: one measure, or the points of a scorecard.
use super::{
    evaluate::{Inputs, Number},
    measure::Measure,
};
use crate::{
    domain::{FieldSet, SignalFamily},
    limits::REASONS_MAX,
    source::Catalogue,
};

/// How a signal's number comes about.
pub(super) enum Scale {
    Measure(Number),
    Scorecard(Vec<Attribute>),
}

/// An attribute of a scorecard.
pub(super) struct Attribute {
    measure: Number,
    edges: Vec<i64>,
    points: Vec<i64>,
    points_max: i64,
    pub(super) reads: FieldSet,
    pub(super) reason: String,
    /// What the reason tells about.
    pub(super) family: SignalFamily,
}

/// An attribute as written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeText {
    name: String,
    measure: String,
    edges: Vec<i64>,
    points: Vec<i64>,
    pub(super) reason: String,
}

impl AttributeText {
    /// Checks and types an attribute, whose reason is of `family`.
    pub(super) fn load(self, catalogue: &Catalogue, family: &SignalFamily) -> Result<Attribute, String> {
        let name = &self.name;
        let measure = Measure::load(&self.measure, catalogue).map_err(|text| format!("attribute `{name}`: {text}"))?;
        check_edges(&self.edges, self.points.len(), "points").map_err(|text| format!("attribute `{name}`: {text}"))?;
        // Ten attributes of a million points stay far from an overflow.
        if !self.points.iter().all(|p| (0..=1_000_000).contains(p)) {
            return Err(format!("attribute `{name}`: points are 0 to 1,000,000"));
        }
        Ok(Attribute {
            measure: measure.root,
            edges: self.edges,
            points_max: self.points.iter().copied().max().unwrap_or(0),
            points: self.points,
            reads: measure.reads,
            reason: self.reason,
            family: family.clone(),
        })
    }
}

impl Scale {
    /// The number that is banded, and the reasons that were scored and are of a family in `told`, or `None` where it cannot
    /// be told.
    pub(super) fn value(&self, inputs: &Inputs<'_>, told: &[SignalFamily]) -> Option<(i64, Vec<String>)> {
        match self {
            Scale::Measure(measure) => Some((measure.value(inputs)?, Vec::new())),
            Scale::Scorecard(attributes) => score(attributes, inputs, told),
        }
    }
}

/// Points, and the attributes that cost most against the best they could have given: what was actually scored.
fn score(attributes: &[Attribute], inputs: &Inputs<'_>, told: &[SignalFamily]) -> Option<(i64, Vec<String>)> {
    let (mut total, mut costs) = (0i64, Vec::new());
    for attribute in attributes {
        let place = band(&attribute.edges, attribute.measure.value(inputs)?);
        let points = *attribute.points.get(place)?;
        total = total.checked_add(points)?;
        costs.push((attribute.points_max - points, attribute));
    }
    costs.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
    let mut reasons: Vec<String> = Vec::new();
    // What a reason tells is told under its own family's consent only: the band alone is what `risk` was agreed for.
    for (cost, attribute) in costs.into_iter().filter(|(_, a)| told.contains(&a.family)) {
        if cost > 0 && reasons.len() < REASONS_MAX && !reasons.contains(&attribute.reason) {
            reasons.push(attribute.reason.clone());
        }
    }
    Some((total, reasons))
}

/// Index of the band: how many edges the value reaches.
pub(super) fn band(edges: &[i64], value: i64) -> usize {
    edges.partition_point(|edge| *edge <= value)
}

/// Edges ascend strictly and there is one more of `what` than edges.
pub(super) fn check_edges(edges: &[i64], count: usize, what: &str) -> Result<(), String> {
    if !edges.is_sorted_by(|a, b| a < b) {
        return Err("`edges` must ascend".to_owned());
    }
    if count != edges.len() + 1 {
        return Err(format!("{} edges need {} `{what}`", edges.len(), edges.len() + 1));
    }
    Ok(())
}
