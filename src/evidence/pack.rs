//! The pack for a regulator: what a partner did in a period, a sample that he can draw again himself, and proofs.
//! `docs/formats/audit-pack.md`.
use super::{
    Consented, DocumentProof, EvidenceError, Line, Proven,
    ustar::{self, File},
};
use crate::{
    audit::{i_commit, note, note::VerifierKey, verify, x_commit},
    crypto::{Secret, sha256, sha256_parts},
    limits::{PACK_SAMPLE_MAX, SEED_BYTES_MAX},
    wire::{self, v1},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use subtle::ConstantTimeEq;

/// Name and version of the form.
pub const FORMAT: &str = "tollgate-audit-pack 1";
/// The same, of a period of the log that is over.
pub const FORMAT_OF_ARCHIVE: &str = "tollgate-audit-pack 2";
/// What the entry commits to.
pub const MANIFEST: &str = "manifest.json";
/// That it does.
pub const PROOF: &str = "manifest.proof";
/// The checkpoint that the sample is proven under.
pub const CHECKPOINT: &str = "checkpoint.txt";
/// How the sample is drawn.
pub const RULE: &str = "rank = SHA-256(seed || SHA-256(0x00 || leaf)); the entries of the partner and period with the lowest ranks, in that order";

/// Names every other file with its digest; its own digest is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The log that the pack was recorded in.
    pub log: String,
    /// The period that it is taken from, where that one is over: its sample is proven under the final checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// When the pack was made.
    pub made_at: String,
    /// About whom.
    pub partner: String,
    /// The period begins here.
    pub from: String,
    /// It ends before this.
    pub until: String,
    /// In hexadecimal.
    pub seed: String,
    /// [`RULE`].
    pub rule: String,
    /// Entries of the partner in the period, among which the sample was drawn.
    pub population: u64,
    /// Set where the period holds more than a pack looks at: the sample is drawn from entries since this time.
    pub drawn_from: Option<String>,
    /// Entries that were drawn.
    pub sample: u64,
    /// Every other file but the manifest's proof.
    pub files: Vec<Listed>,
}

/// A file of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// One entry that was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Its number.
    pub entry: u64,
    /// Its rank, in hexadecimal.
    pub rank: String,
    /// C2SP tlog-proof with the leaf in it.
    pub proof: String,
    /// What its commitments stand for; absent where a person's key is destroyed.
    pub opened: Option<Opening>,
    /// The same, read, in parts and in sentences.
    pub line: Line,
    /// The consent that was named, as it stood when the pack was made.
    pub consent: Option<Consented>,
}

/// What opens the commitments of a leaf, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// A serialised tollgate.v1.PartnerDetail.
    pub partner_detail: String,
    /// Opens `x_commit` to it.
    pub partner_key: String,
    /// A serialised tollgate.store.v1.InstitutionDetail.
    pub institution_detail: String,
    /// Opens `i_commit` to it.
    pub institution_key: String,
}

/// A pack that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its entry.
    pub proven: Proven,
    /// Drawn entries whose details are opened.
    pub opened: u64,
}

/// The rank of an entry under a seed.
pub fn rank(seed: &[u8], leaf: &[u8]) -> [u8; 32] {
    sha256_parts(&[seed, &sha256_parts(&[&[0], leaf])])
}

/// The manifest of these files.
pub fn listed(files: &[File]) -> Vec<Listed> {
    let one = |(name, bytes): &File| Listed {
        name: name.clone(),
        bytes: bytes.len() as u64,
        sha256: hex(&sha256(bytes)),
    };
    files.iter().map(one).collect()
}

/// The archive: the manifest, the files, the manifest's proof.
///
/// # Errors
/// If it is larger than a pack may be.
pub fn archive(manifest: Vec<u8>, files: Vec<File>, proof: &DocumentProof) -> Result<Vec<u8>, EvidenceError> {
    let mut all = vec![(MANIFEST.to_owned(), manifest)];
    all.extend(files);
    all.push((PROOF.to_owned(), proof.encode().into_bytes()));
    ustar::write(&all).ok_or(EvidenceError::Malformed("pack"))
}

/// Whether bytes may be a pack, by their beginning.
pub fn is_pack(bytes: &[u8]) -> bool {
    bytes.starts_with(MANIFEST.as_bytes()) && bytes.get(MANIFEST.len()) == Some(&0)
}

/// Whether an entry is that of a pack.
fn is_of_pack(leaf: &v1::Leaf) -> bool {
    leaf.kind() == v1::EntryKind::Read && leaf.method.ends_with("/Pack")
}

