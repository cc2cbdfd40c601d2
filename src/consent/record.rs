//! One consent: its terms and what happened to it since. Events are appended; the status is derived.
use super::terms::Terms;
use crate::{
    clock::Time,
    crypto::Broken,
    domain::ConsentId,
    limits::CONSENT_EVENTS_MAX,
    wire::{self, Message, store, v1},
};
use store::v1::ConsentEventKind as WireKind;

/// A consent as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    id: ConsentId,
    terms: Terms,
    events: Vec<Event>,
}

/// Something that happened to a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Time,
    /// The SPIFFE URI of who did it.
    pub by: String,
}

/// What can happen to a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The recipient says that the person agreed.
    Granted,
    /// The provider says so too.
    Confirmed,
    /// The person no longer agrees.
    Withdrawn,
}

/// What a consent is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not confirmed: worth nothing yet.
    Pending,
    /// In force.
    Active,
    /// Never in force again.
    Withdrawn,
    /// Past its end.
    Expired,
}

impl Record {
    /// A new consent, pending.
    pub fn granted(id: ConsentId, terms: Terms, at: Time, by: &str) -> Self {
        let mut record = Self {
            id,
            terms,
            events: Vec::with_capacity(1),
        };
        record.note(EventKind::Granted, at, by);
        record
    }

    /// Its id.
    pub fn id(&self) -> ConsentId {
        self.id
    }
    /// Its terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
    /// What happened, oldest first; the first is the grant.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Withdrawn for ever once withdrawn; else expired after its end; else active once confirmed.
    pub fn status(&self, now: Time) -> Status {
        if self.has(EventKind::Withdrawn) {
            Status::Withdrawn
        } else if now > self.terms.not_after {
            Status::Expired
        } else if self.has(EventKind::Confirmed) {
            Status::Active
        } else {
            Status::Pending
        }
    }

    /// Whether it was granted by then; whatever has happened to it since.
    pub fn is_granted_before(&self, time: Time) -> bool {
        self.events.first().is_none_or(|granted| granted.at <= time)
    }

    /// Confirms a pending consent; anything else stays as it is. Whether it changed.
    pub fn confirm(&mut self, now: Time, by: &str) -> bool {
        let pending = self.status(now) == Status::Pending;
        pending && self.note(EventKind::Confirmed, now, by)
    }

    /// Withdraws, also what is pending or expired: a person's no is always written down. Whether it changed.
    pub fn withdraw(&mut self, now: Time, by: &str) -> bool {
        !self.has(EventKind::Withdrawn) && self.note(EventKind::Withdrawn, now, by)
    }

    /// What its recipient may see.
    pub fn to_wire(&self, now: Time) -> v1::ConsentState {
        let status = match self.status(now) {
            Status::Pending => v1::ConsentStatus::Pending,
            Status::Active => v1::ConsentStatus::Active,
            Status::Withdrawn => v1::ConsentStatus::Withdrawn,
            Status::Expired => v1::ConsentStatus::Expired,
        };
        v1::ConsentState {
            consent_id: self.id.0.to_vec(),
            status: status as i32,
            terms: Some(self.terms.to_wire()),
            granted_at: self.events.first().map(|e| wire::timestamp(e.at.0)),
            changed_at: self.events.last().map(|e| wire::timestamp(e.at.0)),
        }
    }

    /// The row, before it is sealed.
    pub(super) fn to_row(&self) -> Vec<u8> {
        let event = |event: &Event| store::v1::ConsentEvent {
            kind: match event.kind {
                EventKind::Granted => WireKind::Granted,
                EventKind::Confirmed => WireKind::Confirmed,
                EventKind::Withdrawn => WireKind::Withdrawn,
            } as i32,
            at_ms: event.at.0,
            by: event.by.clone(),
        };
        store::v1::Consent {
            consent_id: self.id.0.to_vec(),
            terms: Some(self.terms.to_wire()),
            events: self.events.iter().map(event).collect(),
        }
        .encode_to_vec()
    }

    /// The row, after it was opened. Anything that [`Record::to_row`] does not write is [`Broken`].
    pub(super) fn from_row(bytes: &[u8]) -> Result<Self, Broken> {
        let row: store::v1::Consent = wire::decode_canonical(bytes).map_err(|_| Broken)?;
        let event = |event: &store::v1::ConsentEvent| {
            let kind = match WireKind::try_from(event.kind) {
                Ok(WireKind::Granted) => EventKind::Granted,
                Ok(WireKind::Confirmed) => EventKind::Confirmed,
                Ok(WireKind::Withdrawn) => EventKind::Withdrawn,
                _ => return Err(Broken),
            };
            Ok(Event {
                kind,
                at: Time(event.at_ms),
                by: event.by.clone(),
            })
        };
        let record = Self {
            id: ConsentId(row.consent_id.as_slice().try_into().map_err(|_| Broken)?),
            terms: row
                .terms
                .as_ref()
                .and_then(|t| Terms::from_wire(t).ok())
                .ok_or(Broken)?,
            events: row.events.iter().map(event).collect::<Result<_, _>>()?,
        };
        match record.events.first() {
            Some(first) if first.kind == EventKind::Granted && record.events.len() <= CONSENT_EVENTS_MAX => Ok(record),
            _ => Err(Broken),
        }
    }

    fn has(&self, kind: EventKind) -> bool {
        self.events.iter().any(|e| e.kind == kind)
    }

    fn note(&mut self, kind: EventKind, at: Time, by: &str) -> bool {
        self.events.push(Event {
            kind,
            at,
            by: by.to_owned(),
        });
        true
    }
}
