//! `signals.toml`: what may be derived, by whom it may be used, and how coarse it is. Refused unless every rule holds.
use super::{
    measure::Measure,
    scorecard::{AttributeText, Scale, check_edges},
};
use crate::{
    crypto::sha256,
    document::{self, DocumentError, did_you_mean},
    domain::{FieldPath, FieldSet, Purpose, SignalFamily, SignalId},
    limits::{BANDS_MAX, ID_BYTES_MAX, SIGNALS_MAX},
    policy::SignalFact,
    source::{Catalogue, Class, Field, Flag, Shape},
};
use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Days in a month of a series: the longest.
pub(super) const MONTH_DAYS: u32 = 31;

/// A purpose that this gateway knows; agreements and consents name one of these.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownPurpose {
    /// Its name.
    pub id: Purpose,
    /// For people, in English.
    pub title_en: String,
    /// For people, in Chinese.
    pub title_zh: String,
}

/// A reason code and what it means to the person (ECOA, 12 CFR 1002.9(b)(2)).
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The code.
    pub code: String,
    /// The family that it tells about: it is given only where this may be told too.
    pub family: SignalFamily,
    /// In English.
    pub text_en: String,
    /// In Chinese.
    pub text_zh: String,
}

/// Why `signals.toml` is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Not the expected document.
    #[error("`signals.toml`: {0}")]
    Document(#[from] DocumentError),
    /// A signal breaks a rule.
    #[error("`signals.toml`: signal `{0}`: {1}")]
    Signal(SignalId, String),
    /// The lists do not fit together.
    #[error("`signals.toml`: {0}")]
    Lists(String),
}

/// Each reason's code, and what it tells about.
type ReasonFamilies<'a> = HashMap<&'a str, &'a SignalFamily>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    purpose: Vec<KnownPurpose>,
    #[serde(default)]
    reason: Vec<Reason>,
    signal: Vec<SignalText>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalText {
    id: SignalId,
    family: SignalFamily,
    granularity: u8,
    class: Class,
    purposes: Vec<Purpose>,
    inputs: Vec<FieldPath>,
    measure: Option<String>,
    #[serde(default)]
    attribute: Vec<AttributeText>,
    edges: Vec<i64>,
    bands: Vec<String>,
    fresh_days: u32,
    validity_days: u32,
    #[serde(default)]
    retired: bool,
    meaning_en: String,
    meaning_zh: String,
}

/// A signal that passed every check.
pub struct Signal {
    id: SignalId,
    family: SignalFamily,
    granularity: u8,
    class: Class,
    purposes: Vec<Purpose>,
    retired: bool,
    lineage: FieldSet,
    look_back_days: u32,
    pub(super) scale: Scale,
    /// Days that each field of the catalogue may be used for.
    pub(super) retention_days: Arc<[u32]>,
    pub(super) edges: Vec<i64>,
    pub(super) bands: Vec<String>,
    fresh_days: u32,
    validity_days: u32,
    meaning_en: String,
    meaning_zh: String,
}

impl Signal {
    /// `name@version`.
    pub fn id(&self) -> &SignalId {
        &self.id
    }
    /// Signals that say the same, coarser or finer.
    pub fn family(&self) -> &SignalFamily {
        &self.family
    }
    /// Counts from 1 within the family; higher is finer.
    pub fn granularity(&self) -> u8 {
        self.granularity
    }
    /// The class of JR/T 0171 as a number: 1 or 2.
    pub fn sensitivity(&self) -> u8 {
        self.class as u8
    }
    /// Not given out any more.
    pub fn retired(&self) -> bool {
        self.retired
    }
    /// What it may be used for.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }
    /// Labels, in order of their index.
    pub fn bands(&self) -> &[String] {
        &self.bands
    }
    /// The fields it reads: exactly these.
    pub fn lineage(&self) -> FieldSet {
        self.lineage
    }
    /// How far its fields reach back from the day of the record, in days; 0 where it reads the newest state only.
    pub fn look_back_days(&self) -> u32 {
        self.look_back_days
    }
    /// What the policy knows of it.
    pub fn fact(&self) -> SignalFact {
        SignalFact {
            id: self.id.clone(),
            family: self.family.clone(),
            granularity: self.granularity,
            sensitivity: self.sensitivity(),
            retired: self.retired,
            purposes: self.purposes.clone(),
            lineage: self.lineage,
            look_back_days: self.look_back_days,
        }
    }
    /// Days after which a record is too old to say anything.
    pub fn fresh_days(&self) -> u32 {
        self.fresh_days
    }
    /// Days for which an answer may be relied on.
    pub fn validity_days(&self) -> u32 {
        self.validity_days
    }
    /// What it says, in English.
    pub fn meaning_en(&self) -> &str {
        &self.meaning_en
    }
    /// What it says, in Chinese.
    pub fn meaning_zh(&self) -> &str {
        &self.meaning_zh
    }
}

