//! Reading a backup into an empty data directory.
use super::{
    BackupError, FORMAT, Manifest,
    archive::{Reader, read_rows},
};
use crate::{
    audit::{put_head, put_segment},
    crypto::age::{Decryptor, Identity},
    limits::{BACKUP_NOTES_BYTES_MAX, BACKUP_PAGE_BYTES, CONFIG_BYTES_MAX},
    source::RecordStore,
};
use std::{io::Read, path::Path};

/// Where it goes.
pub struct Onto<'a> {
    /// The data directory, whose journal is empty.
    pub dir: &'a Path,
    /// The store of its vault, which is empty.
    pub vault: &'a dyn RecordStore,
}

/// Told how many rows are back.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// Where the archive is.
#[derive(PartialEq)]
enum At {
    Journal(u64),
    Rows(u64),
    Notes,
}

/// Reads all of it; gives its manifest and the number of rows. What is in the directory after an error is of no use.
///
/// # Errors
/// It does not open, it is not a backup, or the disk refuses.
pub fn unpack(
    file: impl Read,
    identity: &Identity,
    onto: &Onto<'_>,
    progress: Progress<'_>,
) -> Result<(Manifest, u64), BackupError> {
    let opened = Decryptor::new(file, identity).map_err(BackupError::reading)?;
    let mut reader = Reader::new(opened);
    let manifest = match reader.next_file()? {
        Some(entry) if entry.name == "manifest.json" => manifest(&entry.bytes(CONFIG_BYTES_MAX)?)?,
        _ => return Err(BackupError::Form("its manifest is missing")),
    };
    let (mut at, mut rows) = (At::Journal(0), 0);
    // In the order in which it was written, and nothing left out.
    while let Some(entry) = reader.next_file()? {
        let next = |n: u64, prefix: &str, suffix: &str| entry.name == format!("{prefix}{:08}{suffix}", n + 1);
        at = match at {
            At::Journal(n) if next(n, "journal/", ".journal") => {
                entry.copy(&mut |reader| put_segment(onto.dir, n + 1, reader))?;
                At::Journal(n + 1)
            }
            At::Journal(n) if n > 0 && next(0, "vault/rows-", "") => {
                rows += put(onto, &entry.bytes(2 * BACKUP_PAGE_BYTES as u64)?)?;
                At::Rows(1)
            }
            At::Rows(n) if next(n, "vault/rows-", "") => {
                rows += put(onto, &entry.bytes(2 * BACKUP_PAGE_BYTES as u64)?)?;
                At::Rows(n + 1)
            }
            At::Journal(1..) | At::Rows(_) if entry.name == "vault/notes" => {
                for (key, value) in read_rows(&entry.bytes(BACKUP_NOTES_BYTES_MAX)?).ok_or(FORM)? {
                    onto.vault
                        .set_note(&key, Some(value))
                        .map_err(|e| BackupError::Vault(e.into()))?;
                }
                At::Notes
            }
            _ => return Err(FORM),
        };
        progress(rows);
    }
    if at != At::Notes {
        return Err(BackupError::Form("it ends too early"));
    }
    onto.vault.sync().map_err(|e| BackupError::Vault(e.into()))?;
    put_head(onto.dir, &manifest.checkpoint)?;
    Ok((manifest, rows))
}

const FORM: BackupError = BackupError::Form("its files are others, or in another order");

fn put(onto: &Onto<'_>, bytes: &[u8]) -> Result<u64, BackupError> {
    let rows = read_rows(bytes).ok_or(FORM)?;
    let number = rows.len() as u64;
    for (key, value) in rows {
        onto.vault
            .insert_new(&key, value)
            .map_err(|e| BackupError::Vault(e.into()))?;
    }
    Ok(number)
}

fn manifest(bytes: &[u8]) -> Result<Manifest, BackupError> {
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|_| BackupError::Form("its manifest is malformed"))?;
    match manifest.format == FORMAT {
        true => Ok(manifest),
        false => Err(BackupError::Form("it was made by another version")),
    }
}
