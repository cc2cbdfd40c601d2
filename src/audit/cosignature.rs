//! Cosignatures: a witness's word that a checkpoint continues everything it has seen of that log.
//!
//! C2SP tlog-cosignature, `cosignature/v1`, Ed25519. The signed message does not name the witness, so one key under two
//! names is one witness here, however often it signs.
use super::note::{Checkpoint, NoteError, hex8, key_id, line, name_is_valid, read_key, signatures, write_key};
use crate::crypto::{Broken, Signer, VerifyKey};

/// The signature type byte of timestamped Ed25519 cosignatures.
const COSIGNATURE_V1: u8 = 4;

/// A public key that cosignatures are checked with, and the name of its witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: VerifyKey,
}

/// A cosignature that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness.
    pub witness: String,
    /// When it signed, in seconds since 1970.
    pub time_s: u64,
    /// The signature line, with its line feed.
    pub line: String,
}

impl WitnessKey {
    /// From the witness's name and the 32 bytes of its key; weak keys are refused.
    pub fn new(name: &str, public_key: &[u8]) -> Result<Self, NoteError> {
        if !name_is_valid(name) {
            return Err(NoteError::WitnessKey);
        }
        let key = VerifyKey::ed25519(public_key).map_err(|Broken| NoteError::WitnessKey)?;
        Ok(Self {
            name: name.to_owned(),
            id: key_id(name, COSIGNATURE_V1, key.bytes()),
            key,
        })
    }

    /// Reads `name+8 hex digits+base64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = read_key(text, COSIGNATURE_V1).ok_or(NoteError::WitnessKey)?;
        let made = Self::new(name, &key)?;
        if hex8(made.id) != id {
            return Err(NoteError::WitnessKey);
        }
        Ok(made)
    }

    /// Writes what [`WitnessKey::parse`] reads.
    pub fn encode(name: &str, public_key: &[u8; 32]) -> String {
        write_key(name, COSIGNATURE_V1, public_key)
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both keys are one: then they are one witness.
    pub fn is_same_witness(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Cosigns a checkpoint at `time_s`; gives the signature line, with its line feed.
pub fn cosign(signer: &dyn Signer, name: &str, checkpoint: &Checkpoint, time_s: u64) -> Result<String, Broken> {
    let signature = signer.sign(message(&checkpoint.body(), time_s).as_bytes())?;
    let id = key_id(name, COSIGNATURE_V1, &signer.public_key());
    Ok(line(name, id, &[&time_s.to_be_bytes()[..], &signature].concat()))
}

/// Cosignatures of a note by these witnesses, one each at most: the newest. Unknown signatures are passed over; a wrong
/// one by a known witness refuses the note.
pub fn cosignatures(note: &str, witnesses: &[WitnessKey]) -> Result<Vec<Cosigned>, NoteError> {
    let (text, signatures) = signatures(note)?;
    let mut found: Vec<(&WitnessKey, Cosigned)> = Vec::new();
    for signed in signatures {
        for witness in witnesses.iter().filter(|w| signed.is_by(&w.name, w.id)) {
            let (time, signature) = signed.signature.split_first_chunk().ok_or(NoteError::Signature)?;
            let time_s = u64::from_be_bytes(*time);
            let verified = witness.key.verify(message(text, time_s).as_bytes(), signature);
            verified.map_err(|Broken| NoteError::Signature)?;
            if i64::try_from(time_s).is_err() {
                return Err(NoteError::Signature);
            }
            let cosigned = Cosigned {
                witness: witness.name.clone(),
                time_s,
                line: line(&witness.name, witness.id, &signed.signature),
            };
            match found.iter_mut().find(|(known, _)| known.is_same_witness(witness)) {
                Some((_, known)) if known.time_s < time_s => *known = cosigned,
                Some(_) => {}
                None => found.push((witness, cosigned)),
            }
        }
    }
    Ok(found.into_iter().map(|(_, cosigned)| cosigned).collect())
}

fn message(body: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{body}")
}

#[cfg(test)]
#[cfg(feature = "gateway")]
mod tests;
