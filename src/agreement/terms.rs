//! A cooperation agreement: what one partner may ask, what for, how finely, and on what terms.
use super::text::{FileError, parse};
use crate::{
    clock::Time,
    crypto::sha256,
    domain::{AgreementId, PartnerId, Purpose, SignalFamily},
    limits::{AGREEMENT_DAYS_MAX, AGREEMENT_LIST_MAX, BASIS_POINTS, FUNDING_SHARE_BP_MIN, ID_BYTES_MAX},
};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// One agreement, as its file says. Only [`Agreement::parse`] makes one, so every value has been checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    pub(crate) id: AgreementId,
    pub(crate) partner: PartnerId,
    pub(crate) title: String,
    pub(crate) parties: Vec<Party>,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) families: BTreeMap<SignalFamily, u8>,
    pub(crate) sensitivity_max: u8,
    pub(crate) route: Route,
    pub(crate) jurisdiction: Jurisdiction,
    pub(crate) cross_border_mechanism: Option<Mechanism>,
    not_before: jiff::Timestamp,
    not_after: jiff::Timestamp,
    impact_assessment: Option<String>,
    evidence: Evidence,
    quotas: QuotaTerms,
    #[serde(default)]
    price_fen: BTreeMap<SignalFamily, u64>,
    shares: Option<Shares>,
    joint_lending: Option<JointLending>,
    retention_days: u32,
    termination_notice_days: u32,
    #[serde(skip)]
    sha256: [u8; 32],
}

impl Agreement {
    /// Reads and checks one agreement; `file` is its name, for messages.
    ///
    /// # Errors
    /// The file, the key and the mend.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let mut agreement: Agreement = parse(file, text)?;
        agreement
            .check()
            .map_err(|(place, mend)| FileError::new(file, format!("`{place}`"), mend))?;
        agreement.sha256 = sha256(text.as_bytes());
        Ok(agreement)
    }

    /// Its name.
    pub fn id(&self) -> &AgreementId {
        &self.id
    }
    /// The member of the register that asks under it.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }
    /// For people.
    pub fn title(&self) -> &str {
        &self.title
    }
    /// Who takes part, and as what.
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }
    /// What answers may be used for.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }
    /// Families that may be asked for, each with the finest granularity (1 is the coarsest).
    pub fn families(&self) -> &BTreeMap<SignalFamily, u8> {
        &self.families
    }
    /// How the questions travel.
    pub fn route(&self) -> Route {
        self.route
    }
    /// Law that the partner is under.
    pub fn jurisdiction(&self) -> &Jurisdiction {
        &self.jurisdiction
    }
    /// First moment it is in force.
    pub fn not_before(&self) -> Time {
        Time(self.not_before.as_millisecond())
    }
    /// Last moment it is in force.
    pub fn not_after(&self) -> Time {
        Time(self.not_after.as_millisecond())
    }
    /// Id of the impact assessment (PIPL articles 55 and 56).
    pub fn impact_assessment(&self) -> Option<&str> {
        self.impact_assessment.as_deref()
    }
    /// Whether it was activated: not without an impact assessment.
    pub fn activated(&self) -> bool {
        self.impact_assessment.is_some()
    }
    /// Activated, begun and not ended.
    pub fn in_force(&self, now: Time) -> bool {
        self.activated() && self.not_before() <= now && now <= self.not_after()
    }
    /// What each request must be signed with.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }
    /// Limits per day.
    pub fn quotas(&self) -> QuotaTerms {
        self.quotas
    }
    /// Price of one answered signal of a family, in fen; 0 where none is agreed.
    pub fn price_fen(&self, family: &SignalFamily) -> u64 {
        self.price_fen.get(family).copied().unwrap_or(0)
    }
    /// How revenue and risk are shared.
    pub fn shares(&self) -> Option<&Shares> {
        self.shares.as_ref()
    }
    /// Joint lending, where that is what it is for.
    pub fn joint_lending(&self) -> Option<JointLending> {
        self.joint_lending
    }
    /// How long the partner may keep answers, in days.
    pub fn retention_days(&self) -> u32 {
        self.retention_days
    }
    /// Notice before it may be ended, in days.
    pub fn termination_notice_days(&self) -> u32 {
        self.termination_notice_days
    }
    /// SHA-256 of its file: part of the snapshot's hash.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
    /// The party that asks.
    pub(crate) fn asking_party(&self) -> Option<&Party> {
        self.parties.iter().find(|p| p.id == self.partner)
    }

    fn check(&self) -> Result<(), Problem> {
        self.check_parties()?;
        self.check_scope()?;
        self.check_time()?;
        self.check_money()
    }

    fn check_parties(&self) -> Result<(), Problem> {
        let ids: HashSet<_> = self.parties.iter().map(|p| &p.id).collect();
        if ids.len() != self.parties.len() || self.parties.len() > AGREEMENT_LIST_MAX {
            return problem("parties", "name each party once, and at most 64");
        }
        let Some(asking) = self.asking_party() else {
            return problem("partner", format!("add `{}` to `parties` with its role", self.partner));
        };
        if asking.role == PartyRole::Processor {
            return problem(
                "parties",
                "the asking partner decides what answers are for: it is a controller",
            );
        }
        if self.route == Route::ViaLicensedBureau && asking.kind != PartyKind::LicensedBureau {
            let mend = "with `via_licensed_bureau` the bureau asks: name it as `partner`, with kind `licensed-bureau`";
            return problem("route", mend);
        }
        Ok(())
    }

    fn check_scope(&self) -> Result<(), Problem> {
        let purposes: HashSet<_> = self.purposes.iter().collect();
        if self.purposes.is_empty() || purposes.len() != self.purposes.len() || purposes.len() > AGREEMENT_LIST_MAX {
            return problem("purposes", "name 1 to 64 purposes, each once");
        }
        if self.families.is_empty() || self.families.len() > AGREEMENT_LIST_MAX {
            return problem(
                "families",
                "name 1 to 64 families, each with the finest granularity allowed",
            );
        }
        if let Some((family, _)) = self.families.iter().find(|(_, granularity)| **granularity == 0) {
            return problem(format!("families.{family}"), "granularity counts from 1, the coarsest");
        }
        if !(1..=2).contains(&self.sensitivity_max) {
            return problem(
                "sensitivity_max",
                "1 or 2 (classes of JR/T 0171): class 3 is never answered",
            );
        }
        if !(1..=2 * AGREEMENT_DAYS_MAX).contains(&i64::from(self.retention_days)) {
            return problem("retention_days", "say for how many days the partner may keep answers");
        }
        if self.quotas.questions_per_day == 0 {
            return problem("quotas", "`questions_per_day` is at least 1");
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), Problem> {
        let length_ms = self.not_after().since(self.not_before());
        if length_ms <= 0 || length_ms > AGREEMENT_DAYS_MAX * 86_400_000 {
            let mend = format!("later than `not_before`, by at most {AGREEMENT_DAYS_MAX} days");
            return problem("not_after", mend);
        }
        match &self.impact_assessment {
            Some(id) if id.trim().is_empty() || id.len() > ID_BYTES_MAX => problem(
                "impact_assessment",
                "its id has 1 to 64 characters; leave the key out if there is none yet",
            ),
            _ => Ok(()),
        }
    }

    fn check_money(&self) -> Result<(), Problem> {
        if let Some(family) = self.price_fen.keys().find(|f| !self.families.contains_key(f)) {
            return problem(
                format!("price_fen.{family}"),
                "a price for a family that `families` does not name",
            );
        }
        if let Some(shares) = &self.shares {
            for (key, share) in [("revenue_bp", &shares.revenue_bp), ("risk_bp", &shares.risk_bp)] {
                let total: u64 = share.values().map(|bp| u64::from(*bp)).sum();
                let parties = share.keys().all(|id| self.parties.iter().any(|p| p.id == *id));
                if total != u64::from(BASIS_POINTS) || !parties {
                    return problem(
                        format!("shares.{key}"),
                        "basis points of named parties that add up to 10000",
                    );
                }
            }
        }
        match self.joint_lending {
            Some(joint) if !(FUNDING_SHARE_BP_MIN..=BASIS_POINTS).contains(&joint.funding_share_bp) => {
                let mend = "the lending partner puts up at least 3000 basis points (30 %) of its own money";
                problem("joint_lending.funding_share_bp", mend)
            }
            _ => Ok(()),
        }
    }
}

