//! Drawing the sample: by rank under the regulator's seed, so that he can draw it again.
use super::PackRequest;
use crate::{
    audit::{Count, Details, Dimension, Query, Span, Volume, proof::TlogProof},
    clock::Time,
    consent,
    domain::{ConsentId, SubjectToken},
    evidence::{
        Consented,
        pack::{Drawn, Opening, rank},
    },
    inspect::{Entry, Opener, overview, report::consented, report::line, words::hex},
    limits::{PACK_POPULATION_MAX, SEARCH_PAGE_MAX},
    person,
    pipeline::Gate,
    refusal::Code,
    wire::{self, Message, v1},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

const DAY_S: u32 = 86_400;

/// How many entries have this in common.
pub(super) type Counts = BTreeMap<String, u64>;

/// What was counted on the way, and what was drawn.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) population: u64,
    /// The period holds more: it was looked at from here on.
    pub(super) drawn_from: Option<Time>,
    pub(super) by_class: Counts,
    pub(super) by_refusal: Counts,
    pub(super) by_method: Counts,
    /// Of each signal, by what came of it.
    pub(super) by_signal: BTreeMap<String, Counts>,
    pub(super) drawn: Vec<Drawn>,
}

fn one_more(counts: &mut Counts, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
}

/// Looks at every leaf of the partner in the period, newest first, and opens those with the lowest ranks.
pub(super) fn draw(gate: &Gate, volume: &Volume, asked: &PackRequest) -> Result<Drawing, Code> {
    let query = Query {
        from: Some(asked.from),
        until: Some(asked.until),
        terms: vec![(Dimension::Partner, asked.partner.as_str().as_bytes().to_vec())],
        person: None,
    };
    let mut drawing = Drawing::default();
    let mut lowest: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    let mut before = Some(volume.log.head().size);
    let mut earliest = asked.until;
    'looking: while let Some(at) = before {
        let page = volume
            .log
            .search(&query, at, SEARCH_PAGE_MAX)
            .map_err(|_| Code::Internal)?;
        before = page.next;
        for index in page.entries {
            let stored = volume
                .log
                .entry(index)
                .map_err(|_| Code::Internal)?
                .ok_or(Code::Internal)?;
            let leaf: v1::Leaf = wire::decode_canonical(&stored.leaf).map_err(|_| Code::Internal)?;
            let time = Time(wire::millis(leaf.time.as_ref()).unwrap_or_default());
            // Cut at a time, so that the rest of the period can be packed by itself.
            if drawing.population >= PACK_POPULATION_MAX && time < earliest {
                drawing.drawn_from = Some(earliest);
                break 'looking;
            }
            earliest = time;
            drawing.count(&leaf);
            lowest.insert(rank(&asked.seed, &stored.leaf), index);
            if lowest.len() > asked.sample {
                lowest.pop_last();
            }
        }
    }
    drawing.by_signal = signals(gate, volume, asked)?;
    let mut opener = Opener::new(gate, volume, None);
    for (rank, index) in lowest {
        let entry = opener.open(index)?;
        drawing.drawn.push(drawn(gate, volume, entry, &rank)?);
    }
    Ok(drawing)
}

impl Drawing {
    fn count(&mut self, leaf: &v1::Leaf) {
        self.population += 1;
        one_more(
            &mut self.by_class,
            leaf.class().as_str_name().trim_start_matches("ENTRY_CLASS_"),
        );
        one_more(&mut self.by_method, &leaf.method);
        if !leaf.refusal.is_empty() {
            one_more(&mut self.by_refusal, &leaf.refusal);
        }
    }
}

/// Signals that were asked for in the period and what came of them, by the index: nothing is opened for that.
fn signals(gate: &Gate, volume: &Volume, asked: &PackRequest) -> Result<BTreeMap<String, Counts>, Code> {
    let span = Span {
        from: asked.from,
        until: asked.until,
        origin: asked.from,
        width_s: DAY_S,
    };
    let counts = overview::counts(gate, &volume.log, &span)?;
    let mut signals: BTreeMap<String, Counts> = BTreeMap::new();
    let own = |count: &Count| !count.signal.is_empty() && count.partner == asked.partner.as_str();
    for count in counts.into_iter().filter(own) {
        *signals
            .entry(count.signal)
            .or_default()
            .entry(count.outcome)
            .or_default() += count.count;
    }
    Ok(signals)
}

fn drawn(gate: &Gate, volume: &Volume, entry: Entry, rank: &[u8; 32]) -> Result<Drawn, Code> {
    let inclusion = volume.log.prove_inclusion(entry.leaf.seq).map_err(|_| Code::Internal)?;
    let proof = TlogProof {
        index: inclusion.index,
        proof: inclusion.proof,
        checkpoint: inclusion.head.note.to_string(),
        extra: None,
    };
    let consent = match &entry.details {
        Some(details) => named_consent(gate, details)?,
        None => None,
    };
    Ok(Drawn {
        entry: entry.leaf.seq,
        rank: hex(rank),
        proof: proof.with_leaf(&entry.bytes),
        opened: entry.details.as_ref().map(|details| Opening {
            partner_detail: STANDARD.encode(details.x.encode_to_vec()),
            partner_key: STANDARD.encode(details.x_key.expose()),
            institution_detail: STANDARD.encode(details.i.encode_to_vec()),
            institution_key: STANDARD.encode(details.i_key.expose()),
        }),
        line: line(&gate.view, &entry),
        consent,
    })
}

/// The consent that the request named, if it is one of the person's.
fn named_consent(gate: &Gate, details: &Details) -> Result<Option<Consented>, Code> {
    let id = <[u8; 16]>::try_from(details.x.consent_id.as_slice()).map(ConsentId);
    let token = <[u8; 32]>::try_from(details.i.subject.as_slice()).map(SubjectToken);
    let (Ok(id), Ok(token)) = (id, token) else {
        return Ok(None);
    };
    let link = person::load(&*gate.state, &gate.person_keys.epochs, &token).map_err(|_| Code::Internal)?;
    let Some(link) = link else { return Ok(None) };
    let record = consent::one_of_person(&*gate.state, &link, id).map_err(|_| Code::Internal)?;
    Ok(record.map(|record| consented(&gate.view, &record, gate.clock.now())))
}