/// Every signal of the gateway, and the purposes and reasons they name.
pub struct Signals {
    signals: Vec<Signal>,
    places: HashMap<SignalId, usize>,
    purposes: Vec<KnownPurpose>,
    reasons: Vec<Reason>,
    sha256: [u8; 32],
}

impl Signals {
    /// Reads `signals.toml`.
    ///
    /// # Errors
    /// With line and column, or the signal and the rule it breaks.
    pub fn load(text: &str, catalogue: &Catalogue) -> Result<Self, SignalError> {
        let document: Document = document::read(text)?;
        let lists = |text: &str| Err(SignalError::Lists(text.to_owned()));
        if document.signal.is_empty() || document.signal.len() > SIGNALS_MAX {
            return lists("declare 1 to 256 signals");
        }
        let purposes: HashSet<&str> = document.purpose.iter().map(|p| p.id.as_str()).collect();
        if purposes.len() != document.purpose.len() {
            return lists("a purpose is declared twice");
        }
        let reasons: ReasonFamilies<'_> = document.reason.iter().map(|r| (r.code.as_str(), &r.family)).collect();
        if reasons.len() != document.reason.len() {
            return lists("a reason is declared twice");
        }
        let (mut signals, mut places) = (Vec::new(), HashMap::new());
        for text in document.signal {
            let id = text.id.clone();
            let signal =
                check(text, catalogue, &purposes, &reasons).map_err(|rule| SignalError::Signal(id.clone(), rule))?;
            if places.insert(id.clone(), signals.len()).is_some() {
                return Err(SignalError::Signal(
                    id,
                    "declared twice: count the version up".to_owned(),
                ));
            }
            nested(&signal, &signals).map_err(|rule| SignalError::Signal(id, rule))?;
            signals.push(signal);
        }
        told_about(&signals)?;
        Ok(Self {
            signals,
            places,
            purposes: document.purpose,
            reasons: document.reason,
            sha256: sha256(text.as_bytes()),
        })
    }

    /// The signal of this id.
    pub fn get(&self, id: &SignalId) -> Option<&Signal> {
        self.signals.get(*self.places.get(id)?)
    }
    /// All signals, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Signal> {
        self.signals.iter()
    }
    /// Purposes that this gateway knows.
    pub fn purposes(&self) -> &[KnownPurpose] {
        &self.purposes
    }
    /// Reason codes and their texts.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
    /// SHA-256 of the file's bytes.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

