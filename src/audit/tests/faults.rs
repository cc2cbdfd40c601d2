//! Every file operation fails once, in every way; what was acknowledged is there afterwards.
use super::*;
use crate::audit::disk::{DiskFile, RealDisk};
use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Full,
    Broken,
    /// Half of the bytes are written before it fails.
    Short,
}

/// The real disk, until the countdown reaches zero.
struct FaultyDisk {
    fault: Fault,
    /// From which operation on, and for how many.
    countdown: AtomicI64,
    lasts: AtomicI64,
    operations: AtomicU64,
    room: AtomicU64,
}

impl FaultyDisk {
    fn new(fault: Fault, at: i64, lasts: i64) -> Arc<Self> {
        Arc::new(Self {
            fault,
            countdown: AtomicI64::new(at),
            lasts: AtomicI64::new(lasts),
            operations: AtomicU64::new(0),
            room: AtomicU64::new(1 << 40),
        })
    }
    fn fails(&self) -> bool {
        self.operations.fetch_add(1, Ordering::SeqCst);
        let left = self.countdown.fetch_sub(1, Ordering::SeqCst);
        left <= 0 && left > -self.lasts.load(Ordering::SeqCst)
    }
    fn error(&self) -> io::Error {
        match self.fault {
            Fault::Broken => io::Error::other("injected"),
            Fault::Full | Fault::Short => io::ErrorKind::StorageFull.into(),
        }
    }
    fn check(&self) -> io::Result<()> {
        if self.fails() { Err(self.error()) } else { Ok(()) }
    }
}

/// So that the disk can be shared with the test.
struct Shim(Arc<FaultyDisk>);
struct ShimFile(Arc<FaultyDisk>, Arc<dyn DiskFile>);

impl Disk for Shim {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.check()?;
        Ok(Arc::new(ShimFile(self.0.clone(), RealDisk.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.check()?;
        Ok(Arc::new(ShimFile(self.0.clone(), RealDisk.open(path)?)))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.check()?;
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.check()?;
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.check()?;
        RealDisk.sync_dir(dir)
    }
    fn room(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.room.load(Ordering::SeqCst))
    }
}

impl DiskFile for ShimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.0.fails() {
            if self.0.fault == Fault::Short {
                self.1.write_at(&bytes[..bytes.len() / 2], offset)?;
            }
            return Err(self.0.error());
        }
        self.1.write_at(bytes, offset)
    }
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.read_at(out, offset)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.check()?;
        self.1.sync()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.check()?;
        self.1.set_len(len)
    }
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.0.check()?;
        // Its length is all that the tests look at; the zeros would take most of their time.
        self.1.set_len(len)
    }
}

/// One life with a fault at operation `at`: what was acknowledged, and how many operations there were.
fn live(path: &Path, fault: Fault, at: i64, lasts: i64) -> (Vec<(usize, Receipt)>, u64) {
    let disk = FaultyDisk::new(fault, at, lasts);
    let acknowledged = match open_on(path, Arc::new(Shim(disk.clone()))) {
        Ok(opened) => {
            let acknowledged = append(&opened.log, 0..24, 4);
            let _ = opened.worker.close();
            acknowledged
        }
        Err(_) => Vec::new(),
    };
    (acknowledged, disk.operations.load(Ordering::SeqCst))
}

#[test]
fn nothing_acknowledged_is_lost_whatever_operation_fails() {
    // Where there is one, a disk in memory: the faults are injected, so real syncs only take time.
    let temp = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let (all, operations) = live(&temp.path().join("none"), Fault::Full, i64::MAX, 0);
    assert_eq!(all.len(), 24);
    assert!(operations > 25, "{operations}");
    let mut refused = 0;
    for fault in [Fault::Full, Fault::Broken, Fault::Short] {
        for at in 0..operations as i64 {
            // Once, and from there on for ever.
            for lasts in if fault == Fault::Full {
                vec![1, i64::MAX]
            } else {
                vec![1]
            } {
                let path = temp.path().join(format!("{fault:?}-{at}-{lasts}"));
                let (acknowledged, _) = live(&path, fault, at, lasts);
                refused += 24 - acknowledged.len();
                let opened = open(&path).unwrap_or_else(|e| panic!("{fault:?} at {at} for {lasts}: {e}"));
                assert_kept(&opened, &acknowledged);
                opened.worker.close().unwrap();
                std::fs::remove_dir_all(&path).unwrap();
            }
        }
    }
    // The faults did hit.
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_full_disk_refuses_recovers_by_itself_and_still_takes_withdrawals() {
    let temp = temp();
    let disk = FaultyDisk::new(Fault::Full, i64::MAX, 0);
    let opened = open_on(temp.path(), Arc::new(Shim(disk.clone()))).unwrap();
    let reserve = temp.path().join("reserve");
    assert_eq!(reserve.metadata().unwrap().len(), crate::limits::DISK_RESERVE_BYTES);
    let mut acknowledged = append(&opened.log, 0..4, 4);
    let ordinary = |n| {
        block_on(async {
            match opened.log.reserve("p", METHOD) {
                Ok(slot) => slot.append(event(n)).await.err(),
                Err(why) => Some(why),
            }
        })
    };
    let urgent = |n| block_on(opened.log.append(event(n)));

    // Low water: ordinary entries are refused, urgent ones are written.
    disk.room
        .store(crate::limits::DISK_LOW_WATER_BYTES - 1, Ordering::SeqCst);
    assert_eq!(ordinary(4), Some(NotRecorded::DiskFull));
    assert!(opened.log.is_disk_full());
    assert_eq!(ordinary(4), Some(NotRecorded::DiskFull));
    acknowledged.push((5, urgent(5).unwrap().into_parts().1));

    // No room at all: the next write fails, the reserve is given back, and the urgent entry is written.
    disk.lasts.store(1, Ordering::SeqCst);
    disk.countdown.store(0, Ordering::SeqCst);
    acknowledged.push((6, urgent(6).unwrap().into_parts().1));
    assert_eq!(reserve.metadata().unwrap().len(), 0);

    disk.room.store(1 << 40, Ordering::SeqCst);
    assert_eq!(ordinary(7), None);
    assert!(!opened.log.is_disk_full());
    assert_kept(&opened, &acknowledged);
    opened.worker.close().unwrap();
}
