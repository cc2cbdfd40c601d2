//! Taking a whole search away as a file: bounded, and one entry that says how much left.
use super::{
    Conditions, PageRequest,
    opening::Entry,
    search::{READERS_OF_THE_LOG, look},
};
use crate::{
    audit::Receipt,
    domain::Method,
    facts::Kind,
    identity::PeerIdentity,
    limits::{EXPORT_ROWS_MAX, SEARCH_PAGE_MAX},
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
};
use std::sync::Arc;

/// The call that [`take`] is made with.
pub const TAKE: StaffCall = StaffCall {
    method: Method("/tollgate.console/Export"),
    kind: Kind::Read,
    roles: READERS_OF_THE_LOG,
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
            ..PageRequest::default()
        };
        let mut entries = Vec::new();
        let mut first = None;
        loop {
            let seen = look(gate, member, &asked, &page)?;
            page.token = seen.value.next;
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
