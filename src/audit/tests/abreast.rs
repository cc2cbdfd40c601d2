//! Segments that are checked side by side: what holds one after the other holds, and what holds only piece by piece does not.
use super::{
    super::{
        abreast,
        disk::{ReadOnly, RealDisk},
        frame::{SEGMENT_HEADER_BYTES, SegmentHeader},
        journal::{self, Segment},
        verify::{Chain, Verified},
    },
    *,
};
use std::{fs, path::PathBuf};

const ENTRIES: usize = 60;
const THREADS: usize = 3;

/// A closed log of small segments, one entry a batch, so that two of them are cut at the same places.
fn closed(path: &Path, first: usize) {
    let opened = open_on(path, Arc::new(RealDisk)).unwrap();
    append(&opened.log, first..first + ENTRIES, 1);
    opened.worker.close().unwrap();
}

fn segments(path: &Path) -> Vec<Segment> {
    journal::segments(&ReadOnly, &path.join("journal"), ORIGIN).unwrap()
}

fn segment(path: &Path, number: u64) -> PathBuf {
    path.join(format!("journal/{number:08}.journal"))
}

/// Side by side, whatever this machine has; `None` if something does not hold.
fn abreast(path: &Path, segments: &[Segment], progress: &mut dyn FnMut(u64)) -> Option<Verified> {
    let (key, details) = (vkey(), [Secret::from([3; 32])]);
    let head = note::verify(&verify::head(path, &key).unwrap(), &key).unwrap();
    let (chain, torn) = abreast::by(THREADS, &Chain::new(&key, &details), segments, &head, progress)?;
    Some(chain.finish(torn).unwrap())
}

/// Writes another header, as who can write the disk can.
fn forge(path: &Path, number: u64, change: impl FnOnce(&mut SegmentHeader)) {
    let file = segment(path, number);
    let mut bytes = fs::read(&file).unwrap();
    let mut header = SegmentHeader::decode(&bytes[..SEGMENT_HEADER_BYTES]).unwrap();
    change(&mut header);
    bytes[..SEGMENT_HEADER_BYTES].copy_from_slice(&header.encode());
    fs::write(file, bytes).unwrap();
}

fn add_garbage(path: &Path, number: u64) {
    let file = segment(path, number);
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend([0xff; 10]);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_sound_log_holds_side_by_side_with_all_that_is_said_of_it() {
    let temp = temp();
    closed(temp.path(), 100);
    let segments = segments(temp.path());
    assert!(segments.len() > 2 * THREADS, "{}", segments.len());
    let mut seen = Vec::new();
    let verified = abreast(temp.path(), &segments, &mut |n| seen.push(n)).unwrap();
    let opened = open(temp.path()).unwrap();
    let (size, root) = (ENTRIES as u64, opened.log.head().root);
    assert_eq!((verified.entries, verified.root, verified.signed), (size, root, size));
    assert_eq!((verified.opened, verified.torn_bytes), (size, 0));
    assert_eq!((seen.len(), seen.last()), (segments.len(), Some(&size)));
    assert!(seen.is_sorted());
}

/// Both logs hold, both are signed by the key, and the segment of the other stands at the same entries.
#[test]
fn a_segment_of_another_history_does_not_join() {
    let (temp, other) = (temp(), temp());
    closed(temp.path(), 100);
    closed(other.path(), 200);
    let (mut mixed, theirs) = (segments(temp.path()), segments(other.path()));
    assert!(abreast(other.path(), &theirs, &mut |_| ()).is_some());
    let foreign = theirs.into_iter().nth(2).unwrap();
    let first = foreign.header.first;
    assert_eq!(first, mixed[2].header.first, "cut at the same places");
    mixed[2] = foreign;
    assert!(abreast(temp.path(), &mixed, &mut |_| ()).is_none());
    // In the directory: the walk from the beginning names the place.
    fs::copy(segment(other.path(), 3), segment(temp.path(), 3)).unwrap();
    let bad = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap_err();
    assert!((1..=first).contains(&bad.index), "{bad}");
}

/// What a segment says of the tree before it is believed by the thread that checks it: so it must be what the others found.
#[test]
fn a_header_that_says_something_else_does_not_join() {
    type Change = fn(&mut SegmentHeader);
    let changes: [(&str, Change); 3] = [
        ("first", |h| h.first += 1),
        ("frontier", |h| h.frontier[0][0] ^= 1),
        // A lie here would let the time of the next entry go back.
        ("last_time_ms", |h| h.last_time_ms -= 1),
    ];
    let temp = temp();
    closed(temp.path(), 100);
    for (what, change) in changes {
        let good = fs::read(segment(temp.path(), 4)).unwrap();
        forge(temp.path(), 4, change);
        assert!(
            abreast(temp.path(), &segments(temp.path()), &mut |_| ()).is_none(),
            "{what}"
        );
        fs::write(segment(temp.path(), 4), good).unwrap();
    }
    assert!(abreast(temp.path(), &segments(temp.path()), &mut |_| ()).is_some());
}

#[test]
fn only_the_last_segment_may_end_with_a_torn_batch() {
    let temp = temp();
    closed(temp.path(), 100);
    let last = segments(temp.path()).len() as u64;
    add_garbage(temp.path(), last);
    assert_eq!(
        abreast(temp.path(), &segments(temp.path()), &mut |_| ())
            .unwrap()
            .torn_bytes,
        10
    );
    // In between, with a next header that says so many bytes: no batch is missing, and yet it does not hold.
    add_garbage(temp.path(), 2);
    forge(temp.path(), 3, |header| header.previous_bytes += 10);
    assert!(abreast(temp.path(), &segments(temp.path()), &mut |_| ()).is_none());
    let bad = verify::dir(temp.path(), &vkey(), &mut |_| ()).unwrap_err();
    assert!(bad.why.contains("segment 2 is damaged"), "{bad}");
}

#[test]
fn one_changed_byte_in_any_segment_is_seen() {
    let temp = temp();
    closed(temp.path(), 100);
    let segments = segments(temp.path());
    for number in 1..=segments.len() as u64 {
        let file = segment(temp.path(), number);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        // In the first frame, so that more follow and it cannot pass for torn.
        bad[SEGMENT_HEADER_BYTES + 40] ^= 1;
        fs::write(&file, bad).unwrap();
        assert!(
            abreast(temp.path(), &segments, &mut |_| ()).is_none(),
            "segment {number}"
        );
        fs::write(&file, good).unwrap();
    }
}
