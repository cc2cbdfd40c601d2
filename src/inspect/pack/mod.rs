//! The pack for a regulator: what one partner did in a period, a sample drawn by the regulator's own seed, who read the
//! log, and proofs of it all.
mod draw;
mod papers;

use super::{Scope, periods::of_period, report::document_proof};
use crate::{
    agreement::{Member, Role},
    clock::Time,
    domain::{Method, PartnerId},
    evidence::pack::{self, Manifest},
    facts::Kind,
    identity::PeerIdentity,
    limits::{PACK_SAMPLE_MAX, SEED_BYTES_MAX},
    pipeline::{Gate, Reading, Seen, StaffCall, staff},
    refusal::{Code, NotRecorded},
    wire::{self, v1},
};
use std::sync::Arc;

/// `Pack`.
pub const PACK: StaffCall = StaffCall {
    method: Method("/tollgate.v1.AuditService/Pack"),
    kind: Kind::Read,
    roles: &[Role::Compliance, Role::Auditor],
};

/// What is to be packed.
pub struct PackRequest {
    /// The period of the log that it is taken from: 0 is the one that takes entries.
    pub period: u32,
    /// Whose doings.
    pub partner: PartnerId,
    /// From here on.
    pub from: Time,
    /// Before this.
    pub until: Time,
    /// Entries to draw.
    pub sample: usize,
    /// Of the regulator.
    pub seed: Vec<u8>,
}

/// A file of the archive: its name and its bytes.
type File = (String, Vec<u8>);

/// What is made before the entry: the manifest, which the entry commits to, and the files that it names.
struct Made {
    manifest: Vec<u8>,
    files: Vec<File>,
}

/// Makes the pack, and records that it was made. Gives the archive: see `docs/formats/audit-pack.md`.
///
/// # Errors
/// `OUT_OF_SCOPE` beyond what an auditor may read, `FIELD_INVALID` for a seed, sample or period that is none, `INTERNAL` if
/// the store fails.
pub async fn pack(gate: Arc<Gate>, peer: PeerIdentity, call: StaffCall, asked: PackRequest) -> Reading<Vec<u8>> {
    let reading = staff(Arc::clone(&gate), peer, call, move |gate, member| {
        make(gate, member, &asked)
    })
    .await?;
    let (made, receipt) = match reading {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let proof = document_proof(&gate, &receipt, None).ok_or(NotRecorded::LogFailed)?;
    let archive = pack::archive(made.manifest, made.files, &proof).map_err(|_| NotRecorded::LogFailed)?;
    Ok(Ok(archive))
}

fn make(gate: &Gate, member: &Member, asked: &PackRequest) -> Result<Seen<Made>, Code> {
    let now = gate.clock.now();
    let scope = Scope::of(member, now)?;
    let seeded = (1..=SEED_BYTES_MAX).contains(&asked.seed.len());
    if !seeded || asked.sample > PACK_SAMPLE_MAX || asked.until <= asked.from {
        return Err(Code::FieldInvalid);
    }
    // Both ends and the partner: what lies between is covered too.
    let end = |time: Time| v1::Leaf {
        partner: asked.partner.to_string(),
        time: Some(wire::timestamp(time.0)),
        ..Default::default()
    };
    if ![asked.from, asked.until.plus_ms(-1)]
        .iter()
        .all(|t| scope.covers(&end(*t)))
    {
        return Err(Code::OutOfScope);
    }
    let volume = gate.volume(asked.period)?;
    let drawing = draw::draw(gate, &volume, asked)?;
    let readings = papers::readings(&volume, &scope, asked)?;
    let mut files = papers::papers(gate, &volume, asked, &drawing, &readings)?;
    let sampled = drawing.drawn.len() as u64;
    for (number, drawn) in (1..).zip(&drawing.drawn) {
        let name = format!("sample/{number:04}-entry-{}.json", drawn.entry);
        files.push((name, serde_json::to_vec_pretty(drawn).map_err(|_| Code::Internal)?));
    }
    let archived = (volume.period != gate.period).then_some(volume.period);
    let manifest = Manifest {
        format: match archived {
            None => pack::FORMAT,
            Some(_) => pack::FORMAT_OF_ARCHIVE,
        }
        .to_owned(),
        log: gate.log.origin().to_owned(),
        period: archived,
        made_at: papers::time(now),
        partner: asked.partner.to_string(),
        from: papers::time(asked.from),
        until: papers::time(asked.until),
        seed: super::words::hex(&asked.seed),
        rule: pack::RULE.to_owned(),
        population: drawing.population,
        drawn_from: drawing.drawn_from.map(papers::time),
        sample: sampled,
        files: pack::listed(&files),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|_| Code::Internal)?;
    Ok(Seen {
        answer: Some(manifest.clone()),
        note: format!(
            "pack about {}: {sampled} of {} entries{}",
            asked.partner,
            drawing.population,
            of_period(gate, asked.period)
        ),
        count: sampled,
        ..Seen::of(Made { manifest, files }, "pack-made")
    })
}
