//! Signed notes and checkpoints: how the log signs its size and root.
//!
//! C2SP signed-note and tlog-checkpoint, Ed25519 only. A checkpoint has exactly three lines here: extension lines are
//! refused, since a line that nobody reads is a line that can mean something else to somebody. Signatures by unknown
//! keys are tolerated (witnesses cosign); a wrong signature by the known key is not.
use crate::{
    crypto::{Broken, Signer, VerifyKey, sha256_parts},
    limits::{LOG_KEYS_MAX, NOTE_SIGNATURES_MAX, ORIGIN_BYTES_MAX, SIGNED_NOTE_BYTES_MAX},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The signature type byte of Ed25519 in key ids and verifier keys (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;
/// Each signature line begins with an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// What a log signs: its name, its size and its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 tree head.
    pub root: [u8; 32],
}

impl Checkpoint {
    /// The text that is signed: origin, size and root, one line each (C2SP tlog-checkpoint).
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads a body back. Extension lines, leading zeros and another base64 are refused.
    pub fn parse(body: &str) -> Result<Self, NoteError> {
        let mut lines = body.strip_suffix('\n').ok_or(NoteError::Checkpoint)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Checkpoint);
        };
        let number: u64 = size.parse().map_err(|_| NoteError::Checkpoint)?;
        if !name_is_valid(origin) || number.to_string() != size {
            return Err(NoteError::Checkpoint);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: number,
            root: hash_from_base64(root).ok_or(NoteError::Checkpoint)?,
        })
    }
}

/// Why a note is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not text, blank line, signature lines; or larger than any note of ours.
    #[error("the note is malformed: expected a text, an empty line and signature lines")]
    Malformed,
    /// The signed text is not a three-line checkpoint.
    #[error("the note is not a checkpoint of three lines: origin, size, root")]
    Checkpoint,
    /// No signature by the key, or one that does not verify.
    #[error("the note has no valid signature by this key")]
    Signature,
    /// The checkpoint is of another log.
    #[error("the checkpoint is of another log than the key")]
    Origin,
    /// The key is not `name+hash+key`, or not one that cosigns by Ed25519.
    #[error("the witness key is malformed: expected `name+hash+key` of an Ed25519 cosignature key (type 4)")]
    WitnessKey,
    /// The verifier key is not `name+hash+key`, or not one of Ed25519; or several are not of one log, or too many.
    #[error("the verifier key is malformed: expected `name+hash+key` of an Ed25519 key, or several of one log")]
    Key,
}

/// What checkpoints of a log are checked with: its name and its public key, or all its keys where one followed another.
/// One of them must have signed, and none wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    keys: Vec<([u8; 4], VerifyKey)>,
}

impl VerifierKey {
    /// From the log's name and the 32 bytes of its key; weak keys are refused.
    pub fn new(name: &str, public_key: &[u8]) -> Result<Self, NoteError> {
        if !name_is_valid(name) {
            return Err(NoteError::Key);
        }
        let key = VerifyKey::ed25519(public_key).map_err(|Broken| NoteError::Key)?;
        Ok(Self {
            name: name.to_owned(),
            keys: vec![(key_id(name, ED25519, key.bytes()), key)],
        })
    }

    /// From the log's name and all its keys.
    pub fn of_keys(name: &str, public_keys: &[[u8; 32]]) -> Result<Self, NoteError> {
        let mut keys = public_keys.iter().map(|key| Self::new(name, key));
        let first = keys.next().ok_or(NoteError::Key)??;
        keys.try_fold(first, |all, key| all.and(key?))
    }

