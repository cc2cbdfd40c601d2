//! The list of rejected rows: written beside its place, and put there once the load has come to an end it tells of.
use crate::{
    cli::Failure,
    source::{LoadError, LoadReport},
};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// A draft. Dropped, it is gone, and the list of an earlier load stands.
pub(super) struct RejectFile {
    path: PathBuf,
    draft: PathBuf,
    out: BufWriter<File>,
}

impl RejectFile {
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).map_err(|e| refused(path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            draft,
            out: BufWriter::new(file),
        })
    }

    /// Puts the list in its place if the file was read, or what was wrong is in the list.
    pub(super) fn settle(mut self, ended: &Result<LoadReport, LoadError>) -> Result<(), Failure> {
        let tells = match ended {
            Ok(report) => !report.already_visible,
            Err(error) => matches!(error, LoadError::TooManyRejects | LoadError::NothingFits),
        };
        if !tells {
            return Ok(());
        }
        self.out
            .flush()
            .and_then(|()| fs::rename(&self.draft, &self.path))
            .map_err(|e| refused(&self.path, &e))
    }
}

impl Write for RejectFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for RejectFile {
    fn drop(&mut self) {
        // Renamed by now, or of no use.
        let _ = fs::remove_file(&self.draft);
    }
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    Failure::file(format!("cannot write the reject file `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_replaced_only_by_a_load_that_came_to_an_end() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.rejects.jsonl");
        fs::write(&path, "earlier\n").unwrap();
        let run = |ended: Result<LoadReport, LoadError>| {
            let mut rejects = RejectFile::begin(&path).ok().unwrap();
            rejects.write_all(b"new\n").unwrap();
            assert!(rejects.settle(&ended).is_ok());
            assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "no draft is left");
            fs::read_to_string(&path).unwrap()
        };
        let visible = LoadReport {
            already_visible: true,
            ..LoadReport::default()
        };
        assert_eq!(run(Ok(visible)), "earlier\n");
        assert_eq!(run(Err(LoadError::Rejects(io::Error::other("disk")))), "earlier\n");
        assert_eq!(run(Err(LoadError::TooManyRejects)), "new\n");
        fs::write(&path, "earlier\n").unwrap();
        assert_eq!(run(Ok(LoadReport::default())), "new\n");
    }
}
