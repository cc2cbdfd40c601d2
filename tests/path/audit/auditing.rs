//! The auditor: what the register lets one read, for as long as it does, and nothing else. That he read is for the officer
//! to see.
use super::{
    FIND_CHECKPOINT, GET_ENTRY, GET_OVERVIEW, SEARCH, STREAM, asked_about, entry, found, leaf, officer, paced, search,
    search_for,
};
use crate::{
    path::CHECKPOINT,
    support::{AUDITOR, BANK_A, BANK_B, Caller, DAY_MS, Gateway, Place, load_sample, refused, runtime, shown, subject},
};
use tollgate::{
    clock::Time,
    refusal::Code,
    wire::{timestamp, v1},
};
use tonic::Status;

/// A gateway whose auditor may read from `from` until `until`, until `expires`: milliseconds from now.
async fn gateway_with(from: i64, until: i64, expires: i64) -> Gateway {
    let place = Place::new();
    let now = tollgate::clock::Clock::now(&tollgate::clock::SystemClock);
    let at = |ms: i64| jiff::Timestamp::from_millisecond(now.plus_ms(ms).0).unwrap();
    let register = place.read("register.toml");
    let (head, _) = register.split_once("audit = {").unwrap();
    let scope = format!(
        "audit = {{ partners = [\"bank-a\"], from = \"{}\", until = \"{}\", expires = \"{}\" }}\n",
        at(from),
        at(until),
        at(expires)
    );
    place.write("register.toml", &format!("{head}{scope}"));
    Gateway::start_at(place, now).await
}

async fn overview(by: &Caller, from: Time, until: Time) -> Result<v1::GetOverviewResponse, Status> {
    let request = v1::GetOverviewRequest {
        from: Some(timestamp(from.0)),
        until: Some(timestamp(until.0)),
        bucket_s: 3_600,
        period: 0,
    };
    paced(by.call(GET_OVERVIEW, request)).await
}

async fn stream(by: &Caller, from_seq: u64) -> Result<Vec<v1::EntrySummary>, Status> {
    let request = v1::StreamEntriesRequest {
        from_seq,
        follow: false,
        period: 0,
    };
    let mut messages = by.listen::<_, v1::StreamEntriesResponse>(STREAM, request).await?;
    let mut all = Vec::new();
    while let Some(message) = messages.message().await? {
        all.extend(message.entries);
    }
    Ok(all)
}

fn of_partner(id: &str) -> v1::EntryFilter {
    v1::EntryFilter {
        partner: id.to_owned(),
        ..v1::EntryFilter::default()
    }
}

#[test]
fn what_is_within_the_scope_and_no_more() {
    runtime().block_on(async {
        let gateway = gateway_with(-DAY_MS, DAY_MS, DAY_MS).await;
        load_sample(&gateway).await;
        let (_, asked) = asked_about(&gateway, 1).await;
        let other = gateway.caller(BANK_B).await;
        let _: v1::GetCheckpointResponse = other.call(CHECKPOINT, v1::GetCheckpointRequest {}).await.unwrap();
        let (auditor, officer) = (gateway.caller(AUDITOR).await, officer(&gateway).await);

        // Searched without a partner: bank A's entries, all of them, and nobody else's.
        let (hits, read) = found(&gateway, &auditor, v1::EntryFilter::default()).await;
        let (all, _) = found(&gateway, &officer, of_partner(BANK_A.id)).await;
        assert_eq!(hits, all);
        assert!(hits.contains(&asked.index));
        assert_eq!(found(&gateway, &auditor, of_partner(BANK_A.id)).await.0, all);

        let (seen, _) = shown(&gateway, &auditor, GET_ENTRY, entry(&auditor, asked.index)).await;
        assert_eq!(seen.partner_detail.unwrap().signals, asked.x.signals);

        let (from, until) = (gateway.now().plus_ms(-DAY_MS / 2), gateway.now().plus_ms(1));
        let (counts, _) = shown(&gateway, &auditor, GET_OVERVIEW, overview(&auditor, from, until)).await;
        assert!(counts.counts.iter().all(|c| c.partner == BANK_A.id));
        let entries: u64 = counts
            .counts
            .iter()
            .filter(|c| c.signal.is_empty())
            .map(|c| c.count)
            .sum();
        assert_eq!(entries, all.len() as u64);

        let streamed = stream(&auditor, 0).await.unwrap();
        let mut streamed: Vec<u64> = streamed.iter().map(|e| leaf(e).seq).collect();
        streamed.reverse();
        assert_eq!(streamed, all);

        // The log's own proofs name nobody.
        let asked = v1::FindCheckpointRequest {
            size: 1,
            ..Default::default()
        };
        let past = auditor.call::<_, v1::FindCheckpointResponse>(FIND_CHECKPOINT, asked);
        shown(&gateway, &auditor, FIND_CHECKPOINT, past).await;

        // Who read the log: the officer sees each of the auditor's looks.
        let (looks, _) = found(&gateway, &officer, of_partner(AUDITOR.id)).await;
        assert!(looks.contains(&read.index) && looks.len() >= 7, "{looks:?}");
        gateway.stop().await.verify_log();
    });
}

