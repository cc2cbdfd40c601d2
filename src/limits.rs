//! Every bound in the program, each with its arithmetic. A bound that is not here does not exist.
mod admin;
mod backup;
mod console;
mod log_keys;
mod retention;

pub use admin::*;
pub use backup::*;
pub use console::*;
pub use log_keys::*;
pub use retention::*;

// --- Channel -------------------------------------------------------------------------------------------------------

/// TLS handshakes under way at once on one listener. One costs about 0.5 ms of CPU: 256 is an eighth of a second of work queued.
pub const HANDSHAKES_MAX: usize = 256;
/// TLS handshakes under way at once from one address: one slow or hostile source leaves three quarters to the others.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 64;
/// A handshake slower than this is dropped. A good one takes two round trips.
pub const HANDSHAKE_MS_MAX: u64 = 5_000;
/// Open connections of one peer identity. With [`STREAMS_PER_CONNECTION_MAX`] 4,096 calls, of which each may hold a
/// message that is not yet whole: 4,096 x 68 KiB = 272 MiB of a partner, and 4 GiB of the data holder's own systems.
pub const CONNECTIONS_PER_PEER_MAX: usize = 16;
/// Open connections of partners in all; each holds about 40 KiB of buffers: 40 MiB.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Open connections on the staff listener, beside those of partners: a flood there must not keep staff out.
pub const STAFF_CONNECTIONS_MAX: usize = 64;
/// HTTP/2 streams open at once on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// gRPC message of every service but records: an envelope, and 4 KiB for its key ids, encapsulation and framing.
pub const UNARY_MESSAGE_BYTES_MAX: usize = SEALED_REQUEST_BYTES_MAX + (4 << 10);
/// gRPC message of a provider to the records service: a load chunk of 512 rows of 1 KiB, with room.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// What a client lets a gateway send ahead over one connection: 256 replies of 4 KiB, as many as streams. HTTP/2's own
/// 64 KiB hold fifteen, which over a line of 20 ms are 750 replies a second.
pub const REPLIES_BYTES_MAX: u32 = 1 << 20;
/// HTTP/2 header list.
pub const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;
/// A connection is closed after this long, so that its certificate is looked at again.
pub const CONNECTION_AGE_S_MAX: u64 = 3_600;
/// After [`CONNECTION_AGE_S_MAX`] the peer is asked to go; what is still open after this is cut. Three calls' time.
pub const CONNECTION_AGE_GRACE_S_MAX: u64 = 30;
/// Trust domains: one per partner institution.
pub const DOMAINS_MAX: usize = 1_024;
/// Roots, and lists of revoked certificates, of one trust domain: old and new of each, twice over.
pub const ROOTS_PER_DOMAIN_MAX: usize = 8;
/// See [`ROOTS_PER_DOMAIN_MAX`]; each CA has its own list.
pub const CRLS_PER_DOMAIN_MAX: usize = 32;
/// Issuer and key pins.
pub const PINS_MAX: usize = 1_024;
/// Paths that are allowed in the gateway's own domain beside staff.
pub const PATHS_PER_DOMAIN_MAX: usize = 64;
/// A list of revoked certificates: 100,000 at 40 bytes.
pub const CRL_BYTES_MAX: u64 = 4 << 20;
/// Denied certificates and keys: about 150 bytes each, 10 MiB.
pub const DENIED_MAX: usize = 65_536;
/// CAs whose CRL number is remembered: about 150 bytes each.
pub const CRL_NUMBERS_MAX: usize = 65_536;
/// Peers whose newest chain is kept, so that the signatures of their CAs' lists can be verified.
pub const CHAINS_KEPT_MAX: usize = 1_024;
/// A chain without its leaf, to be kept: four certificates of 2 KiB. With [`CHAINS_KEPT_MAX`] 8 MiB.
pub const CHAIN_BYTES_KEPT_MAX: usize = 8 << 10;
/// Changes of CRL numbers in one entry: each up to 350 bytes (a trust domain of 255), and an entry holds 4 KiB.
pub const CRL_NUMBERS_PER_ENTRY_MAX: usize = 8;
/// HTTP/2 keep-alive: a peer that is gone is noticed within interval and time-out.
pub const KEEPALIVE_INTERVAL_S: u64 = 30;
/// See [`KEEPALIVE_INTERVAL_S`].
pub const KEEPALIVE_TIMEOUT_S: u64 = 10;
/// Resets that a peer may have pending before its connection ends (CVE-2023-44487).
pub const PENDING_RESETS_MAX: usize = 32;
/// A call that takes longer is answered with `DEADLINE_EXCEEDED`; its case still ends in the log.
pub const CALL_MS_MAX: u64 = 10_000;
/// A call is cut that has no reply after this long, because its message never became whole: a little more than
/// [`CALL_MS_MAX`], which answers. Streams have their first reply at once and are not cut.
pub const CALL_CUT_MS: u64 = CALL_MS_MAX + 2_000;
/// Body of an HTTP request that is not gRPC: a form of the console, or a checkpoint for a witness, with 63 hashes of 45 bytes and
/// a note of 120 KiB.
pub const WEB_BODY_BYTES_MAX: usize = 128 << 10;
/// A connection without a first request is closed after this: with HTTP/2 a request is whole headers, so headers that
/// trickle end here too, and later ones by the keep-alive, which no one answers in the middle of headers.
pub const FIRST_REQUEST_MS_MAX: u64 = 10_000;
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
/// Digests of openings that are remembered for four minutes, of one partner: 17 a second, four times its sessions.
pub const OPENS_REMEMBERED_PER_PARTNER_MAX: usize = 4_096;
/// Digests of openings in all; each about 160 bytes: 10 MiB.
pub const OPENS_REMEMBERED_MAX: usize = 65_536;
/// Session openings and one-shot requests of one partner per second, counted before decapsulation (0.3 ms each).
pub const ENCAPSULATIONS_PER_PARTNER_PER_S_MAX: u32 = 200;
/// Reads of key list, signals and log of one partner per second: each is an entry.
pub const READS_PER_PARTNER_PER_S_MAX: u32 = 50;
/// Sealed calls other than questions of one peer per second: consents, and chunks of a load (40 carry 20,000 rows). Each is
/// an entry: kept up all day it is 17 million of about a kilobyte, which the operator sees long before the disk is full.
pub const CHANGES_PER_PEER_PER_S_MAX: u32 = 200;
/// Calls of one peer that are under way at once, from its place in the audit queue to its entry: an eighth of the queue.
pub const CALLS_UNDER_WAY_PER_PEER_MAX: usize = AUDIT_QUEUE_MAX / 8;
/// Refusals of one peer that are entries, in the long run: 860,000 a day, 1 GiB of log.
pub const REFUSALS_PER_PEER_PER_S_MAX: u32 = 10;
/// Refusals of one peer at once, before it is turned away for a second.
pub const REFUSALS_PER_PEER_AT_ONCE_MAX: u32 = 100;
/// A client opens another session at most this often: a gateway that restarts is not flooded with openings.
pub const SESSION_REOPEN_MS_MIN: i64 = 10_000;
/// How often a client sends the same signed bytes before it gives up: first, after a loss, after a lost session.
pub const SEND_ATTEMPTS_MAX: u32 = 3;
/// A client asks for a consistency proof at least this often.
pub const CONSISTENCY_MS: i64 = 60_000;
/// A sealed unary request: a query is under 2 KiB, a corrected record under 16 KiB.
pub const SEALED_REQUEST_BYTES_MAX: usize = 64 << 10;
/// Signals in one question.
pub const SIGNALS_PER_QUERY_MAX: usize = 8;
/// Replies are padded to a multiple of this. Eight signals with reasons, a receipt of a log of 2^40 entries: under 4 KiB.
pub const REPLY_BLOCK_BYTES: usize = 4_096;
/// A receipt in a reply: leaf 600 (peer URI of 200, two key ids, three digests), proof of 40 hashes in base64 40 x 45 =
/// 1,800, checkpoint 300, commitment key, reference and framing 100.
pub const RECEIPT_BYTES_MAX: usize = 2_800;
/// An answer: what one reply block leaves beside the receipt and the first byte of padding.
pub const ANSWER_BYTES_MAX: usize = REPLY_BLOCK_BYTES - RECEIPT_BYTES_MAX - 1;
/// How long a request id is remembered.
pub const IDEMPOTENCY_MS: i64 = 600_000;
/// Request ids that are remembered: about 200 bytes each, 26 MiB. The oldest go first.
pub const IDEMPOTENCY_ENTRIES_MAX: usize = 131_072;

