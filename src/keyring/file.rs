//! The two files: the root key, and the keyring sealed under it.
use super::{KeyringError, Ring, key::Key};
use crate::{
    crypto::{Label, Rng, Secret, ctx, open_boxed, seal_boxed},
    limits::{KEYRING_BYTES_MAX, KEYRING_KEYS_MAX},
    wire::{Message, decode_canonical, store::v1},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::{Zeroize, Zeroizing};

pub(super) const ROOT: &str = "root.key";
pub(super) const SEALED: &str = "keyring.sealed";

fn place() -> Vec<u8> {
    ctx(Label::KeyringFile, &[])
}

/// 32 fresh random bytes that only the owner can read. Fails if the file is there.
pub(super) fn create_root(dir: &Path, path: &Path, rng: &dyn Rng) -> Result<Secret<32>, KeyringError> {
    if !dir.exists() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io(dir))?;
    }
    let root = Secret::random(rng)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io(path))?;
    file.write_all(root.expose())
        .and_then(|()| file.sync_all())
        .map_err(io(path))?;
    sync_dir_of(path)?;
    Ok(root)
}

pub(super) fn read_root(path: &Path) -> Result<Secret<32>, KeyringError> {
    let bytes = Zeroizing::new(read_bounded(path, 33)?);
    let mode = fs::metadata(path).map_err(io(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyringError::RootReadable(path.to_owned()));
    }
    Secret::from_slice(&bytes).map_err(|_| KeyringError::RootMalformed(path.to_owned()))
}

/// Writes beside, syncs, renames, syncs the directory: after a power cut there is the old file or the new one.
pub(super) fn write(path: &Path, root: &Secret<32>, ring: &Ring, rng: &dyn Rng) -> Result<(), KeyringError> {
    let mut message = v1::Keyring {
        keys: ring.keys.iter().map(Key::to_wire).collect(),
        key_list_serial: ring.key_list_serial,
        development: ring.development,
    };
    let plaintext = message.encode_to_vec();
    message.keys.iter_mut().for_each(|key| key.secret.zeroize());
    let sealed = seal_boxed(rng, root.expose(), &place(), plaintext)?;
    let beside = path.with_extension("new");
    // A left-over of a cut write is nobody's: it was never renamed.
    match fs::remove_file(&beside) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(io(&beside)(e)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(io(&beside))?;
    file.write_all(&sealed)
        .and_then(|()| file.sync_all())
        .map_err(io(&beside))?;
    fs::rename(&beside, path).map_err(io(path))?;
    sync_dir_of(path)
}

pub(super) fn read(path: &Path, root: &Secret<32>) -> Result<Ring, KeyringError> {
    let damaged = || KeyringError::Damaged(path.to_owned());
    let sealed = read_bounded(path, KEYRING_BYTES_MAX)?;
    let plaintext = Zeroizing::new(open_boxed(root.expose(), &place(), &sealed).map_err(|_| damaged())?);
    let mut message: v1::Keyring = decode_canonical(&plaintext).map_err(|_| damaged())?;
    if message.keys.len() > KEYRING_KEYS_MAX {
        return Err(KeyringError::Full);
    }
    let keys: Result<Vec<Key>, KeyringError> = message.keys.iter().map(Key::from_wire).collect();
    message.keys.iter_mut().for_each(|key| key.secret.zeroize());
    Ok(Ring {
        keys: keys?,
        key_list_serial: message.key_list_serial,
        development: message.development,
    })
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, KeyringError> {
    let file = File::open(path).map_err(io(path))?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(io(path))?;
    Ok(bytes)
}

fn sync_dir_of(path: &Path) -> Result<(), KeyringError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> KeyringError {
    let path = path.to_owned();
    move |source| match source.kind() {
        ErrorKind::NotFound => KeyringError::Missing(path.clone()),
        ErrorKind::AlreadyExists => KeyringError::Exists(path.clone()),
        _ => KeyringError::Io {
            path: path.clone(),
            source,
        },
    }
}
