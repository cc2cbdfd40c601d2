//! Files of a PKI: made once, never overwritten, keys for their owner's eyes only.
use super::PkiError;
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::Path,
};
use zeroize::Zeroizing;

/// Largest file that is read back.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a file's mode is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    Secret,
    Public,
}

/// A new file; refused when it exists. Durable only after [`sync_tree`]: a PKI has fifty files, and one sync for all of
/// them costs as much as one for each.
pub(super) fn write_new(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), PkiError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode(secrecy));
    let mut file = options.open(path).map_err(|error| unwritable(path, error))?;
    file.write_all(bytes).map_err(|error| unwritable(path, error))
}

/// Makes a folder durable with all that is in it.
pub(super) fn sync_tree(folder: &Path) -> Result<(), PkiError> {
    let failed = |error| unwritable(folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            sync(&entry.path())?;
        }
    }
    sync(folder)
}

pub(super) fn sync(path: &Path) -> Result<(), PkiError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| unwritable(path, error))
}

/// Replaces a file of a CA's state in one step: what is there is the old or the new.
pub(super) fn replace(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), PkiError> {
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(&new, error)),
        _ => write_new(&new, bytes, secrecy)?,
    }
    sync(&new)?;
    std::fs::rename(&new, path).map_err(|error| unwritable(path, error))?;
    sync(path.parent().unwrap_or(Path::new(".")))
}

/// A file's text. Zeroised on drop: it may be a key.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, PkiError> {
    let unreadable = |error| PkiError::Unreadable(path.display().to_string(), error);
    let file = File::open(path).map_err(unreadable)?;
    let mut text = Zeroizing::new(String::with_capacity(16 << 10));
    file.take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

/// A folder for its owner only, with those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), PkiError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| unwritable(path, error))
}

#[cfg(unix)]
fn mode(secrecy: Secrecy) -> u32 {
    match secrecy {
        Secrecy::Secret => 0o600,
        Secrecy::Public => 0o644,
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> PkiError {
    let name = path.display().to_string();
    if error.kind() == ErrorKind::AlreadyExists {
        PkiError::Exists(name)
    } else {
        PkiError::Unwritable(name, error)
    }
}
