//! `kill -9` in the middle of a load: nothing of it is visible, and the same command finishes it.
use super::{
    Site, Spawned, program,
    site::{person, sample_rows},
};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Rows enough for a load that is still under way when it is killed.
const ROWS: u64 = 60_000;

fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map_while(Result::ok);
    entries.map(|e| e.metadata().map_or(0, |m| m.len())).sum()
}

fn begin(site: &Site, words: &[&str]) -> Spawned {
    let mut command = program();
    command
        .args(["--json", "ingest", "--mapping", "mapping-uci.toml", "big.csv"])
        .args(words)
        .current_dir(site.path());
    Spawned::start(command)
}

/// Waits until the vault has grown by so much, while the load runs.
fn until_grown(site: &Site, load: &mut Spawned, by: u64) {
    let vault = site.at("data/vault");
    let (before, end) = (bytes(&vault), Instant::now() + Duration::from_secs(60));
    while bytes(&vault) < before + by {
        assert!(load.runs(), "it ended too early:\n{}", load.all());
        assert!(Instant::now() < end, "the vault does not grow");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn outcome(site: &Site, consent: &str, row: u64) -> String {
    let answer = site.ask(&person(row), consent, &["limit_band@1"]).ends(0).json();
    answer["signals"][0]["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn a_killed_offline_load_is_invisible_and_is_finished_by_the_same_command() {
    let site = Site::new();
    site.write("big.csv", &sample_rows(1..=ROWS));
    for by in [1 << 20, 3 << 20] {
        let mut load = begin(&site, &[]);
        until_grown(&site, &mut load, by);
        load.kill();
        let gateway = site.serve();
        let consent = site.consent(&person(1));
        assert_eq!(outcome(&site, &consent, 1), "no file");
        gateway.stop();
    }
    let report = begin(&site, &[]).end().ends(0).json()["report"].clone();
    assert_eq!(report["rows_loaded"], ROWS);
    assert_eq!(report["rows_rejected"], 0);
    let gateway = site.serve();
    for row in [1, ROWS / 2, ROWS] {
        let consent = site.consent(&person(row));
        assert_eq!(outcome(&site, &consent, row), "band", "{row}");
    }
    gateway.stop();
    site.verify();
}

#[test]
fn a_killed_online_load_is_invisible_and_is_finished_by_the_same_command() {
    let site = Site::new();
    site.write("big.csv", &sample_rows(1..=ROWS / 4));
    let online = ["-c", "lender.toml", "--fields", "fields.toml"];
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    // The one who loads is killed.
    let mut load = begin(&site, &online);
    until_grown(&site, &mut load, 1 << 20);
    assert_eq!(outcome(&site, &consent, 1), "no file");
    load.kill();
    assert_eq!(outcome(&site, &consent, 1), "no file");
    // The gateway is killed; who loads is told and goes on later.
    let mut load = begin(&site, &online);
    until_grown(&site, &mut load, 1 << 20);
    gateway.kill();
    let ran = load.end();
    assert!([1, 5].contains(&ran.code), "{} {}", ran.code, ran.err);
    let gateway = site.serve();
    assert_eq!(outcome(&site, &consent, 1), "no file");
    let report = begin(&site, &online).end().ends(0).json()["report"].clone();
    assert_eq!(report["rows_loaded"], ROWS / 4);
    assert_eq!(outcome(&site, &consent, 1), "band");
    gateway.stop();
    site.verify();
}
