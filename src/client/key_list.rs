//! The key list: accepted only if the pinned gateway-identity key stands behind it, it is current, and it never goes back.
use super::error::KeyListError;
use crate::{
    audit::note::{NoteError, VerifierKey, verify},
    client::{Head, ReceiptError},
    clock::Time,
    crypto::{Suite, VerifyKey, sha256},
    limits::{KEY_LIST_BYTES_MAX, KEY_LIST_DELEGATION_S, KEY_LIST_S, SKEW_MS_MAX},
    seal::frame,
    wire::{decode_canonical, millis, v1},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// What an agreement says about a gateway.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// Its SPIFFE URI.
    pub gateway: String,
    /// Its gateway-identity key.
    pub identity: VerifyKey,
}

/// A key that may be sealed to.
#[derive(Debug, Clone)]
pub struct ExchangeKey {
    /// As the envelope names it.
    pub key_id: Vec<u8>,
    /// Its suite.
    pub suite: Suite,
    /// The key.
    pub public_key: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

/// A list that was verified.
#[derive(Debug, Clone)]
pub struct KeyList {
    /// Rises with every list.
    pub serial: u64,
    /// The list must not be used from here on.
    pub not_after: Time,
    sha256: [u8; 32],
    exchange_keys: Vec<ExchangeKey>,
    logs: Vec<VerifierKey>,
}

impl KeyList {
    /// Verifies delegation, signature, gateway and times; the serial is [`SerialMemory`]'s business.
    pub fn verify(response: &v1::GetKeyListResponse, pinned: &Pinned, now: Time) -> Result<Self, KeyListError> {
        if response.key_list.len() > KEY_LIST_BYTES_MAX {
            return Err(KeyListError::Malformed);
        }
        let online = delegate(response, pinned, now)?;
        let list: v1::KeyList = decode_canonical(&response.key_list).map_err(|_| KeyListError::Malformed)?;
        let input = frame::key_list(&pinned.gateway, list.serial, &response.key_list);
        online
            .verify(&input, &response.signature)
            .map_err(|_| KeyListError::Signature)?;
        if list.gateway != pinned.gateway {
            return Err(KeyListError::Foreign);
        }
        let (not_before, not_after) = period(millis(list.not_before.as_ref()), millis(list.not_after.as_ref()))?;
        let early = not_before.since(now) > SKEW_MS_MAX;
        if early || now >= not_after || not_after.since(not_before) > KEY_LIST_S * 1000 {
            return Err(KeyListError::Period);
        }
        let logs = list.log_keys.iter().map(log_key).collect::<Result<_, _>>()?;
        Ok(Self {
            serial: list.serial,
            not_after,
            sha256: sha256(&response.key_list),
            // A suite that this client does not know is none of its business.
            exchange_keys: list.exchange_keys.into_iter().filter_map(exchange_key).collect(),
            logs,
        })
    }

    /// The key to seal to now.
    pub fn exchange(&self, suite: Suite, now: Time) -> Option<&ExchangeKey> {
        let current = |key: &&ExchangeKey| key.suite == suite && key.not_before <= now && now < key.not_after;
        // Of several the one that lives longest, so that nothing under way meets its end.
        self.exchange_keys
            .iter()
            .filter(current)
            .max_by_key(|key| key.not_after)
    }

    /// The size and root that a checkpoint of one of the listed logs stands for.
    pub fn checkpoint(&self, note: &str) -> Result<Head, ReceiptError> {
        let origin = note.split('\n').next().unwrap_or_default();
        let mut why = ReceiptError::Origin;
        // During a change of the log key there are two of one origin, and one of them must have signed.
        for key in self.logs.iter().filter(|key| key.name() == origin) {
            match verify(note, key) {
                Ok(checkpoint) => {
                    return Ok(Head {
                        size: checkpoint.size,
                        root: checkpoint.root,
                        note: note.into(),
                    });
                }
                Err(NoteError::Origin) => {}
                Err(e) => why = ReceiptError::Checkpoint(e),
            }
        }
        Err(why)
    }
}

/// The highest serial that was accepted, in memory and, if given a path, in a small file.
#[derive(Debug, Default)]
pub struct SerialMemory {
    path: Option<PathBuf>,
    newest: Option<(u64, [u8; 32])>,
}

impl SerialMemory {
    /// Reads what was kept; a missing file means that nothing was accepted yet.
    pub fn at(path: Option<&Path>) -> Result<Self, KeyListError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let bad = |why: &str| KeyListError::Memory(path.to_owned(), why.to_owned());
        let newest = match fs::read_to_string(path) {
            Ok(text) => Some(
                parse_memory(&text)
                    .ok_or_else(|| bad("it is not a serial and a digest: remove it only if you know why"))?,
            ),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(bad(&e.to_string())),
        };
        Ok(Self {
            path: Some(path.to_owned()),
            newest,
        })
    }