#[test]
pub(crate) fn beyond_the_scope() {
    runtime().block_on(async {
        let gateway = gateway_with(-DAY_MS, DAY_MS, DAY_MS).await;
        let auditor = gateway.caller(AUDITOR).await;
        let (from, now) = (gateway.now().plus_ms(-DAY_MS), gateway.now());
        // Another partner, by name.
        let other = refused(
            &gateway,
            &auditor,
            SEARCH,
            search(&auditor, search_for(of_partner(BANK_B.id))),
        )
        .await;
        // A person: of one everything is shown or nothing.
        let person = v1::EntryFilter {
            subject: Some(subject(1)),
            ..of_partner(BANK_A.id)
        };
        let person = refused(&gateway, &auditor, SEARCH, search(&auditor, search_for(person))).await;
        assert!(!person.entry.of_person);
        // A period that ends before, or begins after.
        let early = v1::EntryFilter {
            until: Some(timestamp(from.0)),
            ..v1::EntryFilter::default()
        };
        let early = refused(&gateway, &auditor, SEARCH, search(&auditor, search_for(early))).await;
        let late = v1::EntryFilter {
            from: Some(timestamp(now.plus_ms(DAY_MS).0)),
            ..v1::EntryFilter::default()
        };
        let late = refused(&gateway, &auditor, SEARCH, search(&auditor, search_for(late))).await;
        let counts = overview(&auditor, from.plus_ms(-DAY_MS), from);
        let counts = refused(&gateway, &auditor, GET_OVERVIEW, counts).await;
        // Another's entry: the gateway's own start.
        let start = refused(&gateway, &auditor, GET_ENTRY, entry(&auditor, 0)).await;
        for refused in [other, person, early, late, counts, start] {
            assert_eq!(refused.code, Code::OutOfScope);
            assert_eq!(refused.entry.leaf.kind(), v1::EntryKind::Read);
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_period_that_is_not_now() {
    runtime().block_on(async {
        let gateway = gateway_with(DAY_MS, 2 * DAY_MS, DAY_MS).await;
        load_sample(&gateway).await;
        let (_, asked) = asked_about(&gateway, 1).await;
        let auditor = gateway.caller(AUDITOR).await;
        let seen = refused(&gateway, &auditor, GET_ENTRY, entry(&auditor, asked.index)).await;
        assert_eq!(seen.code, Code::OutOfScope);
        assert!(found(&gateway, &auditor, of_partner(BANK_A.id)).await.0.is_empty());
        assert!(stream(&auditor, 0).await.unwrap().is_empty());
        gateway.stop().await.verify_log();
    });
}

/// When his time is over, every method says so: also those that name nobody, and a stream that is open.
#[test]
fn a_time_that_is_over() {
    runtime().block_on(async {
        let gateway = gateway_with(-DAY_MS, DAY_MS, 60_000).await;
        let auditor = gateway.caller(AUDITOR).await;
        let follow = v1::StreamEntriesRequest {
            from_seq: gateway.size(),
            follow: true,
            period: 0,
        };
        let mut open = auditor
            .listen::<_, v1::StreamEntriesResponse>(STREAM, follow)
            .await
            .unwrap();
        gateway.pace(AUDITOR.uri).await;
        let before = gateway.size();
        gateway.clock.advance_ms(60_000);
        let ended = loop {
            if let Err(status) = open.message().await {
                break status;
            }
        };
        assert_eq!(crate::support::status_of(&ended).0, Code::OutOfScope);
        let last = crate::support::entries(&gateway, before);
        let last = last.iter().find(|e| e.leaf.peer == AUDITOR.uri).unwrap();
        assert_eq!(
            (last.leaf.refusal.as_str(), last.leaf.method.as_str()),
            ("OUT_OF_SCOPE", STREAM)
        );

        let range = (gateway.now().plus_ms(-3_600_000), gateway.now());
        let follow = v1::StreamEntriesRequest::default();
        let past = v1::FindCheckpointRequest {
            size: 1,
            ..Default::default()
        };
        let all = [
            refused(
                &gateway,
                &auditor,
                SEARCH,
                search(&auditor, v1::SearchRequest::default()),
            )
            .await,
            refused(&gateway, &auditor, GET_ENTRY, entry(&auditor, 0)).await,
            refused(&gateway, &auditor, GET_OVERVIEW, overview(&auditor, range.0, range.1)).await,
            refused(
                &gateway,
                &auditor,
                FIND_CHECKPOINT,
                auditor.call::<_, v1::FindCheckpointResponse>(FIND_CHECKPOINT, past),
            )
            .await,
            refused(
                &gateway,
                &auditor,
                STREAM,
                auditor.listen::<_, v1::StreamEntriesResponse>(STREAM, follow),
            )
            .await,
            refused(
                &gateway,
                &auditor,
                CHECKPOINT,
                auditor.call::<_, v1::GetCheckpointResponse>(CHECKPOINT, v1::GetCheckpointRequest {}),
            )
            .await,
        ];
        for refused in all {
            assert_eq!(refused.code, Code::OutOfScope, "{}", refused.entry.leaf.method);
        }
        gateway.stop().await.verify_log();
    });
}
