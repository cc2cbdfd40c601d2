//! Backups.

/// A header of the age format: the version, a MAC, and [`BACKUP_RECIPIENTS_MAX`] stanzas of a hundred bytes; others' tools
/// add stanzas of their own.
pub const AGE_HEADER_BYTES_MAX: usize = 16 << 10;
/// Whom a backup is encrypted to: as many custodians as keep a key.
pub const BACKUP_RECIPIENTS_MAX: usize = 8;
/// A part of a backup on the wire. Two are held for one who reads slowly.
pub const BACKUP_PART_BYTES: usize = 256 << 10;
/// Sealed rows of one member of the archive.
pub const BACKUP_PAGE_BYTES: usize = 1 << 20;
/// A member of the archive: a segment of the journal is 64 MiB and a frame.
pub const BACKUP_MEMBER_BYTES_MAX: u64 = 1 << 30;
/// Notes of the vault: 4,096 batches of about 400 bytes, loads that were replaced, and room.
pub const BACKUP_NOTES_BYTES_MAX: u64 = 64 << 20;
/// The share of one thread's time that a backup may use: as a load, half, so that answers never wait.
pub const BACKUP_SHARE_PERCENT: u32 = 50;
/// A reader who takes nothing for this long has gone: others may make a backup.
pub const BACKUP_STALL_MS: u64 = 60_000;
/// Files of the keyring: the ring, and what its root key comes from.
pub const BACKUP_KEY_FILES_MAX: usize = 8;
/// Serials of key lists that a restore passes over: a list twice a day and one for each change are a thousand a year.
pub const KEY_LISTS_SKIPPED: u64 = 1 << 20;
/// Proposals that one entry drops after a restore: under 30 bytes each, 2 KiB of an entry of 4 KiB.
pub const PROPOSALS_PER_ENTRY_MAX: usize = 64;
