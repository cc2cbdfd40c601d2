//! What the crash tests count. `TOLLGATE_FIGURES` names a file that gets one line a test; `bash .ci/run crash` makes one
//! table of them, with `.ci/crash-table.awk`. A loss is counted and told before it fails its test, so that the table is
//! made from what was seen.
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
    /// Of these, looked for after each trial, what was missing or another without the gateway saying so.
    pub(crate) lost: u64,
}

impl Figures {
    /// Counts a loss, and says what was lost.
    pub(crate) fn lose(&mut self, what: &str) {
        eprintln!("LOST: {what}");
        self.lost += 1;
    }

    /// The line of these figures: `crash-figure`, and words for programs.
    fn line(&self, what: &str) -> String {
        let name = what.replace(": ", ":").replace(" -", "-").replace(' ', "-");
        let Self {
            made,
            refused,
            recovered,
            unreadable,
            named,
            harmless,
            acknowledged,
            lost,
        } = self;
        let reported = refused + unreadable + named;
        format!(
            "crash-figure name={name} trials={made} acknowledged={acknowledged} lost={lost} reported={reported} \
             refused={refused} recovered={recovered} unreadable={unreadable} named={named} harmless={harmless}\n"
        )
    }
}

/// Says a line, writes it where the environment names a file, and then fails if anything was lost.
pub(crate) fn tell(what: &str, f: &Figures) {
    let line = f.line(what);
    eprint!("{line}");
    if let Some(path) = std::env::var_os("TOLLGATE_FIGURES") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(f.lost, 0, "{what}: lost or changed without being said");
}

/// Says how far a long run is, at each twentieth: it must be seen to go on.
pub(crate) fn progress(what: &str, done: u64, of: u64) {
    let step = (of / 20).max(1);
    if super::is_long() && done.is_multiple_of(step) {
        eprintln!("{what}: {done} of {of}");
    }
}

/// Every row of the long run, with as many trials as it must have; a table of them that is whole.
fn whole() -> Vec<String> {
    let names = [
        "log: kill -9",
        "log: power cut",
        "log: failed write",
        "log: flipped bit",
        "log: cut file",
        "records: kill -9",
        "records: power cut",
        "records: flipped bit",
        "records: cut file",
        "period: kill -9",
    ];
    let figures = |made: u64| Figures {
        made,
        recovered: made,
        acknowledged: 7,
        ..Figures::default()
    };
    let mut lines: Vec<_> = names.map(|name| figures(200).line(name)).into();
    lines.push(figures(14).line("log: parts set back"));
    lines
}

/// Whether the table is content with these lines, and what it prints.
fn table(lines: &[String]) -> (bool, String) {
    let mut awk = std::process::Command::new("awk");
    awk.args([
        "-v",
        "least=200",
        "-f",
        concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/crash-table.awk"),
    ]);
    awk.stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = awk.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.concat().as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    (done.status.success(), String::from_utf8(done.stdout).unwrap())
}

#[test]
fn the_table_sums_what_was_told_and_fails_on_a_loss_a_gap_or_too_few_trials() {
    let good = whole();
    let (content, said) = table(&good);
    assert!(content, "{said}");
    assert!(
        said.ends_with("lost or changed without being said: 0 of 77\n"),
        "{said}"
    );
    let spoiled = |from: &str, to: &str| {
        let mut lines = good.clone();
        assert!(lines[0].contains(from));
        lines[0] = lines[0].replace(from, to);
        table(&lines)
    };
    let (content, said) = spoiled("lost=0", "lost=3");
    assert!(
        !content && said.ends_with("lost or changed without being said: 3 of 77\n"),
        "{said}"
    );
    for (from, to) in [
        ("trials=200", "trials=199"),
        ("recovered=200", "recovered=199"),
        ("name=log:kill-9", "name=log:kill-8"),
        ("acknowledged=7", "acknowledged=0"),
    ] {
        let (content, said) = spoiled(from, to);
        assert!(!content, "{to}: {said}");
    }
    let (content, said) = table(&good[1..]);
    assert!(!content && said.contains("log:kill-9"), "{said}");
    assert!(!table(&[]).0, "no figures are no proof");
}