// --- Keys ----------------------------------------------------------------------------------------------------------

/// An exchange key is sealed to for this long at most.
pub const EXCHANGE_KEY_ACTIVE_S: i64 = 7 * 86_400;
/// It still opens for this long, so that no request under way fails; then it is destroyed.
pub const EXCHANGE_KEY_OPENS_S: i64 = 48 * 3_600;
/// Its successor is published this long before: longer than any key list lives, so every client has it in time.
pub const EXCHANGE_KEY_PREPARE_S: i64 = 2 * KEY_LIST_S;
/// Life of a key list.
pub const KEY_LIST_S: i64 = 24 * 3_600;
/// Longest delegation of key-list signing: 30 days.
pub const KEY_LIST_DELEGATION_S: u64 = 30 * 86_400;
/// Health says so this long before the delegation ends: a week, because the key that signs the next one is offline.
pub const KEY_LIST_DELEGATION_WARN_MS: i64 = 7 * 86_400_000;
/// What stands before a keyring that is not sealed under `root.key`: a salt, a wrapped key, three costs and a label.
pub const ROOT_HEAD_BYTES_MAX: usize = 512;
/// A passphrase, and the PIN of a token.
pub const PASSPHRASE_BYTES_MAX: usize = 1_024;
/// A new passphrase: shorter ones are guessed, whatever a guess costs.
pub const PASSPHRASE_BYTES_MIN: usize = 12;
/// What one guess at a passphrase costs, by the second recommendation of RFC 9106, section 4: 64 MiB, three passes, four
/// lanes. The first (2 GiB) is as much as the whole gateway may have on a small machine.
pub const STRETCH_MEMORY_KIB: u32 = 64 << 10;
/// Passes of that.
pub const STRETCH_PASSES: u32 = 3;
/// Lanes of that.
pub const STRETCH_LANES: u32 = 4;
/// No keyring costs more to open: 2 GiB, the first recommendation of RFC 9106.
pub const STRETCH_MEMORY_KIB_MAX: u32 = 2 << 20;
/// Nor more passes, each of which is a second at most at that size.
pub const STRETCH_PASSES_MAX: u32 = 16;
/// Nor more lanes.
pub const STRETCH_LANES_MAX: u32 = 64;
/// Bytes of a name in a token: a label of PKCS#11 is any text, a token's own is 32 bytes.
pub const TOKEN_LABEL_BYTES_MAX: usize = 64;

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
/// Segments that are held open for reading entries: a log of years has more than a process may have open files.
pub const JOURNAL_READERS_MAX: usize = 32;
/// The name of a log. A head with one signature stays within one disk sector of 512 bytes; one with two is noticed by its
/// checksum where it is torn, and the copy before it is used.
pub const ORIGIN_BYTES_MAX: usize = 96;
/// A signed note of this log with the cosignatures of witnesses: 32 lines of under 240 bytes, and the text.
pub const NOTE_BYTES_MAX: usize = 8 << 10;
/// A signed note that others may have signed too, with what this program passes over: C2SP signed-note wants 16 signatures to be
/// read, and says that post-quantum ones are up to 5 kB: 7 KiB a line.
pub const SIGNED_NOTE_BYTES_MAX: usize = 16 * (7 << 10) + NOTE_BYTES_MAX;
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
/// Below this much free disk nothing is written, not even from the reserve: sled writes segments of 512 KiB by itself,
/// and one that does not fit is the end of it.
pub const DISK_FLOOR_BYTES: u64 = 2 << 20;
/// Set aside for withdrawals, suspensions and shutdown when the disk is full: 2,000 entries of 4 KiB.
pub const DISK_RESERVE_BYTES: u64 = 8 << 20;
/// Below this the store is not synced: eight of sled's segments of 512 KiB.
pub const DISK_SYNC_BYTES: u64 = 4 << 20;
/// How long a closing log waits for slots that are still held.
pub const AUDIT_DRAIN_MS_MAX: u64 = 2_000;
/// A line of an export: an entry twice in base64 and its words.
pub const EXPORT_LINE_BYTES_MAX: u64 = 32 << 10;
/// Entries on a page of a search, when the caller does not say.
pub const SEARCH_PAGE_DEFAULT: usize = 50;
/// Entries on a page of a search at most: with details opened about 1 KiB each.
pub const SEARCH_PAGE_MAX: usize = 200;
/// Rows of one export from the console: about 400 bytes each, 4 MiB; more is what `tollgate audit export` is for.
pub const EXPORT_ROWS_MAX: usize = 10_000;
/// Tags of an entry: the person, purpose, consent and request, and a word and a signal of each of eight signals, with room
/// for as many again. Eight bytes each: at most 280 bytes of [`ENTRY_BYTES_MAX`].
pub const TAGS_MAX: usize = 35;
/// Entries of a segment of the index. What is behind the last whole one is in memory, about 250 bytes each, and is read
/// again at a start: 256 blocks.
pub const INDEX_SEGMENT_ENTRIES: u64 = 4_096;
/// Segments that are merged into a run: ten million entries are 38 runs and at most 63 segments.
pub const INDEX_RUN_SEGMENTS: u64 = 64;
/// A chunk of the index before it is sealed. What finds one entry reads one chunk a part, and the page of sled around it.
pub const INDEX_CHUNK_BYTES_MAX: usize = 2 << 10;
/// Segments that wait for being written: as many as come, at 20,000 entries/s, while a run is merged (half a second), and
/// three times that. Then the log waits.
pub const INDEX_WAITING_MAX: usize = 8;
/// Chunks that one step of a search reads: at 60 µs each, from a cold disk, 15 ms.
pub const SEARCH_CHUNKS_PER_STEP: usize = 256;
/// Entries that one step of a search tries a person's key on: at 0.3 µs each 10 ms.
pub const SEARCH_TRIES_PER_STEP: usize = 32_768;
/// Steps of one call: after a second it answers with what it has and a token for the rest.
pub const SEARCH_STEPS_MAX: usize = 50;
/// Threads of an offline verify: each reads a segment of 64 MiB frame by frame.
pub const VERIFY_THREADS_MAX: usize = 16;
/// Buckets of an overview: as many as a chart can show.
pub const OVERVIEW_BUCKETS_MAX: i64 = 1_000;
/// Seconds of the narrowest bucket of an overview.
pub const OVERVIEW_BUCKET_S_MIN: u32 = 60;
/// Buckets of people whose keys one call holds: of a million people 4,000 keys each, 32 MiB in all.
pub const OPENED_BUCKETS_MAX: usize = 256;
/// A gRPC method path that is looked for: the longest of ours has 45 bytes.
pub const METHOD_BYTES_MAX: usize = 128;
/// Entries in one message of a stream: up to 4 KiB each, 256 KiB that a slow reader keeps in memory.
pub const FOLLOW_STEP_ENTRIES: u64 = 64;
/// How often a stream that has shown everything looks for more: a tenth of a second late at most, ten loads of a pointer
/// a second each.
pub const FOLLOW_LOOK_MS: u64 = 100;
/// A stream ends whose reader takes no message for this long, beside what HTTP/2's windows hold: its place is another's, and
/// it goes on where it stood.
pub const FOLLOW_STALL_MS: u64 = 10_000;
/// How long the last word of a stream waits for its reader; a stop waits for it too.
pub const FOLLOW_LAST_WORD_MS: u64 = 1_000;
/// Streams of one member at once: a SIEM, its spare, and a person who looks.
pub const FOLLOWS_PER_MEMBER_MAX: usize = 4;
/// Past checkpoints that one member may ask for per second: each reads up to a segment of the journal, about 30 ms.
pub const PAST_CHECKPOINTS_PER_PEER_PER_S_MAX: u32 = 2;
/// An answer of the audit service: a page of 200 entries of 4 KiB, each with a proof of 40 hashes.
pub const AUDIT_REPLY_BYTES_MAX: usize = 2 << 20;
/// Entries of one person in one report: in both languages about 3 KiB each, 1 MiB. More are told in parts, by period.
pub const REPORT_ENTRIES_MAX: usize = 300;
/// Consents in one report.
pub const REPORT_CONSENTS_MAX: usize = 100;
/// Looks at single entries that a report goes through to find those at the person's: the newest.
pub const REPORT_LOOKS_MAX: usize = 2_000;
/// A report.
pub const REPORT_BYTES_MAX: usize = 4 << 20;
/// A report as a page: the report in base64, and once more in one language.
pub const PAGE_BYTES_MAX: usize = 4 * REPORT_BYTES_MAX;
/// A reply that carries a document.
pub const DOCUMENT_REPLY_BYTES_MAX: usize = REPORT_BYTES_MAX + (64 << 10);
/// An officer's reason for a report: a sentence.
pub const REASON_BYTES_MAX: usize = 200;
/// Entries of a pack whose details are opened: about 8 KiB each with their proof, 8 MiB.
pub const PACK_SAMPLE_MAX: usize = 1_000;
/// Entries that a sample is drawn from, the newest of the period: at 20 us each four seconds of a call's ten.
pub const PACK_POPULATION_MAX: u64 = 200_000;
/// Readings of the log that a pack lists, the newest.
pub const PACK_READINGS_MAX: usize = 5_000;
/// A seed of a sample.
pub const SEED_BYTES_MAX: usize = 64;
/// A pack: the sample, 5,000 readings of 200 bytes, and pages.
pub const PACK_BYTES_MAX: usize = 32 << 20;
/// Files of a pack: the sample, and ten beside it.
pub const PACK_FILES_MAX: usize = PACK_SAMPLE_MAX + 16;
/// A message of a pack on its way.
pub const PACK_PART_BYTES: usize = 256 << 10;
/// People whose keys are unwrapped in one step of a walk over everybody.
pub const PEOPLE_PER_STEP: usize = 1_024;

