//! Where notices stand: `partner ‖ 0 ‖ time ‖ correction ‖ part`, so that each partner's are one range, oldest first.
//!
//! `0 ‖ correction` says that the correction is recorded. No partner's id begins with a zero byte.
use super::Recipients;
use crate::{
    clock::Time,
    crypto::{Broken, Label, Rng, Secret, ctx, open_boxed, seal_boxed},
    domain::PartnerId,
    limits::{ANSWER_BYTES_MAX, NOTICE_BYTES_MAX, NOTICE_ROWS_PER_LIST},
    state::{Effect, State, StateError, Table},
    wire::{self, Message, v1},
};

/// `be64(time) ‖ correction[16] ‖ be16(part)`.
pub type NoticeId = [u8; 26];

/// One correction.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    id: [u8; 16],
    at: Time,
}

/// A notice that is to be written.
pub struct Written {
    /// To whom.
    pub partner: PartnerId,
    /// The serialised notice, without its id.
    pub notice: Vec<u8>,
    /// Its row.
    pub effect: Effect,
    /// References of the answers that it names.
    pub references: Vec<String>,
}

impl Correction {
    /// A new one.
    pub fn new(rng: &dyn Rng, at: Time) -> Result<Self, Broken> {
        let mut id = [0; 16];
        rng.fill(&mut id)?;
        Ok(Self { id, at })
    }

    /// What makes its notices visible: an effect of the correction's own entry.
    pub fn recorded(&self) -> Effect {
        Effect::put(Table::Notice, mark(&self.id), [])
    }

    /// The notices to all recipients, each with `reference` and no longer than one may be.
    pub fn notices(
        &self,
        rng: &dyn Rng,
        key: &Secret<32>,
        recipients: &Recipients,
        mut reference: impl FnMut() -> String,
    ) -> Result<Vec<Written>, Broken> {
        let mut written = Vec::new();
        // Counted over all recipients, so that no two notices have one id.
        let mut part: u16 = 0;
        for (partner, answers) in &recipients.answers {
            let mut rest = answers.as_slice();
            while !rest.is_empty() {
                let mut notice = v1::Notice {
                    notice_id: Vec::new(),
                    corrected_at: Some(wire::timestamp(self.at.0)),
                    reference: reference(),
                    answers: Vec::new(),
                };
                let mut taken = 0;
                for answered in rest {
                    notice.answers.push(v1::CorrectedAnswer {
                        request_id: answered.request_id.clone(),
                        reference: answered.reference.clone(),
                        answered_at: Some(wire::timestamp(answered.at.0)),
                        signals: answered.signals.clone(),
                        valid_until: Some(wire::timestamp(answered.valid_until.0)),
                    });
                    if taken > 0 && notice.encoded_len() > NOTICE_BYTES_MAX {
                        notice.answers.pop();
                        break;
                    }
                    taken += 1;
                }
                written.push(self.write(rng, key, partner, part, &notice)?);
                part = part.checked_add(1).ok_or(Broken)?;
                rest = rest.get(taken..).unwrap_or_default();
            }
        }
        Ok(written)
    }

    fn write(
        &self,
        rng: &dyn Rng,
        key: &Secret<32>,
        partner: &PartnerId,
        part: u16,
        notice: &v1::Notice,
    ) -> Result<Written, Broken> {
        let mut row = prefix(partner);
        row.extend_from_slice(&self.at.0.to_be_bytes());
        row.extend_from_slice(&self.id);
        row.extend_from_slice(&part.to_be_bytes());
        let bytes = notice.encode_to_vec();
        let sealed = seal_boxed(rng, key.expose(), &place(&row), bytes.clone())?;
        Ok(Written {
            partner: partner.clone(),
            notice: bytes,
            effect: Effect::put(Table::Notice, row, sealed),
            references: notice.answers.iter().map(|a| a.reference.clone()).collect(),
        })
    }
}

/// The notices of one partner.
pub struct Rows<'a> {
    /// Where rows are read.
    pub state: &'a dyn State,
    /// The period's key.
    pub key: &'a Secret<32>,
    /// Whose.
    pub partner: &'a PartnerId,
}

/// What a list gives.
pub struct Listed {
    /// The serialised answer.
    pub answer: Vec<u8>,
    /// Notices in it.
    pub count: usize,
}

/// Why notices cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A row does not open.
    #[error("a notice does not open")]
    Broken(#[from] Broken),
}

