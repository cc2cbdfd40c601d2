//! From raw values to bands. The raw values die here.
use super::{
    Signal, Signals,
    evaluate::{DAY_MS, Inputs},
    scorecard::band,
};
use crate::{
    case::{After, Case},
    clock::Time,
    domain::SignalId,
    policy::{Bounds, Permit},
    refusal::{Code, Refusal},
    source::{Raw, Row},
};

/// What a signal says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A band.
    Band {
        /// Its place, from 0.
        index: u32,
        /// Its label.
        label: String,
        /// What cost most, ranked, at most four; scorecards only.
        reasons: Vec<String>,
        /// The day the record describes.
        as_of: Time,
        /// Until when it may be relied on: a midnight, so that it tells nothing of the hour.
        valid_until: Time,
    },
    /// There is no record. Never told as clean.
    NoFile,
    /// A value is missing or past its retention, the record is too old or reaches back further than was consented, or the
    /// number cannot be told.
    NotAvailable,
}

/// A signal and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalValue {
    /// Which signal.
    pub id: SignalId,
    /// What it says.
    pub outcome: Outcome,
}

/// Proof: every permitted signal was derived, and the raw values are gone.
pub struct Derived {
    permit: Permit,
    values: Vec<SignalValue>,
}

impl After<Raw> for Derived {}

impl Derived {
    /// One per permitted signal, in the permit's order.
    pub fn values(&self) -> &[SignalValue] {
        &self.values
    }
    /// The permit they were derived under.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
    pub(crate) fn into_parts(self) -> (Permit, Vec<SignalValue>) {
        (self.permit, self.values)
    }
    /// For tests of later steps.
    #[cfg(test)]
    pub(crate) fn for_tests(permit: Permit, values: Vec<SignalValue>) -> Self {
        Self { permit, values }
    }
}

/// Derives every permitted signal. Consumes the raw values.
///
/// # Errors
/// `INTERNAL` if the permit names a signal that is not loaded: decisions and signals come from different snapshots.
pub fn derive(signals: &Signals, case: Case<Raw>, now: Time) -> Result<Case<Derived>, Refusal> {
    let mut values = Vec::with_capacity(case.proof().permit().permitted().len());
    for id in case.proof().permit().permitted() {
        let Some(signal) = signals.get(id) else {
            return Err(case.refuse(Code::Internal));
        };
        values.push(SignalValue {
            id: id.clone(),
            outcome: signal.outcome(case.proof().row(), now, case.proof().permit().bounds()),
        });
    }
    Ok(case.then(|raw| Derived {
        permit: raw.spend(),
        values,
    }))
}

impl Signal {
    /// What this signal says of a row; it sees the fields of its own lineage only.
    pub(super) fn outcome(&self, row: Option<&Row>, now: Time, bounds: &Bounds) -> Outcome {
        let Some(row) = row else {
            return Outcome::NoFile;
        };
        let age_ms = now.since(row.as_of());
        let days = |days: u32| i64::from(days) * DAY_MS;
        let reaches_back_ms = age_ms.saturating_add(days(self.look_back_days()));
        // A record dated in the future would never go stale; a day is for time zones.
        if age_ms < -DAY_MS || age_ms > days(self.fresh_days()) || reaches_back_ms > days(bounds.look_back_days) {
            return Outcome::NotAvailable;
        }
        let inputs = Inputs::new(row, self.lineage(), age_ms, &self.retention_days);
        let Some((value, reasons)) = self.scale.value(&inputs, &bounds.families) else {
            return Outcome::NotAvailable;
        };
        let index = band(&self.edges, value);
        let Some(label) = self.bands.get(index) else {
            return Outcome::NotAvailable;
        };
        let today = now.0.div_euclid(DAY_MS) * DAY_MS;
        Outcome::Band {
            index: index as u32,
            label: label.clone(),
            reasons,
            as_of: row.as_of(),
            valid_until: Time(today).plus_ms(i64::from(self.validity_days()) * DAY_MS),
        }
    }
}
