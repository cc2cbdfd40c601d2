//! Where the root key comes from: a file, a passphrase, a credential of the service manager, or a PKCS#11 token. A closed
//! set, behind this one door.
//!
//! Under a file, `root.key` itself seals the keyring. Under every other root a fresh random key does, which the root wraps
//! and which stands, wrapped, before the sealed part in the same file: so the keyring and what opens it change together,
//! by one rename. This module refuses costs beyond the limits, secrets that others can read, and a root other than the one
//! that the configuration names: whoever can write the file cannot choose a weaker one.
mod error;
mod head;
mod source;
mod token;

pub use error::{RootError, TokenError};
pub use source::{Form, RootSource, TokenSource};
pub use token::end_tokens;
pub(super) use token::{Token, TokenSigner};

use super::{KeyringError, file};
use crate::{
    crypto::{Label, Rng, Secret, Stretch, ctx, open_boxed, seal_boxed},
    limits::PASSPHRASE_BYTES_MIN,
    wire::store::v1,
};
use head::Head;
use std::{path::Path, sync::Arc};

/// The key that seals the keyring, with what stands before it.
pub(super) struct Root {
    key: Secret<32>,
    head: Option<Head>,
    token: Option<Arc<Token>>,
}

impl Root {
    /// A new one. Under [`Form::File`] it is written to `dir`.
    pub(super) fn create(dir: &Path, source: &RootSource, rng: &dyn Rng) -> Result<Self, KeyringError> {
        source.check().map_err(RootError::Configuration)?;
        let token = source.token.as_ref().map(Token::open).transpose()?.map(Arc::new);
        if source.root == Form::File {
            let key = file::create_root(dir, rng)?.held();
            let head = None;
            return Ok(Self { key, head, token });
        }
        let key = Secret::random(rng)?.held();
        let mut head = v1::RootHead {
            root: source.root.name().to_owned(),
            ..v1::RootHead::default()
        };
        head.wrapped = match source.root {
            Form::File => Vec::new(),
            Form::Passphrase => {
                let passphrase = source.passphrase()?;
                if passphrase.expose().len() < PASSPHRASE_BYTES_MIN {
                    return Err(RootError::PassphraseShort.into());
                }
                let salt = Secret::<16>::random(rng)?;
                let Stretch {
                    memory_kib,
                    passes,
                    lanes,
                } = Stretch::NOW;
                (head.salt, head.memory_kib) = (salt.expose().to_vec(), memory_kib);
                (head.passes, head.lanes) = (passes, lanes);
                let kek = Stretch::NOW.key(&passphrase, salt.expose())?;
                seal_boxed(rng, kek.expose(), &place(&head), key.expose().to_vec())?
            }
            Form::Credential => {
                let kek = source.credential_key()?;
                seal_boxed(rng, kek.expose(), &place(&head), key.expose().to_vec())?
            }
            Form::Pkcs11 => {
                let token = token.as_ref().ok_or(RootError::Configuration(source::NO_TOKEN))?;
                head.token_key = token.root_key_or_new(rng)?;
                let mut nonce = [0; 12];
                rng.fill(&mut nonce)?;
                let sealed = token.seal(&head.token_key, &mut nonce, &place(&head), key.expose())?;
                head.nonce = nonce.to_vec();
                sealed
            }
        };
        let head = Some(Head::of(&head)?);
        Ok(Self { key, head, token })
    }

    /// Opens the root of a keyring whose head is `head`.
    pub(super) fn open(
        dir: &Path,
        head: Option<&Head>,
        source: &RootSource,
        token: Option<Arc<Token>>,
    ) -> Result<Self, KeyringError> {
        let found = head.map_or(Some(Form::File), |head| Form::named(&head.message.root));
        let found = found.ok_or(RootError::HeadDamaged)?;
        if found != source.root {
            return Err(RootError::Elsewhere {
                found: found.name(),
                configured: source.root.name(),
            }
            .into());
        }
        let key = match head {
            None => file::read_root(dir)?,
            Some(head) => open_wrapped(&head.message, source, token.as_deref())?,
        };
        Ok(Self {
            key: key.held(),
            head: head.cloned(),
            token,
        })
    }

    pub(super) fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// What stands before the sealed part; nothing under a file.
    pub(super) fn before(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], |head| &head.bytes)
    }

    /// The id of the key that wraps, where that is in the token.
    pub(super) fn token_key(&self) -> Option<&[u8]> {
        let id = self.head.as_ref().map(|head| head.message.token_key.as_slice());
        id.filter(|id| !id.is_empty())
    }

    /// The token that the configuration names.
    pub(super) fn token(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }
}

fn open_wrapped(head: &v1::RootHead, source: &RootSource, token: Option<&Token>) -> Result<Secret<32>, KeyringError> {
    let opened = match source.root {
        Form::File => return Err(RootError::HeadDamaged.into()),
        Form::Passphrase => {
            let stretch = Stretch {
                memory_kib: head.memory_kib,
                passes: head.passes,
                lanes: head.lanes,
            };
            let salt = head.salt.as_slice().try_into().map_err(|_| RootError::HeadDamaged)?;
            let kek = stretch.key(&source.passphrase()?, salt);
            let kek = kek.map_err(|_| RootError::HeadDamaged)?;
            open_boxed(kek.expose(), &place(head), &head.wrapped).map_err(|_| RootError::PassphraseWrong)?
        }
        Form::Credential => {
            let kek = source.credential_key()?;
            open_boxed(kek.expose(), &place(head), &head.wrapped).map_err(|_| RootError::CredentialWrong)?
        }
        Form::Pkcs11 => {
            let token = token.ok_or(RootError::Configuration(source::NO_TOKEN))?;
            let mut nonce = head.nonce.as_slice().try_into().map_err(|_| RootError::HeadDamaged)?;
            token.open_box(&head.token_key, &mut nonce, &place(head), &head.wrapped)?
        }
    };
    let opened = zeroize::Zeroizing::new(opened);
    Secret::from_slice(&opened).map_err(|_| RootError::HeadDamaged.into())
}

/// Binds the wrapped key to all that stands beside it. The nonce is the token's to choose, and bound by its own use.
fn place(head: &v1::RootHead) -> Vec<u8> {
    let costs = [head.memory_kib, head.passes, head.lanes]
        .map(u32::to_be_bytes)
        .concat();
    let fields: [&[u8]; 5] = [b"root", head.root.as_bytes(), &head.salt, &costs, &head.token_key];
    ctx(Label::WrappedKey, &fields)
}

pub(super) use head::split;

#[cfg(test)]
mod tests;
