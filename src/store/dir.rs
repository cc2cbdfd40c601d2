//! The data directory: its format version, its lock, and where each part of the gateway keeps its files.
//!
//! It refuses a directory of another format, one that holds something else, and one that another process uses.
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The whole content of the file `FORMAT`.
const FORMAT: &str = "tollgate-data 2\n";
const PARTS: [&str; 4] = ["journal", "store", "vault", "keyring"];

/// An open data directory. The lock is held until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: Arc<File>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process holds the lock.
    #[error("the data directory is in use by another process: stop it, or use another directory")]
    InUse,
    /// There is something in it already.
    #[error("`{0}` is not empty: give an empty or a new directory")]
    NotEmpty(PathBuf),
    /// It has no `FORMAT` file.
    #[error("`{0}` is not a data directory, it has no file `FORMAT`: create one first, or check the path")]
    NotOne(PathBuf),
    /// Another format.
    #[error("the data directory `{0}` has a format that this version does not read: use the version that made it")]
    OtherFormat(PathBuf),
    /// The system refused.
    #[error("cannot use `{path}`: {source}")]
    Io {
        /// What was used.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl DataDir {
    /// Makes a data directory in a new or empty directory, readable by its owner only, and opens it.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let at = |source| io_error(path, source);
        if path.exists() && !is_free(path).map_err(at)? {
            return Err(DataDirError::NotEmpty(path.to_owned()));
        }
        make_dir(path).map_err(at)?;
        let lock = lock(path)?;
        for part in PARTS {
            make_dir(&path.join(part)).map_err(at)?;
        }
        // `FORMAT` comes last and by rename: a directory that has it is complete.
        let draft = path.join("FORMAT.tmp");
        write_new(&draft, FORMAT.as_bytes())
            .and_then(|()| fs::rename(&draft, path.join("FORMAT")))
            .map_err(at)?;
        sync_dir(path).map_err(at)?;
        // The directory's own name lies in its parent.
        if let Some(parent) = path.canonicalize().map_err(at)?.parent() {
            sync_dir(parent).map_err(at)?;
        }
        Ok(Self {
            path: path.to_owned(),
            lock: Arc::new(lock),
        })
    }

    /// Opens one that [`DataDir::create`] made.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let format = match fs::read(path.join("FORMAT")) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(DataDirError::NotOne(path.to_owned())),
            Err(e) => return Err(io_error(path, e)),
        };
        if format != FORMAT.as_bytes() {
            return Err(DataDirError::OtherFormat(path.to_owned()));
        }
        let lock = lock(path)?;
        for part in PARTS {
            make_dir(&path.join(part)).map_err(|e| io_error(path, e))?;
        }
        Ok(Self {
            path: path.to_owned(),
            lock: Arc::new(lock),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The lock, for a thread that outlives this value.
    pub(crate) fn hold(&self) -> Arc<File> {
        self.lock.clone()
    }
    /// Segments of the journal.
    pub fn journal_dir(&self) -> PathBuf {
        self.path.join("journal")
    }
    /// sled, for log and state.
    pub fn store_dir(&self) -> PathBuf {
        self.path.join("store")
    }
    /// sled, for records.
    pub fn vault_dir(&self) -> PathBuf {
        self.path.join("vault")
    }
    /// Periods of the log that are over, one directory each.
    pub fn archive_dir(&self) -> PathBuf {
        Self::archive_dir_of(&self.path)
    }
    /// The same of the data directory at `path`, without opening it.
    pub fn archive_dir_of(path: &Path) -> PathBuf {
        path.join("archive")
    }
    /// Wrapped keys.
    pub fn keyring_dir(&self) -> PathBuf {
        Self::keyring_dir_of(&self.path)
    }
    /// Where the newest checkpoint with cosignatures of the data directory at `path` lies.
    pub fn cosigned_note_of(path: &Path) -> PathBuf {
        path.join("cosigned.note")
    }
    /// Where the wrapped keys of the data directory at `path` lie, without opening it.
    pub fn keyring_dir_of(path: &Path) -> PathBuf {
        path.join("keyring")
    }
}

/// Replaces a file in one step: what is there is the old or the new, whole and durable.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    write_new(&draft, bytes)?;
    fs::rename(&draft, path)?;
    // A bare name has an empty parent.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    sync_dir(folder.unwrap_or(Path::new(".")))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Empty, or left by a crash in the middle of [`DataDir::create`]: our names, and nothing in them.
fn is_free(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let ours = match name {
            "LOCK" | "FORMAT.tmp" => true,
            part if PARTS.contains(&part) => fs::read_dir(entry.path())?.next().is_none(),
            _ => false,
        };
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}

fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file lock: the system releases it when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, DataDirError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("LOCK"))
        .map_err(|e| io_error(path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse),
        Err(TryLockError::Error(e)) => Err(io_error(path, e)),
    }
}

fn io_error(path: &Path, source: io::Error) -> DataDirError {
    DataDirError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_one_format_one_purpose() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data");
        assert!(matches!(DataDir::open(&path), Err(DataDirError::NotOne(_))));
        let made = DataDir::create(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::InUse)));
        drop(made);
        fs::rename(path.join("FORMAT"), path.join("FORMAT.tmp")).unwrap();
        drop(DataDir::create(&path).expect("a crash in the middle of creation must not need a hand"));
        assert!(matches!(DataDir::create(&path), Err(DataDirError::NotEmpty(_))));
        assert!(DataDir::open(&path).unwrap().journal_dir().is_dir());
        fs::write(path.join("FORMAT"), "tollgate-data 1\n").unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::OtherFormat(_))));
    }
}
