//! Checking the segments of a journal side by side: each begins with the tree before it, so it can be checked by itself,
//! and then it must begin where the one before it ended.
//!
//! This says only that a log holds. Where anything does not, the log is checked again from its beginning, and that
//! names the entry.
use super::{
    disk::ReadOnly,
    journal::{self, Place, Segment},
    note::Checkpoint,
    verify::{Chain, Stop},
};
use crate::limits::VERIFY_THREADS_MAX;
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// The chain at the end of the last segment, and bytes behind the last whole batch; `None` if something is wrong, or if
/// there is nothing to gain.
pub(super) fn check<'a>(
    begin: &Chain<'a>,
    segments: &[Segment],
    head: &Checkpoint,
    progress: &mut dyn FnMut(u64),
) -> Option<(Chain<'a>, u64)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(VERIFY_THREADS_MAX).min(segments.len());
    if threads < 2 {
        return None;
    }
    by(threads, begin, segments, head, progress)
}

/// The same, by as many threads.
pub(super) fn by<'a>(
    threads: usize,
    begin: &Chain<'a>,
    segments: &[Segment],
    head: &Checkpoint,
    progress: &mut dyn FnMut(u64),
) -> Option<(Chain<'a>, u64)> {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (told, heard) = mpsc::channel();
    let mut checked = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (told, next, stopped) = (told.clone(), &next, &stopped);
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    while !stopped.load(Ordering::Relaxed) {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(segment) = segments.get(at) else { break };
                        match one(begin, segment, head) {
                            Some(ended) => {
                                let _ = told.send(ended.0.edge.size() - segment.header.first);
                                mine.push((at, ended));
                            }
                            None => stopped.store(true, Ordering::Relaxed),
                        }
                    }
                    mine
                })
            })
            .collect();
        drop(told);
        let mut done = 0;
        for entries in heard {
            done += entries;
            progress(done);
        }
        let mine = workers.into_iter().filter_map(|worker| worker.join().ok());
        mine.flatten().collect::<Vec<_>>()
    });
    if stopped.into_inner() || checked.len() != segments.len() {
        return None;
    }
    checked.sort_unstable_by_key(|(at, _)| *at);
    join(begin, segments, checked.into_iter().map(|(_, ended)| ended))
}

/// One segment, beginning with what its header says.
fn one<'a>(begin: &Chain<'a>, segment: &Segment, head: &Checkpoint) -> Option<(Chain<'a>, u64)> {
    let mut chain = begin.beginning_at(&segment.header)?;
    let from = Place::start_of(segment.header.number);
    let scanned = journal::scan(&ReadOnly, std::slice::from_ref(segment), from, |_, _, frame| {
        chain.frame(frame, head).map_err(Stop::from)
    });
    Some((chain, scanned.ok()?.torn_bytes))
}

/// Each begins where the one before it ended, and only the last may end with a torn batch.
fn join<'a>(
    begin: &Chain<'a>,
    segments: &[Segment],
    ended: impl Iterator<Item = (Chain<'a>, u64)>,
) -> Option<(Chain<'a>, u64)> {
    let mut last: Option<(Chain<'a>, u64)> = None;
    for (segment, (mut chain, torn)) in segments.iter().zip(ended) {
        match &last {
            None if !begin.ends_at(&segment.header) => return None,
            None => {}
            Some((before, torn)) => {
                if *torn > 0 || !before.ends_at(&segment.header) {
                    return None;
                }
                chain.follow(before);
            }
        }
        last = Some((chain, torn));
    }
    last
}
