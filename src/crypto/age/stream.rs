//! The payload: chunks of 64 KiB, each with its number and whether it is the last, so that none can be cut off, moved or
//! left out.
use super::{
    Identity, Recipient,
    header::{self, FileKey, chacha},
};
use crate::crypto::{Broken, Rng, hkdf};
use ring::aead::{Aad, LessSafeKey, Nonce};
use std::io::{self, Read};
use zeroize::{Zeroize, Zeroizing};

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
const NONCE: usize = 16;

fn payload_key(key: &FileKey, nonce: &[u8; NONCE]) -> Result<LessSafeKey, Broken> {
    chacha(&Zeroizing::new(hkdf(nonce, key.expose(), b"payload")?))
}

/// The number of the chunk in eleven bytes, and whether it is the last.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    let number = number.to_be_bytes();
    bytes.iter_mut().skip(3).zip(number).for_each(|(to, from)| *to = from);
    if let Some(flag) = bytes.last_mut() {
        *flag = u8::from(last);
    }
    Nonce::assume_unique_for_key(bytes)
}

/// Encrypts as bytes come; gives what is ready.
pub struct Encryptor {
    key: LessSafeKey,
    number: u64,
    held: Vec<u8>,
    begin: Vec<u8>,
}

impl Encryptor {
    /// Begins a file for `recipients`, of whom each alone can open it.
    pub fn new(rng: &dyn Rng, recipients: &[Recipient]) -> Result<Self, Broken> {
        let (key, header) = header::write(rng, recipients)?;
        let mut salt = [0; NONCE];
        rng.fill(&mut salt)?;
        Ok(Self {
            key: payload_key(&key, &salt)?,
            number: 0,
            held: Vec::with_capacity(CHUNK + TAG),
            begin: [header.as_bytes(), &salt].concat(),
        })
    }

    /// Takes plaintext, and gives the ciphertext that is ready; often nothing.
    pub fn push(&mut self, mut plain: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut out = std::mem::take(&mut self.begin);
        while !plain.is_empty() {
            // Which chunk is the last is known only once something follows it, or nothing does.
            if self.held.len() == CHUNK {
                self.seal(false, &mut out)?;
            }
            let (now, later) = plain.split_at(plain.len().min(CHUNK - self.held.len()));
            self.held.extend_from_slice(now);
            plain = later;
        }
        Ok(out)
    }

    /// The rest of the file.
    pub fn finish(mut self) -> Result<Vec<u8>, Broken> {
        let mut out = std::mem::take(&mut self.begin);
        self.seal(true, &mut out)?;
        Ok(out)
    }

    fn seal(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.key
            .seal_in_place_append_tag(nonce(self.number, last), Aad::empty(), &mut self.held)
            .map_err(|_| Broken)?;
        out.append(&mut self.held);
        self.number += 1;
        Ok(())
    }
}

/// Reads the plaintext of a file. Every error means that nothing read so far may be used; an end that is not an error
/// means that the file is whole.
pub struct Decryptor<R> {
    reader: R,
    key: LessSafeKey,
    number: u64,
    /// One byte of the next chunk: it tells whether there is one.
    ahead: Option<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    done: bool,
}

impl<R: Read> Decryptor<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// `InvalidData` if it is none, was changed, or is for others.
    pub fn new(mut reader: R, identity: &Identity) -> io::Result<Self> {
        let key = header::read(&mut reader, identity)?;
        let mut salt = [0; NONCE];
        reader.read_exact(&mut salt)?;
        let key = payload_key(&key, &salt).map_err(|Broken| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Self {
            reader,
            key,
            number: 0,
            ahead: None,
            plain: Zeroizing::default(),
            at: 0,
            done: false,
        })
    }

    fn chunk(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(CHUNK + TAG + 1);
        sealed.extend(self.ahead.take());
        let wanted = (CHUNK + TAG + 1 - sealed.len()) as u64;
        self.reader.by_ref().take(wanted).read_to_end(&mut sealed)?;
        let last = sealed.len() <= CHUNK + TAG;
        if !last {
            self.ahead = sealed.pop();
        }
        let refuse = || io::Error::from(io::ErrorKind::InvalidData);
        let opened = self
            .key
            .open_in_place(nonce(self.number, last), Aad::empty(), &mut sealed);
        let length = opened.map_err(|_| refuse())?.len();
        // Nothing comes last only where there is nothing at all.
        if length == 0 && self.number > 0 {
            return Err(refuse());
        }
        sealed.truncate(length);
        self.plain.zeroize();
        self.plain = Zeroizing::new(sealed);
        (self.number, self.at, self.done) = (self.number + 1, 0, last);
        Ok(())
    }
}

impl<R: Read> Read for Decryptor<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() {
            if self.done {
                return Ok(0);
            }
            self.chunk()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let length = rest.len().min(out.len());
        out.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += length;
        Ok(length)
    }
}
