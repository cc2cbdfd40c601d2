//! Everything a decision is made by, as one value that never changes, with one hash that every entry names.
use super::{
    engine::{self, Ask, Engine, Said},
    facts::{Operator, SignalFact, Standing},
    golden,
    guards::{self, Guards, Then},
};
use crate::{
    agreement::{Agreement, Agreements, Register, Role},
    consent::Known,
    crypto::{Label, ctx, sha256},
    document::did_you_mean,
    domain::{FieldPath, FieldSet, Purpose, SignalId},
    limits::{DECISIONS_CACHED_MAX, FIELDS_MAX, SIGNALS_MAX},
    refusal::Code,
};
use lru::LruCache;
use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

/// What a snapshot is built from.
pub struct Basis<'a> {
    /// Who may call.
    pub register: &'a Register,
    /// What was agreed.
    pub agreements: Agreements,
    /// What there is to ask for.
    pub signals: Vec<SignalFact>,
    /// The catalogue's fields, in its order.
    pub fields: Vec<FieldPath>,
    /// SHA-256 of `signals.toml`.
    pub signals_sha256: [u8; 32],
    /// SHA-256 of `fields.toml`.
    pub catalogue_sha256: [u8; 32],
    /// Who runs this gateway.
    pub operator: Operator,
}

/// Why a snapshot cannot be built: the gateway does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The schema does not parse.
    #[error("the policy schema does not parse: {0}")]
    Schema(String),
    /// A guard is not well formed.
    #[error("the guards are not well formed: {0}")]
    Guards(String),
    /// A permit cannot be made.
    #[error("no permit can be made of agreement `{0}`: {1}")]
    Permit(String, String),
    /// Strict validation found an error.
    #[error("the policy does not validate: {0}")]
    Invalid(String),
    /// Agreements or signals do not fit the schema.
    #[error("agreements or signals do not fit the policy schema: {0}")]
    Entities(String),
    /// A decision that must hold does not.
    #[error("the golden decision `{0}` does not hold: do not use this build")]
    Golden(String),
    /// An agreement speaks of something that does not exist.
    #[error("agreement `{agreement}`: `{word}` is no {kind} of this gateway{hint}")]
    Unknown {
        /// Which agreement.
        agreement: String,
        /// What it names.
        word: String,
        /// What that should be.
        kind: &'static str,
        /// `: did you mean ..?`, or nothing.
        hint: String,
    },
    /// Too many, or twice the same.
    #[error("{0}")]
    Signals(String),
}

/// Schema, guards, agreements, signals and operator as one view.
pub struct Snapshot {
    agreements: Agreements,
    signals: Vec<SignalFact>,
    signal_index: HashMap<SignalId, usize>,
    purposes: Vec<Purpose>,
    known: Known,
    fields: Vec<FieldPath>,
    guards: Guards,
    engine: Engine,
    hash: [u8; 32],
    cache: Mutex<LruCache<Key, Verdict>>,
}

/// What a decision depends on, and nothing else. The partner is the agreement's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) agreement: usize,
    pub(super) purpose: usize,
    pub(super) signal: usize,
    pub(super) standing: Standing,
}

/// A decision about one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Release,
    /// The guard at this index fired.
    Guard(usize),
    /// The policy could not be evaluated: denied.
    Error,
}

impl Snapshot {
    /// Builds and checks: everything named exists, everything validates, all golden decisions hold.
    ///
    /// # Errors
    /// Whatever is wrong first; nothing is kept.
    pub fn build(basis: Basis<'_>) -> Result<Self, PolicyError> {
        let guards = Guards::parse(guards::TEXT)?;
        golden::hold(&guards)?;
        Self::assemble(basis, guards, guards::TEXT)
    }

    /// SHA-256 over everything a decision is made by.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
    /// Purposes and families that exist here: those of the signals.
    pub fn known(&self) -> &Known {
        &self.known
    }
    /// The agreements.
    pub fn agreements(&self) -> &Agreements {
        &self.agreements
    }
    /// The signal of this id.
    pub fn signal(&self, id: &SignalId) -> Option<&SignalFact> {
        self.signal_index.get(id).and_then(|index| self.signals.get(*index))
    }
    /// Names of fields, in the catalogue's order.
    pub fn names(&self, fields: FieldSet) -> Vec<&FieldPath> {
        fields.iter().filter_map(|index| self.fields.get(index)).collect()
    }

    pub(super) fn signal_place(&self, id: &SignalId) -> Option<usize> {
        self.signal_index.get(id).copied()
    }
    pub(super) fn purpose_place(&self, purpose: &Purpose) -> Option<usize> {
        self.purposes.binary_search(purpose).ok()
    }
    pub(super) fn then(&self, guard: usize) -> Then {
        self.guards
            .list()
            .get(guard)
            .map_or(Then::Refuse(Code::PolicyError), |g| g.then)
    }
    pub(super) fn guard_id(&self, guard: usize) -> &str {
        self.guards.list().get(guard).map_or("", |g| &g.id)
    }

    /// A decision, remembered. The mutex is held for a look or a write, never while Cedar works.
    pub(super) fn verdict(&self, key: Key) -> Verdict {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = cache.get(&key) {
            return *verdict;
        }
        drop(cache);
        let verdict = self.verdict_fresh(key);
        // An error may be a passing one, such as a lack of stack: it denies now and is tried again.
        if verdict != Verdict::Error {
            self.cache
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .put(key, verdict);
        }
        verdict
    }

