//! `kill -9` while a period of the log is closed: run again, it ends; at no moment do two logs take entries, and every row
//! that was in force is in force.
use super::{
    Dice,
    damage::{copy, files},
    figures::{Figures, progress, tell},
    is_long, seed,
};
use crate::cli::{Site, program};
use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tollgate::{
    app::{self, Kept},
    audit::{Event, verify},
    clock::SystemClock,
    config::Config,
    crypto::SystemRng,
    domain::Method,
    facts::{Facts, Kind},
    source::LossRule,
    state::{Effect, Table},
};

const ROWS: usize = 4_000;
const TABLES: [Table; 3] = [Table::Consent, Table::SubjectLink, Table::SubjectRequest];

fn kept(site: &Site) -> Kept {
    let config = Config::load(&site.at("gateway.toml")).unwrap();
    let view = app::judge_by(&config).unwrap();
    let (clock, rng) = (Arc::new(SystemClock) as _, Arc::new(SystemRng::default()) as _);
    Kept::open(&config, &view.catalogue, LossRule::Refuse, &clock, &rng).unwrap_or_else(|e| panic!("{e}"))
}

fn shut(kept: Kept) {
    drop((kept.log, kept.state, kept.vault));
    kept.worker.close().unwrap();
}

fn rows(kept: &Kept) -> BTreeMap<(u8, Vec<u8>), Vec<u8>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        for (key, value) in kept.state.rows(table, &[], None, usize::MAX).unwrap() {
            all.insert((table as u8, key), value);
        }
    }
    all
}

fn fill(site: &Site) {
    let kept = kept(site);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for first in (0..ROWS).step_by(8) {
        let mut facts = Facts::new(Kind::Consent, "p", Method("/m"), [0; 32]);
        let effect = |n: usize| Effect::put(TABLES[n % 3], format!("{n:08}"), vec![n as u8; 10 + n % 300]);
        facts.effects = (first..first + 8).map(effect).collect();
        runtime.block_on(kept.log.append(Event::new(facts))).map(drop).unwrap();
    }
    shut(kept);
}

#[test]
fn a_period_that_is_killed_while_it_is_closed_is_closed_by_running_it_again() {
    let site = Site::new();
    fill(&site);
    let before = kept(&site);
    let expected = rows(&before);
    assert_eq!(expected.len(), ROWS);
    shut(before);
    let (data, good) = (site.at("data"), site.at("good"));
    copy(&data, &good);
    let words = |compromised: bool| {
        let more = compromised.then_some("--log-key-compromised");
        ["--json", "audit", "close-period", "--yes"]
            .into_iter()
            .chain(more)
            .collect::<Vec<_>>()
    };
    let close = |compromised| {
        let mut command = program();
        command.args(words(compromised)).current_dir(site.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // How long it takes when nobody stops it.
    let started = Instant::now();
    assert!(close(true).status().unwrap().success());
    let takes = started.elapsed().as_millis() as u64;
    let mut dice = Dice(seed());
    let rounds = if is_long() { 200 } else { 12 };
    let mut figures = Figures {
        acknowledged: ROWS as u64,
        ..Figures::default()
    };
    while figures.made < rounds {
        std::fs::remove_dir_all(&data).unwrap();
        copy(&good, &data);
        // Every other time under another key.
        let compromised = figures.made % 2 == 1;
        // Killed up to three times on its way.
        for _ in 0..1 + dice.below(3) {
            let mut child = close(compromised).spawn().unwrap();
            thread::sleep(Duration::from_millis(dice.below(takes + takes / 4)));
            // It may have ended by itself: then there is nothing left to kill.
            let _ = child.kill();
            let ended = child.wait().unwrap();
            figures.made += u64::from(!ended.success());
            // Ended, also where it was killed after its last step: once more would close the next period.
            if !data.join("closing").exists() && data.join("archive/1/CHECKPOINT").exists() {
                break;
            }
        }
        // Where it was not ended, no gateway starts; it is ended by the same command.
        let under_way = data.join("closing").exists();
        if under_way {
            site.run(&["serve"])
                .ends(1)
                .says(&["run `tollgate audit close-period --yes` again"]);
        }
        if under_way || !data.join("archive/1/CHECKPOINT").exists() {
            site.run(&words(compromised)).ends(0);
        }
        let after = kept(&site);
        let (now, lost) = (rows(&after), figures.lost);
        for ((table, key), value) in &expected {
            if now.get(&(*table, key.clone())) != Some(value) {
                figures.lose(&format!("table {table}, row {key:?}"));
            }
        }
        assert_eq!(now.len(), expected.len(), "rows that nobody made");
        let origin = after.log.origin().to_owned();
        assert_eq!(origin, "tollgate.example/log/2");
        let keyring = Arc::clone(&after.keyring);
        shut(after);
        let key = |period| keyring.log_verifier("tollgate.example/log", period).unwrap();
        assert_eq!(
            key(2).has_a_key_of(&key(1)),
            !compromised,
            "another key if that was asked for, and no other"
        );
        verify::dir(&data, &key(2), &mut |_| ()).unwrap();
        let old = verify::dir(&data.join("archive/1"), &key(1), &mut |_| ()).unwrap();
        assert_eq!(old.signed, old.entries);
        for left in ["closing", "closing.tmp", "next"] {
            assert!(!data.join(left).exists(), "{left} is left");
        }
        assert!(!files(&data.join("archive/1")).is_empty());
        if figures.lost == lost {
            figures.recovered = figures.made;
        }
        progress("kills while a period is closed", figures.made, rounds);
    }
    tell("period: kill -9", &figures);
}
