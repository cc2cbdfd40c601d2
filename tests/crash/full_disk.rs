//! A disk that is really full: a small tmpfs.
use super::{METHOD, check_token, event, open, skip, token, vkey};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tollgate::{
    audit::{Opened, verify},
    refusal::NotRecorded,
};

/// A tmpfs that is unmounted in the end.
pub(crate) struct Tmpfs(pub(crate) PathBuf);

impl Tmpfs {
    pub(crate) fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tollgate-test"])
            .arg(at)
            .output();
        mounted.is_ok_and(|o| o.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Somebody fills the disk to the last byte.
pub(crate) fn fill(filler: &Path) {
    let mut chunk = vec![1; 1 << 20];
    while !chunk.is_empty() {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(filler).unwrap();
        if std::io::Write::write_all(&mut file, &chunk).is_err() {
            chunk.truncate(chunk.len() / 2);
        }
    }
}

pub(super) fn ordinary(opened: &Opened, word: &str) -> Result<String, NotRecorded> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let recorded = opened.log.reserve("p", METHOD)?.append(event(word)).await?;
        Ok(token(recorded.receipt().index, word))
    })
}

fn urgent(opened: &Opened, word: &str) -> Result<String, NotRecorded> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let recorded = runtime.block_on(opened.log.append(event(word)))?;
    Ok(token(recorded.receipt().index, word))
}

#[test]
fn a_full_disk_refuses_takes_withdrawals_and_recovers() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(&temp.path().join("disk"), "96m") else {
        return skip("no permission to mount a tmpfs");
    };
    let (dir, filler) = (disk.0.join("data"), disk.0.join("filler"));
    let opened = open(&dir).unwrap();
    let mut tokens = vec![ordinary(&opened, "first").unwrap()];

    fill(&filler);
    for n in 0..3 {
        assert_eq!(ordinary(&opened, "refused"), Err(NotRecorded::DiskFull), "{n}");
    }
    // Longer than the store's own interval: what is applied waits in memory and in the journal.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    for n in 0..200 {
        tokens.push(urgent(&opened, &format!("withdrawal-{n}")).unwrap());
    }
    std::thread::sleep(std::time::Duration::from_millis(2_500));

    fs::remove_file(&filler).unwrap();
    for n in 0..200 {
        tokens.push(ordinary(&opened, &format!("again-{n}")).unwrap());
    }
    assert!(!opened.log.has_failed());
    for token in &tokens {
        check_token(&opened, token).unwrap();
    }
    opened.worker.close().unwrap();
    let opened = open(&dir).unwrap();
    assert_eq!(opened.recovery.rebuilt, None);
    for token in &tokens {
        check_token(&opened, token).unwrap();
    }
    opened.worker.close().unwrap();
    assert_eq!(
        verify::dir(&dir, &vkey(), &mut |_| ()).unwrap().entries,
        tokens.len() as u64
    );
}
