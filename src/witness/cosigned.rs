//! The newest checkpoint that enough witnesses have cosigned: served to partners, and kept outside of the store.
//!
//! It is no state that anything is decided by: it is checked when it is read, and a file that is lost or does not verify is
//! made anew with the next round.
use crate::{
    audit::{
        cosignature::{WitnessKey, cosignatures},
        note::{self, VerifierKey},
    },
    limits::NOTE_BYTES_MAX,
    store::replace_file,
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// The newest cosigned checkpoint, if there is one.
pub struct CosignedNote {
    newest: RwLock<Option<Arc<str>>>,
    path: PathBuf,
}

impl CosignedNote {
    /// From the file, if it holds a checkpoint of this log that `enough` of these witnesses have cosigned.
    pub(super) fn load(path: PathBuf, log: &VerifierKey, witnesses: &[WitnessKey], enough: usize) -> Self {
        let newest = read(&path).filter(|note| {
            note::verify(note, log).is_ok() && cosignatures(note, witnesses).is_ok_and(|c| c.len() >= enough)
        });
        if newest.is_none() && path.exists() {
            tracing::warn!(path = %path.display(), "the cosigned checkpoint that was kept does not verify by today's witnesses: the next round makes another");
        }
        Self {
            newest: RwLock::new(newest.map(Arc::from)),
            path,
        }
    }

    /// The note, with the log's signature first and the cosignatures behind it.
    pub fn newest(&self) -> Option<Arc<str>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes it durable, then serves it. Blocks on the disk.
    pub(super) fn replace(&self, note: String) -> io::Result<()> {
        replace_file(&self.path, note.as_bytes())?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(note));
        Ok(())
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(NOTE_BYTES_MAX as u64).read_to_string(&mut text).ok()?;
    Some(text)
}
