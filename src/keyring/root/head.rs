//! What stands in clear before the sealed part of a keyring that is not sealed under `root.key`:
//! `mark (16 bytes) ‖ be16(length) ‖ RootHead`.
use super::RootError;
use crate::{
    limits::ROOT_HEAD_BYTES_MAX,
    wire::{Message, decode_canonical, store::v1},
};

/// A keyring under `root.key` begins with a random salt instead: that it is these bytes has a chance of 2^-128.
const MARK: &[u8; 16] = b"TOLLGATE-KEYRING";

/// As read, and as it stands in the file.
#[derive(Clone)]
pub(in crate::keyring) struct Head {
    pub(super) message: v1::RootHead,
    pub(super) bytes: Vec<u8>,
}

impl Head {
    pub(super) fn of(message: &v1::RootHead) -> Result<Self, RootError> {
        let encoded = message.encode_to_vec();
        if encoded.len() > ROOT_HEAD_BYTES_MAX {
            return Err(RootError::HeadDamaged);
        }
        let len = u16::try_from(encoded.len()).map_err(|_| RootError::HeadDamaged)?;
        Ok(Self {
            message: message.clone(),
            bytes: [MARK.as_slice(), &len.to_be_bytes(), &encoded].concat(),
        })
    }
}

/// The head, if there is one, and the sealed part.
pub(in crate::keyring) fn split(file: &[u8]) -> Result<(Option<Head>, &[u8]), RootError> {
    let Some(rest) = file.strip_prefix(MARK) else {
        return Ok((None, file));
    };
    let (len, rest) = rest.split_first_chunk::<2>().ok_or(RootError::HeadDamaged)?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len > ROOT_HEAD_BYTES_MAX {
        return Err(RootError::HeadDamaged);
    }
    let (encoded, sealed) = rest.split_at_checked(len).ok_or(RootError::HeadDamaged)?;
    let message: v1::RootHead = decode_canonical(encoded).map_err(|_| RootError::HeadDamaged)?;
    Ok((Some(Head::of(&message)?), sealed))
}
