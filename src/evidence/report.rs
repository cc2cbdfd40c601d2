//! The report about one person (PIPL articles 44 and 45): everything that was asked, and what left. `docs/formats/subject-report.md`.
use super::{DocumentProof, EvidenceError, Proven};
use crate::{
    audit::{
        note::{self, Checkpoint, VerifierKey},
        proof::verify_inclusion,
    },
    limits::REPORT_BYTES_MAX,
    wire::{
        self,
        v1::{EntryKind, Leaf},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of the form.
pub const FORMAT: &str = "tollgate-subject-report 2";
/// The form before, of one period of the log, without proofs of its lines: what was handed out is still verified.
const FORMAT_BEFORE: &str = "tollgate-subject-report 1";

/// The report. Times are UTC in RFC 3339; texts stand in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectReport {
    /// [`FORMAT`].
    pub format: String,
    /// The log that everything is taken from.
    pub log: String,
    /// Entries of the log when the report was made.
    pub log_size: u64,
    /// When it was made.
    pub made_at: String,
    /// Whom it is about, as far as a report may say: `cn-resident-id 999***********0019`.
    pub subject: String,
    /// Whether this gateway ever made anything of this person.
    pub known: bool,
    /// Beginning of the period; absent from the first entry on.
    pub from: Option<String>,
    /// End of the period, which does not belong to it.
    pub until: Option<String>,
    /// There are earlier entries in the period than a report takes: they are in the report until this time.
    pub earlier_until: Option<String>,
    /// Entries about the person, oldest first.
    pub entries: Vec<Line>,
    /// Consents as they stand.
    pub consents: Vec<Consented>,
    /// Who looked at these entries one by one.
    pub looked: Vec<Looked>,
    /// More looks were taken than a report lists.
    pub looked_cut: bool,
    /// Periods of the log that were looked through, the newest first. None in the form before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<LookedThrough>,
    /// Periods that are deleted, their retention being over: what they told is not in any report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted_periods: Vec<u32>,
}

/// A period of the log that a report was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookedThrough {
    /// Its number.
    pub period: u32,
    /// The name of its log.
    pub log: String,
    /// The signed checkpoint that its lines are proven under; of a period that is over, the final one.
    pub checkpoint: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its number.
    pub entry: u64,
    /// When.
    pub time: String,
    /// Kind of the entry, such as `query`.
    pub kind: String,
    /// `sealed`, `refused`, `admin`, `abandoned`.
    pub class: String,
    /// Refusal code; empty where nothing was refused.
    pub refusal: String,
    /// gRPC method path, or page of the console.
    pub method: String,
    /// Member of the register, or empty.
    pub partner: String,
    /// The identity in the certificate.
    pub peer: String,
    /// Agreement.
    pub agreement: Option<Named>,
    /// Purpose.
    pub purpose: Option<Named>,
    /// Consent that was named, 32 hexadecimal digits; or empty.
    pub consent: String,
    /// What became of each signal that was asked for.
    pub signals: Vec<Told>,
    /// For entries that are no question: what was done.
    pub outcome: String,
    /// Names of fields that were read.
    pub fields_read: Vec<String>,
    /// Reference for people.
    pub reference: String,
    /// The entry in sentences.
    pub words_en: Vec<String>,
    /// The same in Chinese.
    pub words_zh: Vec<String>,
    /// That it is in the log; absent where the line stands beside a proof of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<LineProof>,
}

/// That the entry of a line is under the checkpoint of its period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineProof {
    /// The period of the log.
    pub period: u32,
    /// The leaf as hashed, in base64.
    pub leaf: String,
    /// Hashes of the inclusion proof (RFC 6962 section 2.1.1), in base64.
    pub inclusion: Vec<String>,
}

/// Something with a name and a text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

/// What became of a signal: from the answer that was kept, never computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The signal.
    pub signal: Named,
    /// `band`, `no_valid_consent`, `no_file`, `budget_spent`, `not_available`, or a refusal code.
    pub outcome: Named,
    /// The guard that withheld it; absent where none did.
    pub guard: Option<Named>,
    /// The band that left; empty where none did.
    pub band: String,
    /// Day that the record described; empty without a band.
    pub as_of: String,
    /// Until when it may be relied on; empty without a band.
    pub valid_until: String,
    /// The weightiest first.
    pub reasons: Vec<Reason>,
}

