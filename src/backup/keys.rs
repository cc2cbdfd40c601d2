//! The key file: what lies in the folder of the keyring, encrypted by itself.
use super::{
    BackupError,
    archive::{Reader, Writer},
};
use crate::{
    crypto::{
        Rng,
        age::{Decryptor, Encryptor, Identity, Recipient},
    },
    limits::{BACKUP_KEY_FILES_MAX, KEYRING_BYTES_MAX},
};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use zeroize::Zeroizing;

/// The files of a keyring, by name.
type Files = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The keyring in `dir`, encrypted. It may change meanwhile: what is taken stood there together.
///
/// # Errors
/// The folder cannot be read, or holds what no keyring holds.
pub fn pack_keys(dir: &Path, rng: &dyn Rng, recipients: &[Recipient]) -> Result<Vec<u8>, BackupError> {
    let mut files = read_all(dir)?;
    loop {
        let again = read_all(dir)?;
        if again == files {
            break;
        }
        files = again;
    }
    let mut encryptor = Encryptor::new(rng, recipients)?;
    let mut out = Vec::new();
    let mut writer = Writer::new(|bytes: &[u8]| {
        out.extend(encryptor.push(bytes)?);
        Ok(())
    });
    for (name, bytes) in &files {
        writer.file(name, bytes)?;
    }
    writer.finish()?;
    out.extend(encryptor.finish()?);
    Ok(out)
}

fn read_all(dir: &Path) -> Result<Files, BackupError> {
    let mut files = Files::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // What a change leaves for a moment is not the keyring.
        if path.extension().is_some_and(|e| e == "new") || !path.is_file() {
            continue;
        }
        let name = path.file_name().and_then(|n| n.to_str());
        let name = name.ok_or(BackupError::Form("the keyring's folder holds other files"))?;
        let mut bytes = Zeroizing::default();
        File::open(&path)?.take(KEYRING_BYTES_MAX).read_to_end(&mut bytes)?;
        files.insert(name.to_owned(), bytes);
        if files.len() > BACKUP_KEY_FILES_MAX {
            return Err(BackupError::Form("the keyring's folder holds other files"));
        }
    }
    Ok(files)
}

/// Puts a keyring into `dir`, which holds none, readable by its owner only.
///
/// # Errors
/// It does not open with `identity`, or the disk refuses.
pub fn unpack_keys(file: impl Read, identity: &Identity, dir: &Path) -> Result<(), BackupError> {
    let opened = Decryptor::new(file, identity).map_err(BackupError::reading)?;
    let mut reader = Reader::new(opened);
    let mut number = 0;
    while let Some(entry) = reader.next_file()? {
        number += 1;
        if entry.name.contains('/') || number > BACKUP_KEY_FILES_MAX {
            return Err(BackupError::Form("it is no file of keys"));
        }
        let mut options = OpenOptions::new();
        let path = dir.join(&entry.name);
        let mut to = options.write(true).create_new(true).mode(0o600).open(path)?;
        let bytes = Zeroizing::new(entry.bytes(KEYRING_BYTES_MAX)?);
        to.write_all(&bytes)?;
        to.sync_all()?;
    }
    match number {
        0 => Err(BackupError::Form("it holds no keys")),
        _ => Ok(()),
    }
}