    /// Reads `name+8 hex digits+base64`; where a log has several keys, one after another with white space between.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        if text.trim().len() != text.len() {
            return Err(NoteError::Key);
        }
        let mut keys = text.split_whitespace().map(|text| {
            let (name, id, key) = read_key(text, ED25519).ok_or(NoteError::Key)?;
            let made = Self::new(name, &key)?;
            let fits = made.keys.iter().all(|(made, _)| hex8(*made) == id);
            fits.then_some(made).ok_or(NoteError::Key)
        });
        let first = keys.next().ok_or(NoteError::Key)??;
        keys.try_fold(first, |all, key| all.and(key?))
    }

    /// The keys of both, which must be of one log.
    pub fn and(mut self, other: Self) -> Result<Self, NoteError> {
        if self.name != other.name {
            return Err(NoteError::Key);
        }
        for key in other.keys {
            if !self.keys.contains(&key) {
                self.keys.push(key);
            }
        }
        match self.keys.len() <= LOG_KEYS_MAX {
            true => Ok(self),
            false => Err(NoteError::Key),
        }
    }

    /// Writes what [`VerifierKey::parse`] reads.
    pub fn encode(name: &str, public_key: &[u8; 32]) -> String {
        write_key(name, ED25519, public_key)
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What [`VerifierKey::parse`] reads.
    pub fn text(&self) -> String {
        let lines = self
            .keys
            .iter()
            .map(|(_, key)| write_key(&self.name, ED25519, key.bytes()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The same keys under the name of another period of this log, as `checkpoint` has it: an institution's log has one key
    /// in all its periods, but for a compromise: then the key that period had is needed, and this one does not verify it.
    ///
    /// # Errors
    /// [`NoteError::Origin`] if that is no name of this period.
    pub fn for_period(&self, period: u32, checkpoint: &str) -> Result<Self, NoteError> {
        let named = checkpoint.lines().next().unwrap_or_default();
        // This key's own name may have a number behind it, or be that of the first period.
        let first = self.name.rsplit_once('/').map(|(first, _)| first);
        let firsts = [Some(self.name.as_str()), first].into_iter().flatten();
        match firsts
            .map(|first| period_origin(first, period))
            .any(|name| name == named)
        {
            true => {
                let mut keys = self.keys.iter().map(|(_, key)| Self::new(named, key.bytes()));
                let first = keys.next().ok_or(NoteError::Key)??;
                keys.try_fold(first, |all, key| all.and(key?))
            }
            false => Err(NoteError::Origin),
        }
    }

    /// Whether the same key is in both, under whichever names.
    pub fn has_a_key_of(&self, other: &Self) -> bool {
        let theirs = |key: &VerifyKey| other.keys.iter().any(|(_, other)| other == key);
        self.keys.iter().any(|(_, key)| theirs(key))
    }

    /// Whether both are of one log and one of these keys is among the other's.
    pub fn shares_a_key_with(&self, other: &Self) -> bool {
        self.name == other.name && self.keys.iter().any(|key| other.keys.contains(key))
    }

    /// Whether a signature is by one of the keys; `None` if it does not say that it is by any. Ids are hints, so two keys
    /// may share one.
    fn judge(&self, signed: &Signed<'_>, text: &str) -> Option<bool> {
        let mut named = self
            .keys
            .iter()
            .filter(|(id, _)| signed.is_by(&self.name, *id))
            .peekable();
        named.peek()?;
        Some(named.any(|(_, key)| key.verify(text.as_bytes(), &signed.signature).is_ok()))
    }
}

/// The name of a log's period: the first has the name itself, each later one its number behind it.
pub fn period_origin(name: &str, period: u32) -> String {
    match period {
        0 | 1 => name.to_owned(),
        n => format!("{name}/{n}"),
    }
}

/// Whether a log may have this name: 1 to 96 printable characters without white space or `+`.
pub fn name_is_valid(name: &str) -> bool {
    let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
    !name.is_empty() && name.len() <= ORIGIN_BYTES_MAX && !name.chars().any(bad)
}

/// Name, id and key of a verifier key whose signatures are of type `kind`. The id is still to be compared.
pub(super) fn read_key(text: &str, kind: u8) -> Option<(&str, &str, Vec<u8>)> {
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let mut key = STANDARD.decode(key).ok()?;
    (!key.is_empty() && key.remove(0) == kind).then_some((name, id, key))
}

/// Writes what [`read_key`] reads.
pub(super) fn write_key(name: &str, kind: u8, public_key: &[u8]) -> String {
    let mut key = vec![kind];
    key.extend_from_slice(public_key);
    format!(
        "{name}+{}+{}",
        hex8(key_id(name, kind, public_key)),
        STANDARD.encode(key)
    )
}

/// Signs `body` under the log's name and gives the whole note.
pub fn sign(signer: &dyn Signer, name: &str, body: &str) -> Result<String, Broken> {
    Ok(format!("{body}\n{}", signature_of(signer, name, body)?))
}

/// The signature line under a note with this body.
pub(super) fn signature_of(signer: &dyn Signer, name: &str, body: &str) -> Result<String, Broken> {
    let signature = signer.sign(body.as_bytes())?;
    let id = key_id(name, ED25519, &signer.public_key());
    Ok(line(name, id, &signature))
}

/// One signature line, with its line feed.
pub(super) fn line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    let bytes = [&id[..], signature].concat();
    format!("{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(bytes))
}

/// Checks the log's signatures and reads the checkpoint.
pub fn verify(note: &str, key: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let (text, signatures) = signatures(note)?;
    let judged: Vec<bool> = signatures.iter().filter_map(|s| key.judge(s, text)).collect();
    if judged.is_empty() || judged.contains(&false) {
        return Err(NoteError::Signature);
    }
    let checkpoint = Checkpoint::parse(text)?;
    if checkpoint.origin != key.name {
        return Err(NoteError::Origin);
    }
    Ok(checkpoint)
}

/// The note with the signatures by the log's keys, one each, and no other, if they verify.
#[cfg(feature = "gateway")]
pub(crate) fn signed_by(note: &str, key: &VerifierKey) -> Result<String, NoteError> {
    let checkpoint = verify(note, key)?;
    let (_, signatures) = signatures(note)?;
    let by = |id: &[u8; 4]| signatures.iter().find(|s| s.is_by(&key.name, *id));
    let lines = key
        .keys
        .iter()
        .filter_map(|(id, _)| Some(line(&key.name, *id, &by(id)?.signature)));
    Ok(format!("{}\n{}", checkpoint.body(), lines.collect::<String>()))
}

/// The checkpoint without a look at the signature: for bytes that are already trusted or checked elsewhere.
#[cfg(feature = "gateway")]
pub(crate) fn read_unverified(note: &str) -> Result<Checkpoint, NoteError> {
    Checkpoint::parse(split(note)?.0)
}

/// One signature of a note, not yet checked.
pub(super) struct Signed<'a> {
    name: &'a str,
    id: [u8; 4],
    /// What comes after the key id.
    pub(super) signature: Vec<u8>,
}

impl Signed<'_> {
    /// Whether it says that it is by this key. The id is a hint, so two keys may share one.
    pub(super) fn is_by(&self, name: &str, id: [u8; 4]) -> bool {
        self.name == name && self.id == id
    }
}

/// Signed text, with its last line feed, and the signatures.
pub(super) fn signatures(note: &str) -> Result<(&str, Vec<Signed<'_>>), NoteError> {
    let (text, lines) = split(note)?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        if signatures.len() >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::Malformed);
        }
        signatures.push(signature_line(line).ok_or(NoteError::Malformed)?);
    }
    Ok((text, signatures))
}

