//! Partners and their cooperation agreements: who may call, and what was agreed with them.
//!
//! Both are read from files before a port is bound. A file with an unknown key, a key used twice or a key whose
//! possession is not proven does not load: there is no "almost valid" partner.
mod agreements;
mod authenticate;
mod member;
mod quota;
mod register;
mod terms;
mod text;

pub use agreements::Agreements;
pub use authenticate::authenticate;
pub use member::{AuditScope, Member, Partner, Role, SigningKey};
pub use quota::{Charge, Quotas, Spent};
pub use register::{Register, possession};
pub use terms::{
    Agreement, Evidence, JointLending, Jurisdiction, Mechanism, Party, PartyKind, PartyRole, QuotaTerms, Route, Shares,
};
pub use text::FileError;
