//! The process that is killed while it loads, corrects and sweeps, and the one that looks at what is left.
use super::{
    super::child::{me, monotonic_ns},
    PEOPLE, Site, check,
};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

const LIVE: &str = "TOLLGATE_VAULT_DIR";
const ACKS: &str = "TOLLGATE_VAULT_ACKS";
const ROUNDS: &str = "TOLLGATE_VAULT_ROUNDS";
/// The same name as the log's child: whoever starts one twice tells the two apart by it.
const NAME: &str = "TOLLGATE_CHILD_NAME";
const CHECK: &str = "TOLLGATE_VAULT_CHECK";

/// The command of a child that lives for `rounds`, or until it is killed.
pub(in super::super) fn living(dir: &Path, acks: &Path, name: &str, rounds: u64) -> Command {
    let words = me("crash::vault::life::life");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(LIVE, dir).env(ACKS, acks).env(NAME, name);
    command.env(ROUNDS, rounds.to_string());
    command
}

/// The command line of a child that checks `{dir}/data` against `{acked}`.
pub(in super::super) fn checking() -> String {
    let words: Vec<_> = me("crash::vault::life::look")
        .iter()
        .map(|w| format!("'{w}'"))
        .collect();
    format!("env {CHECK}={{dir}} {ACKS}={{acked}} {}", words.join(" "))
}

fn acknowledge(acks: &mut File, token: &str) {
    acks.write_all(format!("{} {token}\n", monotonic_ns()).as_bytes())
        .unwrap();
}

#[test]
fn life() {
    let Some(dir) = std::env::var_os(LIVE).map(PathBuf::from) else {
        return;
    };
    let acks = std::env::var_os(ACKS).map(PathBuf::from).unwrap();
    let name = std::env::var(NAME).unwrap();
    let rounds: u64 = std::env::var(ROUNDS).unwrap().parse().unwrap();
    let site = Site::open(&dir).unwrap();
    let mut acks = OpenOptions::new().create(true).append(true).open(acks).unwrap();
    let highest = (0..PEOPLE).filter_map(|person| site.value(person).unwrap()).max();
    let mut value = highest.unwrap_or(0);
    for round in 0..rounds {
        value += 1;
        let id = format!("file/{name}-{round}");
        let thirds = PEOPLE / 3;
        for first in [0, thirds, 2 * thirds] {
            site.vault
                .stage(&id, first, site.rows(first..first + thirds, value))
                .unwrap();
            site.vault.sync().unwrap();
            // Of a load that is given up nothing is promised.
            if round % 4 != 3 {
                acknowledge(&mut acks, &format!("rows:{id}:{}", first + thirds));
            }
        }
        if round % 4 == 3 {
            site.vault.abandon(&id).unwrap();
        } else {
            site.record(site.vault.close(&id).unwrap()).unwrap();
            acknowledge(&mut acks, &format!("all:{value}"));
        }
        for person in [round % PEOPLE, (round + 7) % PEOPLE] {
            value += 1;
            site.correct(&format!("p/{name}-{value}"), person, value).unwrap();
            acknowledge(&mut acks, &format!("one:{person}:{value}"));
        }
        site.sweep(50);
    }
    site.close();
}

#[test]
fn look() {
    let Some(dir) = std::env::var_os(CHECK).map(PathBuf::from) else {
        return;
    };
    let acked = std::fs::read_to_string(std::env::var_os(ACKS).unwrap()).unwrap();
    let site = Site::open(&dir.join("data")).unwrap_or_else(|e| panic!("{e}"));
    check(&site, &acked.lines().collect::<Vec<_>>()).unwrap();
    // And it goes on.
    let highest = (0..PEOPLE)
        .filter_map(|person| site.value(person).unwrap())
        .max()
        .unwrap_or(0);
    site.load("file/after", highest + 1).unwrap();
    site.sweep(1_000);
    let after = format!("all:{}", highest + 1);
    check(&site, &[&after]).unwrap();
    site.close();
    let site = Site::open(&dir.join("data")).unwrap();
    check(&site, &[&after]).unwrap();
    site.close();
}
