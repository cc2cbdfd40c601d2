//! How many questions an agreement may still ask today. Durable before the answer: what was charged stays charged.
//!
//! One entry in a block of questions carries the charge for the whole block, so that most questions change no state.
//! After a crash the rest of a block counts as asked: a quota errs on the side of fewer answers. The day is that of
//! UTC, and never goes back when the clock does.
use super::{Agreements, terms::Agreement};
use crate::{
    clock::Time,
    domain::AgreementId,
    limits::{QUOTA_BLOCKS_PER_DAY, QUOTA_ROWS_PER_AGREEMENT_MAX},
    state::{Effect, State, StateError, Table},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

const DAY_S: i64 = 86_400;

/// What every agreement has used of its day.
#[derive(Default)]
pub struct Quotas(Mutex<HashMap<AgreementId, Day>>);

#[derive(Default, Clone, Copy)]
struct Day {
    /// Days since 1970-01-01.
    day: i64,
    /// Questions that are charged, in entries that are recorded or under way.
    charged: u32,
    /// Blocks that were charged.
    blocks: u32,
    /// Of recorded charges, how many questions are not asked yet.
    left: u32,
}

/// The day's questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent;

/// A block that an entry under way charges. Dropped without a record, it stays charged.
pub struct Charge {
    agreement: AgreementId,
    day: i64,
    left: u32,
    effect: Effect,
}

impl Charge {
    /// Goes into the entry.
    pub fn effect(&self) -> Effect {
        self.effect.clone()
    }
}

impl Quotas {
    /// What was charged before the gateway started.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn load(state: &dyn State, agreements: &Agreements) -> Result<Self, StateError> {
        let mut days = HashMap::new();
        for agreement in agreements.iter() {
            let mut known = Day::default();
            let prefix = row_prefix(&agreement.id);
            for (_, value) in state.rows(Table::Quota, &prefix, None, QUOTA_ROWS_PER_AGREEMENT_MAX)? {
                let (day, charged) = read(&value).ok_or_else(|| StateError("a quota row is malformed".to_owned()))?;
                if day > known.day {
                    known = Day { day, ..Day::default() };
                }
                if day == known.day {
                    known.charged = known.charged.max(charged);
                    known.blocks += 1;
                }
            }
            days.insert(agreement.id.clone(), known);
        }
        Ok(Self(Mutex::new(days)))
    }

    /// Counts one question. `Some` where its entry must carry a charge.
    ///
    /// # Errors
    /// [`Spent`] until the next day.
    pub fn charge(&self, agreement: &Agreement, now: Time) -> Result<Option<Charge>, Spent> {
        let per_day = agreement.quotas().questions_per_day;
        let today = now.seconds().div_euclid(DAY_S);
        let mut days = self.days();
        let known = days.entry(agreement.id.clone()).or_default();
        if today > known.day {
            *known = Day {
                day: today,
                ..Day::default()
            };
        }
        if known.left > 0 {
            known.left -= 1;
            return Ok(None);
        }
        let block = per_day
            .div_ceil(QUOTA_BLOCKS_PER_DAY)
            .min(per_day.saturating_sub(known.charged));
        if block == 0 {
            return Err(Spent);
        }
        known.charged += block;
        known.blocks += 1;
        Ok(Some(Charge {
            agreement: agreement.id.clone(),
            day: known.day,
            left: block - 1,
            effect: Effect::put(
                Table::Quota,
                row_key(&agreement.id, known.blocks),
                value(known.day, known.charged),
            ),
        }))
    }

    /// The entry with the charge is durable: the rest of its block may be asked.
    pub fn recorded(&self, charge: Charge) {
        let mut days = self.days();
        if let Some(known) = days.get_mut(&charge.agreement).filter(|d| d.day == charge.day) {
            known.left += charge.left;
        }
    }

    fn days(&self) -> MutexGuard<'_, HashMap<AgreementId, Day>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No agreement's id is the beginning of another's with the zero behind it.
fn row_prefix(agreement: &AgreementId) -> Vec<u8> {
    [agreement.as_str().as_bytes(), &[0]].concat()
}

/// A row a block, so that entries which commit in another order than they were charged do not undo each other. The
/// next day writes over them.
fn row_key(agreement: &AgreementId, block: u32) -> Vec<u8> {
    [row_prefix(agreement).as_slice(), &block.to_be_bytes()].concat()
}

fn value(day: i64, charged: u32) -> Vec<u8> {
    [day.to_be_bytes().as_slice(), &charged.to_be_bytes()].concat()
}

fn read(value: &[u8]) -> Option<(i64, u32)> {
    let (day, charged) = value.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*day), u32::from_be_bytes(charged.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Row;
    use std::collections::BTreeMap;

    const NOON: Time = Time(1_790_000_000_000);
    const SAMPLE: &str = include_str!("../../docs/sample/agreement-bank-a.toml");

    fn agreements(per_day: u32) -> Agreements {
        let text = SAMPLE.replace("questions_per_day = 100_000", &format!("questions_per_day = {per_day}"));
        Agreements::load([("a.toml", text.as_str())]).unwrap()
    }

    #[derive(Default)]
    struct Rows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl Rows {
        fn apply(&self, effect: &Effect) {
            let value = effect.value.clone().unwrap();
            self.0.lock().unwrap().insert(effect.key.clone(), value);
        }
    }

    impl State for Rows {
        fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
            Ok(self.0.lock().unwrap().get(key).cloned())
        }
        fn rows(&self, _: Table, prefix: &[u8], _: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
            let rows = self.0.lock().unwrap();
            let found = rows.iter().filter(|(key, _)| key.starts_with(prefix)).take(limit);
            Ok(found.map(|(k, v)| (k.clone(), v.clone())).collect())
        }
    }

    /// Asks until it is spent; each charge is recorded at once.
    fn ask_all(quotas: &Quotas, agreement: &Agreement, now: Time, rows: &Rows) -> (u32, u32) {
        let (mut asked, mut charges) = (0, 0);
        while let Ok(charge) = quotas.charge(agreement, now) {
            asked += 1;
            if let Some(charge) = charge {
                charges += 1;
                rows.apply(&charge.effect());
                quotas.recorded(charge);
            }
        }
        (asked, charges)
    }

    #[test]
    fn exactly_the_quota_is_asked_and_few_entries_carry_a_charge() {
        for per_day in [1, 7, 999, 1_000, 5_000] {
            let (all, rows) = (agreements(per_day), Rows::default());
            let quotas = Quotas::load(&rows, &all).unwrap();
            let agreement = all.at(0).unwrap();
            let (asked, charges) = ask_all(&quotas, agreement, NOON, &rows);
            assert_eq!(asked, per_day);
            assert!(charges <= QUOTA_BLOCKS_PER_DAY, "{charges}");
            let tomorrow = NOON.plus_ms(DAY_S * 1_000);
            assert_eq!(ask_all(&quotas, agreement, tomorrow, &rows).0, per_day);
            // A clock that goes back does not give yesterday's quota again.
            assert_eq!(ask_all(&quotas, agreement, NOON, &rows).0, 0);
        }
    }

    #[test]
    fn a_restart_gives_nothing_back() {
        let (all, rows) = (agreements(5_000), Rows::default());
        let agreement = all.at(0).unwrap();
        let quotas = Quotas::load(&rows, &all).unwrap();
        for _ in 0..12 {
            if let Some(charge) = quotas.charge(agreement, NOON).unwrap() {
                rows.apply(&charge.effect());
                quotas.recorded(charge);
            }
        }
        let again = Quotas::load(&rows, &all).unwrap();
        // Blocks of five: three were charged.
        assert_eq!(ask_all(&again, agreement, NOON, &rows).0, 5_000 - 15);
        assert_eq!(
            ask_all(&Quotas::load(&rows, &all).unwrap(), agreement, NOON, &rows).0,
            0
        );
    }

    #[test]
    fn charges_that_commit_in_another_order_all_count() {
        let (all, rows) = (agreements(5_000), Rows::default());
        let agreement = all.at(0).unwrap();
        let quotas = Quotas::load(&rows, &all).unwrap();
        let charges: Vec<Charge> = (0..4)
            .map(|_| quotas.charge(agreement, NOON).unwrap().unwrap())
            .collect();
        charges.iter().rev().for_each(|c| rows.apply(&c.effect()));
        let again = Quotas::load(&rows, &all).unwrap();
        assert_eq!(ask_all(&again, agreement, NOON, &rows).0, 5_000 - 20);
    }
}