/// Checks everything in a pack: the manifest's entry, every file against the manifest, every drawn entry's proof, opening
/// and rank.
pub fn verify(bytes: &[u8], key: &VerifierKey) -> Result<Checked, EvidenceError> {
    let malformed = || EvidenceError::Malformed("pack");
    let mut files = ustar::read(bytes).ok_or_else(malformed)?;
    let (name, proof) = files.pop().ok_or_else(malformed)?;
    if name != PROOF || files.first().is_none_or(|(name, _)| name != MANIFEST) {
        return Err(malformed());
    }
    let proof = String::from_utf8(proof).map_err(|_| EvidenceError::Malformed("proof"))?;
    let (_, document) = files.remove(0);
    let proven = DocumentProof::decode(&proof)?.verify(&document, key, "pack", is_of_pack)?;
    let manifest: Manifest = serde_json::from_slice(&document).map_err(|_| malformed())?;
    let format = match manifest.period {
        None => FORMAT,
        Some(_) => FORMAT_OF_ARCHIVE,
    };
    if manifest.format != format || manifest.rule != RULE || manifest.log != proven.origin {
        return Err(EvidenceError::Malformed("manifest"));
    }
    all_as_listed(&manifest, &files)?;
    let checkpoint = files.iter().find(|(name, _)| name == CHECKPOINT);
    let checkpoint = checkpoint.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok());
    let checkpoint = checkpoint.ok_or_else(malformed)?;
    let key = match manifest.period {
        None => key,
        Some(period) => &key.for_period(period, checkpoint)?,
    };
    note::verify(checkpoint, key)?;
    let opened = sample(&manifest, &files, key)?;
    Ok(Checked {
        manifest,
        proven,
        opened,
    })
}

fn all_as_listed(manifest: &Manifest, files: &[File]) -> Result<(), EvidenceError> {
    for (listed, (name, bytes)) in manifest.files.iter().zip(files) {
        if listed.name != *name || listed.bytes != bytes.len() as u64 || listed.sha256 != hex(&sha256(bytes)) {
            return Err(EvidenceError::File(listed.name.clone()));
        }
    }
    let missing = manifest.files.get(files.len()).map(|listed| &listed.name);
    let surplus = files.get(manifest.files.len()).map(|(name, _)| name);
    match missing.or(surplus) {
        Some(name) => Err(EvidenceError::File(name.clone())),
        None => Ok(()),
    }
}

/// Checks the drawn entries; gives how many are opened.
fn sample(manifest: &Manifest, files: &[File], key: &VerifierKey) -> Result<u64, EvidenceError> {
    let wrong = EvidenceError::Sample;
    let seed = unhex(&manifest.seed).filter(|seed| (1..=SEED_BYTES_MAX).contains(&seed.len()));
    let seed = seed.ok_or(wrong("its seed is none"))?;
    let (mut last, mut seen, mut opened) = (None, BTreeSet::new(), 0);
    let drawn = files.iter().filter(|(name, _)| name.starts_with("sample/"));
    for (name, bytes) in drawn {
        let drawn: Drawn = serde_json::from_slice(bytes).map_err(|_| EvidenceError::File(name.clone()))?;
        let proven = verify::receipt(&drawn.proof, key)?;
        let leaf = &proven.leaf;
        let bytes = crate::audit::proof::decode(&drawn.proof)?.extra.unwrap_or_default();
        let rank = rank(&seed, &bytes);
        if leaf.seq != drawn.entry || hex(&rank) != drawn.rank || drawn.line.entry != leaf.seq {
            return Err(wrong("an entry has another rank or number than it says"));
        }
        if last.is_some_and(|last| last >= rank) || !seen.insert(leaf.seq) {
            return Err(wrong("it is not in the order of ranks, or has an entry twice"));
        }
        if leaf.partner != manifest.partner || !within(leaf, manifest) {
            return Err(wrong("an entry is of another partner or period"));
        }
        if let Some(opening) = &drawn.opened {
            opens(leaf, opening).ok_or(EvidenceError::Commitment(leaf.seq))?;
            opened += 1;
        }
        last = Some(rank);
    }
    let count = seen.len() as u64;
    if count != manifest.sample || count > manifest.population || seen.len() > PACK_SAMPLE_MAX {
        return Err(wrong("it has another number of entries than the manifest says"));
    }
    Ok(opened)
}

fn within(leaf: &v1::Leaf, manifest: &Manifest) -> bool {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond());
    let from = manifest.drawn_from.as_ref().unwrap_or(&manifest.from);
    let time = wire::millis(leaf.time.as_ref());
    let period = time.zip(at(from)).zip(at(&manifest.until));
    period.is_some_and(|((time, from), until)| from <= time && time < until)
}

/// That the details are those that the leaf committed to.
fn opens(leaf: &v1::Leaf, opening: &Opening) -> Option<()> {
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let key = |text: &str| Secret::<32>::from_slice(&bytes(text)?).ok();
    let x: v1::PartnerDetail = wire::decode_canonical(&bytes(&opening.partner_detail)?).ok()?;
    let i: wire::store::v1::InstitutionDetail = wire::decode_canonical(&bytes(&opening.institution_detail)?).ok()?;
    let x_holds = x_commit(&key(&opening.partner_key)?, &x).ct_eq(leaf.x_commit.as_slice());
    let i_holds = i_commit(&key(&opening.institution_key)?, &i).ct_eq(leaf.i_commit.as_slice());
    bool::from(x_holds & i_holds).then_some(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}
