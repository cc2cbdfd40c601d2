//! What the gateway costs, each figure against a bare baseline of the same run. Not tests: nothing here fails for being
//! slow. `cargo bench --bench gateway -- [exchange|ingest|memory|start|append|online|erasure|log]… [--short] [--json]`; without a name
//! all run. `docs/benchmarks.md` says what the figures mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark fails by panicking, and prints"
)]
mod append;
mod asker;
mod echo;
mod erasure;
mod exchange;
mod figures;
mod ingest;
mod load;
mod log;
mod look;
mod memory;
mod online;
mod place;

/// That of the gateway, so that the bare baseline does not lose by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use figures::Figures;
use std::path::Path;

/// What was asked for on the command line.
pub(crate) struct Run {
    words: Vec<String>,
    /// Seconds instead of minutes: shows that it works, not how fast.
    short: bool,
}

impl Run {
    /// `few` in a short run, else `many`.
    pub(crate) fn pick<T>(&self, few: T, many: T) -> T {
        if self.short { few } else { many }
    }

    /// `--name=NUMBER`.
    pub(crate) fn number(&self, name: &str, otherwise: u64) -> u64 {
        let prefix = format!("--{name}=");
        let found = self.words.iter().find_map(|w| w.strip_prefix(&prefix));
        found.map_or(otherwise, |n| n.parse().unwrap())
    }

    /// `--name=WORD`.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        let prefix = format!("--{name}=");
        self.words.iter().find_map(|w| w.strip_prefix(&prefix))
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|w| w == word)
    }
}

type Bench = fn(&Run, &mut Figures);

const BENCHES: [(&str, Bench); 8] = [
    ("exchange", exchange::run),
    ("ingest", ingest::run),
    ("memory", memory::run),
    ("start", memory::start),
    ("append", append::run),
    ("online", online::run),
    ("erasure", erasure::run),
    ("log", log::run),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| w != "--bench").collect();
    if let [word, pki, reply] = words.as_slice()
        && word == "echo-server"
    {
        return echo::serve(Path::new(pki), Path::new(reply));
    }
    if let [word, path, rows, cold] = words.as_slice()
        && word == "log-look"
    {
        return look::look(Path::new(path), rows.parse().unwrap(), cold == "true");
    }
    let short = words.iter().any(|w| w == "--short");
    let run = Run { words, short };
    let named = BENCHES.iter().any(|(name, _)| run.has(name));
    let mut figures = Figures::default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine before: {}", load.trim());
    for (name, bench) in BENCHES {
        if !named || run.has(name) {
            println!("\n== {name}");
            bench(&run, &mut figures);
        }
    }
    if run.has("--json") {
        println!("{}", figures.json());
    }
}
