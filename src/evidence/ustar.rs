//! The archive that a pack is (POSIX ustar), written in one way and read in that way only.
//!
//! Nothing is unpacked here. What this module did not write is refused: links, folders, owners, times, names that climb,
//! anything behind the end.
use crate::{
    limits::{PACK_BYTES_MAX, PACK_FILES_MAX},
    ustar::{BLOCK, header, padding, read_header},
};

/// A file of the archive: its name and its bytes.
pub(super) type File = (String, Vec<u8>);

/// Writes the files in their order; `None` if one cannot be.
pub(super) fn write(files: &[File]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        out.extend_from_slice(&header(name, bytes.len() as u64)?);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    let fits = out.len() <= PACK_BYTES_MAX && files.len() <= PACK_FILES_MAX;
    fits.then_some(out)
}

/// Reads what [`write`] writes.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<File>> {
    if bytes.len() > PACK_BYTES_MAX {
        return None;
    }
    let mut files = Vec::new();
    let mut rest = bytes;
    loop {
        let (head, behind) = rest.split_at_checked(BLOCK)?;
        if head.iter().all(|b| *b == 0) {
            let ends = behind.len() == BLOCK && behind.iter().all(|b| *b == 0);
            return ends.then_some(files);
        }
        let (name, length) = read_header(head)?;
        let len = usize::try_from(length).ok()?;
        if files.len() >= PACK_FILES_MAX {
            return None;
        }
        let (body, padded) = (behind.get(..len)?, len.checked_add(padding(length))?);
        if behind.get(len..padded)?.iter().any(|b| *b != 0) {
            return None;
        }
        if files.iter().any(|(other, _): &File| *other == name) {
            return None;
        }
        files.push((name, body.to_vec()));
        rest = behind.get(padded..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn files() -> Vec<File> {
        vec![
            ("manifest.json".to_owned(), b"{}".to_vec()),
            ("sample/0001-entry-7.json".to_owned(), vec![7; 1_024]),
            ("empty.txt".to_owned(), Vec::new()),
        ]
    }

    /// What is written is what the system's own tar reads.
    #[test]
    fn the_systems_tar_lists_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, write(&files()).unwrap()).unwrap();
        let Ok(listed) = std::process::Command::new("tar").arg("-tf").arg(&path).output() else {
            assert!(
                std::env::var_os("TOLLGATE_REQUIRE_ALL").is_none(),
                "no `tar` on this machine"
            );
            eprintln!("skipped: no `tar` on this machine");
            return;
        };
        let names: Vec<String> = files().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            String::from_utf8(listed.stdout).unwrap().lines().collect::<Vec<_>>(),
            names
        );
    }

    #[test]
    fn only_what_was_written_is_read() {
        let good = write(&files()).unwrap();
        assert_eq!(read(&good), Some(files()));
        assert_eq!(read(&write(&[]).unwrap()), Some(Vec::new()));
        // A header that is changed anywhere is another header, and what is padding stays empty.
        for at in 0..BLOCK + 2 + 510 {
            if (BLOCK..BLOCK + 2).contains(&at) {
                continue;
            }
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_ne!(read(&bad), Some(files()), "byte {at}");
            }
        }
        for cut in [0, 1, BLOCK - 1, BLOCK, good.len() - 1, good.len() - BLOCK] {
            assert_eq!(read(&good[..cut]), None, "{cut}");
        }
        assert_eq!(read(&[&good[..], &[0]].concat()), None);
        assert_eq!(read(&[&good[..], &[0; BLOCK]].concat()), None);
        let twice = [files(), files()].concat();
        assert_eq!(read(&write(&twice).unwrap()), None, "two files of one name");
    }

    #[test]
    fn names_do_not_climb() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "A",
            "a b",
            "a\\b",
            "a/.b",
            &"a".repeat(100),
        ] {
            assert!(write(&[(bad.to_owned(), Vec::new())]).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hostile_archives_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), at in 0usize..3_000, byte in any::<u8>()) {
            let _ = read(&bytes);
            let mut good = write(&files()).unwrap();
            let place = at % good.len();
            good[place] = byte;
            let _ = read(&good);
        }
    }
}
