//! The log's own keys, and how one follows another.
use super::KEY_LIST_S;

/// Keys that one log is checked with: one each quarter for eight years of one period.
pub const LOG_KEYS_MAX: usize = 32;
/// A new log key is published this long before it signs, at least: longer than any key list lives, so that whoever verifies
/// with a list has it.
pub const LOG_KEY_AHEAD_S_MIN: i64 = KEY_LIST_S;
/// The old log key signs beside the new one for this long, at least: whoever had not learned of the new one when it began
/// to sign has a newer list by then.
pub const LOG_KEY_OVERLAP_S_MIN: i64 = KEY_LIST_S;
/// Either takes this long at most: ninety days, for keys that are handed over on paper.
pub const LOG_KEY_STEP_S_MAX: i64 = 90 * 86_400;
