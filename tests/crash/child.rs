//! The process that is killed, and the one that looks at what a power cut left.
use super::{METHOD, check_token, event, open, token, vkey};
use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tollgate::audit::verify;

/// The data directory of a child that appends until it is killed, or until it has appended `TOLLGATE_CHILD_ENTRIES`.
const LIVE: &str = "TOLLGATE_CHILD_DIR";
/// Where it writes what was acknowledged: `<monotonic ns> <token>`.
const ACKS: &str = "TOLLGATE_CHILD_ACKS";
const ENTRIES: &str = "TOLLGATE_CHILD_ENTRIES";
const NAME: &str = "TOLLGATE_CHILD_NAME";
/// The data directory that a child looks at.
const CHECK: &str = "TOLLGATE_CHILD_CHECK";

pub(super) fn me(test: &str) -> Vec<String> {
    let exe = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    vec![exe, test.into(), "--exact".into(), "--nocapture".into()]
}

/// The command of a child that lives; `name` makes its words its own.
pub(super) fn living(dir: &Path, acks: &Path, name: &str, entries: u64) -> Command {
    let words = me("crash::child::life");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(LIVE, dir).env(ACKS, acks).env(NAME, name);
    command.env(ENTRIES, entries.to_string());
    command
}

/// The command line of a child that checks `{dir}/data` against `{acked}`.
pub(super) fn checking() -> String {
    let words: Vec<_> = me("crash::child::look").iter().map(|w| format!("'{w}'")).collect();
    format!("env {CHECK}={{dir}} {ACKS}={{acked}} {}", words.join(" "))
}

/// CLOCK_MONOTONIC in ns. The standard library gives it only in print.
pub(super) fn monotonic_ns() -> u64 {
    let text = format!("{:?}", Instant::now());
    let number = |name: &str| -> u64 {
        let digits = text
            .split(name)
            .nth(1)
            .expect("`Instant` prints its parts")
            .trim_start_matches(": ");
        digits
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .unwrap()
    };
    number("tv_sec") * 1_000_000_000 + number("tv_nsec")
}

#[test]
fn life() {
    let Some(dir) = std::env::var_os(LIVE).map(PathBuf::from) else {
        return;
    };
    let acks = std::env::var_os(ACKS).map(PathBuf::from).unwrap();
    let name = std::env::var(NAME).unwrap();
    let entries: u64 = std::env::var(ENTRIES).unwrap().parse().unwrap();
    let opened = open(&dir).unwrap_or_else(|e| panic!("{e}"));
    let acks = Arc::new(OpenOptions::new().create(true).append(true).open(acks).unwrap());
    let next = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let callers = (0..12).map(|_| {
            let (log, acks, next, name) = (opened.log.clone(), acks.clone(), next.clone(), name.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= entries {
                        return;
                    }
                    let word = format!("{name}-{n}");
                    let recorded = log.reserve("p", METHOD).unwrap().append(event(&word)).await.unwrap();
                    let line = format!("{} {}\n", monotonic_ns(), token(recorded.receipt().index, &word));
                    (&*acks).write_all(line.as_bytes()).unwrap();
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    });
    opened.worker.close().unwrap();
}

#[test]
fn look() {
    let Some(dir) = std::env::var_os(CHECK).map(PathBuf::from) else {
        return;
    };
    let dir = dir.join("data");
    let acked = std::fs::read_to_string(std::env::var_os(ACKS).unwrap()).unwrap();
    let opened = open(&dir).unwrap_or_else(|e| panic!("{e}"));
    eprintln!("{}", opened.recovery);
    for token in acked.lines() {
        check_token(&opened, token).unwrap();
    }
    // And it goes on.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let recorded = runtime
        .block_on(opened.log.append(event("after")))
        .map_err(|e| e.to_string())
        .unwrap();
    assert!(recorded.receipt().index >= acked.lines().count() as u64);
    opened.worker.close().unwrap();
    verify::dir(&dir, &vkey(), &mut |_| ()).unwrap();
}