/// How a question reaches this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// From the institution that uses the answer.
    Direct,
    /// From a licensed credit bureau, for an institution.
    ViaLicensedBureau,
}

impl Route {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Route::Direct => "direct",
            Route::ViaLicensedBureau => "via_licensed_bureau",
        }
    }
}

/// ISO 3166-1 alpha-2, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// As in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Jurisdiction {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase()) {
            true => Ok(Self(text)),
            false => Err("a jurisdiction is two lower-case letters (ISO 3166-1), such as `cn`"),
        }
    }
}

/// Lawful ways across the border (PIPL article 38).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Security assessment by the CAC.
    SecurityAssessment,
    /// Certification by a professional body.
    Certification,
    /// The CAC's standard contract.
    StandardContract,
}

impl Mechanism {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::SecurityAssessment => "security-assessment",
            Mechanism::Certification => "certification",
            Mechanism::StandardContract => "standard-contract",
        }
    }
}

/// How strongly a partner is bound to its questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Each request is signed.
    Request,
    /// Only the opening of a session is.
    Session,
}

/// A party to an agreement.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name, as in the register where it is a member.
    pub id: PartnerId,
    /// What it is.
    pub kind: PartyKind,
    /// What it is in the sense of PIPL articles 20 and 21.
    pub role: PartyRole,
    /// It belongs to the operator's own group.
    #[serde(default)]
    pub same_group: bool,
}

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartyKind {
    /// A bank.
    Bank,
    /// A licensed consumer finance company.
    ConsumerFinance,
    /// A licensed credit bureau.
    LicensedBureau,
    /// An internet platform.
    Platform,
    /// A merchant.
    Merchant,
}

impl PartyKind {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            PartyKind::Bank => "bank",
            PartyKind::ConsumerFinance => "consumer-finance",
            PartyKind::LicensedBureau => "licensed-bureau",
            PartyKind::Platform => "platform",
            PartyKind::Merchant => "merchant",
        }
    }
}

/// Responsibility of a party for personal information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartyRole {
    /// Decides purposes and means.
    Controller,
    /// Decides them with another.
    JointController,
    /// Acts for a controller.
    Processor,
}

/// Limits per day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaTerms {
    /// Questions.
    pub questions_per_day: u32,
}

/// How revenue and risk are shared, in basis points per party.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Of revenue; adds up to 10,000.
    pub revenue_bp: BTreeMap<PartnerId, u16>,
    /// Of losses; adds up to 10,000.
    pub risk_bp: BTreeMap<PartnerId, u16>,
}

/// Joint credit granting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointLending {
    /// The partner's own share of each loan, in basis points.
    pub funding_share_bp: u16,
}

/// A key of the file, and what to do.
type Problem = (String, String);

fn problem<T>(place: impl Into<String>, mend: impl Into<String>) -> Result<T, Problem> {
    Err((place.into(), mend.into()))
}

#[cfg(test)]
mod tests;
