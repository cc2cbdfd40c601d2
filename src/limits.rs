//! Every bound in the program, each with its arithmetic. A bound that is not here does not exist.

// --- Channel -------------------------------------------------------------------------------------------------------

/// TLS handshakes under way at once. One costs about 0.5 ms of CPU: 256 is an eighth of a second of work queued.
pub const HANDSHAKES_MAX: usize = 256;
/// A handshake slower than this is dropped. A good one takes two round trips.
pub const HANDSHAKE_MS_MAX: u64 = 5_000;
/// Open connections of one peer identity.
pub const CONNECTIONS_PER_PEER_MAX: usize = 64;
/// Open connections in all; each holds about 40 KiB of buffers: 40 MiB.
pub const CONNECTIONS_MAX: usize = 1_024;
/// HTTP/2 streams open at once on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// gRPC message: a load chunk of 512 rows of 1 KiB, with room.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// HTTP/2 header list.
pub const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;
/// A connection is closed after this long, so that its certificate is looked at again.
pub const CONNECTION_AGE_S_MAX: u64 = 3_600;
/// HTTP/2 keep-alive: a peer that is gone is noticed within interval and time-out.
pub const KEEPALIVE_INTERVAL_S: u64 = 30;
/// See [`KEEPALIVE_INTERVAL_S`].
pub const KEEPALIVE_TIMEOUT_S: u64 = 10;
/// Resets that a peer may have pending before its connection ends (CVE-2023-44487).
pub const PENDING_RESETS_MAX: usize = 32;
/// A call that takes longer is answered with `DEADLINE_EXCEEDED`; its case still ends in the log.
pub const CALL_MS_MAX: u64 = 10_000;
/// Drain at shutdown.
pub const DRAIN_MS_MAX: u64 = 10_000;

// --- Envelope ------------------------------------------------------------------------------------------------------

/// Accepted difference between a request's `issued_at` and our clock.
pub const SKEW_MS_MAX: i64 = 120_000;
/// Sequence numbers that may arrive out of order within a session.
pub const REPLAY_WINDOW: u64 = 4_096;
/// Messages of one session.
pub const SESSION_MESSAGES_MAX: u64 = 1 << 20;
/// Life of a session.
pub const SESSION_MS_MAX: i64 = 3_600_000;
/// Sessions of one partner; each is about 1 KiB with its window.
pub const SESSIONS_PER_PARTNER_MAX: usize = 1_024;
/// Sessions in all: 16 MiB.
pub const SESSIONS_MAX: usize = 16_384;
/// Session openings and one-shot requests of one partner per second, counted before decapsulation (0.3 ms each).
pub const ENCAPSULATIONS_PER_PARTNER_PER_S_MAX: u32 = 200;
/// Reads of key list, signals and log of one partner per second: each is an entry.
pub const READS_PER_PARTNER_PER_S_MAX: u32 = 50;
/// A sealed unary request: a query is under 2 KiB, a corrected record under 16 KiB.
pub const SEALED_REQUEST_BYTES_MAX: usize = 64 << 10;
/// Signals in one question.
pub const SIGNALS_PER_QUERY_MAX: usize = 8;
/// Replies are padded to a multiple of this. Eight signals with reasons, a receipt of a log of 2^40 entries: under 4 KiB.
pub const REPLY_BLOCK_BYTES: usize = 4_096;
/// How long a request id is remembered.
pub const IDEMPOTENCY_MS: i64 = 600_000;
/// Request ids that are remembered: about 200 bytes each, 26 MiB. The oldest go first.
pub const IDEMPOTENCY_ENTRIES_MAX: usize = 131_072;

// --- Log -----------------------------------------------------------------------------------------------------------