impl Rows<'_> {
    /// Notices after the one with this id, oldest first, as many as an answer holds.
    pub fn list(&self, after: Option<&NoticeId>) -> Result<Listed, NoticeError> {
        let prefix = prefix(self.partner);
        let after = after.map(|id| [&prefix[..], id].concat());
        let rows = self
            .state
            .rows(Table::Notice, &prefix, after.as_deref(), NOTICE_ROWS_PER_LIST)?;
        let looked_at_all = rows.len() < NOTICE_ROWS_PER_LIST;
        let mut page = v1::Notices::default();
        let mut last = Vec::new();
        for (key, sealed) in rows {
            let id = key.get(prefix.len()..).unwrap_or_default();
            let id: NoticeId = id.try_into().map_err(|_| Broken)?;
            if self.is_recorded(&id)? {
                let bytes = open_boxed(self.key.expose(), &place(&key), &sealed)?;
                let mut notice: v1::Notice = wire::decode_canonical(&bytes).map_err(|_| Broken)?;
                notice.notice_id = id.to_vec();
                page.notices.push(notice);
                page.next_page_token = id.to_vec();
                if page.notices.len() > 1 && page.encoded_len() > ANSWER_BYTES_MAX {
                    page.notices.pop();
                    page.next_page_token = last;
                    return Ok(page.into());
                }
            }
            last = id.to_vec();
        }
        page.next_page_token = if looked_at_all { Vec::new() } else { last };
        Ok(page.into())
    }

    /// What takes these away; those that are not there are passed over.
    pub fn acknowledge(&self, ids: &[NoticeId]) -> Result<Vec<Effect>, NoticeError> {
        let mut effects: Vec<Effect> = Vec::new();
        for id in ids {
            let key = [&prefix(self.partner)[..], id].concat();
            let there = self.is_recorded(id)? && self.state.row(Table::Notice, &key)?.is_some();
            if there && effects.iter().all(|effect| effect.key != key) {
                effects.push(Effect {
                    table: Table::Notice,
                    key,
                    value: None,
                });
            }
        }
        Ok(effects)
    }

    fn is_recorded(&self, id: &NoticeId) -> Result<bool, NoticeError> {
        let correction = id.get(8..24).unwrap_or_default();
        Ok(self.state.row(Table::Notice, &mark(correction))?.is_some())
    }
}

impl From<v1::Notices> for Listed {
    fn from(page: v1::Notices) -> Self {
        Self {
            count: page.notices.len(),
            answer: page.encode_to_vec(),
        }
    }
}

/// The answer to an acknowledgement.
pub fn acknowledged(count: usize) -> Vec<u8> {
    v1::NoticesAcknowledged {
        acknowledged: u32::try_from(count).unwrap_or(u32::MAX),
    }
    .encode_to_vec()
}

/// The plain text of a row: nothing where it marks a correction as recorded.
pub(crate) fn opened(period: &Secret<32>, key: &[u8], value: &[u8]) -> Result<Vec<u8>, Broken> {
    match key.first() {
        Some(0) => Ok(value.to_vec()),
        _ => open_boxed(period.expose(), &place(key), value),
    }
}

