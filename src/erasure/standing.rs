//! How it stands with one person.
use crate::{
    clock::Time,
    crypto::{Broken, Label, Rng, ctx},
    domain::SubjectToken,
    keyring::{Epoch, KeyId},
    state::{Effect, Table},
    wire::{self, Message, store::v1 as stored},
};
use zeroize::Zeroize;

/// What may stand against an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A court, a regulator or an incident.
    Legal,
    /// The person disputes what the record says.
    Dispute,
    /// A law says how long the record must be kept.
    Retention,
}

impl Reason {
    const ALL: [(Reason, i32, &'static str); 3] = [
        (Reason::Legal, 1, "legal hold"),
        (Reason::Dispute, 2, "dispute"),
        (Reason::Retention, 3, "retention duty"),
    ];

    /// From its number on the wire.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, n, _)| *n == number).map(|(r, ..)| r)
    }
    /// Its number on the wire.
    pub fn number(self) -> i32 {
        Self::ALL
            .into_iter()
            .find(|(r, ..)| *r == self)
            .map_or(0, |(_, n, _)| n)
    }
    /// In entries.
    pub fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(r, ..)| *r == self)
            .map_or("", |(.., name)| name)
    }
}

/// One reason with its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Counts per person.
    pub id: u32,
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub placed: Time,
    /// Until when; `None`: until it is released.
    pub until: Option<Time>,
    /// The institution's own number for it.
    pub case_number: String,
    /// The identity of who placed it.
    pub by: String,
}

impl Hold {
    /// Whether it holds.
    pub fn holds(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now <= until)
    }
}

/// Something was removed, and old bytes open until an epoch is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shred {
    /// When it was removed.
    pub removed: Time,
    /// The epoch that was active then.
    pub epoch: KeyId,
    /// When that was destroyed.
    pub destroyed: Option<Time>,
}

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was requested; there are holds at most.
    Free,
    /// Requested: stored and not used.
    Blocked,
    /// No row of the record is left; old bytes still open.
    RecordRemoved,
    /// The record is erased; the log's link to the person stands.
    RecordErased,
    /// The link is removed too; old bytes still open.
    LinkRemoved,
}

/// A person's holds and their erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Random; for the letter to the person.
    pub id: [u8; 16],
    /// The person; nobody any more once the link is removed.
    pub person: Option<SubjectToken>,
    /// When the erasure was requested.
    pub requested: Option<Time>,
    /// What stands against it, and did.
    pub holds: Vec<Hold>,
    /// The number of the next hold.
    pub next_hold: u32,
    /// The record.
    pub record: Option<Shred>,
    /// The log's link.
    pub link: Option<Shred>,
    /// Until when what was told must be provable; `None` while it is not known.
    pub link_until: Option<Time>,
}

