//! One entry, counts, and checkpoints of the past.
use super::{FIND_CHECKPOINT, GET_ENTRY, GET_OVERVIEW, asked_about, entry, log_key, officer, paced};
use crate::support::{
    BANK_A, Caller, Gateway, OPERATOR, Place, SECURITY, SIGNALS, counted, entries, on_shared, refused, runtime, shown,
    status_of,
};
use std::time::Duration;
use tollgate::{
    audit::{
        note,
        proof::{Continuation, verify_consistency},
        verify,
    },
    refusal::Code,
    wire::{millis, timestamp, v1},
};
use tonic::Status;

#[test]
fn an_entry_with_its_proof_and_all_that_can_be_opened() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let (consent, asked) = asked_about(gateway, 54).await;
        let (seen, looked) = shown(gateway, &officer, GET_ENTRY, entry(&officer, asked.index)).await;
        assert_eq!(looked.i.note, format!("entry {}", asked.index));
        assert!(!looked.of_person, "a look at an entry does not say whom it is about");
        let proven = verify::receipt(&seen.proof, &log_key(&gateway.place)).unwrap();
        assert_eq!(proven.leaf, asked.leaf);
        assert!(seen.opened);
        let (x, i) = (seen.partner_detail.unwrap(), seen.institution.unwrap());
        assert_eq!(x, asked.x);
        assert_eq!(x.consent_id, consent);
        assert_eq!((i.outcomes, i.answer), (asked.i.outcomes, asked.i.answer));
        // Fields by their names.
        assert!(
            i.fields_read.contains(&"card.overdue_days".to_owned()),
            "{:?}",
            i.fields_read
        );
        assert_eq!(x.signals, SIGNALS);
        // The look itself can be looked at: who read the log.
        let (seen, _) = shown(gateway, &officer, GET_ENTRY, entry(&officer, looked.index)).await;
        assert_eq!(seen.institution.unwrap().note, looked.i.note);
    });
}

#[test]
fn an_entry_that_is_none_or_in_no_language() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        for seq in [gateway.size() + 50, u64::MAX] {
            let refused = refused(gateway, &officer, GET_ENTRY, entry(&officer, seq)).await;
            assert_eq!(refused.code, Code::LogRange);
        }
        let language = "fr".to_owned();
        let call = officer.call::<_, v1::GetEntryResponse>(
            GET_ENTRY,
            v1::GetEntryRequest {
                seq: 0,
                language,
                period: 0,
            },
        );
        let refused = refused(gateway, &officer, GET_ENTRY, call).await;
        assert_eq!(refused.code, Code::FieldInvalid);
    });
}

#[test]
fn neither_officer_nor_auditor() {
    on_shared(async |gateway| {
        for who in [SECURITY, OPERATOR] {
            let by = gateway.caller(who).await;
            let looked = refused(gateway, &by, GET_ENTRY, entry(&by, 0)).await;
            let counted = refused(gateway, &by, GET_OVERVIEW, overview(&by, None, None, 60)).await;
            let past = refused(gateway, &by, FIND_CHECKPOINT, past(&by, 1)).await;
            for refused in [looked, counted, past] {
                assert_eq!(refused.code, Code::MethodNotAllowed, "{who:?}");
            }
        }
    });
}

async fn overview(
    by: &Caller,
    from: Option<i64>,
    until: Option<i64>,
    bucket_s: u32,
) -> Result<v1::GetOverviewResponse, Status> {
    let request = v1::GetOverviewRequest {
        from: from.map(timestamp),
        until: until.map(timestamp),
        bucket_s,
        period: 0,
    };
    paced(by.call(GET_OVERVIEW, request)).await
}

#[test]
fn the_overview_counts_what_the_log_has() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        asked_about(gateway, 55).await;
        let end = gateway.now().0 + 60_000;
        let from = end - 86_400_000;
        let call = overview(&officer, Some(from), Some(end), 3_600);
        let (seen, looked) = shown(gateway, &officer, GET_OVERVIEW, call).await;
        assert_eq!(seen.log_size, looked.index);
        let all = entries(gateway, 0);
        let before: Vec<_> = all.iter().filter(|e| e.index < looked.index).collect();
        let entries: u64 = seen
            .counts
            .iter()
            .filter(|c| c.signal.is_empty())
            .map(|c| c.count)
            .sum();
        assert_eq!(entries, before.len() as u64);
        let of = |signal: &str| -> u64 {
            let all = seen
                .counts
                .iter()
                .filter(|c| c.signal == signal && c.partner == BANK_A.id);
            all.map(|c| c.count).sum()
        };
        let asked = before
            .iter()
            .filter(|e| e.leaf.partner == BANK_A.id && e.x.signals.iter().any(|s| s == SIGNALS[0]));
        assert_eq!(of(SIGNALS[0]), asked.count() as u64);
        for count in &seen.counts {
            let bucket = millis(count.bucket.as_ref()).unwrap();
            assert!(bucket % 3_600_000 == 0 && bucket > from - 3_600_000 && bucket < end);
        }
    });
}