/// A row's value under the key of the next period.
pub(crate) fn sealed_anew(
    rng: &dyn Rng,
    from: &Secret<32>,
    to: &Secret<32>,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<u8>, Broken> {
    let plain = opened(from, key, value)?;
    match key.first() {
        Some(0) => Ok(plain),
        _ => seal_boxed(rng, to.expose(), &place(key), plain),
    }
}

fn prefix(partner: &PartnerId) -> Vec<u8> {
    [partner.as_str().as_bytes(), &[0]].concat()
}

fn mark(correction: &[u8]) -> Vec<u8> {
    [&[0][..], correction].concat()
}

fn place(key: &[u8]) -> Vec<u8> {
    ctx(Label::Row, &[&[Table::Notice as u8], key])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SeededRng,
        limits::{ID_BYTES_MAX, SIGNALS_PER_QUERY_MAX},
        notice::Answered,
        state::Row,
    };
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Kept(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Kept {
        fn apply(&mut self, effect: Effect) {
            match effect.value {
                Some(value) => drop(self.0.insert(effect.key, value)),
                None => drop(self.0.remove(&effect.key)),
            }
        }
    }

    impl State for Kept {
        fn row(&self, _: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
            Ok(self.0.get(key).cloned())
        }
        fn rows(&self, _: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StateError> {
            let rows = self.0.iter().filter(|(k, _)| k.starts_with(prefix));
            let rows = rows.filter(|(k, _)| after.is_none_or(|after| k.as_slice() > after));
            Ok(rows.take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
        }
    }

    /// As long as one can be.
    fn answered(n: u8) -> Answered {
        Answered {
            request_id: vec![n; 16],
            reference: "TG-0000-0000".to_owned(),
            at: Time(1_780_000_000_123),
            signals: vec![format!("{}@4294967295", "s".repeat(ID_BYTES_MAX)); SIGNALS_PER_QUERY_MAX],
            valid_until: Time(1_790_000_000_123),
        }
    }

    fn recipients(partners: &[&str], answers: u8) -> Recipients {
        let all = partners
            .iter()
            .map(|p| (p.parse().unwrap(), (0..answers).map(answered).collect()));
        Recipients {
            answers: all.collect(),
            cut: false,
        }
    }

    fn of<'a>(kept: &'a Kept, key: &'a Secret<32>, partner: &'a PartnerId) -> Rows<'a> {
        Rows {
            state: kept,
            key,
            partner,
        }
    }

    fn all(rows: &Rows<'_>) -> Vec<v1::Notice> {
        let (mut out, mut after) = (Vec::new(), None);
        loop {
            let listed = rows.list(after.as_ref()).unwrap();
            assert!(listed.answer.len() <= ANSWER_BYTES_MAX, "{}", listed.answer.len());
            let page: v1::Notices = wire::decode_canonical(&listed.answer).unwrap();
            assert_eq!(page.notices.len(), listed.count);
            out.extend(page.notices);
            match page.next_page_token.as_slice() {
                [] => return out,
                token => after = Some(token.try_into().unwrap()),
            }
        }
    }

    #[test]
    fn notices_fit_their_bounds_and_are_seen_once_recorded() {
        let (rng, key) = (SeededRng::new(5), Secret::from([3; 32]));
        let longest = "p".repeat(ID_BYTES_MAX);
        let (mut kept, partner) = (Kept::default(), longest.parse().unwrap());
        let mut corrections = Vec::new();
        for n in 0..40 {
            let correction = Correction::new(&rng, Time(n)).unwrap();
            let found = recipients(&[&longest, "p"], 5);
            for written in correction
                .notices(&rng, &key, &found, || "TG-1111-1111".to_owned())
                .unwrap()
            {
                assert!(written.notice.len() <= NOTICE_BYTES_MAX);
                kept.apply(written.effect);
            }
            corrections.push(correction);
        }
        assert!(all(&of(&kept, &key, &partner)).is_empty(), "no correction is recorded");
        kept.apply(corrections[7].recorded());
        kept.apply(corrections[30].recorded());
        let listed = all(&of(&kept, &key, &partner));
        let answers: Vec<u8> = listed
            .iter()
            .flat_map(|n| &n.answers)
            .map(|a| a.request_id[0])
            .collect();
        assert_eq!(answers, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        let times: Vec<_> = listed.iter().map(|n| wire::millis(n.corrected_at.as_ref())).collect();
        assert!(times.is_sorted() && times[0] == Some(7));
        // Twice the same, an unrecorded one and another partner's: only what is there goes.
        let id = |n: &v1::Notice| -> NoticeId { n.notice_id.as_slice().try_into().unwrap() };
        let mut unrecorded = id(&listed[0]);
        unrecorded[8..24].copy_from_slice(&corrections[1].id);
        let gone = of(&kept, &key, &partner)
            .acknowledge(&[id(&listed[0]), id(&listed[0]), unrecorded])
            .unwrap();
        assert_eq!(gone.len(), 1);
        gone.into_iter().for_each(|effect| kept.apply(effect));
        assert_eq!(all(&of(&kept, &key, &partner)).len(), listed.len() - 1);
    }

    #[test]
    fn a_row_that_was_moved_or_changed_does_not_open() {
        let (rng, key) = (SeededRng::new(6), Secret::from([3; 32]));
        let mut kept = Kept::default();
        let correction = Correction::new(&rng, Time(1)).unwrap();
        kept.apply(correction.recorded());
        let written = correction
            .notices(&rng, &key, &recipients(&["bank-a"], 1), String::new)
            .unwrap();
        let Effect { key: at, value, .. } = written.into_iter().next().unwrap().effect;
        let mut to = at.clone();
        to[5] = b'b';
        for (row, flip) in [(to, 0), (at, 1)] {
            let partner = std::str::from_utf8(&row[..6]).unwrap().parse().unwrap();
            let mut kept = Kept(kept.0.clone());
            let mut bytes = value.clone().unwrap();
            bytes[20] ^= flip;
            kept.0.insert(row, bytes);
            let rows = Rows {
                state: &kept,
                key: &key,
                partner: &partner,
            };
            assert!(rows.list(None).is_err());
        }
    }
}
