//! What the gateway should do, as a page of tables: agreements, consents, records. It knows no policy language and no
//! store, and decides nothing but from what was said aloud.
use std::collections::BTreeMap;
use tollgate::{clock::Time, refusal::Code};

/// Signals by family, granularity and the fields they are derived from (`docs/sample/signals.toml`).
pub(super) const SIGNALS: [(&str, &str, u32, &[&str]); 7] = [
    ("worst_overdue_6m@1", "overdue", 1, &[OVERDUE]),
    ("utilisation@1", "utilisation", 2, &[STATEMENT, LIMIT]),
    ("utilisation_coarse@1", "utilisation", 1, &[STATEMENT, LIMIT]),
    ("on_time_rate@1", "on_time", 1, &[OVERDUE]),
    ("repayment_ratio@1", "repayment", 1, &[STATEMENT, PAID]),
    ("limit_band@1", "limit", 1, &[LIMIT]),
    ("risk_band@1", "risk", 1, &[OVERDUE, STATEMENT, LIMIT, PAID]),
];
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const LIMIT: &str = "card.limit_minor";
const OVERDUE: &str = "card.overdue_days";
const STATEMENT: &str = "card.statement_minor";
const PAID: &str = "card.paid_minor";
pub(super) const FAMILIES: [&str; 6] = ["overdue", "utilisation", "on_time", "repayment", "limit", "risk"];
pub(super) const PURPOSES: [&str; 4] = [
    "credit.origination",
    "account.monitoring",
    "credit.limit_review",
    "credit.curiosity",
];
/// Those of [`super::run`], and one that does not exist.
pub(super) const AGREEMENTS: [&str; 6] = ["bank-a-2026", "review", "coarse", "fine", "ended", "bank-a-2099"];
/// Signals that read a series of months look back six of 31 days.
const SERIES_DAYS: u32 = 186;

/// A consent as the model remembers it.
#[derive(Clone)]
pub(super) struct Consent {
    /// Counts from 0.
    pub(super) number: usize,
    pub(super) row: u64,
    pub(super) purposes: Vec<&'static str>,
    pub(super) families: Vec<(&'static str, u32)>,
    pub(super) look_back_days: u32,
    pub(super) separate: bool,
    pub(super) not_after: Time,
    pub(super) terms_sha256: [u8; 32],
    pub(super) confirmed: bool,
    pub(super) withdrawn: bool,
}

impl Consent {
    fn covers(&self, row: u64, purpose: &str, signal: usize, now: Time) -> bool {
        let (_, family, granularity, fields) = SIGNALS[signal];
        let series = fields.iter().any(|field| *field != LIMIT);
        self.is_active(now)
            && self.row == row
            && self.separate
            && self.purposes.contains(&purpose)
            && self
                .families
                .iter()
                .any(|(of, finest)| *of == family && granularity <= *finest)
            && (!series || self.look_back_days >= SERIES_DAYS)
    }
    pub(super) fn is_active(&self, now: Time) -> bool {
        self.confirmed && !self.withdrawn && now <= self.not_after
    }
}

/// A question, as the model reads it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) row: u64,
    pub(super) agreement: &'static str,
    pub(super) purpose: &'static str,
    /// Indexes into [`SIGNALS`].
    pub(super) signals: Vec<usize>,
    pub(super) consent: Vec<u8>,
}

/// What should come of it: a refusal, or for each signal whether it may be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any of these: which of several wrongs is named first is the policy's business.
    Refused(Vec<Code>),
    Told(Vec<bool>),
}

/// Everything that was said.
#[derive(Default)]
pub(super) struct Model {
    pub(super) consents: BTreeMap<Vec<u8>, Consent>,
    /// Rows with a record, by the generation of that record.
    pub(super) records: BTreeMap<u64, u32>,
}

impl Model {
    pub(super) fn expects(&self, asked: &Asked, now: Time) -> Expected {
        if asked.agreement == "bank-a-2099" {
            return Expected::Refused(vec![Code::AgreementUnknown]);
        }
        if asked.purpose == "credit.curiosity" {
            return Expected::Refused(vec![Code::PurposeUnknown]);
        }
        let mut wrong = Vec::new();
        let purposes: &[&str] = match asked.agreement {
            "review" => &["credit.origination", "credit.limit_review"],
            _ => &["credit.origination", "account.monitoring"],
        };
        if asked.agreement == "ended" {
            wrong.push(Code::AgreementNotInForce);
        }
        if !purposes.contains(&asked.purpose) {
            wrong.push(Code::PurposeNotAgreed);
        }
        for signal in &asked.signals {
            let (_, family, granularity, _) = SIGNALS[*signal];
            if asked.agreement == "coarse" && family == "risk" {
                wrong.push(Code::SignalNotAgreed);
            } else if granularity > 1 && asked.agreement != "fine" {
                wrong.push(Code::GranularityTooFine);
            }
        }
        if !wrong.is_empty() {
            return Expected::Refused(wrong);
        }
        let consent = self.consents.get(&asked.consent);
        let may = |signal: &usize| consent.is_some_and(|c| c.covers(asked.row, asked.purpose, *signal, now));
        Expected::Told(asked.signals.iter().map(may).collect())
    }

    /// Consents of one person that count among those a partner may hold.
    pub(super) fn held(&self, row: u64) -> usize {
        self.consents.values().filter(|c| c.row == row).count()
    }
}

/// Names of the fields that these signals are derived from.
pub(super) fn fields(signals: impl Iterator<Item = usize>) -> Vec<&'static str> {
    let mut all: Vec<&str> = signals.flat_map(|signal| SIGNALS[signal].3.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}
