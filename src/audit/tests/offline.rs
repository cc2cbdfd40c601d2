//! The offline verifier and the export: what holds verifies, what was changed is named.
use super::{super::frame, *};
use crate::audit::verify::{Bad, Verified};
use std::{fs, ops::Range, path::PathBuf};

const ENTRIES: u64 = 60;

/// A closed log in batches of one to four.
fn closed(path: &Path) -> PathBuf {
    let opened = open(path).unwrap();
    for first in (0..ENTRIES as usize).step_by(10) {
        append(&opened.log, first..first + 10, 4);
    }
    opened.worker.close().unwrap();
    path.join("journal/00000001.journal")
}

fn check(path: &Path) -> Result<Verified, Bad> {
    verify::dir(path, &vkey(), &mut |_| ())
}

/// Where each frame lies.
fn frames(journal: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut at = frame::SEGMENT_HEADER_BYTES;
    while at < journal.len() {
        let (len, _) = frame::read_header(journal[at..at + 12].try_into().unwrap()).unwrap();
        out.push(at..at + 12 + len);
        at += 12 + len;
    }
    out
}

fn first_entry(journal: &[u8], frame: &Range<usize>) -> u64 {
    frame::read_body(&journal[frame.start + 12..frame.end]).unwrap().first
}

/// What a forger does who can write the disk and cannot sign.
fn mend(journal: &mut [u8], frame: &Range<usize>) {
    let crc = crc32fast::hash(&journal[frame.start + 12..frame.end]).to_be_bytes();
    journal[frame.start + 8..frame.start + 12].copy_from_slice(&crc);
}

#[test]
fn a_sound_log_verifies_and_progress_is_told() {
    let temp = temp();
    closed(temp.path());
    let mut seen = Vec::new();
    let verified = verify::dir(temp.path(), &vkey(), &mut |n| seen.push(n)).unwrap();
    assert_eq!(
        (verified.entries, verified.signed, verified.torn_bytes),
        (ENTRIES, ENTRIES, 0)
    );
    assert_eq!(verified.last_time, Time(1_790_000_000_123));
    assert_eq!(seen.last(), Some(&ENTRIES));
    assert!(seen.is_sorted());
    let keys = [Secret::from([3; 32]), Secret::from([1; 32])];
    assert_eq!(
        verify::dir_opening(temp.path(), &vkey(), &keys, &mut |_| ())
            .unwrap()
            .opened,
        ENTRIES
    );
    let opened = open(temp.path()).unwrap();
    assert_eq!(opened.log.head().root, verified.root);
}

/// What an entry changes stands beside its leaf: a forged change once went into the store, and stayed there after the
/// journal was restored.
#[test]
fn a_forged_change_is_refused_and_leaves_nothing_in_the_store() {
    let temp = temp();
    let journal = closed(temp.path());
    let good = fs::read(&journal).unwrap();
    let mut forged = good.clone();
    let frame = frames(&good)[3].clone();
    let at = frame.start + good[frame.clone()].windows(6).position(|w| w == b"value-").unwrap();
    // Another digit, whichever it is.
    forged[at + 6] ^= 1;
    mend(&mut forged, &frame);
    fs::write(&journal, forged).unwrap();
    fs::remove_file(temp.path().join("mark")).unwrap();
    let error = open(temp.path()).err().expect("refused");
    assert!(error.to_string().contains("committed"), "{error}");

    fs::write(&journal, good).unwrap();
    let opened = open(temp.path()).unwrap();
    assert!(opened.recovery.rebuilt.is_some());
    for row in 0..50 {
        let value = opened
            .state
            .row(Table::Consent, format!("row-{row}").as_bytes())
            .unwrap()
            .unwrap();
        let number: usize = std::str::from_utf8(&value).unwrap()["value-".len()..].parse().unwrap();
        assert_eq!(number % 50, row, "a forged value stayed");
    }
    opened.worker.close().unwrap();
}

#[test]
fn entries_behind_the_newest_checkpoint_are_not_vouched_for() {
    let temp = temp();
    closed(temp.path());
    let head = temp.path().join("head");
    let older = fs::read(&head).unwrap();
    let opened = open(temp.path()).unwrap();
    append(&opened.log, 60..64, 4);
    opened.worker.close().unwrap();
    let whole = check(temp.path()).unwrap();
    assert_eq!((whole.entries, whole.signed), (ENTRIES + 4, ENTRIES + 4));
    // The checkpoint of the last batch stands in the head alone: without it nothing says that the batch belongs there.
    fs::write(&head, older).unwrap();
    let cut = check(temp.path()).unwrap();
    assert_eq!(cut.entries, ENTRIES + 4);
    assert!((ENTRIES..ENTRIES + 4).contains(&cut.signed), "{}", cut.signed);
    assert_ne!(cut.root, whole.root, "the root is that of what is signed");
}

#[test]
fn a_changed_entry_is_named_by_its_batch() {
    let temp = temp();
    let journal = closed(temp.path());
    let good = fs::read(&journal).unwrap();
    let all = frames(&good);
    for (n, frame) in all.iter().enumerate() {
        let mut bytes = good.clone();
        let at = bytes[frame.clone()]
            .windows(12)
            .position(|w| w == b"spiffe://ban")
            .unwrap();
        bytes[frame.start + at + 14] ^= 1;
        fs::write(&journal, &bytes).unwrap();
        let first = first_entry(&good, frame);
        let rotten = check(temp.path()).unwrap_err();
        assert!(rotten.index <= first, "{rotten}");
        mend(&mut bytes, frame);
        fs::write(&journal, &bytes).unwrap();
        let bad = check(temp.path()).unwrap_err();
        assert_eq!(bad.index, first, "frame {n}: {bad}");
    }
}

