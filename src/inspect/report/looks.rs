//! Who opened an entry of a report by itself. Those entries name a number, not the person.
use super::{Found, lines};
use crate::{
    audit::{Dimension, Query, Volume, open_details},
    clock::Time,
    evidence::Looked,
    inspect::entry::At,
    limits::{REPORT_LOOKS_MAX, SEARCH_PAGE_MAX},
    pipeline::Gate,
    refusal::Code,
    wire,
};
use std::collections::HashSet;

/// Methods that show one entry by itself.
const LOOKS: [&str; 2] = ["/tollgate.v1.AuditService/GetEntry", "/tollgate.console/Entry"];

/// Looks at these entries, oldest first, and whether there are more: since the oldest of them, in every period.
pub(super) fn looks(gate: &Gate, found: &Found) -> Result<(Vec<Looked>, bool), Code> {
    let of_line = |line: &crate::evidence::Line| {
        let period = line.proven.as_ref()?.period;
        Some((period, line.entry))
    };
    let numbers: HashSet<(u32, u64)> = found.lines.iter().filter_map(|(_, line)| of_line(line)).collect();
    let Some(from) = found.lines.first().map(|(at, _)| *at) else {
        return Ok((Vec::new(), false));
    };
    let (mut looks, mut cut) = (Vec::new(), false);
    let mut left = LOOKS.map(|_| REPORT_LOOKS_MAX);
    for period in gate.periods() {
        let volume = gate.volume(period)?;
        for (method, left) in LOOKS.into_iter().zip(&mut left) {
            cut |= in_one(&volume, method, from, left, &numbers, &mut looks)?;
        }
        // Nobody looked at an entry before it was made.
        let began = volume.log.continues_since().map_err(|_| Code::Internal)?;
        if began.is_none_or(|began| began <= from) {
            break;
        }
    }
    looks.sort_by_key(|look| (look.period, look.entry));
    Ok((looks, cut))
}

/// Those by one method in one period. Gives whether more were left out.
fn in_one(
    volume: &Volume,
    method: &str,
    from: Time,
    left: &mut usize,
    numbers: &HashSet<(u32, u64)>,
    looks: &mut Vec<Looked>,
) -> Result<bool, Code> {
    let query = Query {
        from: Some(from),
        until: None,
        terms: vec![(Dimension::Method, method.as_bytes().to_vec())],
        person: None,
    };
    let mut before = Some(volume.log.head().size);
    while let Some(place) = before {
        if *left == 0 {
            return Ok(true);
        }
        let page = volume.log.search(&query, place, (*left).min(SEARCH_PAGE_MAX));
        let page = page.map_err(|_| Code::Internal)?;
        before = page.next;
        *left -= page.entries.len().min(*left);
        for index in page.entries {
            looks.extend(look(volume, index, numbers)?);
        }
    }
    Ok(false)
}

fn look(volume: &Volume, index: u64, numbers: &HashSet<(u32, u64)>) -> Result<Option<Looked>, Code> {
    let stored = volume
        .log
        .entry(index)
        .map_err(|_| Code::Internal)?
        .ok_or(Code::Internal)?;
    let Ok(details) = open_details(&volume.key, volume.log.origin(), &stored.leaf, &stored.details) else {
        return Ok(None);
    };
    let at = At::read(&details.i.note, volume.period);
    let Some(at) = at.filter(|at| numbers.contains(&(at.period, at.index))) else {
        return Ok(None);
    };
    let leaf: wire::v1::Leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
    Ok(Some(Looked {
        entry: index,
        time: lines::time(wire::millis(leaf.time.as_ref()).unwrap_or_default()),
        peer: leaf.peer,
        at: at.index,
        period: Some(volume.period),
        at_period: Some(at.period),
    }))
}
