//! The report about one person (PIPL articles 44 and 45): everything that was asked, and what left. `docs/formats/subject-report.md`.
use super::{DocumentProof, EvidenceError, Proven};
use crate::{
    audit::note::VerifierKey,
    limits::REPORT_BYTES_MAX,
    wire::v1::{EntryKind, Leaf},
};
use serde::{Deserialize, Serialize};

/// Name and version of the form.
pub const FORMAT: &str = "tollgate-subject-report 1";

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
        match report.format == FORMAT {
            true => Ok(report),
            false => Err(malformed),
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
    match report.log == proven.origin {
        true => Ok((report, proven)),
        false => Err(EvidenceError::Changed),
    }
}
