//! A certificate chain and its private key, as files hold them.
#[cfg(feature = "gateway")]
use crate::crypto::sha256;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{fs::File, io::Read, path::Path};
use zeroize::{Zeroize, Zeroizing};

/// Largest file with a chain or a key: a chain of ten certificates is 20 KiB.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What one side of a connection proves itself with. No `Debug`; the key is zeroised on drop.
pub struct Credential {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why files are not a credential. Never carries what is in them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    /// Larger than any chain or key.
    #[error("`{0}` is larger than 64 KiB: name a file with a PEM certificate chain or a PEM private key")]
    TooLarge(String),
    /// No certificate in the chain file.
    #[error("the chain has no certificate in PEM: give the leaf first, then its issuing CAs")]
    NoCertificate,
    /// No private key in the key file.
    #[error("there is no private key in PEM (PKCS#8, without a passphrase)")]
    NoKey,
}

impl Credential {
    /// From a file with a chain, leaf first, and a file with its private key, both in PEM.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CredentialError> {
        let chain = read(chain)?;
        let key = read(key)?;
        Self::from_pem(&chain, &key)
    }

    /// From a chain, leaf first, and its private key, both in PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CredentialError> {
        let chain = certificates(chain).ok_or(CredentialError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CredentialError::NoKey)?;
        Ok(Self { chain, key })
    }

    /// Whether both are the same chain with the same key.
    #[cfg(feature = "gateway")]
    pub fn is_same(&self, other: &Self) -> bool {
        // By digests: how far two keys agree is nobody's business.
        let key = |key: &PrivateKeyDer<'_>| sha256(key.secret_der());
        self.chain == other.chain && key(&self.key) == key(&other.key)
    }

    /// The leaf's DER.
    #[cfg(feature = "gateway")]
    pub(super) fn leaf(&self) -> &[u8] {
        self.chain.first().map(AsRef::as_ref).unwrap_or_default()
    }
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }
    /// rustls keeps its own parsed copy of the key.
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// All certificates of a PEM text; `None` when there is none, or one that is broken.
pub(super) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!all.is_empty()).then_some(all)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let name = || path.display().to_string();
    let unreadable = |error| CredentialError::Unreadable(name(), error);
    let file = File::open(path).map_err(unreadable)?;
    // Room for all of it at once: growing would leave copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CredentialError::TooLarge(name()));
    }
    Ok(bytes)
}