fn check(
    text: SignalText,
    catalogue: &Catalogue,
    purposes: &HashSet<&str>,
    reasons: &ReasonFamilies<'_>,
) -> Result<Signal, String> {
    if let Some(unknown) = text.purposes.iter().find(|p| !purposes.contains(p.as_str())) {
        let near = did_you_mean(unknown.as_str(), purposes.iter().copied());
        return Err(format!("purpose `{unknown}` is not declared{near}"));
    }
    if text.purposes.is_empty() || text.granularity == 0 || text.validity_days == 0 {
        return Err("name a purpose, and count `granularity` and `validity_days` from 1".to_owned());
    }
    check_edges(&text.edges, text.bands.len(), "bands")?;
    let labels: HashSet<&String> = text.bands.iter().collect();
    if text.bands.len() < 2 || text.bands.len() > BANDS_MAX || labels.len() != text.bands.len() {
        return Err(format!("a signal has 2 to {BANDS_MAX} bands with different labels"));
    }
    if text.bands.iter().any(|b| b.is_empty() || b.len() > ID_BYTES_MAX) {
        return Err(format!("a band's label has 1 to {ID_BYTES_MAX} bytes"));
    }
    let declared = declared(&text.inputs, catalogue, text.class)?;
    let (scale, reads) = match (&text.measure, text.attribute.is_empty()) {
        (Some(measure), true) => {
            let measure = Measure::load(measure, catalogue)?;
            (Scale::Measure(measure.root), measure.reads)
        }
        (None, false) => scorecard(text.attribute, catalogue, reasons)?,
        _ => return Err("a signal has either `measure` or `[[signal.attribute]]`".to_owned()),
    };
    let names = |set| {
        catalogue
            .names(set)
            .iter()
            .map(|path| format!("`{path}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if !reads.is_subset(&declared) {
        return Err(format!(
            "it reads {} without declaring it in `inputs`",
            names(reads.without(declared))
        ));
    }
    if !declared.is_subset(&reads) {
        return Err(format!(
            "it declares {} and never reads it: remove it",
            names(declared.without(reads))
        ));
    }
    Ok(Signal {
        id: text.id,
        family: text.family,
        granularity: text.granularity,
        class: text.class,
        purposes: text.purposes,
        retired: text.retired,
        lineage: declared,
        look_back_days: look_back_days(declared, catalogue),
        scale,
        retention_days: catalogue.fields().iter().map(|f| f.retention_days).collect(),
        edges: text.edges,
        bands: text.bands,
        fresh_days: text.fresh_days,
        validity_days: text.validity_days,
        meaning_en: text.meaning_en,
        meaning_zh: text.meaning_zh,
    })
}

/// Of the longest series, each month taken as the longest month.
fn look_back_days(lineage: FieldSet, catalogue: &Catalogue) -> u32 {
    let fields = lineage.iter().filter_map(|i| catalogue.fields().get(i));
    let series = fields.filter(|f| f.shape == Shape::Monthly);
    let days = series.map(|f| u32::try_from(f.months).unwrap_or(u32::MAX).saturating_mul(MONTH_DAYS));
    days.max().unwrap_or(0)
}

/// The declared inputs: known, allowed, and not above the signal's own class.
fn declared(inputs: &[FieldPath], catalogue: &Catalogue, class: Class) -> Result<FieldSet, String> {
    let mut set = FieldSet::default();
    for path in inputs {
        let place = catalogue.index(path);
        let Some((index, field)) = place.and_then(|i| Some((i, catalogue.fields().get(i)?))) else {
            let near = did_you_mean(path.as_str(), catalogue.fields().iter().map(|f| f.path.as_str()));
            return Err(format!("`fields.toml` has no field `{path}`{near}"));
        };
        allowed(field)?;
        if class < field.class {
            let (own, needed) = (class as u8, field.class as u8);
            return Err(format!(
                "it is of class C{own} and reads `{path}` of class C{needed}: raise its class"
            ));
        }
        if set.contains(index) {
            return Err(format!("`inputs` names `{path}` twice"));
        }
        set.insert(index);
    }
    Ok(set)
}

fn allowed(field: &Field) -> Result<(), String> {
    let path = &field.path;
    if field.class == Class::C3 {
        return Err(format!(
            "`{path}` is of class C3: credentials and biometrics are read by no signal"
        ));
    }
    match field.flags.first() {
        None => Ok(()),
        Some(Flag::Protected) => Err(format!("`{path}` is a protected attribute: nobody is judged by it")),
        Some(Flag::Identity) => Err(format!("`{path}` names the person: identities never leave")),
        // 征信业管理条例, article 14. Until consents can record the warning, no signal reads these.
        Some(_) => Err(format!(
            "`{path}` needs a warned written consent, which this gateway cannot record yet"
        )),
    }
}

fn scorecard(
    attributes: Vec<AttributeText>,
    catalogue: &Catalogue,
    reasons: &ReasonFamilies<'_>,
) -> Result<(Scale, FieldSet), String> {
    let (mut loaded, mut reads) = (Vec::new(), FieldSet::default());
    if attributes.len() > BANDS_MAX {
        return Err(format!("a scorecard has at most {BANDS_MAX} attributes"));
    }
    for attribute in attributes {
        let Some(family) = reasons.get(attribute.reason.as_str()) else {
            let near = did_you_mean(&attribute.reason, reasons.keys().copied());
            return Err(format!("reason `{}` is not declared{near}", attribute.reason));
        };
        let attribute = attribute.load(catalogue, family)?;
        reads = reads.union(attribute.reads);
        loaded.push(attribute);
    }
    Ok((Scale::Scorecard(loaded), reads))
}

/// A reason belongs to a family whose signals read what it was scored from: consent to that family covers it.
fn told_about(signals: &[Signal]) -> Result<(), SignalError> {
    for signal in signals {
        let Scale::Scorecard(attributes) = &signal.scale else {
            continue;
        };
        for attribute in attributes {
            let covers = |s: &Signal| s.family == attribute.family && attribute.reads.is_subset(&s.lineage);
            if !signals.iter().any(covers) {
                let rule = format!(
                    "reason `{}` is of the family `{}`, of which no signal reads what it is scored from",
                    attribute.reason, attribute.family
                );
                return Err(SignalError::Signal(signal.id.clone(), rule));
            }
        }
    }
    Ok(())
}

/// Two signals over the same measure, of whatever families: the coarser has no edge of its own, or asking for both would
/// tell more than either.
fn nested(signal: &Signal, others: &[Signal]) -> Result<(), String> {
    let measures_the_same = |o: &&Signal| match (&o.scale, &signal.scale) {
        (Scale::Measure(theirs), Scale::Measure(ours)) => theirs == ours,
        _ => false,
    };
    for other in others
        .iter()
        .filter(measures_the_same)
        .filter(|o| !o.retired && !signal.retired)
    {
        // Granularities count within one family; beside that the one with fewer edges is the coarser.
        let within = match signal.family == other.family {
            true => signal.granularity.cmp(&other.granularity),
            false => Ordering::Equal,
        };
        let (coarse, fine) = match within.then(signal.edges.len().cmp(&other.edges.len())) {
            Ordering::Less => (signal, other),
            Ordering::Equal | Ordering::Greater => (other, signal),
        };
        if let Some(edge) = coarse.edges.iter().find(|edge| !fine.edges.contains(edge)) {
            return Err(format!(
                "edge {edge} of `{}` is none of `{}`: together they would tell more than the finer one",
                coarse.id, fine.id
            ));
        }
    }
    Ok(())
}
