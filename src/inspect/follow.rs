//! Entries one after the other, as they are committed: for a SIEM, and for a page that follows the log.
//!
//! A stream is two entries, one when it opens and one when it ends, however much it shows: a stream that made an entry of
//! each message would feed on itself. It reads the log at its reader's pace and holds nothing for anybody.
use super::{
    Scope,
    entry::At,
    opening::{Entry, Opener},
    periods::of_period,
    search::READERS_OF_THE_LOG,
};
use crate::{
    agreement::Member,
    audit::Recorded,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::FOLLOW_STEP_ENTRIES,
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::{Code, NotRecorded, Refusal},
};
use std::sync::Arc;

/// `StreamEntries`.
pub const STREAM: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/StreamEntries"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
};

/// A stream that is open, and recorded. It must be ended with [`Following::end`] or [`Following::refuse`].
pub struct Following {
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    member: Arc<Member>,
    period: u32,
    from: u64,
    next: u64,
    shown: u64,
    newest: u64,
}

/// What one look gave.
pub struct Step {
    /// Entries within the scope, oldest first.
    pub entries: Vec<Entry>,
    /// Number after the last entry that was looked at: where to go on.
    pub next: u64,
}

impl Following {
    /// Opens a stream of a period at entry `from`, which may be the next one to be recorded.
    pub async fn open(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, at: At) -> Reading<Self> {
        let from = at.index;
        let opened = staff(Arc::clone(&gate), peer.clone(), call, move |gate, member| {
            Scope::of(member, gate.clock.now())?;
            let head = gate.head_of(at.period)?;
            if from > head.size {
                return Err(Code::LogRange);
            }
            // What is recorded from here on is not yet in the head; an archive ends where it ends.
            let (period, ends) = match at.period {
                0 => (gate.period, None),
                period => (period, (period != gate.period).then_some(head.size)),
            };
            Ok(Seen {
                note: format!("stream from entry {from}{}", of_period(gate, period)),
                ..Seen::of((Arc::new(member.clone()), period, ends), "stream-opened")
            })
        });
        let opened = opened.await?;
        Ok(opened.map(|((member, period, ends), receipt)| Self {
            gate,
            peer,
            call,
            member,
            period,
            from,
            next: from,
            shown: 0,
            newest: ends.unwrap_or(receipt.index),
        }))
    }

    /// Number of the next entry.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether everything was looked at that was recorded before the stream was opened.
    pub fn is_past_opening(&self) -> bool {
        self.next >= self.newest
    }

    /// The next entries, as far as there are any: an empty step whose `next` has not moved means that there are none yet.
    ///
    /// # Errors
    /// `OUT_OF_SCOPE` once an auditor's time is over, `INTERNAL` if the store fails.
    pub async fn step(&mut self) -> Result<Step, Code> {
        let (gate, member) = (Arc::clone(&self.gate), Arc::clone(&self.member));
        let (period, from) = (self.period, self.next);
        let looking = tokio::task::spawn_blocking(move || look(&gate, &member, period, from));
        let step = looking.await.map_err(|_| Code::Internal)??;
        self.next = step.next;
        self.shown = self.shown.saturating_add(step.entries.len() as u64);
        Ok(step)
    }

    /// Records how far the stream got, and why it ended: `how`, free of values.
    pub async fn end(self, how: &'static str) -> Result<(), NotRecorded> {
        let (period, from, next, shown) = (self.period, self.from, self.next, self.shown);
        let ended = staff(self.gate, self.peer, self.call, move |gate, _| {
            Ok(Seen {
                note: format!(
                    "stream from entry {from}{} ended before {next}: {how}",
                    of_period(gate, period)
                ),
                count: shown,
                ..Seen::of((), "stream-ended")
            })
        });
        ended.await.map(|_| ())
    }

    /// Ends it with a refusal, which is its last entry.
    pub async fn refuse(self, code: Code) -> Result<Recorded<Refusal>, NotRecorded> {
        match refuse(self.gate, self.peer, self.call, code).await? {
            Err(refusal) => Ok(refusal),
            Ok(never) => match never {},
        }
    }
}

/// Refuses a call, on record, for what was wrong with it before anything could be looked at. A role that may not call at
/// all is told that first.
pub async fn refuse(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    code: Code,
) -> Reading<std::convert::Infallible> {
    let refused = staff(gate, peer, call, move |_, _| Err(code)).await?;
    Ok(refused.map(|(never, _)| never))
}

fn look(gate: &Gate, member: &Member, period: u32, from: u64) -> Result<Step, Code> {
    let scope = Scope::of(member, gate.clock.now())?;
    let volume = gate.volume(period)?;
    let size = volume.log.head().size;
    let next = size.min(from.saturating_add(FOLLOW_STEP_ENTRIES)).max(from);
    let (mut entries, mut opener) = (Vec::new(), Opener::new(gate, &volume, None));
    for index in from..next {
        if scope.covers_entry(&volume.log, index)? {
            entries.push(opener.open(index)?);
        }
    }
    Ok(Step { entries, next })
}