/// Signed text (with its last line feed) and signature lines (without it).
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let control = |b: u8| b < 0x20 && b != b'\n';
    if note.len() > SIGNED_NOTE_BYTES_MAX || note.bytes().any(control) {
        return Err(NoteError::Malformed);
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let text = note.get(..at + 1).ok_or(NoteError::Malformed)?;
    let signatures = note
        .get(at + 2..)
        .and_then(|s| s.strip_suffix('\n'))
        .ok_or(NoteError::Malformed)?;
    Ok((text, signatures))
}

/// Name, key id and at least one byte of signature.
fn signature_line(line: &str) -> Option<Signed<'_>> {
    let (name, bytes) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (id, signature) = bytes.split_first_chunk()?;
    let valid = !name.is_empty() && !name.contains('+') && !name.chars().any(char::is_whitespace);
    (valid && !signature.is_empty()).then(|| Signed {
        name,
        id: *id,
        signature: signature.to_vec(),
    })
}

/// First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key): a hint which key to try, not a proof.
pub(super) fn key_id(name: &str, kind: u8, public_key: &[u8]) -> [u8; 4] {
    let hash = sha256_parts(&[name.as_bytes(), b"\n", &[kind], public_key]);
    let mut id = [0; 4];
    for (to, from) in id.iter_mut().zip(hash) {
        *to = from;
    }
    id
}

pub(super) fn hex8(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// 32 bytes from canonical standard base64.
pub(super) fn hash_from_base64(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
