//! Following the log as it grows, and taking a whole search away: both bounded, both one entry.
use super::{
    Conditions, PageRequest, Scope,
    opening::Entry,
    search::{SEARCH, look},
};
use crate::{
    agreement::Role,
    audit::Receipt,
    clock::Time,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::{EXPORT_ROWS_MAX, FOLLOW_ROWS_MAX, SEARCH_PAGE_MAX},
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::Code,
    wire::{self, v1},
};
use std::sync::Arc;

/// Opens the live view.
pub const FOLLOW: StaffCall = StaffCall {
    method: Method("/tollgate.console/Follow"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// What was found, and whether there was more.
pub struct Taken {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The bound was reached.
    pub cut: bool,
}

/// All that a search finds, up to the bound of an export.
pub async fn take(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    asked: Conditions,
) -> Reading<(Taken, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        let mut page = PageRequest {
            size: SEARCH_PAGE_MAX,
            token: String::new(),
        };
        let mut entries = Vec::new();
        let mut first = None;
        loop {
            let seen = look(gate, member, &asked, &page)?;
            page.token = seen.value.next.clone();
            entries.extend(seen.value.entries);
            first.get_or_insert((seen.person, seen.note));
            if page.token.is_empty() || entries.len() >= EXPORT_ROWS_MAX {
                break;
            }
        }
        let cut = !page.token.is_empty() || entries.len() > EXPORT_ROWS_MAX;
        entries.truncate(EXPORT_ROWS_MAX);
        let (person, note) = first.unwrap_or_default();
        Ok(Seen {
            person,
            count: entries.len() as u64,
            note: format!("export of a {note}"),
            ..Seen::of(Taken { entries, cut }, "exported")
        })
    })
    .await
}

/// The call that [`take`] is made with.
pub const EXPORT: StaffCall = StaffCall {
    method: Method("/tollgate.console/Export"),
    ..SEARCH
};

/// A place in the log that moves on as entries are read. It holds no entry and keeps nobody waiting.
pub struct Follower {
    scope: Scope,
    next: u64,
}

impl Follower {
    /// The number of the next entry.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The leaves that have come since, oldest first, a bounded number at once. Blocks while it reads.
    ///
    /// # Errors
    /// `OUT_OF_SCOPE` once the caller's time is over, `INTERNAL` if the store fails.
    pub fn step(&mut self, gate: &Gate) -> Result<Vec<v1::Leaf>, Code> {
        if self.scope.is_over(gate.clock.now()) {
            return Err(Code::OutOfScope);
        }
        let end = gate.log.head().size.min(self.next.saturating_add(FOLLOW_ROWS_MAX));
        let mut leaves = Vec::new();
        while self.next < end {
            let stored = gate.log.entry(self.next).map_err(|_| Code::Internal)?;
            let stored = stored.ok_or(Code::Internal)?;
            let leaf: v1::Leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
            if self.scope.covers(&leaf) {
                leaves.push(leaf);
            }
            self.next += 1;
        }
        Ok(leaves)
    }
}

/// Begins to follow at entry `from`, or a page before the end. One entry says that somebody follows.
pub async fn follow(
    gate: Arc<Gate>,
    peer: PeerIdentity,
    call: StaffCall,
    from: Option<u64>,
) -> Reading<(Follower, Receipt)> {
    staff(gate, peer, call, move |gate, member| {
        let now: Time = gate.clock.now();
        let scope = Scope::of(member, now)?;
        let size = gate.log.head().size;
        let oldest = size.saturating_sub(FOLLOW_ROWS_MAX);
        // Whoever was away for long begins near the end: the search is for what lies before.
        let next = from.map_or(oldest, |at| at.clamp(oldest, size));
        Ok(Seen {
            note: format!("follows from entry {next}"),
            ..Seen::of(Follower { scope, next }, "followed")
        })
    })
    .await
}
