//! What the crash tests count. `TOLLGATE_FIGURES` names a file that gets one line a test; `bash .ci/run crash` prints them
//! as one table in the end. Nothing is ever lost silently: each test asserts that, so the table has no column for it.
use std::{fs::OpenOptions, io::Write};

/// One line of the table.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Kills, cuts, flips, truncations that were made.
    pub(crate) made: u64,
    /// The start refused, in words that name the place or the entries that are missing.
    pub(crate) refused: u64,
    /// Everything was there after the gateway had repaired itself: replay, or the store built again from the journal.
    pub(crate) recovered: u64,
    /// A reading said that it cannot be done, and everything was there after the next start.
    pub(crate) unreadable: u64,
    /// What is lost was named by who read it, by health and by the verifier; all else was there.
    pub(crate) named: u64,
    /// It changed nothing that is ever read.
    pub(crate) harmless: u64,
    /// Entries or rows that were acknowledged before, all of which were looked for afterwards.
    pub(crate) acknowledged: u64,
}

/// Says a line, and writes it where the environment names a file.
pub(crate) fn tell(what: &str, f: &Figures) {
    eprintln!("{what}: {f:?}");
    let Some(path) = std::env::var_os("TOLLGATE_FIGURES") else {
        return;
    };
    let numbers = [
        f.made,
        f.refused,
        f.recovered,
        f.unreadable,
        f.named,
        f.harmless,
        f.acknowledged,
    ];
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    let line = format!("{what}\t{}\n", numbers.join("\t"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// Says how far a long run is, at each twentieth: it must be seen to go on.
pub(crate) fn progress(what: &str, done: u64, of: u64) {
    let step = (of / 20).max(1);
    if super::is_long() && done.is_multiple_of(step) {
        eprintln!("{what}: {done} of {of}");
    }
}