    /// Accepts a list whose serial is higher, or the same list again.
    pub fn accept(&mut self, list: &KeyList) -> Result<(), KeyListError> {
        match self.newest {
            Some((known, _)) if list.serial < known => Err(KeyListError::Serial {
                known,
                got: list.serial,
            }),
            Some((known, digest)) if list.serial == known && digest != list.sha256 => {
                Err(KeyListError::Equivocation(known))
            }
            Some((known, _)) if list.serial == known => Ok(()),
            _ => {
                if let Some(path) = &self.path {
                    keep(path, list).map_err(|e| KeyListError::Memory(path.clone(), e.to_string()))?;
                }
                self.newest = Some((list.serial, list.sha256));
                Ok(())
            }
        }
    }
}

fn keep(path: &Path, list: &KeyList) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    write!(file, "{} ", list.serial)?;
    list.sha256.iter().try_for_each(|byte| write!(file, "{byte:02x}"))?;
    writeln!(file)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn parse_memory(text: &str) -> Option<(u64, [u8; 32])> {
    let (serial, hex) = text.trim_end().split_once(' ')?;
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some((serial.parse().ok()?, digest))
}

/// The online key that the gateway-identity key delegated to, if it may sign now.
fn delegate(response: &v1::GetKeyListResponse, pinned: &Pinned, now: Time) -> Result<VerifyKey, KeyListError> {
    let delegation = response.delegation.as_ref().ok_or(KeyListError::Malformed)?;
    let (from, to) = (delegation.not_before_s, delegation.not_after_s);
    let input = frame::key_list_delegate(&pinned.gateway, &delegation.public_key, from, to);
    pinned
        .identity
        .verify(&input, &delegation.signature)
        .map_err(|_| KeyListError::Delegation)?;
    let now_s = u64::try_from(now.seconds()).map_err(|_| KeyListError::DelegationPeriod)?;
    let early = from > now_s.saturating_add(SKEW_MS_MAX.unsigned_abs() / 1000);
    if early || now_s >= to || to.saturating_sub(from) > KEY_LIST_DELEGATION_S {
        return Err(KeyListError::DelegationPeriod);
    }
    VerifyKey::ed25519(&delegation.public_key).map_err(|_| KeyListError::Delegation)
}

fn log_key(key: &v1::LogKey) -> Result<VerifierKey, KeyListError> {
    let parsed = VerifierKey::parse(&key.verifier_key).map_err(|_| KeyListError::Malformed)?;
    if parsed.name() == key.origin {
        Ok(parsed)
    } else {
        Err(KeyListError::Malformed)
    }
}

fn exchange_key(key: v1::ExchangeKey) -> Option<ExchangeKey> {
    let ids = key.suite?;
    let (not_before, not_after) = period(millis(key.not_before.as_ref()), millis(key.not_after.as_ref())).ok()?;
    Some(ExchangeKey {
        key_id: key.key_id,
        suite: Suite::from_ids(ids.kem, ids.kdf, ids.aead)?,
        public_key: key.public_key,
        not_before,
        not_after,
    })
}

fn period(not_before_ms: Option<i64>, not_after_ms: Option<i64>) -> Result<(Time, Time), KeyListError> {
    match (not_before_ms, not_after_ms) {
        (Some(from), Some(to)) => Ok((Time(from), Time(to))),
        _ => Err(KeyListError::Malformed),
    }
}