/// A reason of a scored signal.
pub type Reason = Named;

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consented {
    /// 32 hexadecimal digits.
    pub consent: String,
    /// To whom.
    pub recipient: String,
    /// `pending`, `active`, `withdrawn`, `expired`.
    pub status: Named,
    /// What for.
    pub purposes: Vec<Named>,
    /// `family:granularity`.
    pub families: Vec<String>,
    /// Last moment.
    pub not_after: String,
    /// The notice that the person was shown.
    pub notice_version: String,
    /// SHA-256 of it.
    pub notice_sha256: String,
    /// SHA-256 of the signed original.
    pub evidence_sha256: String,
    /// Given separately (PIPL articles 23 and 29).
    pub separate: bool,
    /// What happened to it.
    pub events: Vec<ConsentEvent>,
}

/// Something that happened to a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentEvent {
    /// `granted`, `confirmed`, `withdrawn`.
    pub what: Named,
    /// When.
    pub time: String,
    /// The identity in the certificate of who did it.
    pub by: String,
}

/// A look at one of the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// The entry of the look.
    pub entry: u64,
    /// When.
    pub time: String,
    /// Who: the identity in the certificate.
    pub peer: String,
    /// The entry that was looked at.
    pub at: u64,
    /// The period of the log that the look is in. Absent in the form before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// The period of the entry that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_period: Option<u32>,
}

impl SubjectReport {
    /// As it leaves.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        serde_json::to_vec(self).map_err(|_| EvidenceError::Malformed("report"))
    }

    /// Reads a report of this version.
    pub fn read(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let malformed = EvidenceError::Malformed("report");
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(malformed);
        }
        let report: Self = serde_json::from_slice(bytes).map_err(|_| malformed.clone())?;
        match report.format.as_str() {
            FORMAT if report.entries.iter().all(|line| line.proven.is_some()) => Ok(report),
            FORMAT_BEFORE if report.entries.iter().all(|line| line.proven.is_none()) => Ok(report),
            _ => Err(malformed),
        }
    }
}

/// Whether an entry is that of a report.
fn is_of_report(leaf: &Leaf) -> bool {
    leaf.kind() == EntryKind::Read && leaf.method.ends_with("/ReportSubject")
}

/// Checks a report against its proof, and reads it.
pub fn verify_report(
    bytes: &[u8],
    proof: &DocumentProof,
    key: &VerifierKey,
) -> Result<(SubjectReport, Proven), EvidenceError> {
    let proven = proof.verify(bytes, key, "subject report", is_of_report)?;
    let report = SubjectReport::read(bytes)?;
    // A report says itself of which log it is.
    if report.log != proven.origin {
        return Err(EvidenceError::Changed);
    }
    verify_lines(&report, key)?;
    Ok((report, proven))
}

/// That each line's entry is under the checkpoint of its period, which the log's key signed.
///
/// # Errors
/// [`EvidenceError::Line`] for the first that is not.
pub fn verify_lines(report: &SubjectReport, key: &VerifierKey) -> Result<(), EvidenceError> {
    let mut heads = BTreeMap::new();
    for through in &report.periods {
        let key = key.for_period(through.period, &through.checkpoint)?;
        let head = note::verify(&through.checkpoint, &key)?;
        if head.origin != through.log || heads.insert(through.period, head).is_some() {
            return Err(EvidenceError::Malformed("report"));
        }
    }
    for line in &report.entries {
        let Some(proof) = &line.proven else { continue };
        let head = heads.get(&proof.period).ok_or(EvidenceError::Malformed("report"))?;
        is_under(line, proof, head).ok_or(EvidenceError::Line(line.entry))?;
    }
    Ok(())
}

fn is_under(line: &Line, proof: &LineProof, head: &Checkpoint) -> Option<()> {
    let hash = |text: &String| STANDARD.decode(text).ok()?.try_into().ok();
    let inclusion = proof.inclusion.iter().map(hash).collect::<Option<Vec<[u8; 32]>>>()?;
    let bytes = STANDARD.decode(&proof.leaf).ok()?;
    verify_inclusion(&bytes, line.entry, &inclusion, head.size, &head.root).ok()?;
    // What the line says in the open is what the leaf says.
    let leaf: Leaf = wire::decode_canonical(&bytes).ok()?;
    let time = line.time.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    let says = leaf.seq == line.entry
        && wire::millis(leaf.time.as_ref()) == Some(time)
        && leaf.partner == line.partner
        && leaf.peer == line.peer
        && leaf.method == line.method
        && leaf.refusal == line.refusal;
    says.then_some(())
}