impl Standing {
    /// Of somebody for whom nothing was requested yet.
    pub fn new(id: [u8; 16], person: SubjectToken) -> Self {
        Self {
            id,
            person: Some(person),
            requested: None,
            holds: Vec::new(),
            next_hold: 1,
            record: None,
            link: None,
            link_until: None,
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match (self.requested, &self.record, &self.link) {
            (_, _, Some(_)) => Stage::LinkRemoved,
            (_, Some(record), None) if record.destroyed.is_some() => Stage::RecordErased,
            (_, Some(_), None) => Stage::RecordRemoved,
            (Some(_), None, None) => Stage::Blocked,
            (None, None, None) => Stage::Free,
        }
    }

    /// Whether something holds it now.
    pub fn is_held(&self, now: Time) -> bool {
        self.holds.iter().any(|hold| hold.holds(now))
    }

    /// The record may go.
    pub fn record_is_due(&self, now: Time) -> bool {
        self.stage() == Stage::Blocked && !self.is_held(now)
    }

    /// The link may go.
    pub fn link_is_due(&self, now: Time) -> bool {
        let over = self.link_until.is_some_and(|until| now >= until);
        let removed = matches!(self.stage(), Stage::RecordRemoved | Stage::RecordErased);
        removed && over && !self.is_held(now)
    }

    /// What waits for the end of an epoch.
    pub fn waits_for(&self) -> Option<&Shred> {
        [&self.link, &self.record]
            .into_iter()
            .flatten()
            .find(|shred| shred.destroyed.is_none())
    }

    /// The row, under an epoch.
    pub fn row(&self, rng: &dyn Rng, epoch: &Epoch) -> Result<Effect, Broken> {
        let plain = self.encode();
        Ok(Effect::put(
            Table::Erasure,
            self.id,
            epoch.seal(rng, &place(&self.id), plain)?,
        ))
    }

    /// Takes the row away.
    pub fn gone(&self) -> Effect {
        Effect::delete(Table::Erasure, self.id)
    }

    /// The row, opened; `None` if this epoch does not open it.
    pub(super) fn read(epoch: &Epoch, key: &[u8], value: &[u8]) -> Option<Self> {
        let mut plain = epoch.open(&place(key), value).ok()?;
        let read = Self::decode(&plain);
        plain.zeroize();
        read.filter(|standing| standing.id == *key)
    }

    fn encode(&self) -> Vec<u8> {
        let hold = |hold: &Hold| stored::StandingHold {
            id: hold.id,
            reason: hold.reason.number(),
            placed_ms: hold.placed.0,
            until_ms: hold.until.map_or(0, |until| until.0),
            case_number: hold.case_number.clone(),
            placed_by: hold.by.clone(),
        };
        let shred = |shred: Shred| stored::Shred {
            removed_ms: shred.removed.0,
            epoch: shred.epoch.0.to_vec(),
            destroyed_ms: shred.destroyed.map_or(0, |at| at.0),
        };
        stored::Standing {
            erasure_id: self.id.to_vec(),
            subject: self.person.map(|person| person.0.to_vec()).unwrap_or_default(),
            requested_ms: self.requested.map_or(0, |at| at.0),
            holds: self.holds.iter().map(hold).collect(),
            next_hold: self.next_hold,
            record: self.record.map(shred),
            link: self.link.map(shred),
            link_until_ms: self.link_until.map_or(0, |at| at.0),
        }
        .encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let read: stored::Standing = wire::decode_canonical(bytes).ok()?;
        let time = |ms: i64| (ms != 0).then_some(Time(ms));
        let hold = |hold: stored::StandingHold| {
            Some(Hold {
                id: hold.id,
                reason: Reason::from_number(hold.reason)?,
                placed: Time(hold.placed_ms),
                until: time(hold.until_ms),
                case_number: hold.case_number,
                by: hold.placed_by,
            })
        };
        let shred = |shred: Option<stored::Shred>| match shred {
            None => Some(None),
            Some(shred) => Some(Some(Shred {
                removed: Time(shred.removed_ms),
                epoch: KeyId(shred.epoch.as_slice().try_into().ok()?),
                destroyed: time(shred.destroyed_ms),
            })),
        };
        Some(Self {
            id: read.erasure_id.as_slice().try_into().ok()?,
            person: match read.subject.as_slice() {
                [] => None,
                token => Some(SubjectToken(token.try_into().ok()?)),
            },
            requested: time(read.requested_ms),
            holds: read.holds.into_iter().map(hold).collect::<Option<_>>()?,
            next_hold: read.next_hold,
            record: shred(read.record)?,
            link: shred(read.link)?,
            link_until: time(read.link_until_ms),
        })
    }
}

fn place(key: &[u8]) -> Vec<u8> {
    ctx(Label::Row, &[&[Table::Erasure as u8], key])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Secret, SeededRng};

    #[test]
    fn a_standing_is_read_as_it_was_written_in_its_place_only() {
        let (rng, epoch) = (SeededRng::new(3), Epoch::new(KeyId([1; 8]), Secret::from([2; 32])));
        let shred = |destroyed| Shred {
            removed: Time(20),
            epoch: KeyId([1; 8]),
            destroyed,
        };
        let mut standing = Standing {
            requested: Some(Time(10)),
            holds: vec![Hold {
                id: 1,
                reason: Reason::Dispute,
                placed: Time(11),
                until: Some(Time(12)),
                case_number: "D-1".to_owned(),
                by: "spiffe://x.example/c".to_owned(),
            }],
            next_hold: 2,
            record: Some(shred(Some(Time(30)))),
            link: Some(shred(None)),
            link_until: Some(Time(40)),
            ..Standing::new([7; 16], SubjectToken([9; 32]))
        };
        for person in [Some(SubjectToken([9; 32])), None] {
            standing.person = person;
            let row = standing.row(&rng, &epoch).unwrap().value.unwrap();
            assert_eq!(Standing::read(&epoch, &[7; 16], &row), Some(standing.clone()));
            assert_eq!(Standing::read(&epoch, &[8; 16], &row), None);
            let other = Epoch::new(KeyId([1; 8]), Secret::from([3; 32]));
            assert_eq!(Standing::read(&other, &[7; 16], &row), None);
        }
    }

    #[test]
    fn what_is_held_is_not_due() {
        let mut standing = Standing::new([7; 16], SubjectToken([9; 32]));
        assert_eq!(
            (standing.stage(), standing.record_is_due(Time(5))),
            (Stage::Free, false)
        );
        standing.requested = Some(Time(1));
        assert!(standing.record_is_due(Time(5)));
        standing.holds.push(Hold {
            id: 1,
            reason: Reason::Legal,
            placed: Time(1),
            until: Some(Time(5)),
            case_number: String::new(),
            by: String::new(),
        });
        assert!(!standing.record_is_due(Time(5)) && standing.record_is_due(Time(6)));
        standing.holds[0].until = None;
        assert!(!standing.record_is_due(Time(i64::MAX)));
    }
}