/// Distinct (reason, peer) pairs that are counted per minute; the rest are counted as one.
pub const COUNTED_PEERS_MAX: usize = 256;

// --- Notices -------------------------------------------------------------------------------------------------------

/// Answers of one person that a correction looks at, the newest first: at thirty lenders with one question a day for a
/// month 900. Whatever lies beyond is said in the entry.
pub const CORRECTED_ANSWERS_MAX: usize = 1_000;
/// How far back a correction looks for answers, at least; further where a signal may be relied on for longer.
pub const CORRECTION_LOOK_BACK_DAYS: u32 = 366;
/// A notice: one always fits an answer of 1,295 bytes beside its id and the token of the next page.
pub const NOTICE_BYTES_MAX: usize = 1_100;
/// Entries of notices that are queued at once, before the correction waits for them: a half batch.
pub const NOTICES_AT_ONCE_MAX: usize = 64;
/// Rows that one list looks at: those of corrections that never were recorded are passed over.
pub const NOTICE_ROWS_PER_LIST: usize = 64;
/// Pages of notices that a client fetches in one go: at least one notice each. What is left comes after an acknowledgement.
pub const NOTICE_PAGES_MAX: usize = 10_000;
/// Notices that one call acknowledges: 16 rows to delete of about 100 bytes, 1.6 KiB of an entry of 4 KiB.
pub const ACKNOWLEDGED_PER_CALL_MAX: usize = 16;
// --- Witnesses -----------------------------------------------------------------------------------------------------

