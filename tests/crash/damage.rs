//! Every flipped byte and every truncation of a data directory is detected or harmless: never another log, never a
//! shorter one. A sample by default; `TOLLGATE_LONG=1` takes thousands in each file.
use super::{
    Dice, METHOD, check_token, event,
    figures::{Figures, progress, tell},
    is_long, open, seed, token, vkey,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tollgate::{audit::verify, store::DataDir};

const ENTRIES: u64 = 70;

/// A small closed data directory, and the tokens of all entries.
fn closed(dir: &Path) -> Vec<String> {
    let opened = open(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tokens = Vec::new();
    for n in 0..ENTRIES {
        let word = format!("w{n}");
        let slot = opened.log.reserve("p", METHOD).unwrap();
        let recorded = runtime
            .block_on(slot.append(event(&word)))
            .map_err(|e| e.to_string())
            .unwrap();
        tokens.push(token(recorded.receipt().index, &word));
    }
    opened.worker.close().unwrap();
    tokens
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else {
            out.push(path);
        }
    }
    out.sort();
    out
}

pub(super) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        // The reserve is zeros, and large.
        if file.file_name().unwrap() != "reserve" {
            fs::copy(&file, target).unwrap();
        }
    }
}

/// Opens a damaged copy: refused, or everything is there, or what is not there says so.
fn judge(dir: &Path, tokens: &[String], what: &str, tally: &mut Figures) {
    tally.made += 1;
    let offline = verify::dir(dir, &vkey(), &mut |_| ());
    if let Ok(verified) = &offline {
        assert_eq!(verified.entries, ENTRIES, "{what}");
    }
    // A damaged `FORMAT` is refused by the data directory itself.
    if DataDir::open(dir).is_err() {
        tally.refused += 1;
        return;
    }
    let opened = match open(dir) {
        Ok(opened) => opened,
        Err(error) => {
            // A refusal says what is wrong and what is left: the verifier names the first entry that does not hold.
            let named = offline.as_ref().err().map(|bad| bad.index);
            assert!(
                named.is_some_and(|index| index <= ENTRIES),
                "{what}: {error}: {named:?}"
            );
            tally.refused += 1;
            return;
        }
    };
    assert_eq!(opened.log.head().size, ENTRIES, "{what}: a shorter log");
    let failures: Vec<_> = tokens.iter().filter_map(|t| check_token(&opened, t).err()).collect();
    let rebuilt = opened.recovery.rebuilt.is_some();
    let _ = opened.worker.close();
    if failures.is_empty() {
        tally.recovered += u64::from(rebuilt);
        tally.harmless += u64::from(!rebuilt);
        return;
    }
    // What cannot be read must say so.
    let before = tally.lost;
    for failure in failures.iter().filter(|f| !f.contains("could not be read")) {
        tally.lose(&format!("{what}: {failure}"));
    }
    let opened = open(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
    let again: Vec<_> = tokens.iter().filter_map(|t| check_token(&opened, t).err()).collect();
    if again.is_empty() {
        tally.unreadable += u64::from(tally.lost == before);
    } else {
        // The store can be built again, the journal cannot: what is lost is named, by who reads it, by the verifier, by health.
        let by_reader = failures.iter().all(|f| f.contains("of the journal is damaged at byte"));
        let by_verifier = offline.as_ref().err().is_some_and(|bad| bad.index <= ENTRIES);
        let by_health = opened.log.damage().is_some();
        if again == failures && by_reader && by_verifier && by_health {
            tally.named += u64::from(tally.lost == before);
        } else {
            let said = format!("reader {by_reader}, verifier {by_verifier}, health {by_health}");
            for failure in &again {
                tally.lose(&format!(
                    "{what}, after the next start: {failure} (said by {said}; before: {failures:?})"
                ));
            }
        }
    }
    opened.worker.close().unwrap();
}

#[test]
fn flipped_bits_and_cut_files_are_detected_or_harmless() {
    let temp = tempfile::tempdir().unwrap();
    let (good, bad) = (temp.path().join("good"), temp.path().join("bad"));
    let tokens = closed(&good);
    let mut dice = Dice(seed());
    let (mut flipped, mut cut) = (Figures::default(), Figures::default());
    for tally in [&mut flipped, &mut cut] {
        tally.acknowledged = ENTRIES;
    }
    for file in files(&good) {
        let name = file.strip_prefix(&good).unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        if bytes.is_empty() || name == Path::new("reserve") {
            continue;
        }
        let spoil = |what: String, changed: &[u8], tally: &mut Figures| {
            copy(&good, &bad);
            fs::write(bad.join(&name), changed).unwrap();
            judge(&bad, &tokens, &format!("{} {what}", name.display()), tally);
            fs::remove_dir_all(&bad).unwrap();
        };
        // A file of a few bytes is flipped whole.
        let flips = if is_long() { 2_000 } else { 12 }.min(8 * bytes.len() as u64);
        for n in 0..flips {
            let at = dice.below(bytes.len() as u64) as usize;
            let bit = 1 << dice.below(8);
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            spoil(format!("byte {at} xor {bit}"), &changed, &mut flipped);
            progress(&format!("flips in {}", name.display()), n, flips);
        }
        for _ in 0..if is_long() { 500 } else { 6 }.min(bytes.len()) {
            let len = dice.below(bytes.len() as u64) as usize;
            spoil(format!("cut to {len}"), &bytes[..len], &mut cut);
        }
    }
    tell("log: flipped bit", &flipped);
    tell("log: cut file", &cut);
    let sum = |of: fn(&Figures) -> u64| of(&flipped) + of(&cut);
    assert!(sum(|f| f.refused) > 0 && sum(|f| f.recovered) > 0 && sum(|f| f.harmless) > 0);
}
