//! The header: a file key of 16 bytes, wrapped once for each recipient, and a MAC under the file key.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 base64(ephemeral share)
//! base64(ChaCha20-Poly1305(HKDF(share ‖ recipient, shared secret), file key))
//! --- base64(HMAC(HKDF("", file key, "header"), everything up to the dashes))
//! ```
use super::{Identity, Recipient, encapsulate};
use crate::{
    crypto::{Broken, Rng, Secret, hkdf, hmac},
    limits::{AGE_HEADER_BYTES_MAX, BACKUP_RECIPIENTS_MAX},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use std::io::{self, Read};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1";
const WRAP: &[u8] = b"age-encryption.org/v1/X25519";

/// What payload and MAC come from.
pub(super) type FileKey = Secret<16>;

/// A new file key and its header.
pub(super) fn write(rng: &dyn Rng, recipients: &[Recipient]) -> Result<(FileKey, String), Broken> {
    if recipients.is_empty() || recipients.len() > BACKUP_RECIPIENTS_MAX {
        return Err(Broken);
    }
    let key = FileKey::random(rng)?;
    let mut text = format!("{VERSION}\n");
    for recipient in recipients {
        let (share, secret) = encapsulate(rng, &recipient.0)?;
        let mut body = key.expose().to_vec();
        wrapping(&secret, &share, &recipient.0)?
            .seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut body)
            .map_err(|_| Broken)?;
        text.push_str(&format!("-> X25519 {}\n", STANDARD_NO_PAD.encode(share)));
        text.push_str(&format!("{}\n", STANDARD_NO_PAD.encode(body)));
    }
    text.push_str("---");
    let mac = mac(&key, text.as_bytes())?;
    text.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(mac)));
    Ok((key, text))
}

/// Reads a header, and unwraps the file key if one of the stanzas is for `identity`.
pub(super) fn read(reader: &mut impl Read, identity: &Identity) -> io::Result<FileKey> {
    let refuse = || io::Error::from(io::ErrorKind::InvalidData);
    let mut header = Vec::new();
    let mut mac_of = None;
    let mut byte = [0];
    // Byte by byte, of a reader that is buffered: what comes behind the header is not the header's.
    while header.len() < AGE_HEADER_BYTES_MAX && reader.read(&mut byte)? > 0 {
        header.extend_from_slice(&byte);
        if header.ends_with(b"\n---") {
            mac_of = Some(header.len());
        } else if mac_of.is_some() && header.ends_with(b"\n") {
            break;
        }
    }
    let (covered, last) = header.split_at_checked(mac_of.ok_or_else(refuse)?).ok_or_else(refuse)?;
    let claimed = last.strip_prefix(b" ").and_then(|l| l.strip_suffix(b"\n"));
    let claimed = STANDARD_NO_PAD
        .decode(claimed.ok_or_else(refuse)?)
        .map_err(|_| refuse())?;
    let text = std::str::from_utf8(covered).map_err(|_| refuse())?;
    let body = text.strip_prefix(VERSION).and_then(|t| t.strip_prefix('\n'));
    let body = body.and_then(|t| t.strip_suffix("---")).ok_or_else(refuse)?;
    let key = unwrap(body, identity).ok_or_else(refuse)?;
    let mac = mac(&key, covered).map_err(|Broken| refuse())?;
    match bool::from(mac.ct_eq(&claimed)) {
        true => Ok(key),
        false => Err(refuse()),
    }
}

/// The file key from the stanza that opens. Stanzas of other types are passed over, as the format asks.
fn unwrap(body: &str, identity: &Identity) -> Option<FileKey> {
    let recipient = identity.recipient().0;
    let mut lines = body.lines().peekable();
    let mut found = None;
    while let Some(line) = lines.next() {
        let arguments = line.strip_prefix("-> ")?;
        let mut wrapped = String::new();
        // A line that is shorter than 64 characters ends the stanza.
        loop {
            let part = lines.next()?;
            wrapped.push_str(part);
            if part.len() != 64 {
                break;
            }
        }
        let Some(share) = arguments.strip_prefix("X25519 ") else {
            continue;
        };
        let share: [u8; 32] = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        let body = STANDARD_NO_PAD.decode(wrapped).ok().filter(|body| body.len() == 32)?;
        let mut body = Zeroizing::new(body);
        let secret = identity.agree(&share).ok()?;
        let key = wrapping(&secret, &share, &recipient).ok()?;
        if let Ok(plain) = key.open_in_place(zero_nonce(), Aad::empty(), &mut body) {
            found = found.or(FileKey::from_slice(plain).ok());
        }
    }
    found
}

fn wrapping(secret: &Secret<32>, share: &[u8; 32], recipient: &[u8; 32]) -> Result<LessSafeKey, Broken> {
    let salt = [&share[..], recipient].concat();
    chacha(&Zeroizing::new(hkdf(&salt, secret.expose(), WRAP)?))
}

fn mac(key: &FileKey, covered: &[u8]) -> Result<[u8; 32], Broken> {
    let key = Zeroizing::new(hkdf::<32>(&[], key.expose(), b"header")?);
    Ok(hmac(&*key, covered))
}

pub(super) fn chacha(key: &[u8; 32]) -> Result<LessSafeKey, Broken> {
    let key = UnboundKey::new(&aead::CHACHA20_POLY1305, key).map_err(|_| Broken)?;
    Ok(LessSafeKey::new(key))
}

/// Each wrapping key is used once.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