/// Logs that a gateway witnesses: one a partner, and one more while a key changes.
pub const WITNESSED_LOGS_MAX: usize = 256;
/// Witnesses of one log: with the log's own signature they fit a note twice over.
pub const WITNESSES_MAX: usize = 15;
/// Shortest time between two questions to a witness, in seconds. Each is an entry in the witness's log: 17,000 a day.
pub const WITNESS_EVERY_S_MIN: u64 = 5;
/// Longest: an hour, after which a cosigned checkpoint is old news.
pub const WITNESS_EVERY_S_MAX: u64 = 3_600;
/// How often a witness is asked in one round: with the size that is remembered, with the one that it knows, and once more
/// because somebody else was faster.
pub const WITNESS_ATTEMPTS_MAX: u32 = 3;
/// Rounds without a cosignature after which health says so.
pub const WITNESS_ROUNDS_MISSED_MAX: u64 = 3;
/// Text of a witness's refusal that is kept and shown.
pub const WITNESS_WORDS_MAX: usize = 200;

// --- Records -------------------------------------------------------------------------------------------------------

/// Fields of a catalogue: a bitmap of 32 bytes.
pub const FIELDS_MAX: usize = 256;
/// Months in a series.
pub const SERIES_MAX: usize = 36;
/// Rows that are looked at in one go when replaced records are removed: a few milliseconds of sled.
pub const PRUNE_ROWS: usize = 10_000;
/// Rows in one chunk of a load.
pub const LOAD_ROWS_MAX: usize = 512;
/// A sealed record. sled moves pages over 128 KiB to files without fsync, and a page holds 16 values.
pub const RECORD_BYTES_MAX: usize = 7 << 10;
/// A line of CSV or JSON.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// Page cache of the record vault: a third of 30,000 records of 350 bytes with sled's overhead, hot ones stay.
pub const VAULT_CACHE_BYTES: u64 = 32 << 20;
/// Rows sealed and inserted together by an offline load: 4,096 of about 1 KiB, 4 MiB.
pub const LOAD_CHUNK_ROWS: usize = 4_096;
/// Rows between two fsyncs of an offline load: at 20,000 rows/s about one a second.
pub const LOAD_SYNC_ROWS: u64 = 20_480;
/// Columns of a file.
pub const COLUMNS_MAX: usize = 1_024;
/// Rejected rows of one load: more means the mapping does not fit the file. At 150 bytes each a 15 MB report.
pub const REJECTS_MAX: u64 = 100_000;
/// Rows that are counted when the vault opens (about a microsecond each): beyond it only the sentinels are looked at.
pub const VAULT_COUNT_ROWS_MAX: u64 = 1_000_000;
/// Batches that the state names; one is 100 bytes of memory. Replaced ones are struck, so this bounds single corrections
/// between two full loads.
pub const BATCHES_MAX: usize = 100_000;
/// Of these, kept from corrections: the load that replaces them all must still fit.
pub const BATCHES_FOR_LOADS: usize = 1_000;
/// Batches of one provider that are loaded but not yet visible.
pub const OPEN_BATCHES_MAX: usize = 4;
/// An unfinished load that is left alone this long gives way to another one of its provider: ten minutes.
pub const LOAD_IDLE_MS: i64 = 600_000;
/// Batches that one entry strikes: 20 bytes each, 1.3 KiB of an entry of 4 KiB.
pub const STRIKES_PER_ENTRY_MAX: usize = 64;
/// Below this much free disk no record is staged: the log's own room twice, so that a load never stops an answer. sled
/// writes a chunk of 4 MiB and its segments of 512 KiB before the next look.
pub const LOAD_LOW_WATER_BYTES: u64 = 2 * DISK_LOW_WATER_BYTES;
/// Steps of pruning between two rests of [`PRUNE_REST_MS`]: 160,000 rows, under a second of one thread.
pub const PRUNE_STEPS_MAX: usize = 16;
/// Rest between two turns of pruning.
pub const PRUNE_REST_MS: u64 = 10_000;

