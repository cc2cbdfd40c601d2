//! Which sequence numbers of a session were used: a sliding window of [`REPLAY_WINDOW`] bits.
use crate::limits::REPLAY_WINDOW;

const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

/// Numbers may arrive out of order within the window; each is accepted once; those behind it are taken as used.
pub(super) struct Window {
    /// One above the highest number taken.
    next: u64,
    /// Bit `seq % REPLAY_WINDOW`, for the numbers in `next - REPLAY_WINDOW .. next`.
    used: [u64; WORDS],
    taken: u64,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            used: [0; WORDS],
            taken: 0,
        }
    }

    /// How many numbers were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether `seq` could be taken. A look, before the cost of opening.
    pub(super) fn is_fresh(&self, seq: u64) -> bool {
        if seq >= self.next {
            return true;
        }
        self.next - seq <= REPLAY_WINDOW && self.word(seq).is_some_and(|(word, bit)| word & bit == 0)
    }

    /// Takes `seq`; `false` if it was used or lies behind the window.
    pub(super) fn take(&mut self, seq: u64) -> bool {
        if !self.is_fresh(seq) {
            return false;
        }
        if seq >= self.next {
            if seq - self.next >= REPLAY_WINDOW {
                self.used = [0; WORDS];
            } else {
                // Numbers between were never used; their bits still speak of those one window before.
                for skipped in self.next..=seq {
                    self.set(skipped, false);
                }
            }
            self.next = seq.saturating_add(1);
        }
        self.set(seq, true);
        self.taken += 1;
        true
    }

    fn word(&self, seq: u64) -> Option<(u64, u64)> {
        let at = seq % REPLAY_WINDOW;
        let word = self.used.get((at / 64) as usize)?;
        Some((*word, 1 << (at % 64)))
    }

    fn set(&mut self, seq: u64, used: bool) {
        let at = seq % REPLAY_WINDOW;
        if let Some(word) = self.used.get_mut((at / 64) as usize) {
            let bit = 1 << (at % 64);
            *word = if used { *word | bit } else { *word & !bit };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn out_of_order_is_fine_twice_is_not() {
        let mut window = Window::new();
        for seq in [5, 3, 4, 0] {
            assert!(window.take(seq));
            assert!(!window.take(seq), "{seq} again");
        }
        assert!(window.take(5 + REPLAY_WINDOW));
        assert!(!window.take(5), "behind the window");
        assert!(window.take(6), "the oldest number in the window was never used");
        assert_eq!(window.taken(), 6);
    }

    proptest! {
        /// Against a set that forgets nothing.
        #[test]
        fn no_number_is_taken_twice(steps in proptest::collection::vec(0u64..20_000, 1..400)) {
            let (mut window, mut used, mut highest) = (Window::new(), HashSet::new(), None::<u64>);
            for seq in steps {
                let behind = highest.is_some_and(|h| h >= seq && h - seq >= REPLAY_WINDOW);
                let expected = !behind && !used.contains(&seq);
                prop_assert_eq!(window.is_fresh(seq), expected);
                prop_assert_eq!(window.take(seq), expected);
                used.insert(seq);
                highest = highest.max(Some(seq));
            }
        }
    }
}
