//! The facts that a decision is made from.
use crate::{
    agreement::Jurisdiction,
    domain::{FieldSet, Purpose, SignalFamily, SignalId},
};

/// What the policy knows of a signal.
#[derive(Debug, Clone)]
pub struct SignalFact {
    /// `name@version`.
    pub id: SignalId,
    /// Signals of a family say the same at different granularity.
    pub family: SignalFamily,
    /// 1 is the coarsest.
    pub granularity: u8,
    /// Class of JR/T 0171, at least the highest of its inputs.
    pub sensitivity: u8,
    /// Not given out any more.
    pub retired: bool,
    /// What it may be used for.
    pub purposes: Vec<Purpose>,
    /// Fields that it is computed from.
    pub lineage: FieldSet,
    /// How far back it looks, in days; 0 where it looks at the newest state only.
    pub look_back_days: u32,
}

/// What runs this gateway, by the operator's own declaration in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// What it is licensed as.
    pub licence: Licence,
    /// Law that it is under.
    pub jurisdiction: Jurisdiction,
}

/// What an operator can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Licence {
    /// A licensed credit bureau (征信业务管理办法, article 4: 从事个人征信业务的，应当依法取得中国人民银行个人征信机构许可).
    LicensedBureau,
    /// An internet platform.
    Platform,
    /// A group of banks.
    BankGroup,
    /// A network of merchants.
    MerchantNetwork,
}

impl Licence {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Licence::LicensedBureau => "licensed-bureau",
            Licence::Platform => "platform",
            Licence::BankGroup => "bank-group",
            Licence::MerchantNetwork => "merchant-network",
        }
    }
}

/// What changes from question to question: small, so that decisions can be remembered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Standing {
    pub(super) in_force: bool,
    pub(super) consent: Option<ConsentStanding>,
}

/// A consent as one signal sees it: the `consent` of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConsentStanding {
    pub(super) recipient: bool,
    pub(super) current: bool,
    pub(super) purpose: bool,
    pub(super) granularity: u8,
    pub(super) separate: bool,
    pub(super) look_back: bool,
}