// --- Erasure -------------------------------------------------------------------------------------------------------

/// People with a hold or an erasure that is not complete, all in memory: about 400 bytes each, 13 MiB.
pub const ERASURES_MAX: usize = 32_768;
/// Rows of erasures, or of people's keys, that are read at a time: at 200 bytes 50 KiB.
pub const ERASURE_PAGE_ROWS: usize = 256;
/// Holds on one person. At 350 bytes (the identity of who placed it has 200) a row with all of them fits an entry.
pub const HOLDS_PER_PERSON_MAX: usize = 4;
/// The institution's number for a hold.
pub const CASE_NUMBER_BYTES_MAX: usize = 64;
/// Erasures on one page of a list.
pub const ERASURES_PER_PAGE_MAX: usize = 100;
/// What was removed waits this long for the next turn of the epoch, so that many share one: half of the day in which the
/// turn is promised.
pub const EPOCH_TURN_MS: i64 = 12 * 3_600_000;
/// People's keys that one entry moves to the next epoch: a put of 175 bytes and a removal of 45 each, 2.7 KiB of an entry
/// of 4 KiB.
pub const KEYS_MOVED_PER_ENTRY_MAX: usize = 12;
/// Rows of the vault that one step of a turn looks at: at 50 us each 25 ms in which a load waits.
pub const TURN_ROWS: usize = 512;
/// Rest after a step of a turn: a turn takes at most a third of one thread.
pub const TURN_REST_MS: u64 = 50;
/// How long what was told about a person stays provable, in days: three years of 365.25 days, rounded up. Records of what was
/// provided to others are kept that long (Regulation on Network Data Security, article 12: 应当至少保存3年; PIPL article 56).
pub const PROVISION_DAYS: u32 = 1_096;
/// Longest of these that a configuration may say: thirty years.
pub const PROVISION_DAYS_MAX: u32 = 10_958;

