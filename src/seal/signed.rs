//! Signed messages: who asked, over exactly which bytes.
use super::frame::Parties;
use crate::{
    crypto::{Broken, Signer, VerifyKey, sha256},
    wire::{Message, v1},
};

/// A key that a partner signs with, under the id it is registered by.
pub struct SigningIdentity<'a> {
    /// `signing_key_id`.
    pub key_id: &'a str,
    /// The key.
    pub signer: &'a dyn Signer,
}

/// A serialised `SignedMessage`. Without a signer, signature and key id stay empty: only in a session whose evidence is
/// the opening.
pub fn sign(
    parties: Parties<'_>,
    method: &str,
    payload: Vec<u8>,
    signer: Option<&SigningIdentity<'_>>,
) -> Result<Vec<u8>, Broken> {
    let mut message = v1::SignedMessage {
        payload,
        ..Default::default()
    };
    if let Some(identity) = signer {
        let input = parties.signed_message(identity.key_id, method, &sha256(&message.payload));
        message.signature = identity.signer.sign(&input)?.to_vec();
        message.signing_key_id = identity.key_id.to_owned();
    }
    Ok(message.encode_to_vec())
}

/// Checks the signature over the raw payload bytes, before anything in them is read.
pub fn verify(
    parties: Parties<'_>,
    method: &str,
    key: &VerifyKey,
    signing_key_id: &str,
    payload_sha256: &[u8; 32],
    signature: &[u8],
) -> Result<(), Broken> {
    key.verify(
        &parties.signed_message(signing_key_id, method, payload_sha256),
        signature,
    )
}