#[test]
fn a_period_that_cannot_be_counted() {
    on_shared(async |gateway| {
        let officer = officer(gateway).await;
        let end = gateway.now().0;
        for (from, until, bucket_s) in [
            (None, Some(end), 60),
            (Some(0), None, 60),
            (Some(end), Some(end), 60),
            (Some(end), Some(end - 1), 60),
            (Some(end - 60_000), Some(end), 59),
            (Some(end - 60_000), Some(end), 0),
            // More buckets than a chart has.
            (Some(end - 1_001 * 60_000), Some(end), 60),
            (Some(i64::MIN / 2_000_000), Some(end), 60),
        ] {
            let call = overview(&officer, from, until, bucket_s);
            let refused = refused(gateway, &officer, GET_OVERVIEW, call).await;
            assert_eq!(refused.code, Code::FieldInvalid, "{from:?} {until:?} {bucket_s}");
        }
    });
}

/// Two a second: each reads the journal.
async fn past(by: &Caller, size: u64) -> Result<v1::FindCheckpointResponse, Status> {
    tokio::time::sleep(Duration::from_millis(510)).await;
    by.call(
        FIND_CHECKPOINT,
        v1::FindCheckpointRequest {
            size,
            ..Default::default()
        },
    )
    .await
}

/// Every size is covered by the smallest checkpoint that was signed, through a stop and a start, and any two of them are
/// proven to be of one history.
#[test]
fn checkpoints_of_the_past() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let before = officer(&gateway).await;
        for _ in 0..3 {
            entry(&before, 0).await.unwrap();
        }
        let gateway = gateway.restart().await;
        let by = officer(&gateway).await;
        let key = log_key(&gateway.place);
        let newest = gateway.size();
        let mut heads: Vec<note::Checkpoint> = Vec::new();
        for size in [0, 1, 2, newest / 2, newest - 1, newest] {
            let (reply, looked) = shown(&gateway, &by, FIND_CHECKPOINT, past(&by, size)).await;
            assert_eq!(looked.i.note, format!("checkpoint of at least {size} entries"));
            let head = note::verify(&reply.checkpoint, &key).unwrap();
            // A call by itself is a batch by itself, so that nearly every size was signed.
            assert!(head.size >= size && head.size <= size + 4, "{size}: {}", head.size);
            heads.push(head);
        }
        for pair in heads.windows(2) {
            let asked = v1::ProveConsistencyRequest {
                from_size: pair[0].size,
                to_size: pair[1].size,
            };
            let reply: v1::ProveConsistencyResponse = by.call(crate::path::CONSISTENCY, asked).await.unwrap();
            let proof: Vec<[u8; 32]> = reply.proof.iter().map(|h| h[..].try_into().unwrap()).collect();
            verify_consistency(pair[0].size, &pair[0].root, pair[1].size, &pair[1].root, &proof).unwrap();
            let kept = Continuation {
                old_size: pair[0].size,
                proof,
                checkpoint: reply.checkpoint,
            };
            assert!(Continuation::decode(&kept.encode()).is_ok());
        }
        let range = refused(&gateway, &by, FIND_CHECKPOINT, past(&by, gateway.size() + 1)).await;
        assert_eq!(range.code, Code::LogRange);
        gateway.stop().await.verify_log();
    });
}

/// What costs a look into the journal has a rate of its own.
#[test]
fn the_past_is_looked_up_slowly() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let by = officer(&gateway).await;
        let before = gateway.size();
        let mut over = 0;
        for _ in 0..20 {
            let call = by.call::<_, v1::FindCheckpointResponse>(
                FIND_CHECKPOINT,
                v1::FindCheckpointRequest {
                    size: 1,
                    ..Default::default()
                },
            );
            if let Err(status) = call.await {
                assert_eq!(status_of(&status), (Code::RateLimited, None));
                over += 1;
            }
        }
        assert!(over > 0, "twenty in a row are more than two a second");
        let sums = counted(&gateway, before, over).await;
        assert_eq!(sums, [("RATE_LIMITED".to_owned(), by.who.uri.to_owned(), over)]);
        gateway.stop().await.verify_log();
    });
}
