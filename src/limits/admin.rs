//! Bounds of what security staff and operators propose, approve and suspend.

/// A proposal may be approved for this long: a day, so that both shifts see it.
pub const PROPOSAL_MS_MAX: i64 = 24 * 3_600_000;
/// Proposals of one person that are open at once: nobody buries another's among their own.
pub const PROPOSALS_OPEN_PER_PERSON_MAX: usize = 8;
/// Proposals that are kept, with those that have ended: about 1 KiB each, 256 KiB. The oldest that has ended gives way.
pub const PROPOSALS_KEPT_MAX: usize = 256;
/// A reason: with target and officers the row stays under 3 KiB, and an entry holds 4.
pub const ADMIN_REASON_BYTES_MAX: usize = 128;
/// An issuer's name in DER: the longest that fits a row beside the rest.
pub const ISSUER_BYTES_MAX: usize = 512;
/// A serial number (RFC 5280, 4.1.2.2).
pub const SERIAL_BYTES_MAX: usize = 20;
/// Exchange keys that one rotation retires: one a suite.
pub const KEYS_PER_ROTATION_MAX: usize = 4;
/// Suspensions in one status: about 400 bytes each, 400 KiB. The rest are counted.
pub const SUSPENSIONS_LISTED_MAX: usize = 1_000;
/// Rows of suspensions that are read at a time.
pub const SUSPENSION_PAGE_ROWS: usize = 1_024;
/// A reply of the Admin service: 256 proposals, or 1,000 suspensions, of about 1 KiB, with keys and lists.
pub const ADMIN_REPLY_BYTES_MAX: usize = 4 << 20;
