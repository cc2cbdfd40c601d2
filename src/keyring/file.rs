//! The two files: the root key, where that is a file, and the keyring sealed under it.
use super::{
    KeyringError, Ring,
    key::Key,
    root::{Root, RootSource, Token, split},
};
use crate::{
    crypto::{Label, Rng, Secret, ctx, open_boxed, seal_boxed},
    limits::{KEYRING_BYTES_MAX, KEYRING_KEYS_MAX},
    wire::{Message, decode_canonical, store::v1},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::{Zeroize, Zeroizing};

pub(super) const ROOT: &str = "root.key";
pub(super) const SEALED: &str = "keyring.sealed";

/// Bound to what stands before it: a head cannot be put before another keyring.
fn place(before: &[u8]) -> Vec<u8> {
    match before {
        [] => ctx(Label::KeyringFile, &[]),
        before => ctx(Label::KeyringFile, &[before]),
    }
}

/// 32 fresh random bytes in `root.key` that only the owner can read. Fails if the file is there.
pub(super) fn create_root(dir: &Path, rng: &dyn Rng) -> Result<Secret<32>, KeyringError> {
    let path = dir.join(ROOT);
    let root = Secret::random(rng)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(io(&path))?;
    file.write_all(root.expose())
        .and_then(|()| file.sync_all())
        .map_err(io(&path))?;
    sync_dir_of(&path)?;
    Ok(root)
}

pub(super) fn read_root(dir: &Path) -> Result<Secret<32>, KeyringError> {
    let path = &dir.join(ROOT);
    let bytes = Zeroizing::new(read_bounded(path, 33)?);
    let mode = fs::metadata(path).map_err(io(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyringError::RootReadable(path.to_owned()));
    }
    Secret::from_slice(&bytes).map_err(|_| KeyringError::RootMalformed(path.to_owned()))
}

/// A root key under which nothing is sealed.
pub(super) fn remove_root(dir: &Path) -> Result<(), KeyringError> {
    let path = dir.join(ROOT);
    remove(&path)?;
    sync_dir_of(&path)
}

pub(super) fn make_dir(dir: &Path) -> Result<(), KeyringError> {
    if dir.exists() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io(dir))
}

/// Writes beside, syncs, renames, syncs the directory: after a power cut there is the old file or the new one.
pub(super) fn write(path: &Path, root: &Root, ring: &Ring, rng: &dyn Rng) -> Result<(), KeyringError> {
    let beside = write_beside(path, root, ring, rng)?;
    put(&beside, path)
}

/// Whole and on disk, under another name. A left-over of a cut write is nobody's: it was never renamed.
pub(super) fn write_beside(path: &Path, root: &Root, ring: &Ring, rng: &dyn Rng) -> Result<PathBuf, KeyringError> {
    let sealed = seal_boxed(rng, root.key().expose(), &place(root.before()), plain(ring))?;
    let beside = path.with_extension("new");
    remove(&beside)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(io(&beside))?;
    file.write_all(root.before())
        .and_then(|()| file.write_all(&sealed))
        .and_then(|()| file.sync_all())
        .map_err(io(&beside))?;
    Ok(beside)
}

/// In its place from now on.
pub(super) fn put(beside: &Path, path: &Path) -> Result<(), KeyringError> {
    fs::rename(beside, path).map_err(io(path))?;
    sync_dir_of(path)
}

/// The caller wipes it, by sealing it in place.
pub(super) fn plain(ring: &Ring) -> Vec<u8> {
    let mut message = v1::Keyring {
        keys: ring.keys.iter().map(Key::to_wire).collect(),
        key_list_serial: ring.key_list_serial,
        development: ring.development,
    };
    let plaintext = message.encode_to_vec();
    message.keys.iter_mut().for_each(|key| key.secret.zeroize());
    plaintext
}

pub(super) fn read(path: &Path, source: &RootSource) -> Result<(Root, Ring), KeyringError> {
    let damaged = || KeyringError::Damaged(path.to_owned());
    let bytes = read_bounded(path, KEYRING_BYTES_MAX)?;
    let (head, sealed) = split(&bytes)?;
    let token = source.token.as_ref().map(Token::open).transpose()?.map(Arc::new);
    let root = Root::open(path.parent().unwrap_or(Path::new("")), head.as_ref(), source, token)?;
    let opened = open_boxed(root.key().expose(), &place(root.before()), sealed).map_err(|_| damaged())?;
    let plaintext = Zeroizing::new(opened);
    let mut message: v1::Keyring = decode_canonical(&plaintext).map_err(|_| damaged())?;
    if message.keys.len() > KEYRING_KEYS_MAX {
        return Err(KeyringError::Full);
    }
    let keys = message.keys.iter().map(|key| Key::from_wire(key, root.token()));
    let keys: Result<Vec<Key>, KeyringError> = keys.collect();
    message.keys.iter_mut().for_each(|key| key.secret.zeroize());
    let ring = Ring {
        keys: keys?,
        key_list_serial: message.key_list_serial,
        development: message.development,
    };
    Ok((root, ring))
}

fn remove(path: &Path) -> Result<(), KeyringError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io(path)(e)),
        _ => Ok(()),
    }
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
