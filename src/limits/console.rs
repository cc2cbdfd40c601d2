//! The console: what a browser may send, and how long it may look.

/// Life of a handle that stands for a person in a URL: long enough for a look, too short for a bookmark.
pub const HANDLE_MS_MAX: i64 = 15 * 60_000;
/// Handles of one member: each search for a person makes one.
pub const HANDLES_PER_MEMBER_MAX: usize = 64;
/// Handles in all: about 150 bytes each, 150 KiB.
pub const HANDLES_MAX: usize = 1_024;
/// A live view ends after this long; the browser opens it again, and that is an entry again.
pub const FOLLOW_MS_MAX: u64 = 600_000;
/// Entries that a live view begins with: a screen of them.
pub const FOLLOW_BACK_ENTRIES: u64 = 50;
/// A live view says that it lives, so that a browser that is gone is noticed.
pub const FOLLOW_BEAT_MS: u64 = 15_000;
/// A form of the console: the longest opens a request of a person. 1 KiB of words and 256 bytes of contact, which a form
/// writes as three characters a byte, are 3.8 KiB; line ends, twice as long, and an identity have the rest.
pub const FORM_BYTES_MAX: usize = 8 << 10;
/// A value in a filter: the longest is a method's path.
pub const FILTER_VALUE_BYTES_MAX: usize = 128;
/// Longest period of the console's overview: ten years of days.
pub const OVERVIEW_DAYS_MAX: i64 = 3_660;
