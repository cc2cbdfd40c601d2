//! Making a backup of what serves: on a thread of its own, half of whose time it rests.
use super::{
    BackupError, FORMAT, Manifest,
    archive::{Writer, put_rows},
};
use crate::{
    audit::JournalCopy,
    clock::Time,
    crypto::{
        Rng,
        age::{Encryptor, Recipient},
    },
    limits::{BACKUP_PAGE_BYTES, BACKUP_PART_BYTES, BACKUP_SHARE_PERCENT},
    source::{Copying, Throttle},
};
use std::{cell::RefCell, time::Instant};

/// Takes the encrypted bytes, and how far it is, of 1,000. It may wait, and says when nobody reads any more.
pub type Sink<'a> = &'a mut dyn FnMut(Vec<u8>, u32) -> Result<(), BackupError>;

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Sealed records in it.
    pub rows: u64,
}

impl Manifest {
    /// Of a backup of these.
    pub fn of(journal: &JournalCopy, vault: &Copying, origin: &str, catalogue: [u8; 32], now: Time) -> Self {
        let made_at = jiff::Timestamp::from_millisecond(now.0).map(|t| t.to_string());
        Self {
            format: FORMAT.to_owned(),
            made_at: made_at.unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: origin.to_owned(),
            entries: journal.head.size,
            checkpoint: journal.head.note.to_string(),
            epochs: vault.epochs(),
            catalogue: catalogue.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// Writes the backup. The journal was taken after `vault` began. Blocks.
///
/// # Errors
/// [`BackupError::NotNow`] if somebody was erased meanwhile: what was handed out is no backup, and lacks its end.
pub fn make(
    manifest: &Manifest,
    journal: &JournalCopy,
    vault: &mut Copying,
    (rng, recipients): (&dyn Rng, &[Recipient]),
    sink: Sink<'_>,
) -> Result<Made, BackupError> {
    let mut encryptor = Encryptor::new(rng, recipients)?;
    let mut pace = Pace::new(sink);
    let manifest =
        serde_json::to_vec_pretty(manifest).map_err(|_| BackupError::Form("a manifest cannot be written"))?;
    let total: u64 = journal.parts.iter().map(|part| part.bytes).sum();
    let (mut rows, mut done, mut number) = (0, 0u64, 0u64);
    {
        // The writer's pieces go through the encryption into the pace, which hands on whole parts.
        let ready = RefCell::new((&mut encryptor, &mut pace));
        let mut writer = Writer::new(|bytes: &[u8]| {
            let (encryptor, pace) = &mut *ready.borrow_mut();
            let sealed = encryptor.push(bytes)?;
            pace.take(sealed)
        });
        writer.file("manifest.json", &manifest)?;
        for part in &journal.parts {
            let name = format!("journal/{:08}.journal", part.number);
            writer.stream(&name, part.bytes, &mut part.open()?, &mut || {
                done += 64 << 10;
                let permille = (done.min(total) * 500).checked_div(total).unwrap_or(500);
                ready.borrow_mut().1.at(u32::try_from(permille).unwrap_or(500));
                Ok(())
            })?;
        }
        loop {
            let page = vault.page(BACKUP_PAGE_BYTES)?;
            if page.is_empty() {
                break;
            }
            number += 1;
            rows += page.len() as u64;
            ready.borrow_mut().1.at(500 + vault.permille() / 2);
            writer.file(&format!("vault/rows-{number:08}"), &put_rows(&page))?;
        }
        writer.file("vault/notes", &put_rows(&vault.notes()?))?;
        writer.finish()?;
    }
    if !vault.is_whole() {
        return Err(BackupError::NotNow);
    }
    pace.take(encryptor.finish()?)?;
    pace.flush()?;
    Ok(Made { rows })
}

/// Whole parts, and rests between them.
struct Pace<'a> {
    sink: Sink<'a>,
    held: Vec<u8>,
    permille: u32,
    throttle: Throttle,
    busy_since: Instant,
}

impl<'a> Pace<'a> {
    fn new(sink: Sink<'a>) -> Self {
        Self {
            sink,
            held: Vec::new(),
            permille: 0,
            throttle: Throttle::new(BACKUP_SHARE_PERCENT),
            busy_since: Instant::now(),
        }
    }

    fn at(&mut self, permille: u32) {
        self.permille = permille;
    }

    fn take(&mut self, sealed: Vec<u8>) -> Result<(), BackupError> {
        self.held.extend(sealed);
        match self.held.len() >= BACKUP_PART_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), BackupError> {
        let busy = self.busy_since.elapsed();
        let bytes = std::mem::take(&mut self.held);
        (self.sink)(bytes, self.permille)?;
        std::thread::sleep(self.throttle.pause(busy));
        self.busy_since = Instant::now();
        Ok(())
    }
}
