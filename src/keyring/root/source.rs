//! `[keys]` of `gateway.toml`: which root, and where its secret is. Reads the secrets of files and credentials.
use super::{RootError, TokenError};
use crate::{
    crypto::{Passphrase, Secret},
    limits::{PASSPHRASE_BYTES_MAX, TOKEN_LABEL_BYTES_MAX},
};
use serde::Deserialize;
use std::{
    env, fs,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

pub(super) const NO_TOKEN: &str = "`root = \"pkcs11\"` needs a table `[keys.token]`";

/// What wraps the keyring's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `root.key` beside it, 32 bytes that only the owner can read. For development.
    #[default]
    File,
    /// A passphrase, stretched by Argon2id.
    Passphrase,
    /// 32 bytes that the service manager delivers at the start.
    Credential,
    /// An AES-256 key that never leaves a PKCS#11 token.
    Pkcs11,
}

impl Form {
    const ALL: [Form; 4] = [Form::File, Form::Passphrase, Form::Credential, Form::Pkcs11];

    /// The name in the configuration and in the file.
    pub fn name(self) -> &'static str {
        match self {
            Form::File => "file",
            Form::Passphrase => "passphrase",
            Form::Credential => "credential",
            Form::Pkcs11 => "pkcs11",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// Which root a keyring is under, and where the root's secret is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RootSource {
    /// Which.
    pub root: Form,
    /// File of the passphrase, one line, readable by its owner only.
    pub passphrase_file: Option<PathBuf>,
    /// Name of the credential that holds the passphrase, in `$CREDENTIALS_DIRECTORY`.
    pub passphrase_credential: Option<String>,
    /// Name of the credential that is the root, in `$CREDENTIALS_DIRECTORY`.
    pub credential: Option<String>,
    /// The PKCS#11 token.
    pub token: Option<TokenSource>,
    /// What somebody typed.
    #[serde(skip)]
    typed: Option<Passphrase>,
}

/// A PKCS#11 token and what it holds for the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSource {
    /// The vendor's library.
    pub module: PathBuf,
    /// Label of the token.
    pub label: String,
    /// Label of the AES-256 key that wraps the keyring's key. Made by the gateway where there is none.
    #[serde(default = "root_label")]
    pub key: String,
    /// Label of the log's Ed25519 key, where that one is in the token too. Made when the data directory is.
    pub log_key: Option<String>,
    /// Whether new shred epochs get a key of their own in the token, so that destroying it there ends the epoch.
    #[serde(default)]
    pub epochs: bool,
    /// File of the PIN, one line, readable by its owner only.
    pub pin_file: Option<PathBuf>,
    /// Name of the credential that holds the PIN, in `$CREDENTIALS_DIRECTORY`.
    pub pin_credential: Option<String>,
}

fn root_label() -> String {
    "tollgate-root".to_owned()
}