// --- Register and agreements ----------------------------------------------------------------------------------------

/// Members of the register: each is about 1 KiB, 1 MiB in all.
pub const MEMBERS_MAX: usize = 1_024;
/// The URI in a member's certificate: with it in the leaf and in each event of a consent, the largest withdrawal still
/// fits an entry.
pub const MEMBER_URI_BYTES_MAX: usize = 200;
/// Signing keys of one member: current, next, and one per signing machine.
pub const KEYS_PER_MEMBER_MAX: usize = 16;
/// Agreements of a gateway: one Cedar permit each. Cedar slices by scope, so the cost of a decision grows slowly.
pub const AGREEMENTS_MAX: usize = 1_024;
/// Purposes, families or parties in one agreement.
pub const AGREEMENT_LIST_MAX: usize = 64;
/// Life of an agreement: five years, after which the impact assessment is out of date.
pub const AGREEMENT_DAYS_MAX: i64 = 1_827;
/// Least share of the lending partner's own money in joint lending, in basis points (notice of the CBIRC's general office,
/// 2021 no. 24, item 2: 单笔贷款中合作方出资比例不得低于30%). The notice means whoever cooperates with a commercial bank; where the
/// partner is that bank, the 30 % are the other side's, and no agreement of ours says that share.
pub const FUNDING_SHARE_BP_MIN: u16 = 3_000;
/// An agreement's daily quota is charged in this many blocks: as many entries a day carry a charge, and those beside them
/// that are under way before it is durable.
pub const QUOTA_BLOCKS_PER_DAY: u32 = 1_000;
/// Rows of charges that are read per agreement: blocks of a day, twice over for a quota that was lowered since.
pub const QUOTA_ROWS_PER_AGREEMENT_MAX: usize = 4_096;
/// Basis points in a whole.
pub const BASIS_POINTS: u16 = 10_000;

