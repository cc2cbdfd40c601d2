//! The keyring, and how one of the log's keys follows another.
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
/// Keys in a keyring: two suites with at most four versions each, four single keys, and as many retired as fit.
pub const KEYRING_KEYS_MAX: usize = 256;
/// A keyring file: 256 keys of about 100 bytes, with room.
pub const KEYRING_BYTES_MAX: u64 = 64 << 10;
/// A serialised key list: sixteen keys of 1.3 KiB and the log's.
pub const KEY_LIST_BYTES_MAX: usize = 32 << 10;