impl RootSource {
    /// What can be said without reading a secret.
    pub fn check(&self) -> Result<(), &'static str> {
        let passphrase = self.passphrase_file.is_some() || self.passphrase_credential.is_some();
        if passphrase && self.root != Form::Passphrase {
            return Err("a passphrase is of use only with `root = \"passphrase\"`: set it, or remove the passphrase");
        }
        if self.passphrase_file.is_some() && self.passphrase_credential.is_some() {
            return Err("`passphrase_file` and `passphrase_credential` name two passphrases: keep one");
        }
        match (self.root == Form::Credential, self.credential.is_some()) {
            (true, false) => return Err("`root = \"credential\"` needs the credential's name: add `credential`"),
            (false, true) => return Err("`credential` is of use only with `root = \"credential\"`"),
            _ => {}
        }
        if self.root == Form::Pkcs11 && self.token.is_none() {
            return Err(NO_TOKEN);
        }
        let named = [&self.passphrase_credential, &self.credential];
        let pin = self.token.iter().map(|token| &token.pin_credential);
        let sound = |name: &String| !name.is_empty() && name.len() <= 255 && !name.contains('/') && name != "..";
        if !named.into_iter().chain(pin).flatten().all(sound) {
            return Err("a credential's name is the name of one file in `$CREDENTIALS_DIRECTORY`");
        }
        self.token.as_ref().map_or(Ok(()), TokenSource::check)
    }

    /// The paths that are relative to the configuration's folder.
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let token = self.token.iter_mut();
        let token = token.flat_map(|token| std::iter::once(&mut token.module).chain(&mut token.pin_file));
        self.passphrase_file.iter_mut().chain(token)
    }

    /// Whether the passphrase must be asked for.
    pub fn asks(&self) -> bool {
        let named = self.passphrase_file.is_some() || self.passphrase_credential.is_some();
        self.root == Form::Passphrase && !named && self.typed.is_none()
    }

    /// Answers what [`RootSource::asks`].
    pub fn type_in(&mut self, passphrase: Passphrase) {
        self.typed = Some(passphrase);
    }

    pub(super) fn passphrase(&self) -> Result<Passphrase, RootError> {
        if let Some(typed) = &self.typed {
            return Ok(typed.clone());
        }
        line_of(self.passphrase_file.as_deref(), self.passphrase_credential.as_deref())?
            .ok_or(RootError::PassphraseMissing)
    }

    pub(super) fn credential_key(&self) -> Result<Secret<32>, RootError> {
        let name = self.credential.as_deref().unwrap_or_default();
        let bytes = credential(name)?;
        Secret::from_slice(&bytes).map_err(|_| RootError::CredentialMalformed(name.to_owned()))
    }
}

impl TokenSource {
    fn check(&self) -> Result<(), &'static str> {
        let labels = [&self.label, &self.key].into_iter().chain(&self.log_key);
        let sound = |label: &String| !label.is_empty() && label.len() <= TOKEN_LABEL_BYTES_MAX;
        if !labels.into_iter().all(sound) {
            return Err("a label of a token or of a key in it has 1 to 64 bytes");
        }
        match (&self.pin_file, &self.pin_credential) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => Err("`[keys.token]` needs the PIN: `pin_file` or `pin_credential`, and not both"),
        }
    }

    pub(super) fn pin(&self) -> Result<Passphrase, RootError> {
        let pin = line_of(self.pin_file.as_deref(), self.pin_credential.as_deref())?;
        Ok(pin.ok_or(TokenError::PinNone)?)
    }
}

fn line_of(file: Option<&Path>, name: Option<&str>) -> Result<Option<Passphrase>, RootError> {
    let bytes = match (file, name) {
        (Some(path), _) => secret_file(path)?,
        (None, Some(name)) => credential(name)?,
        (None, None) => return Ok(None),
    };
    let line = Passphrase::from_line(&bytes).ok_or(RootError::PassphraseMalformed)?;
    Ok(Some(line))
}

/// A file of the operator's: nobody but its owner may read it.
fn secret_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, RootError> {
    let unreadable = |why| RootError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
        return Err(RootError::Readable(path.to_owned()));
    }
    bounded(file).map_err(unreadable)
}

/// A file of the service manager's. It may show group bits, which are the mask of its access list; the folder is what
/// nobody else enters.
fn credential(name: &str) -> Result<Zeroizing<Vec<u8>>, RootError> {
    let missing = || RootError::CredentialMissing(name.to_owned());
    let folder = env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(missing)?;
    let path = Path::new(&folder).join(name);
    let file = match File::open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(missing()),
        opened => opened.map_err(|why| RootError::Unreadable {
            path: path.clone(),
            why,
        })?,
    };
    let mode = |meta: io::Result<fs::Metadata>| meta.map(|meta| meta.permissions().mode());
    let (own, folder) = (mode(file.metadata()), mode(fs::metadata(&folder)));
    if !own.is_ok_and(|mode| mode & 0o007 == 0) && !folder.is_ok_and(|mode| mode & 0o007 == 0) {
        return Err(RootError::Readable(path));
    }
    bounded(file).map_err(|why| RootError::Unreadable { path, why })
}

/// With room for one byte too many, so that what is too long is not taken for what is cut.
fn bounded(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = PASSPHRASE_BYTES_MAX + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