/// Longest quantum that replies may be held to, in ms: beyond it a setting costs every partner more than it hides.
pub const REPLY_QUANTUM_MS_MAX: u64 = 100;

// --- Consent, policy, signals ---------------------------------------------------------------------------------------

/// Consents that one person gave to one partner.
pub const CONSENTS_PER_SUBJECT_AND_PARTNER_MAX: usize = 16;
/// Events of one consent.
pub const CONSENT_EVENTS_MAX: usize = 16;
/// Purposes, and families, in one consent.
pub const CONSENT_LIST_MAX: usize = 16;
/// A serialised `ConsentTerms`: so that `Get` and each page of `List` fit one reply block, whatever was granted.
pub const CONSENT_TERMS_BYTES_MAX: usize = 1_024;
/// Consents that one entry removes when their person is erased: 60 bytes each, 1.9 KiB of an entry of 4 KiB.
pub const CONSENTS_PER_REMOVAL_MAX: usize = 32;
/// Rows that one step of a scan over a person's consents reads.
pub const CONSENT_SCAN_ROWS: usize = 64;
/// How far back a consent may let records go, in days: ten years, more than any record is kept.
pub const LOOK_BACK_DAYS_MAX: u32 = 3_653;
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
/// Reason codes in an answer. Regulation B has no number; its official interpretation of 12 CFR 1002.9(b)(2) says that more
/// than four are not likely to help.
pub const REASONS_MAX: usize = 4;
/// Decisions that are cached per snapshot.
pub const DECISIONS_CACHED_MAX: usize = 16_384;
/// A configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Text in an identifier.
pub const ID_BYTES_MAX: usize = 64;
