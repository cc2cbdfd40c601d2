//! Bounds of the log's periods and of the case list.
use super::SKEW_MS_MAX;

// --- Periods of the log ---------------------------------------------------------------------------------------------

/// Periods of the log whose verifier keys are in the key list: at a year each all that may have to be proven, 120 bytes each.
pub const LOG_PERIODS_LISTED_MAX: usize = 32;
/// Effects of one entry that carries rows to the next period: what an entry of 4 KiB holds beside its leaf and details.
pub const CARRIED_BYTES_PER_ENTRY_MAX: usize = 3 << 10;
/// Rows read at a time while they are carried.
pub const CARRY_PAGE_ROWS: usize = 512;
/// Entries that carry rows and wait for the disk together.
pub const CARRY_ENTRIES_AT_ONCE: usize = 64;
/// A request that was signed before the stop can still be sent this long after the last: its time may lie two minutes ahead,
/// and it is taken for two minutes after that.
pub const CLOSING_REST_MS: i64 = 2 * SKEW_MS_MAX;
/// Least years that an archived period is kept, and what is kept unless the configuration says more: as long as adverse
/// information may be kept (Regulation on the Credit Reporting Industry, article 16: 自不良行为或者事件终止之日起为5年), so that
/// what was told of it can be answered for. The three years of the Regulation on Network Data Security, article 12, lie within.
pub const KEEP_YEARS_MIN: u16 = 5;
/// Most years that a configuration may say.
pub const KEEP_YEARS_MAX: u16 = 100;
/// Days after which the operator is reminded to close a period, unless the configuration says more: a year.
pub const PERIOD_DAYS: u32 = 366;
/// Entries after which he is: at a kilobyte each a journal of 10 GB, which is still copied and verified in an hour.
pub const PERIOD_ENTRIES: u64 = 10_000_000;
/// Archives of the log that are open at once: each takes sled's cache of 16 MiB and at most 4,096 rows of index.
pub const ARCHIVES_OPEN_MAX: usize = 2;
/// An archive that nobody asked for this long is closed.
pub const ARCHIVE_IDLE_MS: i64 = 5 * 60 * 1_000;
/// Calls that wait for an archive at once: each holds one of 512 threads.
pub const ARCHIVE_WAITING_MAX: usize = 8;
/// How long a call waits until it may open an archive.
pub const ARCHIVE_WAIT_MS: u64 = 10_000;
/// Legal holds at once, read whole: 100 bytes each.
pub const HOLDS_MAX: usize = 1_000;
/// The number under which the institution keeps a hold's reason.
pub const HOLD_BYTES_MAX: usize = 64;

// --- Requests of persons --------------------------------------------------------------------------------------------

/// Rows of the case list that are read at a time: at 500 bytes half a MiB.
pub const SUBJECT_REQUEST_ROWS: usize = 1_024;
/// Requests of persons that are kept: half a KiB each, 25 MiB, read whole for each page in a tenth of a second. The oldest
/// that is closed makes room: its entries stay.
pub const SUBJECT_REQUESTS_MAX: usize = 50_000;
/// Requests of one person that are not closed: two of each kind, and more.
pub const SUBJECT_REQUESTS_PER_PERSON_MAX: usize = 12;
/// Letters of one request that its row names: 60 bytes each. The entry of the next letter holds the row and the letter.
pub const SUBJECT_LETTERS_MAX: usize = 4;
/// Where letters to a person go.
pub const SUBJECT_CONTACT_BYTES_MAX: usize = 256;
/// What a person asks, in words. With contact and reason 1.8 KiB, which the entry of an end holds beside two rows.
pub const SUBJECT_TEXT_BYTES_MAX: usize = 1_024;
/// Why a request was not fulfilled, in words for the person.
pub const SUBJECT_REASON_BYTES_MAX: usize = 512;
/// A letter: it is kept whole in the entry of 4 KiB, beside a leaf and details of 1 KiB and a row of 500 bytes.
pub const SUBJECT_LETTER_BYTES_MAX: usize = 2 << 10;
/// How long ago a request may have reached the institution when it is opened, in days.
pub const SUBJECT_RECEIVED_DAYS_MAX: i64 = 366;