/// Places in the audit queue: at 8,000 entries/s half a second of work.
pub const AUDIT_QUEUE_MAX: usize = 4_096;
/// Entries in one batch: one fdatasync and one signature for up to this many.
pub const AUDIT_BATCH_MAX: usize = 128;
/// A serialised entry. sled keeps larger values outside its log without fsync.
pub const ENTRY_BYTES_MAX: usize = 4_096;
/// Entries in a sealed block: one value in sled. Four levels of the tree are recomputed from it.
pub const BLOCK_ENTRIES: u64 = 16;
/// A journal segment.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// The name of a log. A head of it and its checkpoint stay within one disk sector of 512 bytes.
pub const ORIGIN_BYTES_MAX: usize = 96;
/// A signed note with the cosignatures of witnesses: 32 lines of under 240 bytes, and the text.
pub const NOTE_BYTES_MAX: usize = 8 << 10;
/// Signatures on one note.
pub const NOTE_SIGNATURES_MAX: usize = 32;
/// Hashes in a proof: one a level of a tree of 2^64 leaves, and one for a consistency proof.
pub const PROOF_HASHES_MAX: usize = 64;
/// A frame of the journal: a full batch of full entries, each with its length, and the checkpoint before it.
pub const FRAME_BYTES_MAX: usize = AUDIT_BATCH_MAX * (ENTRY_BYTES_MAX + 8) + NOTE_BYTES_MAX + 64;
/// A value in sled: a page holds 16 and must stay under 128 KiB, or sled moves it to a file that it never syncs.
pub const STORED_VALUE_BYTES_MAX: usize = 7 << 10;
/// sled's cache for log and state; the newest rows are what is asked for.
pub const STORE_CACHE_BYTES: u64 = 16 << 20;
/// How often a store that is still held is tried again, 20 ms apart: two seconds.
pub const STORE_LOCK_TRIES: u32 = 100;
/// How often the store is synced and the mark is moved: what a start after a crash replays, at 50,000 entries/s.
pub const MARK_MS: u64 = 2_000;
/// Below this much free disk ordinary entries are refused: sled, which does not survive a full disk, can still write
/// what is already recorded (at most a queue of 4,096 entries of 4 KiB).
pub const DISK_LOW_WATER_BYTES: u64 = 16 << 20;
/// Set aside for withdrawals, suspensions and shutdown when the disk is full: 2,000 entries of 4 KiB.
pub const DISK_RESERVE_BYTES: u64 = 8 << 20;
/// Below this the store is not synced: eight of sled's segments of 512 KiB.
pub const DISK_SYNC_BYTES: u64 = 4 << 20;
/// How long a closing log waits for slots that are still held.
pub const AUDIT_DRAIN_MS_MAX: u64 = 2_000;
/// A line of an export: an entry twice in base64 and its words.
pub const EXPORT_LINE_BYTES_MAX: u64 = 32 << 10;
/// Distinct (reason, peer) pairs that are counted per minute; the rest are counted as one.
pub const COUNTED_PEERS_MAX: usize = 256;

// --- Records -------------------------------------------------------------------------------------------------------

/// Fields of a catalogue: a bitmap of 32 bytes.
pub const FIELDS_MAX: usize = 256;
/// Months in a series.
pub const SERIES_MAX: usize = 36;
/// Rows in one chunk of a load.
pub const LOAD_ROWS_MAX: usize = 512;
/// A sealed record. sled moves pages over 128 KiB to files without fsync, and a page holds 16 values.
pub const RECORD_BYTES_MAX: usize = 7 << 10;
/// A line of CSV or JSON.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// Batches of one provider that are loaded but not yet visible.
pub const OPEN_BATCHES_MAX: usize = 4;

// --- Consent, policy, signals ---------------------------------------------------------------------------------------

/// Consents that one person gave to one partner.
pub const CONSENTS_PER_SUBJECT_AND_PARTNER_MAX: usize = 16;
/// Events of one consent.
pub const CONSENT_EVENTS_MAX: usize = 16;
/// Purposes, and families, in one consent.
pub const CONSENT_LIST_MAX: usize = 16;
/// Life of a consent: two years.
pub const CONSENT_DAYS_MAX: i64 = 731;
/// Signals in a gateway.
pub const SIGNALS_MAX: usize = 256;
/// A CEL expression.
pub const MEASURE_BYTES_MAX: usize = 2_048;
/// Depth of a CEL expression.
pub const MEASURE_DEPTH_MAX: usize = 32;
/// Bands of a signal.
pub const BANDS_MAX: usize = 16;
/// Reason codes in an answer (ECOA, Regulation B: no more than four).
pub const REASONS_MAX: usize = 4;
/// Decisions that are cached per snapshot.
pub const DECISIONS_CACHED_MAX: usize = 16_384;
/// A configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Text in an identifier.
pub const ID_BYTES_MAX: usize = 64;