    pub(super) fn verdict_fresh(&self, key: Key) -> Verdict {
        let parts = (
            self.agreements.at(key.agreement),
            self.purposes.get(key.purpose),
            self.signals.get(key.signal),
        );
        let (Some(agreement), Some(purpose), Some(signal)) = parts else {
            return Verdict::Error;
        };
        let said = self.engine.ask(&Ask {
            partner: &agreement.partner,
            agreement: &agreement.id,
            purpose,
            signal: &signal.id,
            standing: key.standing,
        });
        match said {
            Said::Allow => Verdict::Release,
            Said::Guards(fired) => {
                let first = self.guards.first(fired.iter().map(String::as_str));
                first.map_or(Verdict::Error, Verdict::Guard)
            }
            Said::Error => Verdict::Error,
        }
    }

    fn assemble(basis: Basis<'_>, guards: Guards, text: &str) -> Result<Self, PolicyError> {
        let known = known(&basis)?;
        for agreement in basis.agreements.iter() {
            check_names(agreement, &known, basis.register)?;
        }
        let engine = Engine::build(
            &engine::schema()?,
            &guards,
            &basis.operator,
            basis.agreements.iter(),
            &basis.signals,
        )?;
        engine.validate()?;
        let hash = hash(&basis, text);
        let signal_index = basis
            .signals
            .iter()
            .enumerate()
            .map(|(i, s)| (s.id.clone(), i))
            .collect();
        let capacity = NonZeroUsize::new(DECISIONS_CACHED_MAX).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            agreements: basis.agreements,
            signals: basis.signals,
            signal_index,
            purposes: known.purposes.iter().cloned().collect(),
            known,
            fields: basis.fields,
            guards,
            engine,
            hash,
            cache: Mutex::new(LruCache::new(capacity)),
        })
    }

    /// With guards that no file would hold, and without golden decisions: for tests of what happens then.
    #[cfg(test)]
    pub(super) fn with_guards(basis: Basis<'_>, text: &str) -> Result<Self, PolicyError> {
        Self::assemble(basis, Guards::parse(text)?, text)
    }
}

fn known(basis: &Basis<'_>) -> Result<Known, PolicyError> {
    let (signals, fields) = (basis.signals.len(), basis.fields.len());
    if signals == 0 || signals > SIGNALS_MAX || fields > FIELDS_MAX {
        let text = format!("a gateway has 1 to {SIGNALS_MAX} signals over at most {FIELDS_MAX} fields");
        return Err(PolicyError::Signals(text));
    }
    let mut known = Known::default();
    let mut ids = std::collections::HashSet::new();
    for signal in &basis.signals {
        if !ids.insert(&signal.id) {
            return Err(PolicyError::Signals(format!(
                "`{}` is the id of two signals",
                signal.id
            )));
        }
        if signal.granularity == 0 || signal.lineage.iter().any(|index| index >= fields) {
            let text = format!(
                "`{}`: granularity counts from 1, lineage lies in the catalogue",
                signal.id
            );
            return Err(PolicyError::Signals(text));
        }
        known.purposes.extend(signal.purposes.iter().cloned());
        known.families.insert(signal.family.clone());
    }
    Ok(known)
}

fn check_names(agreement: &Agreement, known: &Known, register: &Register) -> Result<(), PolicyError> {
    let unknown = |word: &str, kind, all: Vec<&str>| PolicyError::Unknown {
        agreement: agreement.id.to_string(),
        word: word.to_owned(),
        kind,
        hint: did_you_mean(word, all),
    };
    if let Some(purpose) = agreement.purposes.iter().find(|p| !known.purposes.contains(*p)) {
        let all = known.purposes.iter().map(|p| p.as_str()).collect();
        return Err(unknown(purpose.as_str(), "purpose", all));
    }
    if let Some(family) = agreement.families.keys().find(|f| !known.families.contains(*f)) {
        let all = known.families.iter().map(|f| f.as_str()).collect();
        return Err(unknown(family.as_str(), "signal family", all));
    }
    match register.by_id(&agreement.partner) {
        Some(member) if member.role == Role::Partner => Ok(()),
        _ => {
            let partners = register.iter().filter(|m| m.role == Role::Partner);
            let all = partners.map(|m| m.id.as_str()).collect();
            Err(unknown(agreement.partner.as_str(), "partner", all))
        }
    }
}

/// `SHA-256(ctx("snapshot", schema, guards, register, catalogue, signals, licence, jurisdiction, agreement..))`, each
/// file by its SHA-256, agreements in the order of their ids.
fn hash(basis: &Basis<'_>, guards: &str) -> [u8; 32] {
    let head = [
        sha256(engine::SCHEMA.as_bytes()),
        sha256(guards.as_bytes()),
        basis.register.sha256(),
        basis.catalogue_sha256,
        basis.signals_sha256,
    ];
    let agreements: Vec<[u8; 32]> = basis.agreements.iter().map(Agreement::sha256).collect();
    let operator = [
        basis.operator.licence.name().as_bytes(),
        basis.operator.jurisdiction.as_str().as_bytes(),
    ];
    let mut fields: Vec<&[u8]> = head.iter().map(|h| h.as_slice()).collect();
    fields.extend(operator);
    fields.extend(agreements.iter().map(|h| h.as_slice()));
    sha256(&ctx(Label::Snapshot, &fields))
}
