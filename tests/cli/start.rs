//! Starting, stopping, being killed, and what a start says of files that are damaged.
use super::{Site, site::person};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::PathBuf,
};

#[test]
fn a_directory_in_use_is_left_alone() {
    let site = Site::loaded(3);
    let gateway = site.serve();
    let words = ["the data directory is in use by another process"];
    site.run(&["serve"]).ends(3).says(&words);
    site.run(&["ingest", "--mapping", "mapping-uci.toml", "clients.csv"])
        .ends(3)
        .says(&words);
    // The first one did not notice.
    let consent = site.consent(&person(1));
    site.ask(&person(1), &consent, &["limit_band@1"]).ends(0);
    gateway.stop();
    site.verify();
}

#[test]
fn a_port_in_use_is_named() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    site.edit(
        "gateway.toml",
        "partners = \"127.0.0.1:0\"",
        &format!("partners = \"{address}\""),
    );
    site.run(&["serve"])
        .ends(1)
        .says(&[&format!("cannot listen on {address}"), "in use"]);
    site.verify();
}

#[test]
fn after_kill_9_it_answers_again_and_the_log_holds() {
    let site = Site::loaded(50);
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    let before = site.ask(&person(1), &consent, &["risk_band@1"]).ends(0).json();
    gateway.kill();
    let gateway = site.serve();
    let after = site.ask(&person(1), &consent, &["risk_band@1"]).ends(0).json();
    assert_eq!(before["signals"], after["signals"]);
    let (index, later) = (before["receipt"]["index"].as_u64(), after["receipt"]["index"].as_u64());
    assert!(index < later, "{index:?} {later:?}");
    let said = gateway.stop();
    assert!(said.contains("applied again"), "{said}");
    assert!(site.verify() > later.unwrap());
}

/// The newest segment of the journal, or the store's file.
fn newest(folder: PathBuf) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| {
            p.extension()
                .is_some_and(|e| e == "log" || e == "journal" || e == "seg")
        })
        .collect();
    files.sort();
    files.pop().unwrap_or_else(|| panic!("no segment"))
}

fn flip(path: &PathBuf, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

/// A site whose log has some entries and was closed.
fn closed() -> (Site, u64) {
    let site = Site::loaded(20);
    let gateway = site.serve();
    let consent = site.consent(&person(2));
    for _ in 0..10 {
        site.ask(&person(2), &consent, &["limit_band@1"]).ends(0);
    }
    gateway.stop();
    let entries = site.verify();
    (site, entries)
}

/// A start reads the journal from its mark on, so that a long log starts fast; the whole of it is for `audit verify`.
#[test]
fn a_flipped_bit_in_the_journal_is_found_offline() {
    let (site, _) = closed();
    let journal = newest(site.at("data/journal"));
    flip(&journal, fs::metadata(&journal).unwrap().len() / 2);
    let verify = ["audit", "verify", "data", "--key", "log.vkey"];
    site.run(&verify).ends(4).says(&["entry ", "is damaged at byte"]);
}

#[test]
fn a_journal_that_was_cut_stops_the_start() {
    let (site, _) = closed();
    let journal = newest(site.at("data/journal"));
    let length = fs::metadata(&journal).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&journal)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    site.run(&["serve"]).ends(4).says(&["journal"]);
    site.run(&["audit", "verify", "data", "--key", "log.vkey"]).ends(4);
}

#[test]
fn a_damaged_store_is_put_aside_and_built_again_whole() {
    let (site, entries) = closed();
    let store = site.at("data/store/db");
    let length = fs::metadata(&store).unwrap().len();
    // Most of the file are pages that newer ones have replaced: only many flips surely meet one that is read.
    for at in (0..length).step_by(512) {
        flip(&store, at);
    }
    let said = site.serve().stop();
    assert!(said.contains("built again"), "{said}");
    // As many entries as before, and the ones of this start and stop.
    assert!(site.verify() > entries);
}

#[test]
fn a_store_that_lost_its_records_says_so() {
    let (site, _) = closed();
    let vault = site.at("data/vault");
    fs::remove_dir_all(&vault).unwrap();
    site.run(&["serve"])
        .ends(4)
        .says(&["the record vault is shorter than the log says", "--accept-loss"]);
    let words = ["ingest", "--mapping", "mapping-uci.toml", "clients.csv"];
    site.run(&words).ends(4).says(&["--accept-loss"]);
    site.run(&[&words[..], &["--accept-loss"]].concat()).ends(0);
    let gateway = site.serve();
    let consent = site.consent(&person(3));
    let answer = site.ask(&person(3), &consent, &["limit_band@1"]).ends(0).json();
    assert_eq!(answer["signals"][0]["outcome"], "band");
    gateway.stop();
    site.verify();
}