#[test]
fn missing_swapped_and_foreign_batches_are_named() {
    let temp = temp();
    let journal = closed(temp.path());
    let good = fs::read(&journal).unwrap();
    let all = frames(&good);
    let (second, last) = (all[1].clone(), all.last().unwrap().clone());
    let without = [&good[..second.start], &good[second.end..]].concat();
    let cut = good[..last.start].to_vec();
    let cases = [(without, first_entry(&good, &second)), (cut, first_entry(&good, &last))];
    for (bytes, index) in cases {
        fs::write(&journal, bytes).unwrap();
        let bad = check(temp.path()).unwrap_err();
        assert_eq!(bad.index, index, "{bad}");
        assert!(bad.why.starts_with("missing"), "{bad}");
    }
    fs::write(&journal, &good).unwrap();
    let other = Ed25519Signer::from_seed(Secret::from([9; 32])).unwrap();
    let other = note::VerifierKey::new(ORIGIN, &other.public_key()).unwrap();
    assert!(verify::dir(temp.path(), &other, &mut |_| ()).is_err());
    let name = note::VerifierKey::new("other.test", &signer().public_key()).unwrap();
    assert!(verify::dir(temp.path(), &name, &mut |_| ()).is_err());
    fs::remove_file(temp.path().join("head")).unwrap();
    assert_eq!(check(temp.path()).unwrap_err().index, 0);
    fs::remove_file(journal).unwrap();
    assert!(check(temp.path()).is_err());
}

#[test]
fn a_changed_effect_is_found_by_who_may_open_the_details() {
    let temp = temp();
    let journal = closed(temp.path());
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(8).position(|w| w == b"value-17").unwrap();
    bytes[at + 7] = b'8';
    let frame = frames(&bytes).into_iter().find(|f| f.contains(&at)).unwrap();
    mend(&mut bytes, &frame);
    fs::write(&journal, &bytes).unwrap();
    // Leaves and proofs still hold: only the sealed details commit to effects.
    assert!(check(temp.path()).is_ok());
    let bad = verify::dir_opening(temp.path(), &vkey(), &[Secret::from([3; 32])], &mut |_| ()).unwrap_err();
    assert_eq!(bad.index, 17, "{bad}");
}

fn exported(path: &Path) -> String {
    let mut out = Vec::new();
    assert_eq!(
        export(path, ExportForm::JsonLines, &mut out, &mut |_| ()).unwrap(),
        ENTRIES
    );
    String::from_utf8(out).unwrap()
}

#[test]
fn an_export_verifies_and_a_changed_one_is_named() {
    let temp = temp();
    closed(temp.path());
    let text = exported(temp.path());
    let check = |text: &str| verify::export(text.as_bytes(), &vkey(), &mut |_| ());
    let from_dir = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap();
    assert_eq!(check(&text), Ok(from_dir));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() as u64, ENTRIES + 2);
    let join = |lines: Vec<&str>| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
    let without = |n: usize| {
        join(
            lines
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != n)
                .map(|(_, l)| *l)
                .collect(),
        )
    };
    assert_eq!(check(&without(18)).unwrap_err().index, 17);
    assert_eq!(check(&without(lines.len() - 1)).unwrap_err().index, ENTRIES);
    assert_eq!(check(&without(0)).unwrap_err().index, 0);
    assert_eq!(check(&text.replacen("bank-1", "bank-2", 1)).unwrap_err().index, 1);
    assert_eq!(check(&text[..text.len() - 1]).unwrap_err().index, ENTRIES);
    assert_eq!(check(&format!("{text}{}\n", lines[1])).unwrap_err().index, ENTRIES);
    assert_eq!(check("").unwrap_err().index, 0);
    assert_eq!(
        check(&text.replacen("{\"seq\":3,", "{\"new\":1,\"seq\":3,", 1))
            .unwrap_err()
            .index,
        3
    );
    assert_eq!(check(&"x".repeat(100_000)).unwrap_err().index, 0);
}

#[test]
fn counted_events_become_one_entry_a_reason_and_peer() {
    let temp = temp();
    let opened = open(temp.path()).unwrap();
    let counter = Counter::new(opened.log.clone(), Arc::new(ManualClock::new(Time(0))));
    for _ in 0..1_000 {
        counter.count("TLS_FAILED", "10.0.0.1");
        counter.count("RATE_LIMITED", "spiffe://bank-a.test/p");
    }
    block_on(counter.flush()).unwrap();
    block_on(counter.flush()).unwrap();
    assert_eq!(opened.log.head().size, 2);
    let entry = opened.log.entry(0).unwrap().unwrap();
    let details = open_details(&Secret::from([3; 32]), ORIGIN, &entry.leaf, &entry.details).unwrap();
    assert_eq!(
        (details.i.count, details.i.outcomes.as_slice()),
        (1_000, &["RATE_LIMITED".to_owned()][..])
    );
    counter.count("TLS_FAILED", "10.0.0.1");
    opened.worker.close().unwrap();
    // What cannot be recorded is not forgotten.
    assert_eq!(block_on(counter.flush()), Err(NotRecorded::LogFailed));
    let opened = open(temp.path()).unwrap();
    assert_eq!(opened.log.head().size, 2);
}
