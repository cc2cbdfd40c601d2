//! A disk that is really full: a small tmpfs.
use super::{
    super::{
        full_disk::{Tmpfs, fill, ordinary},
        skip,
    },
    PEOPLE, Site, check,
};
use std::fs;

#[test]
fn a_load_leaves_the_log_its_room_and_a_full_disk_loses_no_record() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(&temp.path().join("disk"), "96m") else {
        return skip("no permission to mount a tmpfs");
    };
    let (dir, filler) = (disk.0.join("data"), disk.0.join("filler"));
    let site = Site::open(&dir).unwrap();
    site.load("file/one", 1).unwrap();
    site.correct("p/1", 7, 2).unwrap();
    site.vault.stage("file/two", 0, site.rows(0..20, 3)).unwrap();
    site.vault.sync().unwrap();
    let promised = ["all:1", "one:7:2", "rows:file/two:20"];

    // Loads go on until they are refused, and leave enough for entries.
    fs::write(&filler, vec![1; 44 << 20]).unwrap();
    let refused = (0..).find_map(|n| {
        let first = PEOPLE + n * 1_000;
        let staged = site
            .vault
            .stage("file/big", n * 1_000, site.rows(first..first + 1_000, 4));
        site.vault.sync().unwrap();
        staged.err()
    });
    assert!(refused.unwrap().to_string().contains("MiB free"));
    assert!(site.vault.correct("p/2", site.row(8, 5)).is_err());
    ordinary(&site.opened, "an entry").unwrap();

    // Somebody else fills it to the last byte: what is asked fails in words, and nothing that was said is lost.
    fill(&filler);
    assert!(site.vault.stage("file/two", 20, site.rows(20..PEOPLE, 3)).is_err());
    assert!(site.load("file/three", 6).is_err());
    let _ = site.vault.close("file/two").map(drop);
    let _ = site.vault.prune(1_000);
    fs::remove_file(&filler).unwrap();
    drop(site.vault);
    let _ = site.opened.worker.close();

    let site = Site::open(&dir).unwrap();
    check(&site, &promised).unwrap();
    site.vault.abandon("file/big").unwrap();
    site.vault.stage("file/two", 20, site.rows(20..PEOPLE, 3)).unwrap();
    site.record(site.vault.close("file/two").unwrap()).unwrap();
    check(&site, &["all:3"]).unwrap();
    site.close();
}
